"""What SQLite and the system say, in plain words. In: their exceptions; out: a `Problem`, or nothing for a bug of ours.

Codes are looked at, not messages: SQLite's messages can quote what it could not read, which is somebody's chat. For the
same reason the Problem is raised `from None` wherever the cause could hold contents.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from core.language import _
from core.problem import Problem, system_words
from core.store.sqlite import sqlite3

DATABASE = "sinsonte.db"
BACKUPS = "backups"

# Primary result codes (the low byte), named here because Python's own driver has no constants for them before 3.11.
PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL = 3, 5, 6, 7, 8, 10, 11, 13
CANTOPEN, PROTOCOL, TOOBIG, NOLFS, AUTH, NOTADB = 14, 15, 18, 22, 23, 26


def code_of(error: sqlite3.Error) -> int:
    """The primary result code, 0 when the driver made the error itself."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else 0


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's own bytes are wrong."""
    # A text that is no UTF-8 is told by the driver, without a code, and its message quotes the text. A header with an
    # impossible format number has the code of any mistake.
    code, said = code_of(error), str(error)
    return (
        code in (CORRUPT, NOTADB)
        or (code == 0 and said.startswith("Could not decode"))
        or (code == 1 and said == "unsupported file format")
    )


def problem_for(error: sqlite3.Error, folder: Path) -> Problem | None:
    """The plain words for `error`; None when it is a programming mistake that should be seen as one."""
    code, where = code_of(error), str(folder / DATABASE)
    if is_damage(error):
        return damaged(folder)
    # Where even a log's shared index finds no room, SQLite says I/O error or that it cannot open.
    if code == FULL or (code in (IOERR, CANTOPEN) and is_full(folder)):
        return disk_full(folder)
    if code == IOERR:
        return Problem(
            _("the disk did not read or write as asked ({name}).").format(name=_name(error)),
            where=where,
            advice=_("Check the disk and its free space, then start again.") + " " + restore_advice(folder),
        )
    if code in (BUSY, LOCKED, PROTOCOL):
        return Problem(
            _("another Sinsonte has been writing for too long."),
            where=where,
            advice=_("Wait for it to finish, or end it, and try again. Nothing was changed."),
        )
    if code in (READONLY, PERM, AUTH):
        return not_writable(folder)
    if code == CANTOPEN:
        return Problem(
            _("the database cannot be opened."),
            where=where,
            advice=_("Check that the folder exists and that its files belong to this user."),
        )
    if code in (NOMEM, NOLFS, TOOBIG):
        return Problem(
            _("the system had not enough room for this ({name}).").format(name=_name(error)),
            where=where,
            advice=_("Nothing was changed. Close other programs, or do it in smaller parts."),
        )
    return None


def problem_for_system(error: OSError, folder: Path) -> Problem:
    """The plain words for what the operating system refused while a workspace's files were handled."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return not_writable(folder)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return Problem(
            _("this is not a folder, so it cannot be a workspace."),
            where=str(folder),
            advice=_("Name a folder, or one that does not exist yet."),
        )
    if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
        return Problem(
            _("this file system has no file locks."),
            where=str(folder),
            advice=_("Keep the workspace on a local disk."),
        )
    return Problem(
        _("the workspace cannot be opened: {reason}.").format(reason=system_words(error)),
        where=str(folder),
        advice=_("Check the folder, or choose another workspace."),
    )


def free(folder: Path) -> int:
    """How many bytes are free for this user on the folder's disk."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return 1 << 62  # a folder that is not there: no statement about its disk
    return room.f_bavail * room.f_frsize


def is_full(folder: Path) -> bool:
    """Whether the disk has less room than an empty log takes."""
    return free(folder) < 1 << 16


def damaged(folder: Path) -> Problem:
    """The file's own bytes are wrong."""
    return Problem(
        _("the database is damaged or is not a database."), where=str(folder / DATABASE), advice=restore_advice(folder)
    )


def disk_full(folder: Path) -> Problem:
    """No space left; what was being written is rolled back."""
    return Problem(
        _("the disk is full. What was being written is undone and nothing else is lost."),
        where=str(folder),
        advice=_("Free some space and do it again. A small reserve was released, so everything can still be read."),
    )


def not_writable(folder: Path) -> Problem:
    """The folder or the file may not be written; a workspace is opened for both or not at all."""
    return Problem(
        _("the workspace cannot be written."),
        where=str(folder),
        advice=_("Check who owns the folder and its files, or copy it to a place of your own and open the copy."),
    )


def restore_advice(folder: Path) -> str:
    """Where the newest backup is."""
    newest = newest_backup(folder)
    if newest is None:
        return _("There is no backup in {folder}; keep the file, parts of it may be readable.").format(
            folder=folder / BACKUPS
        )
    return _("The newest backup is {file}; docs/store.md says how to restore it.").format(file=newest)


def newest_backup(folder: Path) -> Path | None:
    """The newest backup of the workspace, if there is one."""
    found: list[tuple[float, Path]] = []
    try:
        for path in (folder / BACKUPS).glob("*.db"):
            found.append((path.stat().st_mtime, path))
    except OSError:
        return None
    return max(found)[1] if found else None


def _name(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", "") or code_of(error))
