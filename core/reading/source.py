"""Where the bytes of an export come from: a regular file, or one member of a zip, opened as often as needed.

In: a path given by a user, so anything. Out: a `Source` that can be read from its start again (readers go over a file
twice), with a name, a size and where in the archive it lies. Refused here, once for all formats: directories, devices,
pipes, files without permission, empty files. Knows nothing of encodings or formats.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.language import _
from core.problem import Problem, system_words

CHUNK = 1 << 20  # bytes read at a time; 256 KiB and 4 MiB were both slower to parse (bench/reading/speed.py)


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that can be read from the start as often as needed."""

    name: str  # for people: the file's name, or archive.zip/member.txt
    path: Path  # the file on disk: the export itself, or the archive around it
    size: int  # of the bytes that `open` gives, as far as known
    open: Callable[[], BinaryIO]
    inside: str = ""  # the member's name, when the export lies in an archive

    def head(self, length: int = 1 << 16) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return read_full(stream, length)


def read_full(stream: BinaryIO, length: int) -> bytes:
    """`length` bytes unless the stream ends: a raw or decompressing stream may give fewer at a time."""
    data = stream.read(length)
    if len(data) == length or not data:
        return data
    parts = [data]
    have = len(data)
    while have < length and (data := stream.read(length - have)):
        parts.append(data)
        have += len(data)
    return b"".join(parts)


def name_of(path: Path) -> str:
    """A file's name for people and for the store; bytes in it that are not UTF-8 read as “�”."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def file_source(path: Path) -> Source:
    """The file as a source; a Problem when it is not a file that can be read."""
    with _open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
    if size == 0:
        raise Problem(_("the file is empty."), where=name_of(path), advice=_("Export the chat again."))
    return Source(name=name_of(path), path=path, size=size, open=lambda: _open_regular(path))


def _open_regular(path: Path) -> BinaryIO:
    where = name_of(path) or str(path)
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        raise Problem(_("there is no such file."), where=where, advice=_("Check the path.")) from None
    except PermissionError:
        raise Problem(
            _("this user may not read the file."), where=where, advice=_("Change its permissions, or copy it.")
        ) from None
    except (OSError, ValueError) as error:
        reason = system_words(error) if isinstance(error, OSError) and error.strerror else _("the path is not usable")
        raise Problem(
            _("the file cannot be opened: {reason}.").format(reason=reason), where=where, advice=_("Check the path.")
        ) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise Problem(_("this is a folder."), where=where, advice=_("Give the exported file that lies in it."))
        raise Problem(
            _("this is a device or a pipe, not a file."), where=where, advice=_("Save the export to a file first.")
        )
    return os.fdopen(descriptor, "rb", buffering=0)  # type: ignore[return-value]  # FileIO reads as BinaryIO does
