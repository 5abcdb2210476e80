"""One run, live: its figures, a curve, and the event log, which can be filtered, searched and held still.

The run is not this screen's child: it is looked at twice a second, in a worker, and goes on whether anybody looks or
not. What is repainted is what changed: the curve by cells, the figures by columns, the log when it grew and is not held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText
from core.workspace import run_words
from tui.commands import Command
from tui.lines import said
from tui.screens.place import Heading
from tui.screens.runs.figures import LogTitle, Progress, RunFigures
from tui.screens.runs.painting import LIT, paint_event, whole
from tui.screens.runs.watching import WatchingScreen
from tui.widgets.plot import Plot, Series, plain
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.refused import RefusedLine
    from core.workspace.run_logs import Curves, RunLog
    from core.workspace.runs import RunRow

# What the log can show, in the order of the key; the names are those of core.workspace.run_logs.KINDS.
FILTERS: Final = {
    "all": N_("everything"), "story": N_("without figures"), "samples": N_("samples"), "validations": N_("validations"),
    "steps": N_("steps"), "problems": N_("problems"),
}  # fmt: skip
# What the curve can show, in the order of the key: the title, and how the axis is written.
CURVES: Final[dict[str, tuple[str, Callable[[float], str]]]] = {
    "loss": (N_("loss: training ⣀, held-out ●"), plain),
    "learning_rate": (N_("learning rate"), lambda value: f"{value:.1e}" if value else "0"),
    "speed": (N_("tokens a second"), run_words.count),
    "memory": (N_("memory"), run_words.size),
    "gradient": (N_("size of the gradient"), plain),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the run has found."""

    row: RunRow
    grew: bool  # the log, or what of it is asked for
    refused: RefusedLine | None


class RunScreen(WatchingScreen[Look]):
    """The screen of one run."""

    PLACE = "runs"
    EVERY = 0.5  # two repaints a second at most
    DEFAULT_CSS = """
    RunScreen Plot { height: 2fr; }
    RunScreen #log { height: 2fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,left", "back", N_("runs"), id="run.back"),
        Binding("p", "pause", N_("pause"), id="run.pause"),
        Binding("r", "resume", N_("resume"), id="run.resume"),
        Binding("x", "cancel", N_("cancel"), id="run.cancel"),
        Binding("o", "open", N_("the refused conversation"), id="run.open"),
        Binding("C", "checkpoints", N_("checkpoints"), id="run.checkpoints", show=False),
        Binding("c", "curve", N_("next curve"), id="run.curve"),
        Binding("f", "filter", N_("filter"), id="run.filter"),
        Binding("slash", "search", N_("search"), id="run.search"),
        Binding("z", "hold", N_("hold the log"), id="run.hold"),
    ]

    class Done(Message):
        """An act was done: what to say."""

        def __init__(self, text: SafeText) -> None:
            super().__init__()
            self.text = text

    def __init__(self, row: RunRow) -> None:
        super().__init__()
        self.row = row
        self._curve = "loss"
        self._held = False
        self._log: RunLog | None = None
        self._curves: Curves | None = None
        self._asked: tuple[str, str] = ("all", "")
        self._refused: RefusedLine | None = None  # what its provider would not take

    def body(self) -> Iterable[Widget]:
        yield Progress(id="progress")
        yield RunFigures(id="figures")
        yield Plot(id="plot")
        yield LogTitle(id="log-title")
        yield RowList[Any](paint_event, lit=LIT, id="log", empty=SafeText(_("Nothing yet.")))

    def on_mount(self) -> None:
        self._show_row()
        super().on_mount()

    # Looking

    def read(self) -> Look:
        from core.workspace import refused, run_logs, runs

        asked = self._asked
        row = runs.look(self.workbench.workspace, self.row.id)
        if self._curves is None:
            self._curves = run_logs.Curves(row)
        self._curves.grow()
        log = self._log
        if log is None or (log.kinds, log.words) != asked:
            log = run_logs.RunLog(row, *asked)
            log.look()
            grew = True
        else:
            # Each look goes some way back through a long log, until all that was asked for is found.
            older = log.count()
            log.look()
            grew = log.grow() or log.count() != older
        self._log = log
        return Look(row, grew, refused.of_run(self.workbench.workspace, row) if grew else self._refused)

    def take(self, found: Look) -> None:
        before, self.row = self.row, found.row
        could, self._refused = self._refused, found.refused
        self._show_row()
        self._show_curve()
        if self._log is not None and (self._log.kinds, self._log.words) != self._asked:
            self.look()  # another filter was asked for meanwhile
        elif found.grew:
            self._show_log()
        if before.state != self.row.state or could != self._refused:
            self.refresh_bindings()

    # Showing

    def _show_row(self) -> None:
        row = self.row
        what = " · ".join(part for part in (row.learns, row.base, row.backend, row.ends) if part)
        self.query_one(Heading).show(said(_("Run {id}"), id=row.id), said("{what}", what=what))
        progress, figures = self.query_one(Progress), self.query_one(RunFigures)
        progress.row = figures.row = row
        figures.best = self._curves["validation"].best if self._curves is not None else None
        progress.redraw()
        figures.redraw()

    def _show_curve(self) -> None:
        if self._curves is None:
            return
        title, words = CURVES[self._curve]
        one = self._curves[self._curve]
        series = [
            Series(one.steps, one.values, lambda palette: palette.faint),
            Series(one.steps, one.smoothed(), lambda palette: palette.others[0]),
        ]
        if self._curve == "loss":
            held_out = self._curves["validation"]
            series.append(Series(held_out.steps, held_out.values, lambda palette: palette.accent, SafeText("●")))
        self.query_one(Plot).show(
            series,
            end=float(self._curves.steps),
            words=words,
            title=SafeText(_(title)),
            empty=SafeText(_("No figures yet.")),
        )

    def _show_log(self) -> None:
        row_list: RowList[Any] = self.query_one("#log", RowList)
        log = self._log
        if log is None:
            return
        if not self._held:
            row_list.show(log, max(0, log.count() - 1))
        self._show_title()

    def _show_title(self) -> None:
        title = self.query_one(LogTitle)
        kinds, words = self._asked
        shows = said(_("Log: {kinds}"), kinds=_(FILTERS[kinds]))
        title.shows = (
            said("{shows} · {words}", shows=shows, words=_("“{words}”").format(words=words)) if words else shows
        )
        title.state = SafeText(_("held; z lets it run on") if self._held else "")
        title.redraw()

    # Acts on the view

    def action_back(self) -> None:
        self.dismiss()

    def action_curve(self) -> None:
        names = list(CURVES)
        self._curve = names[(names.index(self._curve) + 1) % len(names)]
        self._show_curve()

    def action_filter(self) -> None:
        names = list(FILTERS)
        self._ask(names[(names.index(self._asked[0]) + 1) % len(names)], self._asked[1])

    def action_search(self) -> None:
        from tui.screens.ask import AskDialog

        dialog = AskDialog(SafeText(_("Show the lines of the log with these words (none: all).")), value=self._asked[1])
        self.app.push_screen(dialog, lambda words: None if words is None else self._ask(self._asked[0], words.strip()))

    def _ask(self, kinds: str, words: str) -> None:
        self._asked, self._held = (kinds, words), False
        self._show_title()
        self.look()

    def action_hold(self) -> None:
        self._held = not self._held
        self._show_log()

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        # Whoever looks at a line above the last one wants it to stay where it is.
        held = event.index < event.row_list.count - 1
        if held != self._held:
            self._held = held
            self._show_title()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        from tui.screens.text import TextDialog

        row = event.row_list.row
        if row is not None:
            self.app.push_screen(TextDialog(*whole(row)))

    # Acts on the run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "pause":
                return self.row.now.pausable
            case "cancel":
                return self.row.state in ("queued", "running", "pausing", "paused")
            case "resume":
                return self.row.now.resumable
            case "open":
                return self._refused is not None
            case "checkpoints":
                return bool(self.row.now.checkpoint)
            case _:
                return True

    def action_open(self) -> None:
        """The conversation of the line that the provider refused, at the reply."""
        if (line := self._refused) is None:
            return
        if line.fault.chat is None:
            text = said(_("Example {n} of “{dataset}” stands in no chat here."), n=line.fault.n, dataset=line.dataset)
            self.workbench.say(text)
        else:
            self.workbench.show_message(line.fault.chat, line.fault.message)

    def action_checkpoints(self) -> None:
        from core.workspace import checkpoints
        from tui.screens.runs.checkpoints import CheckpointsDialog

        def talk(models: tuple[str, ...] | None) -> None:
            if models:
                self.workbench.talk_to(*models)

        try:
            rows = checkpoints.of_run(self.workbench.workspace, self.row.id)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self.app.push_screen(CheckpointsDialog(rows, self.row.model or "", self.row.id), talk)

    def action_pause(self) -> None:
        question = _("Pause run {id}? It writes a checkpoint and stops; resuming goes on from there.")
        if self.row.at_provider:
            question = _("Pause run {id} at {where}? The provider keeps it as it stands; resuming goes on from there.")
        self._confirm(question, "pause")

    def action_cancel(self) -> None:
        question = _("Cancel run {id}? It writes a checkpoint first, so it could still be resumed.")
        if self.row.at_provider:
            question = _(
                "Cancel run {id} at {where} for good? What it has trained may be billed; it cannot be resumed."
            )
        self._confirm(question, "cancel")

    def action_resume(self) -> None:
        question = _("Resume run {id}? It goes on from its last checkpoint.")
        if self.row.at_provider:
            question = _("Resume run {id} at {where}? The provider goes on with it, and it is followed again.")
        self._confirm(question, "resume")

    def _confirm(self, question: str, act: str) -> None:
        from tui.screens.confirm import ConfirmDialog

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(act)

        self.app.push_screen(ConfirmDialog(said(question, id=self.row.id, where=self.row.backend)), answered)

    @work(thread=True, group="act", name="act on a run", exit_on_error=False)
    def _do(self, act: str) -> None:
        from core.workspace import runs

        words = {
            "pause": _("It stops at the next step."),
            "cancel": _("It is being cancelled."),
            "resume": _("It goes on."),
        }
        try:
            {"pause": runs.pause, "cancel": runs.cancel, "resume": runs.resume}[act](
                self.workbench.workspace, self.row.id
            )
        except Problem as problem:
            self.app.call_from_thread(self.workbench.say_problem, problem)
        else:
            asked = said(_("{where} was asked; its answer shows in the log."), where=self.row.backend)
            self.post_message(self.Done(asked if self.row.at_provider else SafeText(words[act])))

    def on_run_screen_done(self, event: Done) -> None:
        self.workbench.say(event.text)
        self.look()

    def commands(self) -> Iterator[Command]:
        for act, title, key in (
            ("pause", _("Pause the run"), "p"),
            ("resume", _("Resume the run"), "r"),
            ("cancel", _("Cancel the run"), "x"),
            ("open", _("Open the conversation that the provider refused"), "o"),
            ("checkpoints", _("Show the checkpoints"), "C"),
        ):
            if self.check_action(act, ()):
                yield Command(SafeText(title), f"screen.{act}", key)
        yield Command(SafeText(_("Next curve")), "screen.curve", "c")
        yield Command(SafeText(_("Filter the log")), "screen.filter", "f")
        yield Command(SafeText(_("Search the log")), "screen.search", "/")
