"""Small plots of block characters: how turns and tokens are spread, examples by month, and where the split falls.

In: a `Shape` of `core.workspace.preview`. Out: a board. Blocks and not textual-plotext: a plot is three lines of a
hundred bytes of which only the changed ones are sent, where plotext repaints its whole widget (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style

from core.language import _, ngettext
from core.safe_text import SafeText
from tui.figures import number, short_day
from tui.lines import SPACE, Line, fitted, said, width_of
from tui.screens.recipe.figures import marked
from tui.themes import Palette
from tui.widgets.board import Board

if TYPE_CHECKING:
    from core.workspace.preview import Part, Shape, Spread

_EIGHTHS = " ▁▂▃▄▅▆▇█"
ROWS = 3


def columns(values: Sequence[int], rows: int = ROWS) -> list[str]:
    """The values as columns of blocks, the highest as high as there are rows; what is not nothing is seen."""
    most = max(values, default=0)
    levels = [max(1, round(8 * rows * value / most)) if value else 0 for value in values]
    return ["".join(_EIGHTHS[min(8, max(0, level - 8 * row))] for level in levels) for row in range(rows - 1, -1, -1)]


def fewer(values: Sequence[int], width: int) -> list[int]:
    """As many values as there is room for: neighbours added up, or each drawn several columns wide."""
    width = max(1, width)
    if not values:
        return []
    if len(values) > width:
        group = -(-len(values) // width)
        return [sum(values[at : at + group]) for at in range(0, len(values), group)]
    wide = max(1, width // len(values))
    return [value for value in values for _column in range(wide)]


class Plots(Board):
    """The plots, side by side as far as there is room."""

    DEFAULT_CSS = "Plots { height: 14; }"

    def __init__(self) -> None:
        super().__init__(id="plots", classes="pane")
        self._shape: Shape | None = None

    def show(self, shape: Shape | None) -> None:
        """Take another shape."""
        if shape != self._shape:
            self._shape = shape
            self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        shape = self._shape
        if shape is None:
            return []
        three = width >= 76
        room = (width - 2) // (3 if three else 2) - 2
        turns = _spread(shape.turns, _("characters of a turn"), room, palette, palette.others[0], exact=True)
        tokens = _spread(
            shape.tokens,
            _("tokens of an example"),
            room,
            palette,
            palette.others[1],
            exact=shape.exact and shape.settled,
        )
        months = _months(shape, room if three else width - 3, palette)
        if three:
            lines = [_beside(room, *one) for one in zip(turns, tokens, months, strict=True)]
        else:
            lines = [_beside(room, *one) for one in zip(turns, tokens, strict=True)]
            lines += [[(SPACE, palette.text), *line] for line in months]
        return lines + [[(SPACE, palette.text), *line] for line in _split(shape, palette, width)]


def _beside(room: int, *parts: Line) -> Line:
    line: Line = []
    for part in parts:
        taken = sum(width_of(text) for text, _style in part)
        line += [(SPACE, Style()), *part, (SafeText(" " * max(1, room + 1 - taken)), Style())]
    return line


def _spread(spread: Spread, title: str, room: int, palette: Palette, ink: Style, *, exact: bool) -> list[Line]:
    values = fewer([*spread.counts, spread.beyond], room)
    drawn: list[Line] = [[(SafeText(row), ink)] for row in columns(values)]
    told = _("half ≤ {median}, 95 % ≤ {high}").format(
        median=marked(spread.median, exact), high=marked(spread.high, exact)
    )
    return [[(fitted(SafeText(title), room), palette.muted)], *drawn, [(fitted(SafeText(told), room), palette.text)]]


def _months(shape: Shape, room: int, palette: Palette) -> list[Line]:
    title = fitted(SafeText(("" if shape.settled else "≈ ") + _("examples by month")), room)
    if not shape.months:
        return [[(title, palette.muted)], *([] for _row in range(ROWS + 1))]
    train = fewer([one[1] + one[2] for one in shape.months], room)
    held = fewer([one[2] for one in shape.months], room)
    drawn: list[Line] = []
    for row in columns(train):
        line: Line = []
        for at, block in enumerate(row):
            ink = palette.accent if held[at] * 2 > train[at] else palette.good
            if line and line[-1][1] == ink:
                line[-1] = (SafeText(line[-1][0] + block), ink)
            else:
                line.append((SafeText(block), ink))
        drawn.append(line)
    first, last = shape.months[0][0], shape.months[-1][0]
    axis = first + last.rjust(max(0, min(room, len(train)) - len(first)))
    return [[(title, palette.muted)], *drawn, [(SafeText(axis), palette.text)]]


def _split(shape: Shape, palette: Palette, width: int) -> list[Line]:
    lines = [
        _side(_("to train on"), shape.train, palette, palette.good, width, exact=shape.settled),
        _side(_("held out"), shape.validation, palette, palette.accent, width, exact=shape.settled),
    ]
    if shape.gap:
        told = _("left unused between them: {time}; {examples}").format(
            time=_hours(shape.gap),
            examples=ngettext("{n} example", "{n} examples", shape.purged).format(n=number(shape.purged)),
        )
        lines.append([(SafeText(told), palette.muted)])
    return lines


def _side(name: str, part: Part, palette: Palette, ink: Style, width: int, *, exact: bool) -> Line:
    days = "—"
    if part.first is not None and part.last is not None:
        days = f"{short_day(part.first)} – {short_day(part.last)}"
    conversations = marked(part.conversations, exact)
    many = ngettext("{n} conversation", "{n} conversations", part.conversations).format(n=conversations)
    if width_of(SafeText(many)) > width - 14 - 27 - 2:
        many = f"{conversations} {_('conv.')}"
    return [
        (fitted(SafeText(name), 14), ink),
        (fitted(SafeText(days), 27), palette.text),
        (said(" {many}", many=many), palette.muted),
    ]


def _hours(seconds: int) -> str:
    if seconds >= 172_800:
        return _("{n} days").format(n=number(seconds // 86_400))
    if seconds >= 5400:
        return _("{n} h").format(n=number(round(seconds / 3600)))
    return _("{n} min").format(n=number(round(seconds / 60)))
