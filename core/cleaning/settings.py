"""What cleaning is told to do, as plain data. It loads nothing heavy: recipes are shown before any message is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINKS: Final = ("keep", "bare", "any")  # drop no message with links, those that are only links, or all that hold one
PRIVATE_KINDS: Final = ("email", "phone", "card", "bank", "id", "ip", "url", "secret")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Which rules are on. The defaults are those of a recipe."""

    media: bool = True
    deleted: bool = True
    system: bool = True
    calls: bool = True
    locations: bool = True
    polls: bool = True
    forwarded: bool = True
    bots: bool = True
    links: str = "bare"
    min_chars: int = 0
    max_chars: int = 0  # 0: no maximum
    pattern: str = ""  # a regular expression; messages in which it is found are dropped
    strip_notices: bool = True
    strip_marks: bool = True
    strip_links: bool = False
    strip_emoji: bool = False
    lower_case: bool = False
    fold_accents: bool = False
    squeeze_spaces: bool = False
