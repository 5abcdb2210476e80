"""The verbs about what lies at a provider: seeing it, and removing it one by one or by a filter that was looked at.

In: a profile's name. Out: rows that say how large, how old, whose, and which run of this workspace knows them. Nothing
is removed but rows that were named or that a filter found, what a run under way needs is never removed, and each thing
that was removed is written down.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args

from core.language import _, ngettext
from core.problem import Misuse, Problem, Refused
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.endpoints import Beside, Countdown, Profile, Provider
    from core.endpoints.account import Thing
    from core.store.removals import StoredRemoval

Answer = TypeVar("Answer")
WHATS: Final = ("files", "models", "jobs")
_DAY: Final = 86_400
_LOOK: Final = 0.1  # seconds between two looks at whether somebody gave up


@dataclass(frozen=True, slots=True)
class ThingRow:
    """One thing at the provider, with what this workspace knows of it."""

    thing: Thing
    run: str  # the run of this workspace that it belongs to; "" if none knows it
    in_use: bool  # that run goes on
    ends: str  # a model's countdown
    age: int  # days

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        one = self.thing
        return {
            "what": one.what,
            "id": one.id,
            "name": one.name,
            "bytes": one.size,
            "created_at": one.created_at,
            "age_days": self.age,
            "owner": one.owner,
            "status": one.status,
            "purpose": one.purpose,
            "ends": self.ends,
            "run": self.run or None,
            "known": bool(self.run),
            "in_use": self.in_use,
        }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which things; what is not given does not narrow."""

    ids: tuple[str, ...] = ()
    named: str = ""  # a pattern with * and ?, for the id or the name
    purpose: str = ""
    older_than: int | None = None  # days
    unknown: bool = False  # only what no run of this workspace knows

    @property
    def empty(self) -> bool:
        """Whether it would let everything through."""
        return self == Filter()

    def fits(self, row: ThingRow) -> bool:
        """Whether a thing is meant."""
        one = row.thing
        return (
            (not self.ids or one.id in self.ids)
            and (not self.named or fnmatchcase(one.id, self.named) or fnmatchcase(one.name, self.named))
            and (not self.purpose or one.purpose == self.purpose)
            and (self.older_than is None or row.age >= self.older_than)
            and (not self.unknown or not row.run)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What the account may still do."""

    told: Mapping[str, Any] | None  # the server's own words, in whatever form; None where it does not say
    last_job: str  # the provider's announced last day for new jobs; "" if there is none
    ends: Sequence[tuple[str, str]]  # bases that can be tuned, with their countdown
    abilities: Sequence[str]

    def lines(self) -> list[str]:
        """The same for people; the server's own words as they come, not yet safe to show."""
        lines = [_("can: {abilities}").format(abilities=", ".join(self.abilities))]
        if self.last_job:
            lines.append(_("last day for a new job: {day}").format(day=self.last_job))
        lines += [f"{model}: {ends}" for model, ends in self.ends]
        if not self.told:
            return [*lines, _("the server does not say its limits")]
        lines.append(_("limits as the server says them:"))
        entries = self.told.get("data")
        if not isinstance(entries, list):
            entries = [self.told]
        return lines + [f"  {_flat(one)}" for one in cast("list[Any]", entries)]

    def as_json(self) -> dict[str, Any]:
        """The same for `--json`."""
        return {
            "model_limits": self.told,
            "last_job": self.last_job or None,
            "ends": dict(self.ends),
            "abilities": list(self.abilities),
        }


def _flat(told: Any) -> str:
    """An entry of a server's own as words; what is no plain figure in it stays as it was sent."""
    import json

    if not isinstance(told, dict):
        return json.dumps(told, ensure_ascii=False)
    table = cast("dict[str, Any]", told)
    return " · ".join(
        f"{key}: {value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)}"
        for key, value in table.items()
    )


class GivenUp(Problem):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one waits for a provider: what is told meanwhile, and whether somebody has given up."""

    tell: Countdown | None = None
    stop: Callable[[], bool] = lambda: False
    beside: Beside | None = None  # asks for us; else it is asked from this process

    @contextmanager
    def asking(self, profile: Profile) -> Generator[Provider]:
        """Whom to ask."""
        from core import endpoints

        if self.beside is not None:
            yield self.beside.provider(profile)
            return
        with endpoints.here(profile) as provider:
            yield provider

    def ask(self, request: Callable[[], Answer], profile: Profile) -> Answer:
        """The answer, tried three times where another try can help."""
        from core import endpoints

        return endpoints.call(request, profile, tries=3, tell=self.tell, stop=self.stop)

    def look(self, request: Callable[[], Answer], profile: Profile) -> Answer:
        """The same for what changes nothing there: whoever gives up, or ends the program, waits for no silent server."""
        return self.ask(lambda: self._unless_given_up(request), profile)

    def _unless_given_up(self, request: Callable[[], Answer]) -> Answer:
        heard: Future[Answer] = Future()

        def ask() -> None:
            try:
                heard.set_result(request())
            except Exception as error:  # noqa: BLE001 - it is raised again where it is waited for
                heard.set_exception(error)

        Thread(target=ask, name="provider", daemon=True).start()
        while not wait([heard], _LOOK).done:
            if self.stop():
                raise GivenUp(_("the provider was not waited for."))
        return heard.result()


AT_ONCE: Final = Patience()  # says nothing, and never gives up before its time


def beside(workspace: Workspace) -> Beside:
    """The process that asks providers for a program that lives long; it starts when something is asked."""
    from core import endpoints

    return endpoints.Beside(workspace.folder / "logs")


def things(workspace: Workspace, profile_name: str, what: str, patience: Patience = AT_ONCE) -> list[ThingRow]:
    """Everything of a kind that the account has, the newest first."""
    from core import endpoints
    from core.endpoints import account, retirement
    from core.store import runs
    from core.training.backends.openai.request import MARK
    from core.workspace import checks

    if what not in get_args(account.What):
        raise Misuse(
            _("there is nothing called “{what}” at a provider.").format(what=what),
            advice=_("There are: {names}.").format(names=", ".join((*WHATS, "limits"))),
        )
    profile = endpoints.profile_of(workspace.settings, profile_name)
    with patience.asking(profile) as provider:
        found = patience.look(lambda: provider.listed(cast("account.What", what), MARK), profile)
    known, busy = _known(workspace, profile_name)
    ids = {run.id for run in runs.all_runs(workspace.store)}
    prices = checks.price_list(workspace)
    now = time.time()
    rows: list[ThingRow] = []
    for one in found:
        end = retirement.end_of(profile, one.id, prices, one.ends) if what == "models" else None
        run = known.get(one.id) or next((name for name in ids if name in (one.run, _noted(one.name))), "")
        age = max(0, int(now - one.created_at) // _DAY) if one.created_at else 0
        rows.append(ThingRow(one, run, run in busy, end.said() if end else "", age))
    return rows


def _noted(name: str) -> str:
    """The run in the name of a file that one of ours uploaded, though its answer may have been lost."""
    found = re.fullmatch(r"sinsonte-(.+)-(?:train|validation)\.jsonl", name)
    return found[1] if found else ""


def _known(workspace: Workspace, profile_name: str) -> tuple[dict[str, str], set[str]]:
    """Which run each id at the provider belongs to, and the runs that still go on."""
    import json

    from core.store import events, models, runs
    from core.training.backends.openai import wanted

    known: dict[str, str] = {}
    busy: set[str] = set()
    for run in runs.all_runs(workspace.store):
        folder = workspace.folder / run.folder
        if not (folder / wanted.FILE).is_file() or wanted.read(folder).profile != profile_name:
            continue
        has = wanted.reached(folder)
        known |= {one: run.id for one in (has.training_file, has.validation_file, has.job) if one}
        for event in events.of_kind(workspace.store, run.id, "checkpoint"):
            known[str(json.loads(event.body).get("model"))] = run.id
        if run.state not in runs.ENDED:
            busy.add(run.id)
    for model in models.all_models(workspace.store):
        if model.kind == "remote" and model.name.startswith(f"{profile_name}:"):
            known[model.name.partition(":")[2]] = model.run_id or ""
    return {one: run for one, run in known.items() if run}, busy


def limits(workspace: Workspace, profile_name: str, patience: Patience = AT_ONCE) -> Limits:
    """What can be asked about what the account may do, and what is known of the ends."""
    from core import endpoints
    from core.endpoints import retirement
    from core.workspace import checks

    profile = endpoints.profile_of(workspace.settings, profile_name)
    prices = checks.price_list(workspace)
    with patience.asking(profile) as provider:
        told = patience.look(provider.limits, profile)
        models = patience.look(lambda: provider.listed("models"), profile)
    ends: dict[str, str] = {}
    for one in models:
        end = retirement.end_of(profile, one.id, prices, one.ends)
        if end is not None:
            ends[one.id] = end.said()
    last = retirement.last_job(profile)
    return Limits(told, last.isoformat() if last else "", sorted(ends.items()), sorted(profile.abilities))


def chosen(rows: Sequence[ThingRow], which: Filter) -> list[ThingRow]:
    """What a removal would take; a Misuse where nothing narrows it, or where a name is not there."""
    if which.empty:
        raise Misuse(
            _("nothing says which of them."),
            advice=_("Name ids, or narrow with --named, --purpose, --older-than or --unknown."),
        )
    there = {row.thing.id for row in rows}
    for one in which.ids:
        if one not in there:
            raise Misuse(_("there is no {id}.").format(id=one), advice=_("List them first: the id stands in front."))
    found = [row for row in rows if which.fits(row)]
    for row in found:
        if row.thing.id in which.ids:
            _refuse(row)
    return [row for row in found if row.thing.ours and not row.in_use]


def _refuse(row: ThingRow) -> None:
    if not row.thing.ours:
        raise Refused(_("{id} is the provider's own model.").format(id=row.thing.id))
    if row.in_use:
        raise Refused(
            _("{id} belongs to run {run}, which goes on.").format(id=row.thing.id, run=row.run),
            advice=_("Cancel the run first, or wait for its end."),
        )


def remove(
    workspace: Workspace,
    profile_name: str,
    rows: Sequence[ThingRow],
    progress: Callable[[int, int], None] | None = None,
    patience: Patience = AT_ONCE,
) -> list[tuple[ThingRow, Problem]]:
    """Delete these, one after the other; what was deleted is written down at once. Returns those that failed; when
    somebody gives up, the rest stays."""
    from core import endpoints
    from core.store import models, removals

    profile = endpoints.profile_of(workspace.settings, profile_name)
    failed: list[tuple[ThingRow, Problem]] = []
    with patience.asking(profile) as provider:
        for n, row in enumerate(rows, 1):
            if patience.stop():
                break  # what is not gone by now stays
            _refuse(row)
            try:
                patience.ask(lambda row=row: provider.delete(row.thing), profile)
            except endpoints.Failure as failure:
                # Gone already (a lost answer, another hand) is what was wanted.
                if failure.kind != "missing":
                    failed.append((row, failure))
                    if failure.kind in ("key", "forbidden", "quota", "unreachable") or patience.stop():
                        break
                    continue
            one = row.thing
            with workspace.store.write() as change:
                removals.add(
                    change,
                    removals.StoredRemoval(profile_name, one.what, one.id, one.name, one.size, one.created_at, row.run),
                )
                if one.what == "models":
                    models.delete(change, f"{profile_name}:{one.id}")
            if progress is not None:
                progress(n, len(rows))
    return failed


def removed(workspace: Workspace, profile_name: str | None = None) -> list[StoredRemoval]:
    """The record of what was deleted, the newest first."""
    from core.store import removals

    return removals.all_removals(workspace.store, profile_name)


def removed_cells(row: StoredRemoval) -> tuple[str, ...]:
    """A removal as a line of the record: when, what, its id, its name, its size."""
    from core.workspace import run_words

    when = datetime.fromtimestamp(row.at, UTC).astimezone().isoformat(" ", "minutes")[:16]
    kind = {"files": _("file"), "models": _("model")}.get(row.what, row.what)
    return when, kind, row.remote_id, row.name or "—", run_words.size(row.size) if row.size else "—"


def headings(what: str) -> list[str]:
    """What stands over the columns of `cells`."""
    return {
        "files": ["id", _("name"), _("purpose"), _("size"), _("age"), _("run")],
        "models": ["id", _("owner"), _("age"), _("run"), _("until")],
        "jobs": ["id", _("base"), _("state"), _("age"), _("owner"), _("run")],
    }[what]


def cells(row: ThingRow) -> tuple[str, ...]:
    """A thing as a row of its list: the same on the screen and on the command line. Not yet safe to show."""
    from core.workspace import run_words

    one, run = row.thing, row.run or "—"
    age = ngettext("{count} day", "{count} days", row.age).format(count=row.age)
    if one.what == "files":
        return one.id, one.name, one.purpose, run_words.size(one.size), age, run
    if one.what == "models":
        return one.id, one.owner, age, run, row.ends or "—"
    return one.id, one.name, one.status, age, one.owner, run
