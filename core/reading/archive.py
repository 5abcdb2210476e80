"""Exports in a zip: the chat is chosen among the members and read in place; nothing is unpacked to disk.

In: the path of a zip. Out: the members that may hold chats, as `Source`s, and how many others there are. Sizes are
bounded before reading, by what the archive declares, and while reading, by what comes. Names that would leave the
archive are never candidates. An archive in an archive is not opened. Knows nothing of formats but file name endings.
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Final

from core.language import _
from core.problem import Problem
from core.reading.source import Source, name_of

_LARGEST: Final = 4 << 30
_RATIO: Final = 200  # chats shrink to a fifth or a tenth; a bomb to a thousandth
_SMALL: Final = 16 << 20  # below this no ratio hurts
_MEMBERS: Final = 500_000
_CHATS: Final = (".txt", ".json", ".jsonl", ".csv", ".tsv")
_ARCHIVES: Final = (".zip", ".gz", ".7z", ".rar", ".tar", ".bz2", ".xz", ".tgz")
ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # zipfile's word for a compression that it does not know
    RuntimeError,
    ValueError,
)


def damaged(name: str) -> Problem:
    """The archive itself is broken."""
    return Problem(
        _("the archive is damaged or of a kind that cannot be read."),
        where=name,
        advice=_("Export the chat again, or unpack it and give the file inside."),
    )


def open_archive(path: Path) -> zipfile.ZipFile:
    """The archive's list of members."""
    try:
        archive = zipfile.ZipFile(path)
    except (*ZIP_FAULTS, OSError):
        raise damaged(name_of(path)) from None
    if len(archive.infolist()) > _MEMBERS:
        archive.close()
        raise Problem(
            _("the archive has more members than any export."),
            where=name_of(path),
            advice=_("Give the chat file alone."),
        )
    return archive


def candidates(path: Path, archive: zipfile.ZipFile) -> tuple[list[Source], int, bool]:
    """Members that may be chats, how many others there are, and whether there are archives among them.

    The archive stays open for as long as one of them is there: its list is read once, not once for every member, which
    of an account with ten thousand threads and their pictures would take hours.
    """
    size = path.stat().st_size
    found: list[Source] = []
    others = 0
    nested = False
    for member in archive.infolist():
        name = member.filename
        if not name or name.endswith("/"):  # is_dir() fails on an empty name
            continue
        ending = PurePosixPath(name).suffix.lower()
        nested = nested or ending in _ARCHIVES
        if ending not in _CHATS or not _stays_inside(name) or _is_clutter(name):
            others += 1
            continue
        found.append(_source(path, archive, member, size))
    return found, others, nested


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether this zip is an Excel file."""
    names = {member.filename for member in archive.infolist()}
    return "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.is_absolute() and ".." not in path.parts and not (path.parts and path.parts[0].endswith(":"))


def _is_clutter(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith("._")


def _source(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, archive_size: int) -> Source:
    name = f"{name_of(path)}/{member.filename}"

    def opened() -> BinaryIO:
        _check(member, archive_size, name)
        try:
            stream = archive.open(member)
        except (*ZIP_FAULTS, OSError):
            raise damaged(name) from None
        return _Bounded(stream, member.file_size, name)  # type: ignore[return-value]  # a raw stream, read only

    return Source(name=name, path=path, size=member.file_size, open=opened, inside=member.filename)


def _check(member: zipfile.ZipInfo, archive_size: int, name: str) -> None:
    if member.flag_bits & 1:
        raise Problem(
            _("the archive is locked with a password."), where=name, advice=_("Unpack it and give the file inside.")
        )
    packed = max(1, min(member.compress_size, archive_size))
    if member.file_size > _LARGEST or (member.file_size > _SMALL and member.file_size > packed * _RATIO):
        raise Problem(
            _("the archive says that it unpacks to {size} MB, which is no chat.").format(size=member.file_size >> 20),
            where=name,
            advice=_("If it is one, unpack it and give the file inside."),
        )


class _Bounded(io.RawIOBase):
    """A member's bytes: no more than were declared, and faults said as Problems."""

    def __init__(self, stream: IO[bytes], size: int, name: str) -> None:
        self._stream = stream
        self._left = size
        self._name = name

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(self._left + 1 if size < 0 else size)
        except (*ZIP_FAULTS, OSError):
            raise damaged(self._name) from None
        self._left -= len(data)
        if self._left < 0:
            raise damaged(self._name)
        return data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # io.BufferedReader asks for it
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
