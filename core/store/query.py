"""What a query asks for: words as the word index takes them, and signs. In: what somebody typed; out: a `Query`.

It knows no table. FTS5's tokenizer keeps letters, numbers and private characters, folds capitals and accents, and folds ñ
into n; the rest of a query (an emoji, a question mark) is looked for as it is, and words with ñ are held to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

# Letters beyond are of scripts with thousands of them: one alone finds little, so that FTS5 is quick.
LETTERS_END = 0x3000

_TOKEN = re.compile(r"[^\W_]+")
_ACCENTED = re.compile(r"(?:[^\W_]|[\u0300-\u0331])+")  # a word goes on across its accents
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')


@dataclass(frozen=True, slots=True)
class Query:
    """A query, taken apart. All of its parts have to be in a text."""

    words: tuple[str, ...]  # FTS5 phrases
    signs: tuple[str, ...]  # without a letter or a digit
    enye: frozenset[str]  # words with ñ that the hits have to hold, folded but for it
    initial: str  # the last word where it is only begun, by one letter, folded; "" where it is not
    begun: str  # the same where it has an ñ

    def __bool__(self) -> bool:
        return bool(self.words or self.signs)


def taken_apart(query: str) -> Query:
    """The parts of a query."""
    words: list[str] = []
    signs: list[str] = []
    enye: set[str] = set()
    initial = begun = ""
    # A NUL would end FTS5's expression early, in the middle of a quoted string.
    found = list(_TERM.finditer(query.replace("\0", " ")))
    for place, term in enumerate(found):
        phrase, word = term.group(1), term.group(2)
        text = _encodable(phrase if word is None else word)
        # Which characters the tokenizer keeps: letters, numbers and private ones.
        if any((kind := unicodedata.category(character))[0] in "LN" or kind == "Co" for character in text):
            last = place == len(found) - 1 and word is not None and not query[-1:].isspace()
            words.append(f'"{text}"' + ("*" if last else ""))
            enye |= with_enye(text)
            if last:
                initial = _one_letter(text)
                begun = _one_with_enye(text)
        elif text.strip():
            signs.append(text.strip())  # as around words, spaces at the ends of quotes do not count
    return Query(tuple(words), tuple(signs), frozenset(enye), initial, begun)


def expression(query: str) -> tuple[str, list[str]]:
    """A query as an expression for an index of ours ("" when it has no words), and the signs to look for as they are."""
    asked = taken_apart(query)
    return " ".join(asked.words), list(asked.signs)


def holds(query: str) -> Callable[[str], bool]:
    """Whether a text that is in no index holds the words of a query, as a search would find it."""
    asked = taken_apart(query)
    return held_by(asked) if asked else lambda _text: False


def held_by(asked: Query) -> Callable[[str], bool]:
    """The same for a query that is taken apart already, or for a part of it."""
    phrases = [(_tokens(one.removesuffix("*").strip('"')), one.endswith("*")) for one in asked.words]
    phrases = [(tokens, begun) for tokens, begun in phrases if tokens]
    written = written_with(asked.enye) if asked.enye else None

    def held(text: str) -> bool:
        if not all(term in text for term in asked.signs):
            return False
        words = _tokens(text) if phrases else []
        return all(_stands(words, *phrase) for phrase in phrases) and (written is None or written(text))

    return held


def written_with(wanted: frozenset[str]) -> Callable[[str], bool]:
    """Whether a text has words that begin with all of these, which are written with ñ."""
    # Nearly every hit has the word as it was asked for, and is known by it: 1 µs, where folding all its words takes 25.
    plainly = [re.compile(rf"(?<![^\W_]|[\u0300-\u036f]){re.escape(one)}(?![\u0300-\u036f])", re.I) for one in wanted]

    def written(text: str) -> bool:
        if all(one.search(text) for one in plainly):
            return True
        words = with_enye(text)
        return all(any(word.startswith(one) for word in words) for one in wanted)

    return written


@lru_cache(1 << 14)
def folded(character: str) -> str:
    """A letter as the word index folds it: small, and without its accent where that leaves one of a to z."""
    small = character.lower()
    apart = unicodedata.normalize("NFD", small)
    return apart[0] if apart.isascii() or apart[:1].isascii() else small[0]


def is_accent(code: int) -> bool:
    """Whether the word index passes over this character inside a word."""
    if not 768 <= code <= 817:
        return False
    return bool((0x08029FDF >> (code - 768)) & 1 if code < 800 else (0x000361F8 >> (code - 800)) & 1)


def _one_letter(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    if len(composed) != 1 or ord(composed) >= LETTERS_END or not _TOKEN.match(composed):
        return ""
    return "" if composed in "ñÑ" else folded(composed)


def _one_with_enye(text: str) -> str:
    found = with_enye(text)
    return next(iter(found)) if len(found) == 1 and len(_tokens(text)) == 1 else ""


def _stands(words: list[str], phrase: list[str], begun: bool) -> bool:
    """Whether the words of a phrase stand one after the other, the last of them perhaps only begun."""
    *whole, last = phrase
    for at in range(len(words) - len(whole)):
        if words[at : at + len(whole)] == whole:
            following = words[at + len(whole)]
            if following == last or (begun and following.startswith(last)):
                return True
    return False


def _tokens(text: str) -> list[str]:
    """The words of a text as the index has them: without accents and capitals."""
    if not text.isascii():
        text = "".join(folded(one) for one in text if not is_accent(ord(one)))
    return _TOKEN.findall(text.lower())


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def with_enye(text: str) -> set[str]:
    """The words of a text that are written with ñ, folded otherwise as the index folds."""
    composed = unicodedata.normalize("NFC", text).casefold()
    if "ñ" not in composed:
        return set()
    return {_fold(word) for word in _ACCENTED.findall(composed) if "ñ" in word}


def _fold(word: str) -> str:
    bare = unicodedata.normalize("NFD", word.replace("ñ", "\ue001"))
    return "".join(c for c in bare if not unicodedata.combining(c)).replace("\ue001", "ñ")
