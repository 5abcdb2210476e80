"""What was deleted at providers: a record that is only ever added to. In and out: plain rows."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.store.connection import Change, Readable


@dataclass(frozen=True, slots=True)
class StoredRemoval:
    """One thing that was deleted, as it was listed before that."""

    profile: str
    what: str
    remote_id: str
    name: str
    size: int
    created_at: int
    run_id: str = ""
    at: int = 0
    id: int = 0


_FIELDS = "profile, what, remote_id, name, size, created_at, run_id, at"


def add(change: Change, one: StoredRemoval) -> int:
    """Write one down."""
    return change.insert(
        f"INSERT INTO removals ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            one.profile,
            one.what,
            one.remote_id,
            one.name,
            one.size,
            one.created_at,
            one.run_id,
            one.at or int(time.time()),
        ),
    )


def all_removals(store: Readable, profile: str | None = None) -> list[StoredRemoval]:
    """Every record (of one profile), the newest first."""
    rows = store.read(
        f"SELECT {_FIELDS}, id FROM removals WHERE ?1 IS NULL OR profile = ?1 ORDER BY id DESC", (profile,)
    )
    return [StoredRemoval(*row) for row in rows]
