"""What an account may still do, as a page of the account's screen.

In: the limits that the provider told. Out: lines. It asks nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip
from textual.widget import Widget

from core.safe_text import SafeText, shown_in_line
from tui.lines import Line, strip_of, wrapped
from tui.themes import palette_of

if TYPE_CHECKING:
    from core.workspace.account import Limits


class LimitsText(Widget):
    """What the account may still do, in lines."""

    DEFAULT_CSS = "LimitsText { height: 1fr; display: none; }"

    def __init__(self) -> None:
        super().__init__(id="limits")
        self.lines: list[SafeText] = []

    def forget(self) -> None:
        """Say nothing: these were another's."""
        self.lines = []
        self.refresh()

    def show(self, told: Limits) -> None:
        """Take new words."""
        self.lines = [shown_in_line(line) for line in told.lines()]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        width = self.size.width
        broken = [part for line in self.lines for part in wrapped(line, width - 4)]
        cells: Line = [(SafeText("  "), palette.ground), (broken[y], palette.text)] if y < len(broken) else []
        return strip_of(cells, width, palette.ground)
