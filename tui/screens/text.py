"""A text to read: a card, a report, an event. It scrolls by lines, and any key that leads back closes it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText
from tui.screens.message import TextLines, paint_line
from tui.widgets.plain import Plain
from tui.widgets.row_list import RowList


class TextDialog(ModalScreen[None]):
    """A title and lines."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left,enter", "leave", N_("back"), id="dialog.back")]

    def __init__(self, title: SafeText, text: SafeText) -> None:
        super().__init__(classes="dialog tall")
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        width = min(76, int(self.app.size.width * 0.94)) - 9
        with Vertical():
            yield Plain(SafeText(self._title + "\n"))
            yield RowList[SafeText](paint_line, TextLines(self._text, width), lit=1, opens=False)
            yield Plain(SafeText("\n" + _("esc back")))

    def action_leave(self) -> None:
        self.dismiss(None)
