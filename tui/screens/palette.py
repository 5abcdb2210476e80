"""The command palette: everything that can be done here and now, found by typing a part of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from core.language import N_, _
from core.safe_text import SafeText
from tui.commands import Command
from tui.lines import said
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList


class Commands:
    """Commands as rows."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands

    def count(self) -> int:
        return len(self.commands)

    def rows(self, first: int, n: int) -> Sequence[Command]:
        return self.commands[first : first + n]


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands whose title holds every typed word; those that begin with it first."""
    words = typed.casefold().split()
    found = [one for one in commands if all(word in one.title.casefold() for word in words)]
    return sorted(found, key=lambda one: not one.title.casefold().startswith(typed.casefold().strip()))


def paint_command(row: Command, _before: Command | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """The key that does the same, then the words."""
    return Painted(
        [
            [
                (SafeText("▌ " if chosen else "  "), palette.accent),
                (said("{key}", key=f"{row.key:<5} "), palette.muted),
                (row.title, palette.text),
            ]
        ]
    )


class PaletteDialog(ModalScreen[Command | None]):
    """A field and what matches it; a question stands above, where it stays while one types."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p", "leave", N_("back"), id="dialog.back"),
        Binding("down,ctrl+n", "move(1)", N_("next command"), id="palette.down"),
        Binding("up", "move(-1)", N_("command above"), id="palette.up"),
        Binding("pagedown", "page(1)", N_("next page"), id="palette.page_down"),
        Binding("pageup", "page(-1)", N_("page before"), id="palette.page_up"),
    ]

    def __init__(self, commands: Sequence[Command], question: str = "") -> None:
        super().__init__(classes="dialog tall")
        self._commands = commands
        self._question = question

    def compose(self) -> ComposeResult:
        hint = _("type to narrow the list") if self._question else _("What to do?")
        field = Input(placeholder=hint, compact=True, id="palette")
        field.cursor_blink = False
        row_list = RowList[Command](paint_command, Commands(self._commands), empty=SafeText(_("Nothing matches.")))
        row_list.can_focus = False
        with Vertical():
            if self._question:
                yield Plain(SafeText(self._question))
            yield field
            yield row_list

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(RowList).show(Commands(matching(self._commands, event.value)), 0)

    def on_input_submitted(self) -> None:
        self.dismiss(self.query_one(RowList).row)

    def on_row_list_chosen(self) -> None:
        self.dismiss(self.query_one(RowList).row)

    def action_move(self, by: int) -> None:
        self.query_one(RowList).action_move(by)

    def action_page(self, by: int) -> None:
        self.query_one(RowList).action_page(by)

    def action_leave(self) -> None:
        self.dismiss(None)
