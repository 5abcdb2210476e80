"""A workspace that was made by being opened, and in which nothing was ever kept, goes with the one who made it.

A failed first import, or a look at an empty workbench, leaves no folder behind. Only files of our own making are removed,
only when all their tables are empty and nobody else has them open; of folders, only those that were not there before.
What cannot be removed stays: it does no harm.
"""

from __future__ import annotations

from contextlib import closing, suppress

from core.problem import Problem
from core.store import trouble
from core.store.connection import Store, connect
from core.store.opening import IN_USE, LOCK, RESERVE, alone, locked
from core.store.sqlite import sqlite3

_OURS = frozenset(
    (trouble.DATABASE, *(trouble.DATABASE + end for end in ("-wal", "-shm", "-journal")), RESERVE, IN_USE)
)


def take_back(store: Store) -> None:
    """Remove what opening this store has made, if nothing is in it. The store is closed."""
    made = store.made
    if made is None or made.stood & _OURS:
        return
    with suppress(OSError, Problem, sqlite3.Error), locked(store.folder, patience=0.0), alone(store.folder):
        new = {one.name for one in store.folder.iterdir()} - made.stood
        if new <= {*_OURS, LOCK} and _is_empty(store):
            for name in (*sorted(_OURS), LOCK):
                (store.folder / name).unlink(missing_ok=True)
            for folder in reversed(made.folders):
                folder.rmdir()


def _is_empty(store: Store) -> bool:
    with closing(connect(store.path, store.journal)) as connection:
        tables = connection.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        return bool(tables) and not any(
            connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchall() for (name,) in tables
        )
