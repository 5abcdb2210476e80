"""Untrusted text made fit to show: the wall between what is stored and what a terminal sees.

In: any text (a message, a name, a file's name, a model's reply, a server's error). Out: `SafeText`, in which everything
that a terminal could obey, or that hides or reorders other characters, has become visible. Stored text stays exact;
this happens on the way to a screen or a line of output, and nowhere else.

Characters are replaced one by one and never parsed as sequences, so nothing can be swallowed and no unfinished sequence
can escape: ESC becomes ␛, U+009B ⟨9B⟩, U+202E ⟨RLO⟩. Accents, ñ, ¿¡, emoji with their joiners and variation selectors
pass untouched, as do characters that this Python's Unicode tables do not know yet (they are next year's emoji).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NewType

SafeText = NewType("SafeText", str)

LINE_LIMIT: Final = 2000  # characters of a one-line cell; no terminal is wider
MARKS_LIMIT: Final = 8  # combining marks on one character; Vietnamese and Hebrew need three

_ZWNJ, _ZWJ = "\u200c", "\u200d"

# Besides the controls: soft hyphen, Arabic and Syriac prefix signs, fillers that are letters but blank, zero-width
# spaces and marks, separators, bidi controls, invisible operators, interlinear and shorthand and musical controls,
# variation selectors for ideographs and tags (both can smuggle hidden text), surrogates and noncharacters.
_UNSAFE_CLASS: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    + "".join(f"{chr((plane << 16) | 0xFFFE)}{chr((plane << 16) | 0xFFFF)}" for plane in range(1, 17))
)
# Three flags are spelt with tags (England, Scotland, Wales): the only tags that are left as they are.
_FLAG: Final = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(one)) for one in code) for code in ("gbeng", "gbsct", "gbwls"))
)
_UNSAFE: Final = re.compile(f"{_FLAG}|[{_UNSAFE_CLASS}]")
# Those of them that str.isprintable takes for printable: letters and marks that draw nothing.
_BLANK: Final = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef]")
_BEYOND_LATIN: Final = re.compile("[^\x00-\u02ff]")
# Candidates for too many marks: nothing below U+0300 is one, and marks are neither letters, digits nor spaces.
_PILE: Final = re.compile(rf"[^\w\s\x00-\u02ff]{{{MARKS_LIMIT + 1},}}")

_NAMES: Final = {
    0xAD: "SHY", 0x34F: "CGJ", 0x61C: "ALM", 0x180E: "MVS", 0x200B: "ZWSP", 0x200E: "LRM", 0x200F: "RLM", 0x2028: "LS",
    0x2029: "PS", 0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO", 0x2060: "WJ",
    0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xFEFF: "BOM",
}  # fmt: skip


def shown(text: str, *, limit: int | None = None) -> SafeText:
    """Text of several lines, fit to show; newlines stay, a tab is four spaces."""
    if limit is not None and len(text) > limit:
        text = text[: limit + 1]  # clipped before it is looked at, then to the limit once it is safe
    # The short cuts run at C speed; on plain Spanish the whole class costs seven times as much.
    if not text.isprintable():
        text = _UNSAFE.sub(_in_lines, text)
    return _finished(text, limit)


def shown_in_line(text: str, *, limit: int = LINE_LIMIT) -> SafeText:
    """Text for a cell of one line: newlines show as ␤, tabs as a space, and it is clipped."""
    if len(text) > limit:
        text = text[: limit + 1]
    if not text.isprintable():
        text = _UNSAFE.sub(_in_one_line, text)
    return _finished(text, limit)


class Flowing:
    """Text that comes in pieces, made fit to show piece by piece: a pile of marks that comes mark by mark is cut too."""

    def __init__(self) -> None:
        self._pile = 0

    def add(self, piece: str) -> SafeText:
        """This piece, fit to show after those before it."""
        if not _BEYOND_LATIN.search(piece):
            self._pile = 0 if piece else self._pile
            return shown(piece)
        kept: list[str] = []
        for one in piece:
            if one in (_ZWJ, _ZWNJ) or unicodedata.category(one) in ("Mn", "Me"):
                self._pile += 1
                if self._pile > MARKS_LIMIT:
                    if self._pile == MARKS_LIMIT + 1:
                        kept.append("…")
                    continue
            else:
                self._pile = 0
            kept.append(one)
        return shown("".join(kept))


def is_safe(text: str) -> bool:
    """Whether nothing in the text would be replaced in a text of several lines."""
    return shown(text) == text


def _finished(text: str, limit: int | None) -> SafeText:
    # Below U+0300 there is no combining mark, nor anything unsafe that isprintable takes for printable.
    if _BEYOND_LATIN.search(text):
        if _BLANK.search(text):
            text = _BLANK.sub(_in_lines, text)
        if _PILE.search(text):
            text = _PILE.sub(_pile_cut, text)
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - 1)] + "…"
    return SafeText(text)


def _in_lines(match: re.Match[str]) -> str:
    found = match.group()
    if found == "\n":
        return found
    return "    " if found == "\t" else _visible(found)


def _in_one_line(match: re.Match[str]) -> str:
    found = match.group()
    if found == "\n":
        return "␤"
    return " " if found == "\t" else _visible(found)


def _visible(found: str) -> str:
    if len(found) > 1:
        return found  # one of the three flags
    code = ord(found)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if 0xE0020 <= code <= 0xE007E:
        return f"⟨TAG {chr(code - 0xE0000)}⟩"
    return f"⟨{_NAMES.get(code, f'{code:02X}')}⟩"


def _pile_cut(match: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for one in match.group():
        if one in (_ZWJ, _ZWNJ) or unicodedata.category(one) in ("Mn", "Me"):
            marks += 1
            if marks > MARKS_LIMIT:
                if marks == MARKS_LIMIT + 1:
                    kept.append("…")
                continue
        else:
            marks = 0
        kept.append(one)
    return "".join(kept)
