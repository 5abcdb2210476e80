"""A reply on its way to a reader, with its separator turned into line breaks: one line a message that it stands for.

In: pieces of text. Out: pieces in which no separator stands, not even one that came in two pieces.
"""

from __future__ import annotations


class Cutter:
    """One reply's text on its way."""

    def __init__(self, separator: str) -> None:
        self._mark = separator.strip()
        self._held = ""

    def add(self, text: str) -> str:
        """What can be shown now."""
        if not self._mark:
            return text
        text = self._held + text
        keep = next((n for n in range(min(len(self._mark) - 1, len(text)), 0, -1) if text.endswith(self._mark[:n])), 0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep].replace(self._mark, "\n")

    def rest(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return held
