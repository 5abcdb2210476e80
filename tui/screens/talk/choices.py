"""A list to choose from, each line with its meaning: models, presets, system prompts, prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText
from tui.lines import Line, said, wrapped
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from core.workspace.talking import Preset


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list to choose from."""

    value: str
    title: SafeText
    meaning: SafeText


class Choices:
    """Choices as rows."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = choices

    def count(self) -> int:
        return len(self.choices)

    def rows(self, first: int, n: int) -> Sequence[Choice]:
        return self.choices[first : first + n]


def paint_choice(row: Choice, _before: Choice | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """A title, and what it means beneath it."""
    lines: list[Line] = [[(SafeText("▌ " if chosen else "  "), palette.accent), (row.title, palette.text)]]
    if row.meaning:
        for text in wrapped(row.meaning, max(8, width - 6), 2):
            lines.append([(SafeText("▌   " if chosen else "    "), palette.accent), (text, palette.muted)])
    return Painted(lines)


class ChoiceDialog(ModalScreen[str | None]):
    """A list to choose from, each line with its meaning."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left", "leave", N_("back"), id="dialog.back")]

    def __init__(self, question: SafeText, choices: Sequence[Choice], at: int = 0) -> None:
        super().__init__(classes="dialog tall")
        self._question = question
        self._choices = choices
        self._at = at

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(said("{question}\n", question=self._question))
            yield RowList[Choice](paint_choice, id="choices")

    def on_mount(self) -> None:
        row_list: RowList[Choice] = self.query_one("#choices", RowList)
        row_list.show(Choices(self._choices), self._at)
        row_list.focus()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        row: Choice | None = event.row_list.row
        self.dismiss(row.value if row is not None else None)

    def action_leave(self) -> None:
        self.dismiss(None)


def preset_choices(presets: Sequence[Preset]) -> list[Choice]:
    """The presets, each with what it is for and what it sets."""
    choices: list[Choice] = []
    for one in presets:
        told = ", ".join(f"{name} {value:g}" for name, value in one.manner.to_dict().items() if name != "stop")
        choices.append(Choice(one.name, SafeText(one.name), SafeText(f"{_(one.meaning)} {told}")))
    return choices
