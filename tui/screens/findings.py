"""What a check found, as a list: each finding, and under it the first examples at fault, which lead to their messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _, ngettext
from core.safe_text import SafeText, shown_in_line
from tui.figures import number, short_day
from tui.lines import Line, fitted, said, wrapped
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from core.workspace.findings import Fault, FindingRow, Findings

_WORDS = 300  # characters of a message; a line is no longer
_MOST_LINES = 4  # of a finding
_MARKS = {"error": "✗", "warning": "!", "advice": "·"}
Row = tuple["FindingRow", "Fault | None"]


class FindingRows:
    """Findings and their faults as rows."""

    def __init__(self, findings: Findings) -> None:
        self._rows: list[Row] = []
        for one in findings.rows:
            self._rows.append((one, None))
            self._rows.extend((one, fault) for fault in one.faults)

    def count(self) -> int:
        return len(self._rows)

    def rows(self, first: int, n: int) -> Sequence[Row]:
        return self._rows[first : first + n]


def paint_finding(row: Row, _before: Row | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """A finding in its colour, or an example with its day and first words."""
    finding, fault = row
    mark = (SafeText("▌" if chosen else " "), palette.accent)
    if fault is None:
        ink = {"error": palette.error, "warning": palette.warning}.get(finding.level, palette.muted)
        signs = [SafeText(f"{_MARKS.get(finding.level, '·')} "), *[SafeText("  ")] * _MOST_LINES]
        words = wrapped(said("{t}", t=finding.text), max(8, width - 3), _MOST_LINES)
        return Painted([[mark, (sign, ink), (line, ink)] for sign, line in zip(signs, words, strict=False)])
    day = short_day(fault.sent_at) if fault.chat is not None else ""
    line: Line = [
        mark,
        (fitted(said(_("   example {n}"), n=number(fault.n + 1)), 20), palette.muted),
        (fitted(SafeText(day), 14), palette.muted),
        (shown_in_line(fault.words[:_WORDS]), palette.text),
    ]
    return Painted([line])


class FindingsDialog(ModalScreen["Fault | None"]):
    """The list; dismissed with the fault whose conversation is wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left", "leave", N_("back"), id="dialog.back")]

    def __init__(self, findings: Findings, of: SafeText) -> None:
        super().__init__(classes="dialog tall wide")
        self._findings = findings
        self._of = of

    def compose(self) -> ComposeResult:
        told = self._findings
        many = ngettext("{n} example", "{n} examples", told.examples).format(n=number(told.examples))
        verdict = _("fit to be trained on") if told.fit else _("not fit to be trained on")
        with Vertical():
            yield Plain(
                said(
                    _("{of}: {many}, {verdict} ({model})\n"), of=self._of, many=many, verdict=verdict, model=told.model
                )
            )
            yield RowList[Row](paint_finding, FindingRows(told), lit=1, empty=SafeText(_("Nothing was found wrong.")))
            leads = any(fault.chat is not None for one in told.rows for fault in one.faults)
            yield Plain(SafeText(_("⏎ its conversation   esc back") if leads else _("esc back")))

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        row: Row | None = event.row_list.row
        if row is not None and row[1] is not None and row[1].chat is not None:
            self.dismiss(row[1])

    def action_leave(self) -> None:
        self.dismiss(None)
