"""Runs: what was started, on what, and how far it got. In and out: plain rows; the log is core/store/events.py.

The folder is kept from the workspace's own, so that a workspace can be moved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.store.connection import Change, Readable

STATES = ("prepared", "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled")
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One fine-tuning. `options` is JSON text; `process_started` tells a process from a later one with its number."""

    id: str
    dataset_id: int | None
    backend: str
    base: str
    state: str
    folder: str
    attempt: int = 1
    step: int = 0
    steps: int = 0
    pid: int | None = None
    process_started: int | None = None
    options: str = "{}"
    created_at: int = 0
    ended_at: int | None = None
    model: str = ""


_FIELDS = tuple(StoredRun.__dataclass_fields__)
_QUERY = f"SELECT {', '.join(_FIELDS)} FROM runs"
# What may change after the start.
_CHANGING = frozenset({"state", "attempt", "step", "steps", "pid", "process_started", "ended_at", "model", "options"})


def create(change: Change, run: StoredRun) -> None:
    """Enter a run; its id must be new and its folder inside the workspace."""
    path = PurePosixPath(run.folder)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("a run's folder is named from the workspace's")
    values = [getattr(run, field) for field in _FIELDS]
    values[_FIELDS.index("created_at")] = run.created_at or int(time.time())
    change.execute(f"INSERT INTO runs ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})", values)


def update(change: Change, run_id: str, **values: object) -> None:
    """Change state, attempt, step, steps, pid, process_started, ended_at, model or options. An end gets its time."""
    unknown = values.keys() - _CHANGING
    if unknown:
        raise ValueError(f"a run keeps its {', '.join(sorted(unknown))}")
    if values.get("state") in ENDED:
        values.setdefault("ended_at", int(time.time()))
    assignments = ", ".join(f"{field} = ?" for field in values)
    change.execute(f"UPDATE runs SET {assignments} WHERE id = ?", [*values.values(), run_id])


def all_runs(store: Readable) -> list[StoredRun]:
    """Every run, newest first."""
    return [StoredRun(*row) for row in store.read(f"{_QUERY} ORDER BY created_at DESC, id DESC")]


def find(store: Readable, run_id: str) -> StoredRun | None:
    """The run with this id."""
    rows = store.read(f"{_QUERY} WHERE id = ?", (run_id,))
    return StoredRun(*rows[0]) if rows else None


def unfinished(store: Readable) -> list[StoredRun]:
    """The runs that may still have something to tell, oldest first: what whoever is attached has to follow."""
    marks = ", ".join("?" * len(ENDED))
    return [
        StoredRun(*row) for row in store.read(f"{_QUERY} WHERE state NOT IN ({marks}) ORDER BY created_at, id", ENDED)
    ]


def delete(change: Change, run_id: str) -> None:
    """Delete a run with its whole log; its model stays and no longer says which run made it."""
    change.execute("DELETE FROM runs WHERE id = ?", (run_id,))
