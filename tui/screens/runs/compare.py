"""The curves of several runs in one frame, and the figures that they came to.

The same figures as `sinsonte train compare` (core.workspace.comparing). Each run has a letter, which stands at the end
of its curve: colours are not needed to tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.language import N_, _
from core.safe_text import SafeText
from core.workspace import run_words
from tui.lines import NOTHING, Line, fitted, said
from tui.screens.place import Heading
from tui.screens.runs.painting import WIDE, ink_of
from tui.screens.runs.watching import WatchingScreen
from tui.themes import Palette
from tui.widgets.plot import Plot, Series
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.comparing import Compared
    from core.workspace.runs import RunRow

# What can be compared, in the order of the key; the names are those of core.workspace.run_logs.Curves.
FIGURES = {"validation": N_("held-out loss"), "loss": N_("training loss"), "speed": N_("tokens a second")}


def ink(number: int, palette: Palette) -> Any:
    """The colour of the run with this number."""
    return palette.others[number % len(palette.others)]


def paint_compared(row: Compared, _before: Compared | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """Letter, figures, and what differs between the runs."""
    state: Line = [(fitted(said("{state}", state=run_words.state(row.run.state)), 11), ink_of(row.run.state, palette))]
    line: Line = [
        (SafeText("▌" if chosen else " "), palette.accent),
        (said(" {letter} ", letter=row.letter), ink(ord(row.letter) - ord("a"), palette)),
        (fitted(said("{id}", id=row.run.id), 15), palette.text),
        *(state if width >= WIDE else []),
        (fitted(SafeText(run_words.figure(row.best, 4)), 9, right=True), palette.strong),
        (fitted(said(_(" at {step}"), step=run_words.count(row.best_step)), 12), palette.muted),
        (fitted(SafeText(run_words.figure(row.loss, 4)), 9, right=True), palette.text),
    ]
    if width >= WIDE:
        line.append(
            (fitted(said(_("{speed} tokens/s"), speed=run_words.count(row.speed)), 20, right=True), palette.muted)
        )
    line.append(
        (said("  {what}", what="  ".join(f"{key}={value}" for key, value in row.differs.items())), palette.muted)
    )
    return Painted([line])


class CompareScreen(WatchingScreen["list[Compared]"]):
    """Several runs beside each other."""

    PLACE = "runs"
    DEFAULT_CSS = "CompareScreen Plot { height: 3fr; } CompareScreen #compared { height: 1fr; min-height: 4; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,left", "back", N_("runs"), id="compare.back"),
        Binding("c", "curve", N_("next curve"), id="compare.curve"),
    ]

    def __init__(self, rows: Sequence[RunRow]) -> None:
        super().__init__()
        self._ids = [row.id for row in rows]
        self._figure = "validation"
        self._rows: list[Compared] = []

    def body(self) -> Iterable[Widget]:
        yield Plot(id="plot")
        yield RowList[Any](paint_compared, id="compared")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Heading).show(SafeText(_("Comparing runs")), NOTHING)

    def read(self) -> list[Compared]:
        from core.workspace import comparing

        return comparing.compared(self.workbench.workspace, self._ids, self._rows)

    def take(self, found: list[Compared]) -> None:
        same = [row.figures for row in found] == [row.figures for row in self._rows]
        self._rows = found
        if not same:
            self.query_one("#compared", RowList).show(Listed(found))
        self._draw()

    def _draw(self) -> None:
        series = [
            Series(
                row.curves[self._figure].steps,
                row.curves[self._figure].values,
                lambda palette, n=n: ink(n, palette),
                SafeText(row.letter),
            )
            for n, row in enumerate(self._rows)
        ]
        end = max((row.curves.steps for row in self._rows), default=0)
        self.query_one(Plot).show(
            series,
            end=float(end),
            title=SafeText(_(FIGURES[self._figure])),
            empty=SafeText(_("No figures yet.")),
        )

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Open the run under the cursor."""
        from tui.screens.runs.run import RunScreen

        event.stop()
        if event.index < len(self._rows):
            self.app.push_screen(RunScreen(self._rows[event.index].run))

    def action_curve(self) -> None:
        names = list(FIGURES)
        self._figure = names[(names.index(self._figure) + 1) % len(names)]
        self._draw()

    def action_back(self) -> None:
        self.dismiss()
