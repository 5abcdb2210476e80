"""Curves in dots of braille, of which only the cells that changed are sent to the terminal.

In: series of points over steps. Out: axes with round numbers and a line each; points of a series that has few are marked
as well, so that two series can be told apart without colours. The range is made of round bounds and reaches to the last
step of the run, so a live curve grows by a few cells a second where a plot that is drawn anew costs 15 KB each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core.safe_text import SafeText
from tui.figures import number
from tui.lines import NOTHING, SPACE, Line, fitted, strip_of, width_of
from tui.themes import Palette, palette_of

_MARGIN: Final = 8  # columns of the axis at the left
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_FEW: Final = 24  # points up to which each is marked
Ink = Callable[[Palette], Style]
Cells = list[list[tuple[str, Style]]]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve."""

    steps: Sequence[float]
    values: Sequence[float]
    ink: Ink
    mark: SafeText = SPACE  # one column, put at each point of a series of few, and at the end of any


@dataclass(frozen=True, slots=True)
class Range:
    """What the axes cover."""

    low: float
    high: float
    tick: float
    end: float


def plain(value: float) -> str:
    """A figure on an axis."""
    return f"{value:.4g}"


@dataclass(slots=True)
class _Shown:
    series: Sequence[Series] = ()
    end: float = 0.0
    words: Callable[[float], str] = plain
    title: SafeText = NOTHING
    empty: SafeText = NOTHING
    cells: Cells = field(default_factory=list[list[tuple[str, Style]]])


class Plot(Widget):
    """A frame with curves."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Plot { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._now = _Shown()

    def show(
        self,
        series: Sequence[Series],
        *,
        end: float = 0.0,
        words: Callable[[float], str] = plain,
        title: SafeText = NOTHING,
        empty: SafeText = NOTHING,
    ) -> None:
        """Show these curves up to a step; `words` writes the figures of the axis."""
        self._now = _Shown(series, end, words, title, empty, self._now.cells)
        self.redraw()

    def redraw(self) -> None:
        """Send to the terminal the cells that changed, if any."""
        before, now = self._now.cells, self._drawn()
        self._now.cells = now
        if len(before) != len(now) or not self.is_attached:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, now, strict=True)):
            changed = [x for x, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
            if len(old) != len(new):
                self.refresh()
                return
            if changed:
                self.refresh(Region(changed[0], y, changed[-1] + 1 - changed[0], 1))

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.redraw())

    def on_resize(self) -> None:
        self._now.cells = self._drawn()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        if len(self._now.cells) != self.size.height:
            self._now.cells = self._drawn()
        line: Line = []
        for character, style in self._now.cells[y]:
            if line and line[-1][1] == style:
                line[-1] = (SafeText(line[-1][0] + character), style)
            else:
                line.append((SafeText(character), style))
        return strip_of(line, self.size.width, palette.ground)

    # Drawing

    def _drawn(self) -> Cells:
        width, height = self.size.width, self.size.height
        palette = palette_of(self.app.current_theme)
        cells: Cells = [[(" ", palette.text)] * width for _line in range(height)]
        across, down = width - _MARGIN - 1, height - 1
        if across < 8 or down < 3:
            return cells
        covered = range_of(self._now.series, self._now.end, down)
        if covered is None:
            _write(cells, (width - width_of(self._now.empty)) // 2, height // 2, self._now.empty, palette.muted)
            return cells
        self._axes(cells, covered, across, down, palette)
        _write(cells, width - 1 - width_of(self._now.title), 0, self._now.title, palette.strong)
        for one in self._now.series:
            _draw(cells, one, covered, across, down, one.ink(palette))
        return cells

    def _axes(self, cells: Cells, covered: Range, across: int, down: int, palette: Palette) -> None:
        for y in range(down):
            cells[y][_MARGIN] = ("│", palette.faint)
        value = covered.low
        while value <= covered.high + covered.tick / 2:
            y = down - 1 - round((value - covered.low) / (covered.high - covered.low) * (down - 1))
            label = fitted(
                SafeText(self._now.words(0.0 if abs(value) < covered.tick / 1e6 else value)), _MARGIN - 1, right=True
            )
            _write(cells, 0, y, label, palette.muted)
            cells[y][_MARGIN] = ("┤", palette.faint)
            value += covered.tick
        cells[down][_MARGIN] = ("0", palette.muted)
        for share in (0.25, 0.5, 0.75, 1.0):
            label = SafeText(number(round(covered.end * share)) if covered.end >= 8 else f"{covered.end * share:.3g}")
            at = _MARGIN + 1 + round(share * (across - 1)) - (width_of(label) if share == 1.0 else width_of(label) // 2)
            _write(cells, at, down, label, palette.muted)


def range_of(series: Sequence[Series], end: float, rows: int) -> Range | None:
    """Round bounds around every point, with a line of text for every tick at least; None without points."""
    values = [value for one in series for value in one.values]
    if not values:
        return None
    low, high = min(values), max(values)
    if low > 0 and low < high * 0.6:
        low = 0.0  # a loss is read against zero
    if high - low <= abs(high) * 1e-9:
        low, high = low - (abs(low) or 1.0) * 0.1, high + (abs(high) or 1.0) * 0.1
    tick = _round_up((high - low) / max(1, min(5, rows // 2)))
    low, high = math.floor(low / tick + 1e-9) * tick, math.ceil(high / tick - 1e-9) * tick
    last = max((one.steps[-1] for one in series if one.steps), default=0.0)
    return Range(low, high, tick, end if end >= max(1.0, last) else _round_up(max(1.0, last)))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * times for times in (1, 2, 2.5, 5, 10) if power * times >= value * (1 - 1e-9))


def _write(cells: Cells, x: int, y: int, text: str, style: Style) -> None:
    for at, character in enumerate(text, x):
        if 0 <= at < len(cells[y]):
            cells[y][at] = (character, style)


def _draw(cells: Cells, one: Series, covered: Range, across: int, down: int, style: Style) -> None:
    """A line through the means of each column of dots, and the marks of its points."""
    sums: dict[int, tuple[float, int]] = {}
    for step, value in zip(one.steps, one.values, strict=True):
        x = min(2 * across - 1, int(step / covered.end * (2 * across - 1)))
        total, n = sums.get(x, (0.0, 0))
        sums[x] = (total + value, n + 1)

    def height_of(value: float) -> float:
        return (1 - (value - covered.low) / (covered.high - covered.low)) * (4 * down - 1)

    points = [(x, height_of(total / n)) for x, (total, n) in sorted(sums.items())]
    dots: dict[tuple[int, int], int] = {}

    def dot(x: int, y: int) -> None:
        if 0 <= y < 4 * down:
            cell = (x // 2, y // 4)
            dots[cell] = dots.get(cell, 0) | _DOTS[y % 4][x % 2]

    for (x0, y0), (x1, y1) in pairwise(points):
        before = round(y0)
        for x in range(x0, x1 + 1):
            now = round(y0 + (y1 - y0) * (x - x0) / max(1, x1 - x0))
            for y in range(min(before, now), max(before, now) + 1) if abs(now - before) > 1 else (now,):
                dot(x, y)
            before = now
    if len(points) == 1:
        dot(points[0][0], round(points[0][1]))
    for (column, row), bits in dots.items():
        at = _MARGIN + 1 + column
        if at < len(cells[row]):
            cells[row][at] = (chr(0x2800 | bits), style)
    if one.mark != SPACE:
        for x, y in points if len(one.steps) <= _FEW else points[-1:]:
            at, row = _MARGIN + 1 + x // 2, min(down - 1, max(0, round(y) // 4))
            if at < len(cells[row]):
                cells[row][at] = (one.mark, style)
