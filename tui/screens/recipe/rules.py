"""The cleaning rules and the masks: how many messages each touches, the first of them, and a key to switch it.

A dialog over the recipe screen, whose counters go on beneath. What is shown comes by a worker, so that no key waits for
it; private things are counted in another one, since every text is read for that, with a time left, and esc stops it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.worker import Worker, get_current_worker

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from core.workspace.opening import Cancelled
from tui.figures import number
from tui.lines import NOTHING, Line, fitted, said
from tui.screens.choose import Detail
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList
from tui.work import Work, WorkBar

if TYPE_CHECKING:
    from core.workspace.opening import Workspace
    from core.workspace.rules import SwitchRow
    from tui.app import Workbench

_LIT = 18
_SOON = 1.0  # seconds until the count of private things is shown
_WORDS = 200  # characters of each example


class Switches:
    """Rules and masks as rows."""

    def __init__(self, rows: Sequence[SwitchRow]) -> None:
        self.switches = list(rows)

    def count(self) -> int:
        return len(self.switches)

    def rows(self, first: int, n: int) -> Sequence[SwitchRow]:
        return self.switches[first : first + n]


def paint_switch(row: SwitchRow, before: SwitchRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """On or off, the name, how many it touches, what it is about."""
    ground = palette.chosen if chosen else palette.ground
    own: Line = [
        (SafeText("▌" if chosen else " "), ground + palette.accent),
        (SafeText("● " if row.on else "○ "), ground + (palette.good if row.on else palette.muted)),
        (fitted(said("{name}", name=row.name), _LIT - 3), ground + palette.text),
        (fitted(SafeText("…" if row.count is None else number(row.count)), 9, right=True), palette.text),
        (said("  {meaning}", meaning=row.meaning), palette.muted),
    ]
    above: list[Line] = []
    if before is None or before.private != row.private:
        title = _("masked in what is kept") if row.private else _("left out")
        above = [[(said(" {title}", title=title), palette.strong)]]
    return Painted([own], above)


class RulesDialog(ModalScreen[None]):
    """The list of switches. `type_value` asks for a parameter that no key can switch."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h,left", "leave", N_("back"), id="dialog.back"),
        Binding("space", "choose", N_("switch"), id="rules.switch"),
    ]

    def __init__(self, workspace: Workspace, type_value: Callable[[str], None]) -> None:
        super().__init__(classes="dialog tall wide")
        self._workspace = workspace
        self._type_value = type_value
        self._under_way: Work | None = None  # the count of private things

    @property
    def workbench(self) -> Workbench:
        """The app, as what it is."""
        return cast("Workbench", self.app)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(SafeText(_("reading the messages…")), id="rules-said")
            yield RowList[Any](paint_switch, lit=_LIT, id="rules")
            yield Detail()
            yield WorkBar()
            yield Plain(SafeText(_("⏎ on or off   esc back")))

    def on_mount(self) -> None:
        self.query_one(WorkBar).display = False
        self.call_after_refresh(self._look)
        self._count()

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._look()

    @work(thread=True, exclusive=True, group="rules", name="rules", exit_on_error=False)
    def _look(self) -> None:
        counting, worker = self.workbench.counting, get_current_worker()
        try:
            rows = counting.rules()
            kept = counting.counters().messages
        except Problem as problem:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._say, shown_in_line(str(problem)))
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._show, rows, kept)

    def _say(self, text: SafeText) -> None:
        if self.is_attached:
            self.query_one("#rules-said", Plain).show(text)

    def _show(self, rows: Sequence[SwitchRow], kept: int) -> None:
        if not self.is_attached:
            return
        row_list: RowList[SwitchRow] = self.query_one("#rules", RowList)
        source = row_list.source
        if isinstance(source, Switches) and source.count() == len(rows):
            for index, (was, now) in enumerate(zip(source.switches, rows, strict=True)):
                if was != now:
                    source.switches[index] = now
                    row_list.repaint_row(index)
        else:
            row_list.show(Switches(rows))
        told = ngettext("{n} message is kept.", "{n} messages are kept.", kept).format(n=number(kept))
        self._say(SafeText(told + "\n"))
        self._tell()

    @work(thread=True, exclusive=True, group="private", name="private things", exit_on_error=False)
    def _count(self) -> None:
        worker = get_current_worker()

        def tell(one: Work) -> None:
            if time.monotonic() - one.started > _SOON:
                self.app.call_from_thread(self._show_work, one)

        under_way = Work("private things", SafeText(_("looking for private things")), tell)
        self._under_way = under_way

        def go_on(done: int, total: int) -> None:
            if worker.is_cancelled:
                raise Cancelled
            under_way.progress(done, total)

        try:
            self.workbench.counting.count_private(go_on)
        except (Cancelled, Problem):
            if worker.is_cancelled:
                return  # the dialog was left, or another count has begun
        self.app.call_from_thread(self._counted, under_way)

    def _show_work(self, one: Work | None) -> None:
        if self.is_attached and (one is None or one is self._under_way):
            bar = self.query_one(WorkBar)
            bar.display = one is not None
            bar.show(one)

    def _counted(self, one: Work) -> None:
        if one is self._under_way:
            self._under_way = None
            self._show_work(None)
        if self.is_attached and not one.stopped:
            self._look()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        self.workbench.on_worker_state_changed(event)

    def on_row_list_rested(self) -> None:
        self._tell()

    def _tell(self) -> None:
        row: SwitchRow | None = self.query_one("#rules", RowList).row
        words = NOTHING
        said_ = [one for one in row.examples if one.strip()] if row is not None else []
        if said_:
            words = SafeText("\n".join(said(_("“{words}”"), words=one[:_WORDS]) for one in said_))
        elif row is not None and row.count == 0:
            words = SafeText(_("It touches nothing here."))
        self.query_one(Detail).show(words)

    def action_choose(self) -> None:
        self.query_one("#rules", RowList).action_choose()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        from core.workspace import rules

        row: SwitchRow | None = event.row_list.row
        if row is None:
            return
        if row.typed:
            self._type_value(row.parameter)
            return
        try:
            rules.switch(self._workspace, row.name)
        except Problem as problem:
            self._say(shown_in_line(str(problem) + "\n"))
            return
        self.workbench.look_for_changes()
        self._look()
        self._count()

    def action_leave(self) -> None:
        if self._under_way is not None and self.query_one(WorkBar).display:
            self._under_way.stopped = True  # what the bar says of esc
            return
        self.workers.cancel_group(self, "private")
        self.dismiss(None)
