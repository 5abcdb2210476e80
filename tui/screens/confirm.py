"""A question that is answered by one key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText
from tui.widgets.plain import Plain


class ConfirmDialog(ModalScreen[bool]):
    """⏎ or y for yes, anything that leads back for no."""

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
