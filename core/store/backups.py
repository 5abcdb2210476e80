"""Backups, checks and repair of a workspace's file. In: a store or a folder; out: a path, or what is wrong.

A backup is one compact file (`VACUUM INTO`, 0.09 s for 14 MB) that is written under another name, flushed and renamed,
so it is whole or not there. It is mode 0600 like the original. Backups hold chats: `forget` has to deal with them.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from core.language import _, ngettext
from core.problem import Problem, system_words
from core.store import migrations, signs, trouble
from core.store.connection import Store, unguarded
from core.store.sqlite import sqlite3

# The sorts of backups, first word of the file's name; of each sort the newest KEEP stay.
BY_HAND, MIGRATION, DESTRUCTIVE, REPLACED = "by-hand", "before-migration", "before-deleting", "replaced"
KEEP = 5
_INDEXES = ("messages_fts", "talk_fts")  # search indexes, each made from the table that it names


def backup(store: Store, to: Path | None = None, sort: str = BY_HAND) -> Path:
    """Write a backup to `to`, else into the workspace's own folder, where the oldest of its sort make room."""
    try:
        with unguarded(store.connection):  # for SQLite, writing another file is writing
            return write_backup(store.connection, store.folder, sort, to)
    except sqlite3.Error as error:
        store.fail(error)
    except OSError as error:
        if to is None:
            raise trouble.problem_for_system(error, store.folder) from None
        raise Problem(
            _("the copy cannot be written: {reason}.").format(reason=system_words(error)),
            where=str(to),
            advice=_("Name a file in another folder."),
        ) from None


def list_backups(folder: Path) -> list[Path]:
    """The backups inside the workspace, newest first."""
    return sorted((folder / trouble.BACKUPS).glob("*.db"), key=lambda path: path.stat().st_mtime, reverse=True)


def write_backup(connection: sqlite3.Connection, folder: Path, sort: str, to: Path | None = None) -> Path:
    """The same for a connection that is not a Store yet. sqlite3.Error and OSError are the caller's."""
    if to is None:
        (folder / trouble.BACKUPS).mkdir(mode=0o700, exist_ok=True)
        target = _free_name(folder, sort)
    else:
        target = to
        if target.exists():
            raise Problem(
                _("this file exists already."), where=str(target), advice=_("Choose another name for the backup.")
            )
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        unfinished.unlink(missing_ok=True)
        # Made here and empty, because SQLite would make it with the process's umask.
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection.execute("VACUUM INTO ?", (str(unfinished),))
        _flush(unfinished)
        unfinished.rename(target)
        _flush(target.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if to is None:
        _prune(folder, sort)
    return target


def restore(folder: Path, backup_file: Path) -> Path | None:
    """Put a backup in the place of the workspace's database; returns where the replaced one is kept.

    Nobody may have the workspace open. Killed at any moment, the old one or the backup is in place, whole.
    """
    from core.store.opening import alone, locked  # opening makes backups, so it imports this module

    folder = folder.absolute()
    path = folder / trouble.DATABASE
    try:
        if not backup_file.is_file():
            raise Problem(_("there is no such backup."), where=str(backup_file), advice=_("Check the file's name."))
        with locked(folder), alone(folder):
            incoming = folder / f".{trouble.DATABASE}.restoring"
            incoming.unlink(missing_ok=True)
            try:
                _copy(backup_file, incoming)
                _must_be_ours(incoming, backup_file)
                kept = _put_aside(folder, path) if path.exists() else None
                incoming.rename(path)
            finally:
                incoming.unlink(missing_ok=True)
            _flush(folder)
            _prune(folder, REPLACED)
            return kept
    except OSError as error:
        raise trouble.problem_for_system(error, folder) from None


def check(store: Store) -> list[str]:
    """Everything that is wrong with the file, one line each; nothing when all is well. It changes nothing."""
    connection, found = store.connection, list[str]()
    try:
        rows = connection.execute("PRAGMA integrity_check(20)").fetchall()
        found += [_("the file is damaged: {what}").format(what=row[0]) for row in rows if row[0] != "ok"]
        for table, number, parent, _key in connection.execute("PRAGMA foreign_key_check").fetchmany(20):
            found.append(
                _("row {number} of {table} refers to a missing row of {parent}.").format(
                    number=number, table=table, parent=parent
                )
            )
        if migrations.schema_is_ours(connection):
            found += _check_messages(connection)
        else:
            found.append(_("the tables are not those of this version of Sinsonte."))
    except sqlite3.Error as error:
        if not trouble.is_damage(error) and trouble.code_of(error) != 1:
            store.fail(error)
        # Code 1 here: a table that its own damaged schema no longer knows.
        found.append(_("the file is damaged: {what}").format(what=getattr(error, "sqlite_errorname", "text")))
    if not found and not _search_is_whole(store):
        found.append(_("the search index does not match the messages; it can be rebuilt."))
    return found


def rebuild_search(store: Store) -> None:
    """Make the search indexes anew from the messages."""
    with store.write() as change:
        for index in _INDEXES:
            change.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
        signs.rebuild(change.connection)


def compact(store: Store) -> None:
    """Rewrite the file without what was deleted: until then deleted text lies in free pages, the index and the log."""
    rebuild_search(store)
    connection = store.connection
    try:
        with unguarded(connection):
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        store.fail(error)


def _check_messages(connection: sqlite3.Connection) -> list[str]:
    gaps = connection.execute(
        """SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY chat_id
           HAVING min(place) <> 0 OR max(place) <> count(*) - 1 OR count(DISTINCT place) <> count(*))"""
    ).fetchone()[0]
    nameless = connection.execute(
        "SELECT count(*) FROM messages WHERE name_id IS NOT NULL AND name_id NOT IN (SELECT id FROM names)"
    ).fetchone()[0]
    # Bytes that are no UTF-8 pass SQLite's own check, and would stop the first screen that shows them.
    for _text in connection.execute("SELECT text FROM messages"):
        pass
    found: list[str] = []
    if gaps:
        said = ngettext(
            "the order of the messages has gaps in {count} chat.",
            "the order of the messages has gaps in {count} chats.",
            gaps,
        )
        found.append(said.format(count=gaps))
    if nameless:
        said = ngettext(
            "{count} message has an author that is missing.",
            "{count} messages have an author that is missing.",
            nameless,
        )
        found.append(said.format(count=nameless))
    return found


def _search_is_whole(store: Store) -> bool:
    connection = store.connection
    try:
        # The check is spelt as an INSERT; rank 1 compares the index with the text of the messages.
        with unguarded(connection):
            for index in _INDEXES:
                connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")
        return signs.is_whole(connection)
    except sqlite3.Error as error:
        if not trouble.is_damage(error):
            store.fail(error)
        return False


def _free_name(folder: Path, sort: str) -> Path:
    stamp, number = time.strftime("%Y%m%d-%H%M%S"), 1
    while True:
        target = folder / trouble.BACKUPS / f"{sort}-{stamp}-{number}.db"
        if not target.exists():
            return target
        number += 1


def _prune(folder: Path, sort: str) -> None:
    of_sort = [path for path in list_backups(folder) if path.name.startswith(f"{sort}-")]
    for path in of_sort[KEEP:]:
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}-wal").unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with (
        source.open("rb") as reading,
        os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as writing,
    ):
        shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())


def _must_be_ours(path: Path, told: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        made_by = connection.execute("PRAGMA application_id").fetchone()[0]
        sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        if made_by != migrations.APPLICATION_ID or not sound:
            raise _no_backup(told)
        if migrations.version_of(connection) > len(migrations.MIGRATIONS):
            raise Problem(
                _("this backup was made by a newer Sinsonte; nothing was changed."),
                where=str(told),
                advice=_("Update Sinsonte and restore it again."),
            )
        # A file copied by hand from a live workspace is in WAL mode, and its log did not come along.
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        raise _no_backup(told) from None
    finally:
        connection.close()


def _no_backup(told: Path) -> Problem:
    return Problem(
        _("this file is not a whole backup of a workspace; nothing was changed."),
        where=str(told),
        advice=_("Choose another backup."),
    )


def _put_aside(folder: Path, path: Path) -> Path:
    """Keep the current database in the backups, with its log if that could not be folded in."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        pass  # damaged, which is why it is being replaced; it is kept as it is
    (folder / trouble.BACKUPS).mkdir(mode=0o700, exist_ok=True)
    kept = _free_name(folder, REPLACED)
    try:
        kept.hardlink_to(path)
    except OSError:
        _copy(path, kept)  # a file system without links
    log = path.with_name(f"{path.name}-wal")
    # An old log beside a new database would be played into it: it goes before the new one comes.
    if log.exists():
        log.rename(kept.with_name(f"{kept.name}-wal"))
    for rest in ("-shm", "-journal"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    return kept


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
