"""Which SQLite driver this process uses: pysqlite3 where it is installed, else Python's own.

It is the same choice that `sqlite_utils.utils.sqlite3` makes (a test holds both together), made here because
importing sqlite_utils costs 200 ms, a third of the time to the first screen. One process must never open the same file
with both drivers: each would drop the other's POSIX locks.

pysqlite3 matters beyond its age: SQLite before 3.51.3 has a WAL-reset fault that can corrupt a file which several
processes write and checkpoint, which is how a workspace is used. `wal_reset_fixed` is for `doctor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["sqlite3", "sqlite_version", "wal_reset_fixed"]


def sqlite_version() -> str:
    """The version of the SQLite library inside the driver."""
    return sqlite3.sqlite_version


def wal_reset_fixed() -> bool:
    """Whether this SQLite has the fix of the WAL-reset fault (3.51.3 and later)."""
    return sqlite3.sqlite_version_info >= (3, 51, 3)
