"""One message, whole: every line of it, when exactly, and what the export said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.chat import Mark
from core.language import N_, _
from core.safe_text import SafeText, shown
from tui.figures import moment
from tui.lines import said, wrapped
from tui.screens.conversations.painting import KINDS
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from core.workspace.chats import MessageRow

MOST = 200_000  # characters; a message of a megabyte is no message


class TextLines:
    """A wrapped text as rows."""

    def __init__(self, text: SafeText, width: int) -> None:
        self.lines = wrapped(text, width)

    def count(self) -> int:
        return len(self.lines)

    def rows(self, first: int, n: int) -> Sequence[SafeText]:
        return self.lines[first : first + n]


def paint_line(row: SafeText, _before: SafeText | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """A line with the mark of the cursor."""
    return Painted([[(SafeText("▌" if chosen else " "), palette.accent), (row, palette.text)]])


class MessageDialog(ModalScreen[None]):
    """A message to read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left,enter", "leave", N_("back"), id="dialog.back")]

    def __init__(self, message: MessageRow) -> None:
        super().__init__(classes="dialog tall")
        self._message = message

    def compose(self) -> ComposeResult:
        message = self._message
        facts = [] if message.marks & Mark.UNTIMED else [moment(message.sent_at)]
        if message.kind in KINDS:
            facts.append(_(KINDS[message.kind]))
        facts += [_("edited")] * bool(message.marks & Mark.EDITED)
        facts += [_("forwarded")] * bool(message.marks & Mark.FORWARDED)
        width = min(76, int(self.app.size.width * 0.94)) - 9
        text = shown(message.text, limit=MOST)
        with Vertical():
            yield Plain(said("{author}   {facts}\n", author=message.author, facts=" · ".join(facts)))
            yield RowList[SafeText](paint_line, TextLines(text, width), lit=1, opens=False)
            yield Plain(SafeText("\n" + _("esc back")))

    def action_leave(self) -> None:
        self.dismiss(None)
