"""The parameters of the recipe as a list that is changed in place, and what is said of the one under the cursor.

In: rows of `core.workspace.recipe.parameters`. Out: `Stepped` when a key asks for the next value; typing one is the
screen's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from core.language import N_, _
from core.safe_text import SafeText
from tui.lines import SPACE, Line, fitted, said, wrapped
from tui.themes import Palette
from tui.widgets.board import Board
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from core.workspace.recipe import ParameterRow

LIT = 22  # columns that the cursor lights: a mark and the name
_WORDS = {"true": N_("yes"), "false": N_("no"), "none": N_("none"), "": "—", "\\n": N_("a line break")}


class Parameters:
    """The parameters as rows."""

    def __init__(self, rows: Sequence[ParameterRow]) -> None:
        self.parameters = list(rows)

    def count(self) -> int:
        return len(self.parameters)

    def rows(self, first: int, n: int) -> Sequence[ParameterRow]:
        return self.parameters[first : first + n]


def value_shown(value: str) -> SafeText:
    """A value as a person reads it."""
    return said("{value}", value=_(_WORDS[value]) if value in _WORDS else value)


def paint_parameter(
    row: ParameterRow, before: ParameterRow | None, width: int, chosen: bool, palette: Palette
) -> Painted:
    """The name, the value, and what was saved where that is another; a title where another stage begins."""
    ground = palette.chosen if chosen else palette.ground
    changed = row.value != row.saved
    own: Line = [
        (SafeText("▌ " if chosen else "  "), ground + palette.accent),
        (fitted(said("{name}", name=row.name), LIT - 2), ground + (palette.strong if chosen else palette.text)),
        (value_shown(row.value), palette.accent if changed else palette.text),
    ]
    if changed:
        own.append((said(_("   was {value}"), value=value_shown(row.saved)), palette.muted))
    above: list[Line] = []
    if before is None or before.stage != row.stage:
        title = said(" {stage} ", stage=row.stage)
        above = [[(title, palette.muted), (SafeText("─" * max(0, width - len(title) - 1)), palette.faint)]]
    return Painted([own], above)


class ParameterList(RowList[Any]):
    """The list; left and right change what the cursor is on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,plus,equals_sign", "step(1)", N_("more"), id="recipe.more", show=False),
        Binding("left,h,minus", "step(-1)", N_("less"), id="recipe.less", show=False),
        Binding("enter", "choose", N_("type a value"), id="recipe.type"),
    ]

    class Stepped(Message):
        """The next value of the row under the cursor is wanted."""

        def __init__(self, name: str, by: int) -> None:
            super().__init__()
            self.name = name
            self.by = by

    def action_step(self, by: int) -> None:
        if self.row is not None:
            self.post_message(self.Stepped(self.row.name, by))

    def take(self, rows: Sequence[ParameterRow]) -> None:
        """Show these values; only rows that say something else now are sent to the terminal."""
        source = self.source
        if not isinstance(source, Parameters) or source.count() != len(rows):
            self.show(Parameters(rows))
            return
        for index, (was, now) in enumerate(zip(source.parameters, rows, strict=True)):
            if was != now:
                source.parameters[index] = now
                self.repaint_row(index)


class Meaning(Board):
    """What the parameter under the cursor does, its bounds and its default."""

    DEFAULT_CSS = "Meaning { height: 4; }"

    def __init__(self) -> None:
        super().__init__(id="meaning")
        self._row: ParameterRow | None = None

    def show(self, row: ParameterRow | None) -> None:
        """Speak of this parameter."""
        if row != self._row:
            self._row = row
            self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        row = self._row
        if row is None:
            return []
        facts = [_("default {value}").format(value=value_shown(row.default))]
        if row.bounds and row.bounds != "true | false":
            facts.insert(0, row.bounds)
        lines: list[Line] = [[]] if height > 3 else []
        lines += [
            [(SPACE, palette.text), (text, palette.text)] for text in wrapped(SafeText(row.meaning), width - 2, 2)
        ]
        facts.append(_("← → change it"))
        lines.append([(SPACE, palette.text), (said("{facts}", facts=" · ".join(facts)), palette.muted)])
        return lines
