"""Text that grows, wrapped into lines without wrapping again what is wrapped already.

In: pieces of text as they come, from anywhere. Out: safe lines of at most a width. Only the last line is ever taken
apart again, so a reply of 100,000 tokens costs the same for each new word as an empty one, and so does an endless line.
"""

from __future__ import annotations

from typing import Final

from core.safe_text import SafeText, shown
from tui.lines import NOTHING, wrapped

_AT_ONCE: Final = 256  # characters; a longer piece is wrapped in parts, since breaking one word is quadratic


class Wrapped:
    """A growing text in lines."""

    def __init__(self, width: int, text: str = "") -> None:
        self.width = max(1, width)
        self.text = ""
        self.lines: list[SafeText] = [NOTHING]
        self._tail = ""  # what stands on the last line, with the blanks at its end
        self.become(text)

    def become(self, text: str) -> None:
        """Hold this text now; what is the same at its beginning costs nothing."""
        if not text.startswith(self.text):
            self.text, self.lines, self._tail = "", [NOTHING], ""
        new = text[len(self.text) :]
        self.text = text
        for start in range(0, len(new), _AT_ONCE):
            self._add(new[start : start + _AT_ONCE])

    def _add(self, piece: str) -> None:
        # Made safe together with the last line: a pile of marks may come in pieces of one mark each.
        text = shown(self._tail + shown(piece))
        lines = wrapped(text, self.width)
        self.lines[-1:] = lines
        last = lines[-1]
        rest = text[text.rfind(last) :] if last else text[text.rfind("\n") + 1 :]
        self._tail = rest if rest.strip() == last.strip() else last
