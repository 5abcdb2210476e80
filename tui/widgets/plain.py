"""Text of several lines in a dialog: Textual's Static, with its markup shut off for good."""

from __future__ import annotations

from textual.widgets import Static

from core.safe_text import SafeText


class Plain(Static):
    """Shows safe text as it is."""

    def __init__(self, text: SafeText, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(text, markup=False, id=id, classes=classes)
        self._shown = text

    def show(self, text: SafeText) -> None:
        """Take other text. The same text again would lay out the whole dialog anew, 9 KB for nothing."""
        if text != self._shown:
            self._shown = text
            self.update(text)
