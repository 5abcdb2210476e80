"""How things at a provider look in their list, and the titles over its columns.

In: rows of `core.workspace.account`, with a stranger's texts in them. Out: lines of safe text. The columns are those of
`account.cells`; where the terminal is narrow the less needed ones go, and the text of unknown width stands last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.safe_text import SafeText
from core.workspace import account
from tui.lines import Line, fitted, said
from tui.themes import Palette
from tui.widgets.row_list import Painted

if TYPE_CHECKING:
    from core.workspace.account import ThingRow

WIDE: Final = 100


@dataclass(frozen=True, slots=True)
class Column:
    """One of the cells: its place among them, its width (0: whatever is left), and when it is shown."""

    at: int
    width: int
    right: bool = False
    wide: bool = False  # only where there is room


COLUMNS: Final = {
    "files": (
        Column(0, 20),
        Column(3, 10, right=True),
        Column(4, 10, right=True),
        Column(5, 16, wide=True),
        Column(2, 19, wide=True),
        Column(1, 0),
    ),
    "models": (
        Column(0, 40),
        Column(2, 10, right=True),
        Column(1, 14, wide=True),
        Column(3, 16, wide=True),
        Column(4, 0),
    ),
    "jobs": (
        Column(0, 20),
        Column(2, 18),
        Column(3, 10, right=True),
        Column(5, 16, wide=True),
        Column(4, 14, wide=True),
        Column(1, 0),
    ),
}


def _shown(what: str, width: int) -> list[Column]:
    return [one for one in COLUMNS[what] if width >= WIDE or not one.wide]


def titles(what: str, width: int) -> list[SafeText]:
    """The titles, each as wide as its column."""
    heads = account.headings(what)
    return [SafeText("   ")] + [_cell(heads[one.at], one) for one in _shown(what, width)]


def _cell(text: str, column: Column) -> SafeText:
    told = said("{text}", text=text)
    if not column.width:
        return SafeText("  " + told)
    return SafeText(" " + fitted(told, column.width - 1, right=column.right))


class ThingPainter:
    """Paints the list; knows which things are marked."""

    def __init__(self) -> None:
        self.marked: set[str] = set()

    def __call__(self, row: ThingRow, _before: ThingRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
        """A thing on one line: what this workspace knows stands out, what is in use is said in colour."""
        cells = account.cells(row)
        line: Line = [
            (SafeText("▌" if chosen else " "), palette.accent),
            (SafeText("● " if row.thing.id in self.marked else "  "), palette.accent),
        ]
        for column in _shown(row.thing.what, width):
            ink = palette.text
            if column.at == 0:
                ink = palette.accent if row.in_use else palette.strong if row.run else palette.text
            elif column.width:
                ink = palette.muted
            line.append((_cell(cells[column.at], column), ink))
        return Painted([line])
