"""Examples that say the same: told by digests of folded text, and by MinHash if the recipe asks for likeness.

In: examples' lines, one after the other, training side first. Out: whether their like was seen. It keeps digests, never
texts. What is compared: within a side the whole example; across the split only the last question and the reply, which
is stricter, for a long context must not hide that the same was answered to the same.

Likeness below 1 needs the package rensa. It is never used merely because it is there: the same recipe must give the
same examples on every machine.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from core.chat import Line, Role, Side
from core.language import _
from core.problem import Problem

_ACCENTS: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]+")
_USUAL: Final = "\u0300\u0301\u0302\u0303\u0308\u0327"  # the accents of Latin letters, taken apart
_NOT_WORDS: Final = re.compile(r"[\W_]+")
_SPACED: Final = bytes(one if chr(one).isalnum() and one < 128 else 32 for one in range(256))


@lru_cache(maxsize=8_192)  # contexts overlap: most lines were folded for the example before
def folded(text: str) -> str:
    """The text without case, accents, punctuation and spacing; as it is if that leaves nothing (`👍`, `???`)."""
    plain = text.casefold()
    letters = plain
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        letters = plain.encode("ascii", "ignore").decode()
        if len(plain) - len(letters) != sum(map(plain.count, _USUAL)):
            letters = plain = _ACCENTS.sub("", plain)
    if letters.isascii():
        # What the pattern below does, by a table: five times as fast. Spanish without its accents is ASCII.
        return b" ".join(letters.encode().translate(_SPACED).split()).decode() or text.strip()
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


def shingles(text: str) -> list[str]:
    """The pieces that likeness is measured by: four letters at a time, which forgives a typing error."""
    return sorted({text[n : n + 4] for n in range(max(1, len(text) - 3))})


class Alike:
    """Texts of which at least so much is the same as of one seen before (estimated by 128 minimal hashes)."""

    def __init__(self, similarity: float) -> None:
        try:
            import rensa  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
        except ImportError:
            raise Problem(
                _("A similarity below 1 needs the package rensa, which is not installed."),
                advice=_("Install it, or set similarity=1."),
            ) from None
        self._rensa: Any = rensa
        self._similarity = similarity
        # More bands find more candidates; each is then measured, so that too many cost time and nothing else.
        self._index: Any = self._rensa.RMinHashLSH(similarity, 128, 32)
        self._signs: list[Any] = []

    def _sign(self, text: str) -> Any:
        sign: Any = self._rensa.RMinHash(128, 42)
        sign.update(shingles(text))
        return sign

    def seen(self, text: str) -> bool:
        """Whether the like of this text was added."""
        sign = self._sign(text)
        return any(sign.jaccard(self._signs[one]) >= self._similarity for one in self._index.query(sign))

    def add(self, text: str) -> None:
        """Remember a text."""
        sign = self._sign(text)
        self._index.insert(len(self._signs), sign)
        self._signs.append(sign)


class Duplicates:
    """What was seen so far."""

    def __init__(self, mode: str, similarity: float = 1.0) -> None:
        self._mode = mode
        self._whole: set[bytes] = set()
        self._trained: set[bytes] = set()
        self._alike_whole = Alike(similarity) if similarity < 1 and mode != "keep" else None
        self._alike_trained = Alike(similarity) if similarity < 1 else None

    def seen(self, lines: Sequence[Line], side: Side) -> str:
        """ "across" if training has the like of this held-out example, "same" if its own side has, else ""."""
        text = exchange(lines)
        said = digest(text)
        if side is Side.VALIDATION and (
            said in self._trained or (self._alike_trained is not None and self._alike_trained.seen(text))
        ):
            return "across"
        again = False
        if self._mode != "keep":
            all_text = whole(lines)
            all_of_it = digest(all_text)
            again = all_of_it in self._whole
            self._whole.add(all_of_it)
            if self._alike_whole is not None and not again:
                again = self._alike_whole.seen(all_text)
                self._alike_whole.add(all_text)
        if side is Side.TRAIN and said not in self._trained:
            self._trained.add(said)
            if self._alike_trained is not None:
                self._alike_trained.add(text)
        return "same" if again else ""
