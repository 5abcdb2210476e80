"""Asking for one line of text, or for a confirmation by typing a name."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from core.language import N_, _
from core.safe_text import SafeText
from tui.widgets.plain import Plain


class AskDialog(ModalScreen[str | None]):
    """A question and a field. With `must_be` the answer counts only when it is exactly that."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("back"), id="dialog.back")]

    def __init__(
        self, question: SafeText, *, value: str = "", placeholder: str = "", must_be: str | None = None
    ) -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._value = value
        self._placeholder = placeholder
        self._must_be = must_be

    def compose(self) -> ComposeResult:
        field = Input(self._value, placeholder=self._placeholder, compact=True, select_on_focus=False)
        field.cursor_blink = False
        with Vertical():
            yield Plain(self._question)
            yield field
            yield Plain(SafeText(_("⏎ done   esc back")), id="ask-said")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._must_be is None or event.value.strip() == self._must_be.strip():
            self.dismiss(event.value)
        else:
            self.query_one("#ask-said", Plain).show(SafeText(_("That is not the name. Nothing was done.")))

    def action_leave(self) -> None:
        self.dismiss(None)


class ConfirmDialog(ModalScreen[bool]):
    """A question that is answered by one key: ⏎ or y for yes, anything that leads back for no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q,h,left", "answer(False)", N_("back"), id="dialog.back"),
        Binding("enter,y", "answer(True)", N_("yes"), id="confirm.yes"),
    ]

    def __init__(self, question: SafeText) -> None:
        super().__init__(classes="dialog")
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(self._question)
            yield Plain(SafeText("\n" + _("⏎ yes   esc no")))

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
