"""Arrays that took long to make, in files beside the database: what a process that counts would otherwise make anew.

In: a name, a key of all that the arrays depend on, the arrays. Out: the same arrays, if they were kept under that very key
and every byte is as it was written; nothing otherwise, and then they are made again. The files hold numbers and hashes,
never words; any of them may be deleted at any time. They are no part of a backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.workspace import remembered
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.dataset.material import Material

LONG: Final = 1.0  # seconds; what took less is not worth a file
_FOLDER: Final = "counted"
_LONGEST_HEAD: Final = 4_096


def key_of(material: Material, *others: object) -> str:
    """A key: the messages and the people, the code that counts, and whatever else; 30 ms for a million messages."""
    from core.workspace.uids import Uids

    columns, uids = material.columns, material.uids
    assert isinstance(uids, Uids)
    mark = hashlib.blake2b(uids.packed, digest_size=32)
    for one in (columns.times, columns.authors, columns.chats, columns.kinds, columns.marks):
        mark.update(one.tobytes())
    people = sorted((one.id, one.name, one.consent.value) for one in material.participants.values())
    mark.update(repr((people, remembered.code(), others)).encode("utf-8", "surrogatepass"))
    return mark.hexdigest()


def take(workspace: Workspace, name: str, key: str) -> dict[str, NDArray[Any]] | None:
    """What was kept under this name and key."""
    import numpy as np

    try:
        with (workspace.folder / _FOLDER / name).open("rb") as file:
            head = json.loads(file.readline(_LONGEST_HEAD))
            if head["key"] != key:
                return None
            data = bytearray(file.read())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if hashlib.blake2b(data, digest_size=16).hexdigest() != head["digest"]:
        return None
    made: dict[str, NDArray[Any]] = {}
    at = 0
    for column, sort, count in head["arrays"]:
        made[column] = np.frombuffer(data, sort, count, at)
        at += made[column].nbytes
    return made


def put(workspace: Workspace, name: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep these instead of what was there. A full disk is no trouble: they are made again next time."""
    data = b"".join(one.tobytes() for one in arrays.values())
    head = {
        "key": key,
        "digest": hashlib.blake2b(data, digest_size=16).hexdigest(),
        "arrays": [[column, one.dtype.str, len(one)] for column, one in arrays.items()],
    }
    folder = workspace.folder / _FOLDER
    written: str | None = None
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor, written = tempfile.mkstemp(dir=folder)  # 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(head).encode() + b"\n")
            file.write(data)
        Path(written).replace(folder / name)
    except OSError:
        if written is not None:
            with suppress(OSError):
                Path(written).unlink(missing_ok=True)


def clear(workspace: Workspace) -> None:
    """Take everything away: hashes of what somebody said are theirs too."""
    with suppress(OSError):
        for file in (workspace.folder / _FOLDER).iterdir():
            file.unlink(missing_ok=True)
