"""Asking for one line of text: a value, a name. What is wrong with it is said under the field, which stays open."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from tui.widgets.plain import Plain


class AskDialog(ModalScreen[str | None]):
    """One field. `take` is given what was typed; a Problem of its is shown and the field stays."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("back"), id="dialog.back")]

    def __init__(
        self,
        question: SafeText,
        value: str = "",
        take: Callable[[str], object] | None = None,
        *,
        placeholder: str = "",
        suggested: bool = False,
    ) -> None:
        """With `suggested` the value is a proposal: what is typed takes its place."""
        super().__init__(classes="dialog")
        self._question = question
        self._value = value
        self._take = take
        self._placeholder = placeholder
        self._suggested = suggested

    def compose(self) -> ComposeResult:
        field = Input(self._value, placeholder=self._placeholder, compact=True, select_on_focus=self._suggested)
        field.cursor_blink = False
        with Vertical():
            yield Plain(self._question)
            yield field
            yield Plain(SafeText(_("⏎ done   esc back")), id="asked")

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            if self._take is not None:
                self._take(event.value)
        except Problem as problem:
            self.query_one("#asked", Plain).show(shown_in_line(str(problem)))
            return
        self.dismiss(event.value)
