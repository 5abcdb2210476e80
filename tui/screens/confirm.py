"""Asking whether to go on: by one key, or, where something goes for good, by typing its name."""

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


class NameDialog(ModalScreen[bool]):
    """A question whose answer is typed out: the name of what goes for good, or another word, number or sum."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("back"), id="dialog.back")]

    def __init__(self, question: SafeText, name: str, *, is_name: bool = True) -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._name_to_type = name
        self._is_name = is_name

    def compose(self) -> ComposeResult:
        field = Input(compact=True, select_on_focus=False)
        field.cursor_blink = False
        with Vertical():
            yield Plain(self._question)
            yield field
            asks = _("Type the name to go on   esc back") if self._is_name else _("⏎ goes on   esc back")
            yield Plain(SafeText(asks), id="typed")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._name_to_type.strip():
            self.dismiss(True)
        else:
            other = _("That is not the name. Nothing was done.")
            other = other if self._is_name else _("That is something else. Nothing was done.")
            self.query_one("#typed", Plain).show(SafeText(other))

    def action_leave(self) -> None:
        self.dismiss(False)
