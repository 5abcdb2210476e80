"""Examples that say the same: told by digests of folded text, and by MinHash where the package rensa is installed.

In: examples' lines, one after the other, training side first. Out: whether their like was seen. It keeps digests, never
texts. What is compared: within a side the whole example; across the split only the last question and the reply, which
is stricter, for a long context must not hide that the same was answered to the same.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from core.chat import Line, Role, Side

_NOT_WORDS: Final = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """The text without case, accents, punctuation and spacing; as it is if that leaves nothing (`👍`, `???`)."""
    plain = text.casefold()
    if not plain.isascii():
        parts = unicodedata.normalize("NFKD", plain)
        plain = "".join(one for one in parts if not unicodedata.combining(one))
    return _NOT_WORDS.sub(" ", plain).strip() or text.strip()


def exchange(lines: Sequence[Line]) -> str:
    """The last question and the reply, folded: what must not be on both sides."""
    spoken = [line for line in lines if line.role is not Role.SYSTEM]
    return "\x00".join(folded(line.text) for line in spoken[-2:])


def whole(lines: Sequence[Line]) -> str:
    """All that is said in the example, folded."""
    return "\x00".join(folded(line.text) for line in lines if line.role is not Role.SYSTEM)


def digest(text: str) -> bytes:
    """Ten bytes stand for a text: a million of them collide once in 10^12 datasets."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).digest()


class Duplicates:
    """What was seen so far."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._whole: set[bytes] = set()
        self._trained: set[bytes] = set()

    def seen(self, lines: Sequence[Line], side: Side) -> str:
        """ "across" if training has the like of this held-out example, "same" if its own side has, else ""."""
        said = digest(exchange(lines))
        if side is Side.VALIDATION and said in self._trained:
            return "across"
        again = False
        if self._mode != "keep":
            all_of_it = digest(whole(lines))
            again = all_of_it in self._whole
            self._whole.add(all_of_it)
        if side is Side.TRAIN:
            self._trained.add(said)
        return "same" if again else ""
