"""All runs: where each stands, and the ways to start, open and compare them.

Shows at once what the store knows of them, and asks in a worker how they stand: a cluster or a provider takes its time.
Leaving the screen, or the workbench, changes nothing about a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from core.workspace.runs import UNDER_WAY
from tui.commands import Command
from tui.figures import number
from tui.lines import NOTHING, said
from tui.screens.place import Heading
from tui.screens.runs.painting import RunPainter, titles
from tui.screens.runs.watching import WatchingScreen
from tui.widgets.bars import Titles
from tui.widgets.row_list import Listed, RowList

if TYPE_CHECKING:
    from core.workspace.runs import RunRow


class RunsScreen(WatchingScreen["list[RunRow]"]):
    """The list."""

    PLACE = "runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("new run"), id="runs.new"),
        Binding("m", "mark", N_("mark to compare"), id="runs.mark"),
        Binding("c", "compare", N_("compare"), id="runs.compare"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._painter = RunPainter()
        self._rows: list[RunRow] | None = None

    def body(self) -> Iterable[Widget]:
        yield Titles(titles)
        yield RowList[Any](
            self._painter, id="runs", empty=SafeText(_("No runs yet: a dataset is needed, then n starts one."))
        )

    def on_mount(self) -> None:
        from core.workspace import runs

        # As the store knows them, so that the next key finds them; how they stand is asked for then.
        try:
            self.take(runs.known(self.workbench.workspace))
        except Problem as problem:
            self.workbench.say_problem(problem)
        super().on_mount()

    def read(self) -> list[RunRow]:
        from core.workspace import runs

        return runs.listing(self.workbench.workspace)

    def take(self, found: list[RunRow]) -> None:
        if found == self._rows:
            return
        row_list: RowList[RunRow] = self.query_one("#runs", RowList)
        here = row_list.row
        place = next((at for at, row in enumerate(found) if here is not None and row.id == here.id), None)
        self._rows = found
        row_list.show(Listed(found), place)
        self.query_one(Titles).display = bool(found)
        under_way = sum(row.state in UNDER_WAY for row in found)
        words = [
            ngettext("{n} run", "{n} runs", len(found)).format(n=number(len(found))),
            ngettext("{n} under way", "{n} under way", under_way).format(n=number(under_way)),
        ]
        self.query_one(Heading).show(SafeText(_("Runs")), SafeText(" · ".join(words)) if found else NOTHING)
        self.refresh_bindings()

    # Acts

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        from tui.screens.runs.run import RunScreen

        row: RunRow | None = event.row_list.row
        if row is not None:
            self.app.push_screen(RunScreen(row))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "mark":
            return bool(self._rows)
        return len(self._painter.marked) > 1 if action == "compare" else True

    def action_new(self) -> None:
        from tui.screens.runs.start import StartScreen

        self.app.push_screen(StartScreen())

    def action_mark(self) -> None:
        row_list: RowList[RunRow] = self.query_one("#runs", RowList)
        if (row := row_list.row) is None:
            return
        self._painter.marked ^= {row.id}
        row_list.show(Listed(self._rows or []))
        self.refresh_bindings()

    def action_compare(self) -> None:
        from tui.screens.runs.compare import CompareScreen

        marked = [row for row in self._rows or [] if row.id in self._painter.marked]
        self.app.push_screen(CompareScreen(marked))

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Start a run")), "screen.new", "n")
        if self._rows:
            yield Command(SafeText(_("Mark the run for comparing")), "screen.mark", "m")
        if len(self._painter.marked) > 1:
            yield Command(SafeText(_("Compare the marked runs")), "screen.compare", "c")
        for index, row in enumerate((self._rows or [])[:50]):
            yield Command(said(_("Open run: {run}"), run=row.id), f"screen.open_run({index})")

    def action_open_run(self, index: int) -> None:
        from tui.screens.runs.run import RunScreen

        if self._rows and 0 <= index < len(self._rows):
            self.app.push_screen(RunScreen(self._rows[index]))
