"""The verbs about runs: start, list, follow, pause, cancel, resume.

A run is not the screen's child: it works in its folder and writes events there. Whoever is attached takes the events
in; twice or by two at once is harmless, because (run, attempt, seq) names an event for good.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from core.language import _
from core.problem import Misuse, Problem
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.store.runs import StoredRun
    from core.training import RunState

ENDED: Final = ("succeeded", "failed", "cancelled")
PAIRS: Final = "pairs"  # among a run's settings: what stood in the place of a dataset
UNDER_WAY: Final = ("queued", "running", "pausing")
# What `--json` has of the state besides the columns: the same names as in the events.
_FIGURES: Final = (
    "loss", "validation_loss", "learning_rate", "tokens_per_second", "memory_bytes", "eta_seconds", "cause", "problem",
    "advice", "interrupted", "resumable", "where", "note",
)  # fmt: skip
_AT_ONCE: Final = 20_000  # events taken into the store at a time: a tenth of a second
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as lists show it."""

    id: str
    state: str
    attempt: int
    step: int
    steps: int
    pid: int | None
    folder: Path
    dataset: str
    backend: str
    base: str
    model: str | None
    created_at: str
    options: Mapping[str, Any]
    ends: str  # at a provider: until when its model, or its base, answers, as a countdown
    days: int | None  # the same as days that are left
    now: RunState  # what the log and the worker say: figures, and what went wrong

    @property
    def learns(self) -> str:
        """What it learns from, for people: its dataset, or the pairs of replies that it was given."""
        return self.dataset or str(self.options.get(PAIRS, ""))

    @property
    def at_provider(self) -> bool:
        """Whether it is trained elsewhere, over the OpenAI protocol."""
        return self.base.startswith(f"{self.backend}:")

    def as_json(self) -> dict[str, Any]:
        """The run for `--json`."""
        return {
            "id": self.id,
            "state": self.state,
            "attempt": self.attempt,
            "step": self.step,
            "steps": self.steps,
            "pid": self.pid,
            "folder": str(self.folder),
            "dataset": self.dataset,
            "backend": self.backend,
            "base": self.base,
            "model": self.model,
            "created_at": self.created_at,
            "options": dict(self.options),
            "ends": self.ends or None,
            **{name: getattr(self.now, name) for name in _FIGURES},
        }


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of a run's log."""

    seq: int
    attempt: int
    at: float
    kind: str
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The event for `--json`."""
        return {"seq": self.seq, "attempt": self.attempt, "at": self.at, "kind": self.kind, **self.body}


def start(
    workspace: Workspace,
    dataset: str,
    *,
    model: str = "mini",
    backend: str = "local",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> RunRow:
    """Freeze the job in a run folder and start its worker; returns at once (after building `mini`, the first time)."""
    from core import training
    from core.store import runs
    from core.training import backends, job
    from core.workspace import beginning, starting

    where, profile, given = starting.placed(workspace, backend, options or {})
    starting.must_fit_here(workspace, where, model, given)
    begin = beginning.beginning(workspace, dataset, model, given, progress)
    run_id = time.strftime("%m%d-%H%M-") + secrets.token_hex(2)
    folder = workspace.folder / "runs" / run_id
    begin.write(folder)
    folder.chmod(0o700)
    settings = dict(begin.options) if begin.dataset_id is not None else {**begin.options, PAIRS: Path(dataset).name}
    with workspace.store.write() as change:
        runs.create(
            change,
            runs.StoredRun(
                id=run_id,
                dataset_id=begin.dataset_id,
                backend=where,
                base=begin.base,
                state="prepared",
                folder=folder.relative_to(workspace.folder).as_posix(),
                options=json.dumps(settings, ensure_ascii=False),
            ),
        )
    if profile is not None:
        backends.put(folder, where, profile=profile)
    training.start(folder, job.from_values(begin.options))
    return named(workspace, run_id)


def listing(workspace: Workspace) -> list[RunRow]:
    """Every run as it stands now, the newest first."""
    from core.store import runs
    from core.workspace import datasets

    names = {row.id: row.name for row in datasets.listing(workspace)}
    return [_row(workspace, *_refreshed(workspace, one), names) for one in runs.all_runs(workspace.store)]


def known(workspace: Workspace) -> list[RunRow]:
    """Every run as the store knows it, the newest first: at once, and without asking anybody."""
    from core.store import runs
    from core.workspace import datasets

    names = {row.id: row.name for row in datasets.listing(workspace)}
    return [_row(workspace, one, _as_stored(one), names) for one in runs.all_runs(workspace.store)]


def named(workspace: Workspace, run: str) -> RunRow:
    """The run of this id, or of the only id that begins so; `last` is the newest."""
    rows = listing(workspace)
    found = rows[:1] if run == "last" else [row for row in rows if row.id == run]
    found = found or [row for row in rows if row.id.startswith(run)]
    if len(found) == 1:
        return found[0]
    raise Misuse(
        _("there is no run “{name}”.").format(name=run)
        if not found
        else _("several runs begin with “{name}”.").format(name=run),
        advice=_("`sinsonte train list` lists them."),
    )


def look(workspace: Workspace, run: str) -> RunRow:
    """One run as it stands now; nothing is written, so a screen may ask twice a second."""
    from core.store import runs
    from core.workspace import datasets

    one = runs.find(workspace.store, run)
    if one is None:
        raise Misuse(_("there is no run “{name}”.").format(name=run))
    folder = workspace.folder / one.folder
    now = _told(one, folder) if folder.is_dir() else _as_stored(one)
    row = _row(workspace, one, now, {made.id: made.name for made in datasets.listing(workspace)})
    return replace(row, state=now.state.value, attempt=now.attempt, step=now.step, steps=now.steps, pid=now.pid or None)


def take_in(workspace: Workspace) -> None:
    """Take in what the runs under way have to tell; whoever is attached does so every few seconds."""
    from core.store import runs

    for one in runs.unfinished(workspace.store):
        _refreshed(workspace, one)


def active(workspace: Workspace) -> int:
    """How many runs are under way, as far as the store knows; a screen polls this."""
    from core.store import runs

    return sum(one.state in UNDER_WAY for one in runs.unfinished(workspace.store))


def follow(workspace: Workspace, run: str, since: int = 0) -> Iterator[EventRow]:
    """Every event of the run after `since`, as it comes, until the run is over or rests."""
    from core import training

    row = named(workspace, run)
    for event in training.follow(row.folder, since):
        yield EventRow(event.seq, event.attempt, event.at, event.kind, dict(event.fields))
    refresh(workspace, row.id)


def refresh(workspace: Workspace, run: str) -> None:
    """Take in what the run's folder says, into the store."""
    from core.store import runs

    found = runs.find(workspace.store, run)
    if found is not None:
        _refreshed(workspace, found)


def pause(workspace: Workspace, run: str) -> None:
    """Ask for a checkpoint and a rest."""
    from core import training

    row = named(workspace, run)
    if not training.pause(row.folder):
        raise Misuse(_("run {id} is not running.").format(id=row.id))


def cancel(workspace: Workspace, run: str) -> None:
    """Ask for a checkpoint and the end."""
    from core import training

    row = named(workspace, run)
    if not training.cancel(row.folder):
        from core.workspace import run_words

        raise Misuse(_("run {id} has ended already: {state}.").format(id=row.id, state=run_words.state(row.state)))
    refresh(workspace, row.id)


def resume(workspace: Workspace, run: str) -> None:
    """Go on from the newest checkpoint."""
    from core import training
    from core.store import runs

    row = named(workspace, run)
    training.resume(row.folder)
    with workspace.store.write() as change:
        runs.update(change, row.id, state="queued")  # until its first word


def _refreshed(workspace: Workspace, one: StoredRun) -> tuple[StoredRun, RunState]:
    """The run with what its folder says now, and what was new taken into the store."""
    from core.store import runs
    from core.training.events import FILE

    folder = workspace.folder / one.folder
    if not folder.is_dir():
        return one, _as_stored(one)
    log = folder / FILE
    size = log.stat().st_size if log.exists() else 0
    if one.state in ENDED and (one.model or one.state != "succeeded"):
        # It says nothing new, unless somebody resumed it; that changes the log.
        now = workspace.derived(f"run {one.id}", size, lambda: _told(one, folder))
    else:
        now = _told(one, folder)
    _take_in(workspace, one, folder)
    if (now.state.value, now.attempt, now.step, now.steps, now.pid) != (
        one.state,
        one.attempt,
        one.step,
        one.steps,
        one.pid or 0,
    ):
        with workspace.store.write() as change:
            runs.update(
                change,
                one.id,
                state=now.state.value,
                attempt=now.attempt,
                step=now.step,
                steps=now.steps,
                pid=now.pid or None,
            )
    if now.state.value == "succeeded" and not one.model:
        try:
            _register(workspace, one, folder)
        except Problem as problem:  # its weights are gone: the others are shown all the same
            now = replace(now, problem=problem.what, advice=problem.advice)
    return runs.find(workspace.store, one.id) or one, now


def _told(one: StoredRun, folder: Path) -> RunState:
    from core import training

    try:
        return training.state(folder)
    except Problem as problem:
        # One folder that cannot be read is no reason to show none of the others.
        return replace(_as_stored(one), problem=problem.what, advice=problem.advice)


def _as_stored(one: StoredRun) -> RunState:
    from core.training import RunState, State

    return RunState(State(one.state), attempt=one.attempt, step=one.step, steps=one.steps)


def _take_in(workspace: Workspace, one: StoredRun, folder: Path) -> None:
    """Put into the store what the log has since the newest event there. Two processes may do so at once: an event that
    is there stays as it is."""
    from core.store import events
    from core.training.events import FILE
    from core.training.history import History

    newest = events.newest(workspace.store, one.id)
    fresh = History(folder / FILE).page(newest.seq + 1 if newest else 1, _AT_ONCE)
    if fresh:
        with workspace.store.write() as change:
            events.ingest(
                change,
                one.id,
                [
                    events.StoredEvent(event.attempt, event.seq, event.at, _whole(event.kind), _body(event.fields))
                    for event in fresh
                ],
            )


def _body(fields: Mapping[str, Any]) -> str:
    """The fields as JSON that a database takes: a log is anybody's, and Python reads more than JSON has."""
    try:
        text = json.dumps(dict(fields), ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(fields), ensure_ascii=False)
    return _whole(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    return [_finite(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to SQLite


def _register(workspace: Workspace, one: StoredRun, folder: Path) -> None:
    from core.store import runs
    from core.training import backends
    from core.workspace import cloud, datasets, models

    if backends.place(folder)["backend"] == cloud.BACKEND:
        name = cloud.register(workspace, one.id, one.dataset_id, one.base, folder)
        with workspace.store.write() as change:
            runs.update(change, one.id, model=name)
        return
    dataset = next((row for row in datasets.listing(workspace) if row.id == one.dataset_id), None)
    persona = str(dataset.recipe.get("persona", "")) if dataset else ""
    taken = {row.name for row in models.listing(workspace)}
    stem = _as_name(persona) or "model"
    if dataset is None:
        stem = "corrected"
    name = next(two for n in range(1, 10_000) if (two := stem if n == 1 else f"{stem}-{n}") not in taken)
    models.register(workspace, name, one.id, one.dataset_id, one.base, folder)
    with workspace.store.write() as change:
        runs.update(change, one.id, model=name)


def _as_name(text: str) -> str:
    import re
    import unicodedata

    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-")[:40]


def _row(workspace: Workspace, one: StoredRun, now: RunState, names: Mapping[int, str]) -> RunRow:
    from core.workspace import models

    options: dict[str, Any] = json.loads(one.options)
    end = models.end_of(workspace, one.model or one.base, str(options.get("shutdown", "")))
    return RunRow(
        one.id,
        one.state,
        one.attempt,
        one.step,
        one.steps,
        one.pid,
        workspace.folder / one.folder,
        names.get(one.dataset_id or 0, ""),
        one.backend,
        one.base,
        one.model or None,
        datetime.fromtimestamp(one.created_at, UTC).astimezone().isoformat(timespec="seconds"),
        options,
        end.said() if end is not None else "",
        end.left() if end is not None else None,
        now,
    )
