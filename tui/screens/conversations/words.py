"""The words that are looked for, found again in a text that is shown, so that they can be marked.

The index folds case and accents; so does this, one character for one, so that places in the folded text are places in
the text. It marks what the index matches but for spellings that fold to more than one letter, which stay unmarked.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from core.safe_text import SafeText

_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')


@lru_cache(4096)
def _folded_one(one: str) -> str:
    if one in "ñÑ":
        return "ñ"
    bare = unicodedata.normalize("NFD", one)[:1].casefold()
    return bare if len(bare) == 1 else one


def folded(text: str) -> str:
    """The text without case and accents, character by character."""
    return text.lower() if text.isascii() else "".join(map(_folded_one, text))


class Words:
    """The words of a query."""

    def __init__(self, query: str) -> None:
        terms = list(_TERM.finditer(query))
        patterns: list[str] = []
        for place, term in enumerate(terms):
            text = (term[1] if term[2] is None else term[2]).strip()
            if not text:
                continue
            begins = place == len(terms) - 1 and term[2] is not None and not query[-1:].isspace()
            escaped = r"\W+".join(re.escape(word) for word in folded(text).split())
            if text[:1].isalnum():
                escaped = rf"(?<!\w){escaped}" + (r"\w*" if begins else r"(?!\w)")
            patterns.append(escaped)
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def spans(self, text: SafeText) -> list[tuple[int, int]]:
        """Where the words stand."""
        if self._pattern is None:
            return []
        return [found.span() for found in self._pattern.finditer(folded(text)) if found.end() > found.start()]

    def around(self, text: SafeText, width: int) -> SafeText:
        """The part of a text in which the first of the words is in sight."""
        if len(text) <= width:
            return text
        spans = self.spans(text)
        start = max(0, spans[0][0] - width // 3) if spans else 0
        return SafeText(("…" if start else "") + text[start : start + 2 * width])
