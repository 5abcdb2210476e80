"""Long work: builds, checks, exports, in threads of their own, with progress, a time left, and a way to stop.

In: what is to be done, as a function that is given its `Work`. Out: a notice when it has ended, however it ended. Work
belongs to the workbench and not to a screen, so it goes on while one looks elsewhere; no key ever waits for it. What it
did not foresee is said and logged, and the workbench goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.style import Style

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from core.workspace import memory
from core.workspace.opening import Cancelled
from tui.figures import number
from tui.lines import NOTHING, SPACE, Line, said
from tui.themes import Palette
from tui.widgets.bars import Bar

if TYPE_CHECKING:
    from textual.worker import Worker

    from tui.app import Workbench

_SAY_EVERY: Final = 0.25  # seconds between two reports of progress
_SOON: Final = 1.0  # seconds before a time left is guessed
LASTING: float = 3.0  # seconds until a count is shown: what comes and goes with every key says nothing
_WIDTH: Final = 24
# What work is called where it is spoken of; a worker of another name is called by that.
NAMES: Final = {
    "build": N_("the build"), "check": N_("the check"), "export": N_("the export"), "compare": N_("the comparison"),
    "import": N_("the import"), "counters": N_("counting"), "preview": N_("the preview"),
    "find": N_("the search"), "delete": N_("the deletion"), "forget": N_("forgetting"),
    "private things": N_("the search for private things"), "rules": N_("the look at the rules"),
    "example": N_("reading the example"),
}  # fmt: skip


@dataclass
class Work:
    """One piece of work under way. `progress` and `cancelled` are for its thread."""

    name: str
    title: SafeText
    tell: Callable[[Work], None]
    done: int = 0
    total: int = 0
    started: float = field(default_factory=time.monotonic)
    stopped: bool = False
    _said: float = 0.0

    def progress(self, done: int, total: int) -> None:
        """So much is done; raises `Cancelled` once it was stopped."""
        if self.stopped:
            raise Cancelled
        self.done, self.total = done, total
        if (now := time.monotonic()) - self._said >= _SAY_EVERY:
            self._said = now
            self.tell(self)

    def cancelled(self) -> bool:
        """Whether it was stopped."""
        return self.stopped

    def left(self) -> float | None:
        """About how many seconds it will still take; None while that is anybody's guess."""
        return guessed(time.monotonic() - self.started, self.done, self.total)


class Works:
    """What is under way."""

    def __init__(self, app: Workbench) -> None:
        self._app = app
        self._under_way: dict[str, tuple[Work, Worker[Any] | None]] = {}

    @property
    def first(self) -> Work | None:
        """The one that the bar shows."""
        return next((work for work, _worker in self._under_way.values()), None)

    def begin(self, name: str, title: SafeText, do: Callable[[Work], SafeText], then: Callable[[], None]) -> bool:
        """Do this beside the keys; what it returns is said when it is done, and `then` is called. One of a name at a
        time."""
        if name in self._under_way:
            self._app.say(said(_("{work} is still going on; esc stops it."), work=name_of(name)), "warning")
            return False
        work = Work(name, title, lambda one: self._app.call_from_thread(self._app.show_work, one))

        def run() -> None:
            try:
                words, severity = do(work), "information"
            except Cancelled:
                words, severity = SafeText(_("Stopped; nothing of it was kept.")), "warning"
            except Problem as problem:
                words, severity = shown_in_line(str(problem)), "error"
            memory.give_back(self._app.workspace)  # a check of 130,000 examples leaves 90 MB behind
            self._app.call_from_thread(self._ended, name, words, severity, then)

        worker = self._app.run_worker(run, name=name, group=name, thread=True, exit_on_error=False)
        self._under_way[name] = (work, worker)
        self._app.show_work(work)
        return True

    @contextmanager
    def aside(self, name: str, title: SafeText) -> Iterator[Work]:
        """Work that a worker of its own does, in its thread: the bar has it when it has lasted a while, and not before."""

        def tell(one: Work) -> None:
            if time.monotonic() - one.started > LASTING:
                self._under_way.setdefault(name, (one, None))
                self._app.call_from_thread(self._app.show_work, self.first)

        work = Work(name, title, tell)
        try:
            yield work
        finally:
            if (shown := self._under_way.get(name)) is not None and shown[0] is work:
                del self._under_way[name]
                if self._app.is_running:
                    self._app.call_from_thread(self._app.show_work, self.first)

    def stop(self) -> None:
        """Stop what the bar shows."""
        if (work := self.first) is not None:
            work.stopped = True

    def _ended(self, name: str, words: SafeText, severity: str, then: Callable[[], None]) -> None:
        self._under_way.pop(name, None)
        self._app.show_work(self.first)
        self._app.look_for_changes()
        then()
        self._app.say(words, severity)

    def lost(self, worker: Worker[Any]) -> None:
        """This worker ended in a way that nobody foresaw."""
        for name, (_work, its) in list(self._under_way.items()):
            if its is worker:
                del self._under_way[name]
        self._app.show_work(self.first)


def guessed(spent: float, done: int, total: int) -> float | None:
    """About how many seconds the rest will take after so many; None while that is anybody's guess."""
    if not done or not total or spent < _SOON:
        return None
    return spent / done * max(0, total - done)


def name_of(worker: str) -> str:
    """A worker as a person calls it."""
    return _(NAMES[worker]) if worker in NAMES else worker


def time_left(seconds: float) -> str:
    """2 min left."""
    if seconds >= 5400:
        return _("{n} h left").format(n=number(round(seconds / 3600)))
    if seconds >= 90:
        return _("{n} min left").format(n=number(round(seconds / 60)))
    return _("{n} s left").format(n=number(round(seconds)))


class WorkBar(Bar):
    """How far the work is; an empty line while there is none, which keeps its place: a bar that took one when it came
    moved every line beneath it, 10 KB."""

    def __init__(self) -> None:
        super().__init__(id="work")
        self._work: Work | None = None

    def show(self, work: Work | None) -> None:
        """Take the work of now."""
        self._work = work
        self.redraw()

    def ground(self, palette: Palette) -> Style:
        return palette.ground

    def draw(self, palette: Palette, width: int) -> Line:
        work = self._work
        if work is None:
            return []
        return [
            *progress_cells(work.done, work.total, palette),
            (work.title, palette.text),
            (left_of(work.left()), palette.muted),
            (SafeText("   " + _("esc stops it")), palette.muted),
        ]


def progress_cells(done: int, total: int, palette: Palette) -> Line:
    """━━━━━━━━ 33 %, as every bar begins."""
    share = done / total if total else 0.0
    full = round(_WIDTH * min(1.0, share))
    return [
        (SPACE, palette.text),
        (SafeText("━" * full), palette.accent),
        (SafeText("━" * (_WIDTH - full)), palette.faint),
        (said(" {percent} %  ", percent=f"{share * 100:3.0f}"), palette.text),
    ]


def left_of(seconds: float | None) -> SafeText:
    """The time left, with the space before it, where it can be guessed."""
    return NOTHING if seconds is None else said("   {left}", left=time_left(seconds))
