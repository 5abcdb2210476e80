"""Two datasets side by side: how many examples they share, what their recipes differ in, and what only one has."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText, shown_in_line
from tui.figures import number
from tui.lines import fitted, said, wrapped
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.differences import Comparison, DifferenceRow

_MARKS = {"removed": "−", "added": "+", "moved": "↔"}


def paint_difference(
    row: DifferenceRow, _before: DifferenceRow | None, _width: int, chosen: bool, palette: Palette
) -> Painted:
    """A sign, the number, the words of the reply."""
    ink = {"removed": palette.error, "added": palette.good}.get(row.sort, palette.warning)
    return Painted(
        [
            [
                (SafeText("▌" if chosen else " "), palette.accent),
                (SafeText(f"{_MARKS[row.sort]} "), ink),
                (fitted(SafeText(number(row.n)), 9, right=True), palette.muted),
                (said("  {words}", words=shown_in_line(row.words[:300])), palette.text),
            ]
        ]
    )


class ComparisonDialog(ModalScreen[None]):
    """The comparison."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left", "leave", N_("back"), id="dialog.back")]

    def __init__(self, told: Comparison) -> None:
        super().__init__(classes="dialog tall wide")
        self._told = told

    def compose(self) -> ComposeResult:
        told = self._told
        lines = [
            said(_("{n} the same"), n=number(told.same)),
            said(_("− {n} only in “{name}”"), n=number(told.removed), name=told.name),
            said(_("+ {n} only in “{name}”"), n=number(told.added), name=told.other),
            said(_("↔ {n} on the other side of the split"), n=number(told.moved)),
        ]
        changes = ", ".join(f"{key} {was} → {now}" for key, (was, now) in told.recipe.items())
        if changes:
            lines += wrapped(said("{changes}", changes=changes), 70, 4)
        with Vertical():
            yield Plain(SafeText("\n".join(lines) + "\n"))
            yield RowList(
                paint_difference,
                Listed(told.rows),
                lit=1,
                opens=False,
                empty=SafeText(_("Both have the same examples.")),
            )
            yield Plain(SafeText("\n" + _("esc back")))

    def action_leave(self) -> None:
        self.dismiss(None)
