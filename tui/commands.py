"""A command of the palette: what it says, the action that it runs, the key that does the same."""

from __future__ import annotations

from dataclasses import dataclass

from core.safe_text import SafeText


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the palette. An action without a name space is the screen's."""

    title: SafeText
    action: str
    key: str = ""
