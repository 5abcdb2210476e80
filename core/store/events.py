"""The append-only log of runs. In: batches of a run's events.jsonl, any number of times; out: what is new since.

An event is known by (run, attempt, seq), so whoever is attached takes in the same lines as often as it likes. Two
triggers refuse to change or delete an event; only with its whole run does it go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.store.connection import Change, Readable


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One line of a run's log. `body` is the JSON text of the fields that its kind has."""

    attempt: int
    seq: int
    at: float
    kind: str
    body: str = "{}"


def ingest(change: Change, run_id: str, events: Iterable[StoredEvent]) -> int:
    """Add the events that are not there yet; returns how many. One that is there stays as it was first told."""
    before = change.connection.total_changes  # counting a long log costs seconds
    change.many(
        """INSERT INTO events (run_id, attempt, seq, at, kind, body) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (run_id, attempt, seq) DO NOTHING""",
        ((run_id, event.attempt, event.seq, event.at, event.kind, event.body) for event in events),
    )
    return change.connection.total_changes - before


def since(store: Readable, run_id: str, attempt: int = 0, seq: int = -1, limit: int = -1) -> list[StoredEvent]:
    """The events after (attempt, seq), in order; at most `limit` unless it is negative."""
    rows = store.read(
        """SELECT attempt, seq, at, kind, body FROM events
           WHERE run_id = ? AND (attempt, seq) > (?, ?) ORDER BY attempt, seq LIMIT ?""",
        (run_id, attempt, seq, limit),
    )
    return [StoredEvent(*row) for row in rows]


def newest(store: Readable, run_id: str, kind: str | None = None) -> StoredEvent | None:
    """The last event of a run, or the last one of a kind."""
    rows = store.read(
        """SELECT attempt, seq, at, kind, body FROM events WHERE run_id = ?1 AND (?2 IS NULL OR kind = ?2)
           ORDER BY attempt DESC, seq DESC LIMIT 1""",
        (run_id, kind),
    )
    return StoredEvent(*rows[0]) if rows else None


def of_kind(store: Readable, run_id: str, kind: str) -> list[StoredEvent]:
    """All events of one kind, in order: the points of a curve."""
    rows = store.read(
        """SELECT attempt, seq, at, kind, body FROM events WHERE run_id = ? AND kind = ? ORDER BY attempt, seq""",
        (run_id, kind),
    )
    return [StoredEvent(*row) for row in rows]


def take_out(change: Change, run_id: str, kind: str, fields: Iterable[str]) -> None:
    """Take fields out of a run's events of a kind: the one change to what was told, for somebody who is to be forgotten.
    The trigger that stands against it is lifted within the same transaction, so that it stands for everybody else."""
    ((trigger,),) = change.read("SELECT sql FROM sqlite_schema WHERE name = 'events_are_not_changed'")
    change.execute("DROP TRIGGER events_are_not_changed")
    for field in fields:
        change.execute(
            "UPDATE events SET body = json_remove(body, ?) WHERE run_id = ? AND kind = ?", (f"$.{field}", run_id, kind)
        )
    change.execute(str(trigger))
