"""What is being typed: several lines, sent by enter, with a newline by ctrl and j or by a backslash before enter.

Shift and enter is the same as enter to most terminals, so no act needs it. Out: `Sent`. The cursor does not blink: over
a wire that is 2.6 KB/s for nothing.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from core.language import N_

MOST: Final = 200_000  # characters; somebody pasted a file


class Composer(TextArea):
    """The field."""

    DEFAULT_CSS = """
    Composer { height: auto; min-height: 1; max-height: 7; border: none; padding: 0 1 0 2; background: $surface; }
    Composer:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", N_("send"), id="composer.send"),
        Binding("ctrl+j", "newline", N_("new line"), id="composer.newline"),
        Binding("escape", "leave", N_("read"), id="composer.leave"),
        Binding("ctrl+w", "delete_word_left", N_("delete a word"), id="composer.delete_word", show=False),
    ]

    class Sent(Message):
        """The person is done."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The person wants to read."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, soft_wrap=True, show_line_numbers=False, compact=True, tab_behavior="focus")
        self.cursor_blink = False
        self.highlight_cursor_line = False

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()  # else the field takes it for a newline; the binding has its turn afterwards

    def action_send(self) -> None:
        if self.text.endswith("\\") and self.cursor_at_end_of_text:
            self.action_delete_left()
            self.insert("\n")
        elif self.text.strip():
            self.post_message(self.Sent(self.text.strip("\n")[:MOST]))

    def action_newline(self) -> None:
        self.insert("\n")

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def take(self, text: str) -> None:
        """Hold this text, the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)
