"""A board: a few lines of text that are drawn anew often, of which only what changed goes to the terminal.

In: what `draw` gives. Out: strips. The recipe's counters, plots and examples are boards; what grows is a `RowList`.
"""

from __future__ import annotations

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.lines import Line, strip_of
from tui.themes import Palette, palette_of
from tui.widgets.bars import cells_of, narrow


class Board(Widget):
    """Lines of text; subclasses say which."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Board { width: 1fr; }"

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        """The lines as they should be now; those beyond the height are not shown."""
        raise NotImplementedError

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._whole())

    def on_resize(self) -> None:
        self._whole()

    def _whole(self) -> None:
        self._strips = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if not self._strips:
            self._strips = self._drawn()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def _drawn(self) -> list[Strip]:
        palette = palette_of(self.app.current_theme)
        width, height = self.size
        lines = self.draw(palette, width, height)[:height]
        lines += [[] for _missing in range(height - len(lines))]
        return [strip_of(line, width, palette.ground) for line in lines]

    def redraw(self) -> None:
        """Send to the terminal, line by line, the columns from the first that changed to the last."""
        if not self._strips or not self.is_attached or not self.size:
            self._strips = []  # one that is not shown is drawn when it is
            self.refresh()
            return
        before, self._strips = self._strips, self._drawn()
        for y, (one, other) in enumerate(zip(before, self._strips, strict=False)):
            if list(one) == list(other):
                continue
            was, now = cells_of(one), cells_of(other)
            changed = [at for at, (a, b) in enumerate(zip(was, now, strict=False)) if a != b]
            if not changed:
                continue
            # Where some character is not one column wide, a terminal may see other columns than we do: all is sent.
            first, last = (changed[0], changed[-1]) if narrow(one) and narrow(other) else (0, self.size.width - 1)
            self.refresh(Region(first, y, last - first + 1, 1))
