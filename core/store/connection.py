"""The open workspace: reading anywhere, writing in one short transaction. In: SQL of this room; out: rows or a Problem.

Threads: every thread that touches a `Store` gets a connection of its own on first use (0.3 ms) and it is closed when
the thread ends. So a screen's workers read while another writes, and nothing is shared but the file. One lock lets one
thread of the process write at a time: waiting for it is fair and silent, where SQLite's own waiting is polling.
`close()` belongs to the thread that opened, after its workers have ended.

Within a write, `Change.behind` hands statements to a thread beside: SQLite lets go of the interpreter while it works, so a
big import makes its next messages in the meantime. Everything else of the change waits for what is behind, so nobody
sees a half of it.

Outside `write()` every connection is `query_only`: a write that forgot its transaction fails in the first test that
runs it. Inside, it is our own BEGIN IMMEDIATE: the driver's deferred one fails at once, whatever the busy timeout, when
another process has written since the transaction's first read.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from core.store import migrations, trouble
from core.store.filesystem import Journal
from core.store.sqlite import sqlite3

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from sqlite_utils import Database

BUSY_TIMEOUT = 10.0  # seconds that one statement waits for another process
_LEAVING = 2.0  # seconds that closing waits for statements of other threads, which it interrupts
# Pages that a connection keeps, in units of minus 1 KB. Every thread of a workbench has a connection, which lives as long
# as the thread: of 16 MB each, a long session had 30 MB of the file twice, in the system's memory and in its own.
_READING = -2_000
_WRITING = -16_000  # bulk loads spill less; 64 MB was no faster
_BEHIND = 3  # pieces of work that may wait behind a change: each holds its rows
PATIENCE = 60.0  # seconds that a whole write waits: an import of a million messages holds the file for about ten

Parameters = Sequence[Any] | dict[str, Any]
Row = tuple[Any, ...]


class Readable(Protocol):
    """A Store, or the Change that is open on it: what every reading function takes."""

    def read(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query."""
        ...

    def each(self, sql: str, parameters: Parameters = ()) -> Generator[Row]:
        """The rows of a query one by one, for those too many to hold."""
        ...


class _Connection(sqlite3.Connection):
    """The driver's own, made so that it can be referred to weakly and tells how many uses of it go on."""

    uses = 0  # changed by its own thread only


def connect(path: Path, journal: Journal) -> sqlite3.Connection:
    """A connection with the settings that every one of ours has. Going to WAL and back is the opener's."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, factory=_Connection
    )
    try:
        _settle(connection, journal)
    except BaseException:
        connection.close()  # or the one that is left to be collected takes away the log of whoever comes next
        raise
    return connection


def _settle(connection: sqlite3.Connection, journal: Journal) -> None:
    # In this order: the first that reads the file is the last, so a file that is no database fails there.
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT * 1000)}",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # without it, INSERT OR REPLACE deletes events past the trigger that forbids it
        "trusted_schema = OFF",  # a hostile file's schema must not call functions
        "cell_size_check = ON",
        "mmap_size = 0",  # a mapped file that is truncated elsewhere kills the process with SIGBUS
        f"cache_size = {_READING}",
        "journal_size_limit = 16777216",  # the log of a big import shrinks afterwards
        f"synchronous = {journal.synchronous}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    if journal.mode != "wal":
        # Only WAL is written in the file; a rollback journal's sort is each connection's own.
        connection.execute(f"PRAGMA journal_mode = {journal.mode}")


class _Use:
    """A connection while it is used: what `close` waits for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        if isinstance(self._connection, _Connection):
            self._connection.uses += 1
        return self._connection

    def __exit__(self, *_: object) -> None:
        if isinstance(self._connection, _Connection):
            self._connection.uses -= 1


def _uses(connection: sqlite3.Connection) -> int:
    return connection.uses if isinstance(connection, _Connection) else 0


@dataclass(frozen=True, slots=True)
class Made:
    """What opening a workspace found and made, where there was none."""

    folders: tuple[Path, ...]  # made, the outermost first
    stood: frozenset[str]  # the names in the folder before


class Store:
    """An open workspace. Made by `core.store.opening.open_store`."""

    def __init__(
        self, folder: Path, journal: Journal, on_close: Callable[[Store], None], made: Made | None = None
    ) -> None:
        self.folder = folder
        self.made = made
        self.path = folder / trouble.DATABASE
        self.journal = journal
        self._on_close = on_close
        self._mine = threading.local()
        self._all: weakref.WeakSet[sqlite3.Connection] = weakref.WeakSet()
        self._writing = threading.Lock()
        self._closed = False

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if found is None:
            if self._closed:
                raise sqlite3.ProgrammingError("the store is closed")
            try:
                found = connect(self.path, self.journal)
                found.execute("PRAGMA query_only = ON")
            except sqlite3.Error as error:
                self.fail(error)
            self._mine.connection = found
            self._all.add(found)
        return found

    @property
    def db(self) -> Database:
        """This thread's connection as a sqlite_utils Database."""
        found: Database | None = getattr(self._mine, "database", None)
        if found is None:
            from sqlite_utils import Database  # 200 ms: nothing at start-up needs it

            found = Database(self.connection, execute_plugins=False)
            self._mine.database = found
        return found

    def read(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query."""
        try:
            with self._using() as connection:
                return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self.fail(error)

    def each(self, sql: str, parameters: Parameters = ()) -> Generator[Row]:
        """The rows of a query one by one. Until it is used up or closed, it holds a snapshot of the file."""
        try:
            with self._using() as connection:
                cursor = connection.execute(sql, parameters)
                while rows := cursor.fetchmany(1000):
                    yield from rows
        except sqlite3.Error as error:
            self.fail(error)

    def _using(self) -> _Use:
        return _Use(self.connection)

    def data_version(self) -> int:
        """A number that changes when another connection has committed; 7 µs, made for polling."""
        return int(self.read("PRAGMA data_version")[0][0])

    @contextmanager
    def write(self, patience: float = PATIENCE) -> Generator[Change]:
        """One transaction: all of it is kept when the block ends, none of it when the block raises."""
        connection = self.connection
        if connection.in_transaction:
            raise RuntimeError("a write is already open in this thread")
        until = time.monotonic() + patience
        if not self._writing.acquire(timeout=patience):
            self.fail(_busy())
        try:
            with self._using(), unguarded(connection):
                connection.execute(f"PRAGMA cache_size = {_WRITING}")
                try:
                    _patiently(connection, "BEGIN IMMEDIATE", until)
                    change = Change(self, connection)
                    try:
                        yield change
                        change.end()
                    finally:
                        change.leave()
                    # With a rollback journal the commit waits for readers, so it can be busy too.
                    _patiently(connection, "COMMIT", until)
                except BaseException as error:
                    if isinstance(error, sqlite3.Error) and trouble.code_of(error) == trouble.FULL:
                        release_reserve(self.folder)
                    _roll_back(connection)
                    raise
                finally:
                    connection.execute(f"PRAGMA cache_size = {_READING}")
        except sqlite3.Error as error:
            self.fail(error)
        finally:
            self._writing.release()

    def fail(self, error: sqlite3.Error) -> NoReturn:
        """Raise the Problem that `error` is; raise `error` itself when it is a mistake in our code."""
        if trouble.code_of(error) == trouble.FULL:
            release_reserve(self.folder)
        problem = trouble.problem_for(error, self.folder)
        if problem is None and isinstance(error, sqlite3.OperationalError) and not self._schema_is_ours():
            problem = trouble.damaged(self.folder)  # "no such table" because the table's name is damaged
        if problem is None:
            raise error
        # `from None`: the driver's message can quote the text that it could not read.
        raise problem from None

    def _schema_is_ours(self) -> bool:
        try:
            with closing(connect(self.path, self.journal)) as connection:
                return migrations.schema_is_ours(connection)
        except sqlite3.Error:
            return False

    def close(self) -> None:
        """Close the connections of all threads. A second time does nothing."""
        if self._closed:
            return
        try:
            self._on_close(self)
        finally:
            self._closed = True
            mine: sqlite3.Connection | None = getattr(self._mine, "connection", None)
            others = [one for one in self._all if one is not mine]
            until = time.monotonic() + _LEAVING
            for connection in others:
                # Closed under a statement that runs, a connection takes the whole process with it. What a worker still
                # reads is nobody's any more: it is interrupted, again and again, since it may only just begin.
                while _uses(connection) and time.monotonic() < until:
                    connection.interrupt()
                    time.sleep(0.005)
                if not _uses(connection):
                    connection.close()
            if mine is not None:
                mine.close()
            self._mine = threading.local()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Change:
    """An open transaction: what every writing function takes."""

    def __init__(self, store: Store, connection: sqlite3.Connection) -> None:
        self.store = store
        self.connection = connection
        self._at_the_end: dict[Callable[[Change, set[int]], None], set[int]] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._behind: deque[Future[object]] = deque()

    def behind(self, do: Callable[[sqlite3.Connection], object]) -> None:
        """Have statements run by a thread beside, one piece after another, while the caller goes on. What they raise is
        raised by a later call of the change."""
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1, "writing behind")
        while len(self._behind) >= _BEHIND:
            self._behind.popleft().result()
        self._behind.append(self._thread.submit(do, self.connection))

    def settle(self) -> None:
        """Wait for what is behind."""
        while self._behind:
            self._behind.popleft().result()

    def leave(self) -> None:
        """End the thread beside. What is still behind is given up: the transaction is, too."""
        if self._thread is not None:
            for one in self._behind:
                one.cancel()
            while any(not one.done() for one in self._behind):
                self.connection.interrupt()  # it may only just begin
                time.sleep(0.005)
            self._behind.clear()
            self._thread.shutdown()
            self._thread = None

    def at_the_end(self, do: Callable[[Change, set[int]], None], about: Iterable[int]) -> None:
        """Have something done once before the commit, about all numbers that were ever given for it."""
        self._at_the_end.setdefault(do, set()).update(about)

    def end(self) -> None:
        """Do what was put off to the end."""
        while self._at_the_end:
            do, about = self._at_the_end.popitem()
            do(self, about)
        self.settle()

    def read(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query, with what this transaction has written."""
        self.settle()
        return self.connection.execute(sql, parameters).fetchall()

    def each(self, sql: str, parameters: Parameters = ()) -> Generator[Row]:
        """The rows of a query one by one."""
        self.settle()
        yield from self.connection.execute(sql, parameters)

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; returns how many rows it changed."""
        self.settle()
        return self.connection.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """Run an INSERT; returns the new row's number."""
        self.settle()
        return int(self.connection.execute(sql, parameters).lastrowid or 0)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for every row. Blobs are faster as bytearray: bytes cost the driver 1.5 µs each."""
        self.settle()
        self.connection.executemany(sql, rows)


@contextmanager
def unguarded(connection: sqlite3.Connection) -> Generator[None]:
    """Take `query_only` away for as long as the block lasts."""
    connection.execute("PRAGMA query_only = OFF")
    try:
        yield
    finally:
        connection.execute("PRAGMA query_only = ON")


def release_reserve(folder: Path) -> None:
    """Give the reserved space back to the disk; the next opening that finds enough room takes it again."""
    try:
        (folder / "reserve").unlink(missing_ok=True)
    except OSError:
        return  # the disk is in trouble already, and that is what gets told


def _busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = trouble.BUSY
    error.sqlite_errorname = "SQLITE_BUSY"
    return error


def _patiently(connection: sqlite3.Connection, sql: str, until: float) -> None:
    # Each try waits BUSY_TIMEOUT inside SQLite; short ones (a broken lock, a snapshot gone) come back at once.
    while True:
        try:
            connection.execute(sql)
            return
        except sqlite3.OperationalError as error:
            if trouble.code_of(error) not in (trouble.BUSY, trouble.LOCKED) or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # a full disk or an I/O error may have rolled back already
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The next opening rolls back from the journal; the first error is the one to tell.
            return
