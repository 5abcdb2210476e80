"""The states of a run, and which may follow which.

A run is prepared (its folder is written), queued (a process or a cluster was asked for it), running, pausing (a stop
was asked for and the checkpoint is being written), paused, or over: succeeded, failed, cancelled. Nothing here looks
at files or processes; `core.training.runs` derives the state of a real folder with these rules.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a run stands."""

    PREPARED = "prepared"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
AT_REST: Final = TERMINAL | {State.PAUSED, State.PREPARED}  # no process is expected
RESUMABLE: Final = frozenset({State.PAUSED, State.FAILED, State.CANCELLED})

_NEXT: Final[dict[State, frozenset[State]]] = {
    State.PREPARED: frozenset({State.QUEUED, State.RUNNING, State.CANCELLED, State.FAILED}),
    State.QUEUED: frozenset({State.RUNNING, State.PAUSING, State.PAUSED, State.CANCELLED, State.FAILED}),
    State.RUNNING: frozenset({State.PAUSING, State.PAUSED, State.SUCCEEDED, State.FAILED, State.CANCELLED}),
    # A stop may come so late that the run was done anyway.
    State.PAUSING: frozenset({State.PAUSED, State.CANCELLED, State.FAILED, State.SUCCEEDED}),
    State.PAUSED: frozenset({State.QUEUED, State.RUNNING, State.CANCELLED, State.FAILED}),
    # Resuming a failed or cancelled run is a new attempt on the same folder.
    State.FAILED: frozenset({State.QUEUED, State.RUNNING, State.CANCELLED}),
    State.CANCELLED: frozenset({State.QUEUED, State.RUNNING}),
    State.SUCCEEDED: frozenset(),
}


def may_follow(now: State, later: State) -> bool:
    """Whether `later` is a lawful next state; staying where one is always is."""
    return later == now or later in _NEXT[now]
