"""Choosing one of a few things; what is said of the one under the cursor stands below the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText
from tui.lines import NOTHING, Line, wrapped
from tui.themes import Palette
from tui.widgets.board import Board
from tui.widgets.plain import Plain
from tui.widgets.row_list import Listed, Painted, RowList


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    title: SafeText
    detail: SafeText = NOTHING


def paint_choice(row: Choice, _before: Choice | None, _width: int, chosen: bool, palette: Palette) -> Painted:
    """One line."""
    return Painted([[(SafeText("▌ " if chosen else "  "), palette.accent), (row.title, palette.text)]])


class Detail(Board):
    """What is said of the choice under the cursor."""

    DEFAULT_CSS = "Detail { height: 10; max-height: 35%; }"

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._text = NOTHING

    def show(self, text: SafeText) -> None:
        """Say this."""
        if text != self._text:
            self._text = text
            self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        return [[], *([(line, palette.muted)] for line in wrapped(self._text, width, height - 1))]


class ChooseDialog(ModalScreen[int | None]):
    """A list; dismissed with the place of what was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left", "leave", N_("back"), id="dialog.back")]

    def __init__(self, question: SafeText, choices: Sequence[Choice], cursor: int = 0) -> None:
        super().__init__(classes="dialog tall")
        self._question = question
        self._choices = choices
        self._cursor = cursor

    def compose(self) -> ComposeResult:
        row_list = RowList[Choice](paint_choice, Listed(self._choices), lit=2)
        row_list.cursor = min(self._cursor, max(0, len(self._choices) - 1))
        with Vertical():
            yield Plain(SafeText(self._question + "\n"))
            yield row_list
            if any(one.detail for one in self._choices):
                yield Detail()
            yield Plain(SafeText("\n" + _("⏎ choose   esc back")))

    def on_mount(self) -> None:
        self._tell()

    def take_details(self, details: Mapping[int, SafeText]) -> None:
        """Other details of some choices, by place: what took its time to be known."""
        if self.is_attached:
            choices = enumerate(self._choices)
            self._choices = [Choice(one.title, details.get(at, one.detail)) for at, one in choices]
            self.query_one(RowList).show(Listed(self._choices))
            self._tell()

    def on_row_list_highlighted(self) -> None:
        self._tell()

    def _tell(self) -> None:
        row = self.query_one(RowList).row
        for detail in self.query(Detail):
            detail.show(row.detail if row is not None else NOTHING)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.dismiss(event.index)

    def action_leave(self) -> None:
        self.dismiss(None)
