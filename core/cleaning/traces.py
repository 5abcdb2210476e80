"""Whether a text holds somebody's words, where nothing but the text is left to tell by: a talk, a correction of a reply.

In: everything that somebody wrote (and nobody else, word for word: an "ok" is nobody's in particular). Out: yes or no
for other texts. Short messages must stand by themselves, as a whole text or as a line of it; longer ones are found
anywhere in it. Words that were changed by hand are not found. Knows nothing of where the texts come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_LONG: Final = 20  # characters: as many in a row are no coincidence
_BREAK: Final = re.compile(r"\n|<\|msg_sep\|>")


class Traces:
    """Somebody's words, to be looked for."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._whole: set[str] = set()
        self._long: dict[str, list[str]] = {}
        for text in texts:
            plain = text.strip()
            if not plain or plain in self._whole:
                continue
            self._whole.add(plain)
            if len(plain) >= _LONG:
                # Looked up by their beginning: a pass over a text costs its length, however many messages there are.
                self._long.setdefault(plain[:_LONG], []).append(plain)

    def __bool__(self) -> bool:
        return bool(self._whole)

    def within(self, text: str) -> bool:
        """Whether a text holds any of them."""
        if text.strip() in self._whole or any(piece.strip() in self._whole for piece in _BREAK.split(text)):
            return True
        return any(
            text.startswith(one, at)
            for at in range(len(text) - _LONG + 1)
            for one in self._long.get(text[at : at + _LONG], ())
        )
