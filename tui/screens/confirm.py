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
    """A question whose answer is the name of what goes for good, typed out."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("back"), id="dialog.back")]

    def __init__(self, question: SafeText, name: str) -> None:
        super().__init__(classes="dialog")
        self._question = question
        self._name_to_type = name

    def compose(self) -> ComposeResult:
        field = Input(compact=True, select_on_focus=False)
        field.cursor_blink = False
        with Vertical():
            yield Plain(self._question)
            yield field
            yield Plain(SafeText(_("Type the name to go on   esc back")), id="typed")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._name_to_type.strip():
            self.dismiss(True)
        else:
            self.query_one("#typed", Plain).show(SafeText(_("That is not the name. Nothing was done.")))

    def action_leave(self) -> None:
        self.dismiss(False)
