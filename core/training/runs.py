"""A run folder, from outside: starting it, stopping it, following it, and saying where it stands.

In: a folder with job.json and the rendered examples. Out: events and a `RunState`. The state is never stored: it is
derived from the event log and from whether the worker lives, so a worker that vanished without a word is seen at once.
Knows no model, no database and no screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.language import _
from core.problem import Problem
from core.training import events, job, process
from core.training.backends import local
from core.training.events import Event, Reader
from core.training.job import Job
from core.training.process import Process
from core.training.states import AT_REST, RESUMABLE, TERMINAL, State

ADAPTER: Final = "adapter"
MODEL: Final = "model"
CHECKPOINTS: Final = "checkpoints"
TRAIN: Final = "train.jsonl"
VALIDATION: Final = "validation.jsonl"


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands, in figures that a screen can show."""

    state: State = State.PREPARED
    attempt: int = 0
    seq: int = 0  # of the last event
    step: int = 0
    steps: int = 0
    pid: int = 0  # 0 when no worker lives
    loss: float | None = None
    validation_loss: float | None = None
    eta_seconds: float | None = None
    cause: str = ""  # of a failure: a word that programs can test
    problem: str = ""  # the same for people
    advice: str = ""
    interrupted: bool = False  # the worker vanished without saying how it ended
    resumable: bool = False
    checkpoint: str = ""  # the newest that the log knows, relative to the folder

    def after(self, event: Event) -> RunState:
        """The state once this event has happened; events may come twice, or from an older attempt."""
        if event.seq <= self.seq:
            return self
        told = event.fields
        now = replace(self, seq=event.seq)
        if event.attempt > self.attempt:
            now = replace(now, attempt=event.attempt, cause="", problem="", advice="", eta_seconds=None)
        match event.kind:
            case "state" | "end":
                try:
                    return replace(now, state=State(str(told.get("state"))))
                except ValueError:
                    return now
            case "plan":
                return replace(now, steps=_int(told.get("steps")))
            case "step":
                return replace(
                    now,
                    step=_int(told.get("step")),
                    loss=_float(told.get("loss")),
                    eta_seconds=_float(told.get("eta_seconds")),
                )
            case "validation":
                return replace(now, validation_loss=_float(told.get("loss")))
            case "checkpoint":
                return replace(now, checkpoint=str(told.get("path", "")))
            case "problem":
                return replace(
                    now,
                    cause=str(told.get("cause", "")),
                    problem=str(told.get("text", "")),
                    advice=str(told.get("advice", "")),
                )
            case _:
                return now


def prepare(folder: Path, wanted: Job) -> None:
    """Write the job of a folder that holds (or will hold) its rendered examples."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    job.write(folder, wanted)


def start(folder: Path, wanted: Job | None = None) -> Process:
    """Start (or go on with) the run of a folder on this machine; returns at once."""
    if wanted is not None:
        prepare(folder, wanted)
    told = job.read(folder)
    if not (folder / TRAIN).is_file():
        raise Problem(_("This run folder has no train.jsonl."), where=folder.name, advice=_("Build it from a dataset."))
    now = state(folder)
    if now.state is State.SUCCEEDED:
        raise Problem(_("This run has succeeded already."), where=folder.name, advice=_("Start a new one."))
    return local.start(folder, processes=told.processes, allow_download=told.allow_download)


def resume(folder: Path) -> Process:
    """Go on from the newest whole checkpoint, as a new attempt."""
    now = state(folder)
    if not now.resumable:
        raise Problem(
            _("This run cannot be resumed."),
            where=folder.name,
            advice=_("Only a run that was paused, cancelled, interrupted or has failed can."),
        )
    return start(folder)


def pause(folder: Path) -> bool:
    """Ask for a checkpoint and a stop. False: nothing was running."""
    return local.wish(folder, "pause")


def cancel(folder: Path) -> bool:
    """Ask for a checkpoint and the end. A run without a worker is cancelled at once; False: it was over already."""
    if local.wish(folder, "cancel"):
        return True
    now = state(folder)
    if now.state in TERMINAL and not now.interrupted:
        return False
    # No worker lives, so for one line we are the writer; the lock in the log keeps it to one.
    with events.Writer(folder / events.FILE, same_attempt=True) as log:
        log.write("end", state=State.CANCELLED.value)
    return True


def state(folder: Path) -> RunState:
    """Where the run of this folder stands now."""
    now = RunState()
    for event in Reader(folder / events.FILE).read():
        now = now.after(event)
    return with_process(folder, now)


def with_process(folder: Path, told: RunState) -> RunState:
    """What the log told, corrected by whether the worker lives. For those who keep a RunState up to date by events."""
    worker = process.read(folder)
    alive = worker is not None and worker.alive()
    now = replace(told, pid=worker.pid if alive and worker else 0)
    if alive:
        if now.state in AT_REST and now.state is not State.SUCCEEDED and _younger(folder):
            now = replace(now, state=State.QUEUED)  # started, and has not said anything yet
    elif worker is not None and not worker.here():
        pass  # on another machine: only its events can tell
    elif (now.state not in AT_REST or now.state is State.PREPARED) and worker is not None and local.was_asked(folder):
        # Asked to stop so early, or ended so hard after that, that it could not say so itself.
        now = replace(now, state=State.CANCELLED if local.read_wish(folder) == "cancel" else State.PAUSED)
    elif now.state not in AT_REST or (now.state is State.PREPARED and worker is not None):
        now = replace(
            now,
            state=State.FAILED,
            interrupted=True,
            cause=now.cause or "interrupted",
            problem=now.problem or _("The worker stopped without saying why."),
            advice=now.advice or _("Resume the run: it goes on from its last checkpoint. Its worker.log may say more."),
        )
    return replace(now, resumable=now.state in RESUMABLE and not alive)


def _younger(folder: Path) -> bool:
    # The record of the worker is newer than the last word in the log: a new attempt is starting up.
    try:
        return (folder / process.FILE).stat().st_mtime_ns >= (folder / events.FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return not (folder / events.FILE).exists()


def follow(
    folder: Path, since: int = 0, *, every: float = 0.25, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Every event after `since` (a seq), as it comes, until the run is over, paused or its worker has gone.

    A run that was paused and resumed has an `end` in the middle of its log; following goes on past it.
    """
    reader = Reader(folder / events.FILE)
    now = RunState()
    while True:
        # The process is looked at before the log, so that its last words are not missed.
        worker = process.read(folder)
        working = worker is not None and (worker.alive() or not worker.here())
        for event in reader.read():
            now = now.after(event)
            if event.seq > since:
                yield event
        if stop() or not working:
            return
        if now.state in TERMINAL | {State.PAUSED} and not (worker and worker.alive()):
            return
        time.sleep(every)


def _int(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
