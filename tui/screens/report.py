"""What an import made of a file, line by line: while it goes on, and afterwards.

The lines are those that `sinsonte import` prints; the numbers of lines that were not understood stand in them with the
reason for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText, shown_in_line
from tui.lines import wrapped
from tui.screens.message import paint_line
from tui.widgets.plain import Plain
from tui.widgets.row_list import RowList


class ReportLines:
    """The lines of reports, broken to a width."""

    def __init__(self, lines: Sequence[str], width: int) -> None:
        self._rows: list[SafeText] = []
        for line in lines:
            indent = len(line) - len(line.lstrip())
            room = max(10, width - indent - 2)
            for n, part in enumerate(wrapped(shown_in_line(line.strip()), room)):
                self._rows.append(SafeText(" " * (indent + 2 * (n > 0)) + part))

    def count(self) -> int:
        return len(self._rows)

    def rows(self, first: int, n: int) -> Sequence[SafeText]:
        return self._rows[first : first + n]


class ReportDialog(ModalScreen[None]):
    """The report of the import that goes on, or of the last one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h,left,r", "leave", N_("back"), id="dialog.back"),
    ]

    def __init__(self, lines: Sequence[str], heading: SafeText) -> None:
        super().__init__(classes="dialog tall")
        self._lines = lines
        self._heading = Plain(heading, id="report-heading")
        self._list: RowList[SafeText] = RowList(paint_line, lit=1, id="report")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self._heading
            yield self._list
            yield Plain(SafeText("\n" + _("⏎ back")))

    def on_mount(self) -> None:
        self.show(self._lines)

    def show(self, lines: Sequence[str], heading: SafeText | None = None) -> None:
        """Take the lines as they are now; the cursor stays."""
        self._lines = lines
        width = min(76, int(self.app.size.width * 0.94)) - 9
        self._list.show(ReportLines(lines, width))
        if heading is not None:
            self._heading.show(heading)

    def on_row_list_chosen(self) -> None:
        self.dismiss(None)

    def action_leave(self) -> None:
        self.dismiss(None)
