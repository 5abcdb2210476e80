"""A run folder, from outside: starting it, stopping it, following it, and saying where it stands.

In: a folder with job.json and the rendered examples. Out: events and a `RunState`. The state is never stored: it is
derived from the event log and from whether somebody works on it (core/training/backends), so a worker that vanished
without a word is seen at once. Knows no model, no database and no screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.language import _
from core.problem import Problem
from core.training import backends, events, job
from core.training.backends import Holder
from core.training.events import Event, Reader
from core.training.history import History, of_kinds
from core.training.job import Job
from core.training.states import AT_REST, RESUMABLE, TERMINAL, State

ADAPTER: Final = "adapter"
MODEL: Final = "model"
CHECKPOINTS: Final = "checkpoints"
TRAIN: Final = "train.jsonl"
VALIDATION: Final = "validation.jsonl"
_LOOK_BACK: Final = 16 << 20  # bytes: five hours of steps at their quickest


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
    learning_rate: float | None = None
    tokens_per_second: float | None = None
    memory_bytes: float | None = None
    cause: str = ""  # of a failure: a word that programs can test
    problem: str = ""  # the same for people
    advice: str = ""
    interrupted: bool = False  # the worker vanished without saying how it ended
    resumable: bool = False
    pausable: bool = False  # it runs, and where it runs it can be paused
    checkpoint: str = ""  # the newest that the log knows: relative to the folder, or the provider's name of it
    where: str = ""  # the machine or job that has it, when that is not a process here
    note: str = ""  # why it waits, or why it cannot be told how it stands

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
                # A step tells that it runs, to a reader who came too late for the word itself.
                runs = State.RUNNING if now.state in (State.PREPARED, State.QUEUED) else now.state
                return replace(
                    now,
                    state=runs,
                    step=_int(told.get("step")),
                    steps=_int(told.get("steps")) or now.steps,
                    loss=_float(told.get("loss")),
                    eta_seconds=_float(told.get("eta_seconds")),
                    learning_rate=_float(told.get("lr")),
                    tokens_per_second=_float(told.get("tokens_per_second")),
                    memory_bytes=_float(told.get("memory_bytes")),
                )
            case "validation":
                return replace(now, validation_loss=_float(told.get("loss")))
            case "checkpoint":
                return replace(now, checkpoint=str(told.get("path") or told.get("model") or ""))
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


def start(folder: Path, wanted: Job | None = None) -> None:
    """Start (or go on with) the run of a folder, where its place.json says; returns at once."""
    if wanted is not None:
        prepare(folder, wanted)
    if not (folder / TRAIN).is_file():
        raise Problem(_("This run folder has no train.jsonl."), where=folder.name, advice=_("Build it from a dataset."))
    if state(folder).state is State.SUCCEEDED:
        raise Problem(_("This run has succeeded already."), where=folder.name, advice=_("Start a new one."))
    backends.of(folder).start(folder)


def resume(folder: Path) -> None:
    """Go on from the newest whole checkpoint, as a new attempt."""
    now = state(folder)
    if not now.resumable or "resume" not in backends.of(folder).abilities(folder):
        raise Problem(
            _("This run cannot be resumed."),
            where=folder.name,
            advice=_("Only a run that was paused, cancelled, interrupted or has failed can."),
        )
    start(folder)


def pause(folder: Path) -> bool:
    """Ask for a checkpoint and a stop. False: nothing was running."""
    backend = backends.of(folder)
    if "pause" not in backend.abilities(folder):
        raise Problem(_("This run cannot be paused where it is."), where=folder.name, advice=_("It can be cancelled."))
    return backend.pause(folder)


def cancel(folder: Path) -> bool:
    """Ask for a checkpoint and the end. A run that nobody works on is cancelled at once; False: it was over already."""
    if backends.of(folder).cancel(folder):
        return True
    now = state(folder)
    if now.state in TERMINAL and not now.interrupted:
        return False
    # No worker lives, so for one line we are the writer; the lock in the log keeps it to one.
    with events.Writer(folder / events.FILE, same_attempt=True) as log:
        log.write("end", state=State.CANCELLED.value)
    return True


def state(folder: Path, told: RunState | None = None) -> RunState:
    """Where the run of this folder stands now. `told` is what its log says, for those who keep that up to date."""
    backend = backends.of(folder)
    now = held(logged(folder) if told is None else told, backend.refresh(folder))
    return replace(now, pausable=now.state is State.RUNNING and "pause" in backend.abilities(folder))


def logged(folder: Path) -> RunState:
    """Where the run stands by its log alone, from the log's end: a long one is not read whole."""
    history = History(folder / events.FILE)
    told = history.tail()
    if told and told[0].seq > 1:
        # Of what the end does not tell, the newest before it counts; a step tells that the run was running.
        missing = {"plan", "validation", "checkpoint"} - {event.kind for event in told}
        if not any(event.kind in ("state", "end", "step") for event in told):
            missing |= {"state", "end", "step"}
        before: dict[str, Event] = {}
        for event in history.backwards(of_kinds(*missing), most=_LOOK_BACK):
            if event.seq < told[0].seq:
                before.setdefault(event.kind, event)
            if len(before) == len(missing):
                break
        told = [*sorted(before.values(), key=lambda event: event.seq), *told]
    now = RunState()
    for event in told:
        now = now.after(event)
    return now


def held(told: RunState, holder: Holder) -> RunState:
    """What the log told, corrected by whether anybody works on it."""
    now = replace(told, pid=holder.pid, where=holder.where, note=holder.note)
    silent = now.state not in AT_REST or (now.state is State.PREPARED and holder.begun)
    if holder.working:
        if now.state is not State.SUCCEEDED and (holder.waiting or (now.state in AT_REST and holder.fresh)):
            now = replace(now, state=State.QUEUED)  # asked for, or started and has not said anything yet
        elif now.state is State.RUNNING and holder.asked:
            now = replace(now, state=State.PAUSING)
    elif holder.working is None:
        pass  # only its events can tell
    elif silent and holder.asked:
        # Asked to stop so early, or ended so hard after that, that it could not say so itself.
        now = replace(now, state=State.CANCELLED if holder.asked == "cancel" else State.PAUSED)
    elif silent:
        now = replace(
            now,
            state=State.FAILED,
            interrupted=True,
            cause=now.cause or "interrupted",
            problem=now.problem or _("The worker stopped without saying why."),
            advice=now.advice or _("Resume the run: it goes on from its last checkpoint. Its worker.log may say more."),
        )
    return replace(now, resumable=now.state in RESUMABLE and not holder.working and not holder.over)


def follow(
    folder: Path, since: int = 0, *, every: float = 0.25, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Every event after `since` (a seq), as it comes, until the run is over, paused or its worker has gone.

    A run that was paused and resumed has an `end` in the middle of its log; following goes on past it.
    """
    backend = backends.of(folder)
    reader = Reader(folder / events.FILE)
    now = RunState()
    while True:
        # Who works on it is looked at before the log, so that the last words are not missed.
        holder = backend.refresh(folder)
        for event in reader.read():
            now = now.after(event)
            if event.seq > since:
                yield event
        over = now.state in TERMINAL | {State.PAUSED}
        if stop() or holder.working is False or (holder.working is None and over):
            return
        time.sleep(every)


def _int(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def _float(value: Any) -> float | None:
    # A log is anybody's: JSON as Python reads it knows NaN, and integers that no float holds.
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if known else None
