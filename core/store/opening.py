"""Opening a workspace: from a folder to a `Store`, or one plain Problem.

In order: the folder (0700 when made here) → `db.lock`, so that one process at a time passes this door → the files, made
0600 before SQLite sees them, because -wal and -shm take the database's mode → the journal that the file system bears →
whose file this is and how old → the lease on a network home → a backup and the migrations → the reserve. Without the
lock, 60 of 90 starts of three processes on a new workspace failed with "database is locked".

A workspace is opened for reading and writing or not at all: SQLite cannot read a write-ahead log in a folder that it
may not write, and half a view of a chat is worse than a plain message.

The database file is never opened here by hand: closing such a descriptor would drop the POSIX locks of every connection
that this process has on it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from core.language import _
from core.problem import Problem
from core.store import backups, filesystem, lease, migrations, trouble
from core.store.connection import Made, Store, connect, release_reserve
from core.store.filesystem import Journal
from core.store.migrations import MIGRATIONS, Migration
from core.store.sqlite import sqlite3

LOCK = "db.lock"  # held while a workspace is being opened or restored
IN_USE = "in-use.lock"  # held, shared, by everyone who has it open
RESERVE = "reserve"
RESERVE_SIZE = 4 << 20
# Below this much free space the reserve is not taken again: it would be the one that fills the disk.
ROOM_FOR_RESERVE = 8 * RESERVE_SIZE
LOCK_PATIENCE = 120.0  # a migration of a big file, with its backup, may take this long


def open_store(
    folder: Path,
    *,
    create: bool = True,
    take_over: str | None = None,
    journal: Journal | None = None,
    me: lease.Holder | None = None,
    steps: Sequence[Migration] = MIGRATIONS,
    on_step: Callable[[int], None] = migrations.nobody_watches,
) -> Store:
    """Open the workspace in `folder`, making it when `create` and there is none.

    `take_over` (else SINSONTE_TAKE_OVER) names a host whose hold on a network workspace is to be ignored. The rest is
    for tests: the journal instead of the file system's, who we are, other migrations, a watcher of their statements.
    """
    # Relative to the folder of the start, not of a later chdir; the links are kept, they are the user's.
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.absolute keeps ".."
    if take_over is None:
        take_over = os.environ.get("SINSONTE_TAKE_OVER", "")
    with _plainly(folder):
        plan = _Opening(folder, create, take_over, journal, me or lease.this_process(), steps, on_step)
        with locked(folder, come_in=plan.make_folder):
            try:
                return plan.open()
            except sqlite3.Error as error:
                if trouble.code_of(error) not in (trouble.FULL, trouble.IOERR) or not (folder / RESERVE).exists():
                    raise
                # On a full disk even the shared index of a log has no room: give the reserve back and try once more.
                release_reserve(folder)
                return plan.open()


class _Opening:
    """What one opening knows; `open` may be called twice."""

    def __init__(
        self,
        folder: Path,
        create: bool,
        take_over: str,
        journal: Journal | None,
        me: lease.Holder,
        steps: Sequence[Migration],
        on_step: Callable[[int], None],
    ) -> None:
        self.folder = folder
        self.path = folder / trouble.DATABASE
        self.create = create
        self.take_over = take_over
        self.journal = journal or filesystem.journal_for(folder.resolve(), filesystem.read_mount_table())
        self.me = me
        self.steps = steps
        self.on_step = on_step
        self._folders: list[Path] = []  # that were not there
        self._made: Made | None = None

    def make_folder(self) -> None:
        self._folders += _make_folder(self.folder, self.create)

    def open(self) -> Store:
        there = frozenset(one.name for one in self.folder.iterdir())
        if _own_file(self.path, self.create):
            self._made = Made(tuple(self._folders), there - {LOCK})
        in_use = os.open(self.folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _flock(in_use, fcntl.LOCK_SH | fcntl.LOCK_NB)
            connection = connect(self.path, self.journal)
            try:
                self._prepare(connection, in_use)
            finally:
                connection.close()
        except BaseException:
            os.close(in_use)
            raise
        _take_reserve(self.folder)
        return Store(self.folder, self.journal, partial(self._leave, in_use), made=self._made)

    def _prepare(self, connection: sqlite3.Connection, in_use: int) -> None:
        version = self._known(connection)
        self.journal = _set_journal(connection, self.journal)
        leased = bool(self.journal.network)
        if leased and version:
            self._lease(connection)
        if version < len(self.steps):
            if version:
                self._alone(in_use)
                backups.write_backup(connection, self.folder, backups.MIGRATION)
            try:
                migrations.run_all(connection, self.steps, self.on_step)
            except sqlite3.OperationalError:
                if version and not migrations.schema_is_ours(connection, self.steps[:version]):
                    raise trouble.damaged(self.folder) from None  # a number that is not that of its tables
                raise
            _flock(in_use, fcntl.LOCK_SH)
        if leased and not version:
            self._lease(connection)
        _small_tables_are_sound(connection)

    def _known(self, connection: sqlite3.Connection) -> int:
        """The version of a file of ours, 0 for a new one; a Problem for a newer one and for somebody else's."""
        version = migrations.version_of(connection)
        made_by = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if made_by == 0 and version == 0 and tables == 0:
            if trouble.newest_backup(self.folder) is not None:
                # Somebody emptied or removed the file: a fresh workspace would look as if everything were gone.
                raise Problem(
                    _("the database is empty, and there are backups of it."),
                    where=str(self.path),
                    advice=trouble.restore_advice(self.folder),
                )
            return 0
        if not self._ends_with_a_page(connection):
            raise trouble.damaged(self.folder)
        if made_by != migrations.APPLICATION_ID or version < 1:
            raise Problem(
                _("this database is not Sinsonte's; it was left as it is."),
                where=str(self.path),
                advice=_("Choose another folder for the workspace."),
            )
        if version > len(self.steps):
            raise Problem(
                _("this workspace was made by a newer Sinsonte; nothing was changed."),
                where=str(self.path),
                advice=_("Update Sinsonte and open it again."),
            )
        return version

    def _ends_with_a_page(self, connection: sqlite3.Connection) -> bool:
        """Whether the file was not cut off within a page, which SQLite sees only when it reads that page."""
        log = self.path.with_name(self.path.name + "-wal")
        if log.exists() and log.stat().st_size:
            return True  # a page may be on its way into the file
        return self.path.stat().st_size % int(connection.execute("PRAGMA page_size").fetchone()[0]) == 0

    def _lease(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            lease.take(connection, self.me, self.take_over)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _alone(self, in_use: int) -> None:
        """Nobody else may have the workspace open while its tables change under them."""
        try:
            _flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                _("this workspace has to be brought up to date, and an older Sinsonte still has it open."),
                where=str(self.folder),
                advice=_("Close it there and start again."),
            ) from None

    def _leave(self, in_use: int, store: Store) -> None:
        try:
            if self.journal.network:
                with store.write() as change:
                    lease.give_back(change.connection, self.me)
        finally:
            os.close(in_use)


def _nothing_to_make() -> None:
    pass


@contextmanager
def locked(
    folder: Path, patience: float = LOCK_PATIENCE, come_in: Callable[[], None] = _nothing_to_make
) -> Generator[None]:
    """Hold the door of the workspace; the system lets go of it when the process ends, however it ends. `come_in` makes
    the folder: whoever waits at the door of a workspace that is taken back (core.store.unkept) comes to a new one."""
    until = time.monotonic() + patience
    while True:
        come_in()
        door = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_at(door, folder, until)
            if _is_there(door, folder / LOCK):
                yield
                return
        finally:
            os.close(door)


def _wait_at(door: int, folder: Path, until: float) -> None:
    while True:
        try:
            return _flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Problem(
                    _("another Sinsonte has been opening this workspace for too long."),
                    where=str(folder),
                    advice=_("End it and try again."),
                ) from None
            time.sleep(0.01)


def _is_there(door: int, path: Path) -> bool:
    """Whether the lock that is held is the one that others find."""
    try:
        return os.path.samestat(os.fstat(door), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Hold the workspace when nobody has it open, in this process or another; else a Problem."""
    in_use = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            _flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                _("this workspace is open."), where=str(folder), advice=_("Close every Sinsonte on it and try again.")
            ) from None
        yield
    finally:
        os.close(in_use)


def _flock(descriptor: int, how: int) -> None:
    try:
        fcntl.flock(descriptor, how)
    except OSError as error:
        # NFS answers a held lock with EACCES or EAGAIN; Python makes BlockingIOError of the latter only.
        if error.errno == errno.EACCES:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        raise


@contextmanager
def _plainly(folder: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        problem = trouble.problem_for(error, folder)
        if problem is None:
            raise
        raise problem from None
    except OSError as error:
        raise trouble.problem_for_system(error, folder) from None
    except ValueError:
        # A NUL in the name: the only thing that pathlib and os refuse this way.
        raise Problem(_("this is no name for a folder."), advice=_("Choose another workspace.")) from None


def _make_folder(folder: Path, create: bool) -> list[Path]:
    """Make the folder when it is not there; the folders that were not there, the outermost first."""
    if folder.is_dir():
        # An existing folder keeps its mode: it may be the user's home. All files in it are 0600 all the same.
        return []
    if not create and not folder.exists():
        raise _no_workspace(folder)
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return new[::-1]


def _no_workspace(folder: Path) -> Problem:
    return Problem(_("there is no workspace here."), where=str(folder), advice=_("Check the folder's name."))


def _own_file(path: Path, create: bool) -> bool:
    """Make the file 0600 and empty when it is not there; take other people's rights away when it is. Whether it is new."""
    if create:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            pass
        else:
            return True
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _no_workspace(path.parent) from None
    if mode & 0o077:
        path.chmod(0o600)
    if not os.access(path, os.R_OK | os.W_OK):
        # SQLite would open it for reading and say nothing until the first write.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return False


def _set_journal(connection: sqlite3.Connection, journal: Journal) -> Journal:
    found = ""
    try:
        found = str(connection.execute(f"PRAGMA journal_mode = {journal.mode}").fetchone()[0])
    except sqlite3.OperationalError as error:
        # A file system that cannot share memory says so as an I/O error or a refused file.
        if journal.mode != "wal" or trouble.code_of(error) not in (trouble.IOERR, trouble.CANTOPEN):
            raise
        if trouble.is_full(Path(connection.execute("PRAGMA database_list").fetchone()[2]).parent):
            raise
    if found == journal.mode:
        return journal
    if found == "wal":
        # Wanted a rollback journal, and the file still is in WAL: somebody has it open.
        raise Problem(
            _("this workspace is open and its journal cannot be changed now."), advice=_("Close every Sinsonte on it.")
        )
    connection.execute(f"PRAGMA journal_mode = {filesystem.CAREFUL.mode}")
    connection.execute(f"PRAGMA synchronous = {filesystem.CAREFUL.synchronous}")
    return filesystem.CAREFUL


# Their rows are read as they are, so a value that the schema forbids is found here; the big tables are for `check`.
_SMALL = (
    "chats", "participants", "names", "imports", "settings", "recipes", "acts", "decisions", "datasets", "runs", "talks",
    "talk_lanes", "corrections",
)  # fmt: skip


def _small_tables_are_sound(connection: sqlite3.Connection) -> None:
    known = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in known.intersection(_SMALL):
        if connection.execute(f"PRAGMA quick_check('{table}')").fetchone()[0] != "ok":
            raise trouble.damaged(Path(connection.execute("PRAGMA database_list").fetchone()[2]).parent)


def _take_reserve(folder: Path) -> None:
    """Set space aside that is given back when the disk is full: then even deleting and settings have no other room."""
    path = folder / RESERVE
    try:
        if (path.exists() and path.stat().st_size == RESERVE_SIZE) or trouble.free(folder) < ROOM_FOR_RESERVE:
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_SIZE)
        finally:
            os.close(descriptor)
    except OSError:
        release_reserve(folder)  # no room, a quota, or a file system that cannot set space aside: do without
