"""The checkpoints of a run, as a list: those at a provider can be talked with, or put beside the run's own model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText
from core.workspace import run_words
from tui.lines import Line, fitted, said
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.checkpoints import CheckpointRow


def paint_checkpoint(
    row: CheckpointRow, _before: CheckpointRow | None, width: int, chosen: bool, palette: Palette
) -> Painted:
    """Its step, its figures and until when it answers; below them the name to ask it by, of which the end tells most."""
    line: Line = [
        (SafeText("▌ " if chosen else "  "), palette.accent),
        (fitted(SafeText(run_words.count(row.step)), 9, right=True), palette.text),
        (fitted(SafeText(run_words.figure(row.loss, 4)), 10, right=True), palette.text),
        (fitted(SafeText(run_words.figure(row.held_out, 4)), 11, right=True), palette.strong),
        (said("  {ends}", ends=row.ends), palette.muted),
    ]
    name = said("    {named}", named=row.model or row.path or _("no longer kept"))
    return Painted([line, [(name, palette.accent if row.model else palette.muted)]])


class CheckpointsDialog(ModalScreen["tuple[str, ...] | None"]):
    """The list; dismissed with the models that are to speak: one, or two side by side."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "compare", N_("beside the run's model"), id="checkpoints.compare"),
        Binding("escape,q,h,left", "leave", N_("back"), id="dialog.back"),
    ]

    def __init__(self, rows: Sequence[CheckpointRow], final: str, run: str) -> None:
        super().__init__(classes="dialog tall wide")
        self._rows = rows
        self._final = final  # the run's own model; "" if it made none
        self._run = run

    def compose(self) -> ComposeResult:
        askable = any(row.model for row in self._rows)
        keys = _("⏎ talk with it   c beside the run's model   esc back") if askable else _("esc back")
        titles = [
            fitted(SafeText(_("step")), 11, right=True),
            fitted(SafeText(_("loss")), 10, right=True),
            fitted(SafeText(_("held-out")), 11, right=True),
        ]
        with Vertical():
            yield Plain(said(_("Checkpoints of run {id}\n"), id=self._run))
            yield Plain(SafeText("".join(titles)))
            yield RowList["CheckpointRow"](
                paint_checkpoint, Listed(self._rows), lit=2, empty=SafeText(_("There are none yet."))
            )
            yield Plain(SafeText(keys))

    def _chosen(self) -> CheckpointRow | None:
        return self.query_one(RowList).row

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._final) if action == "compare" else True

    def on_row_list_chosen(self) -> None:
        if (row := self._chosen()) is not None and row.model:
            self.dismiss((row.model,))

    def action_compare(self) -> None:
        row = self._chosen()
        if row is not None and row.model and row.model != self._final:
            self.dismiss((row.model, self._final))

    def action_leave(self) -> None:
        self.dismiss(None)
