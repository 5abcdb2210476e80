"""Changes to a text on its way into an example. In: exact text and settings. Out: another text; what is stored stays.

What erases style (case, accents, emoji, spacing) is offered and off. All changes come after the rules have looked at
the exact text, so that none can hide a notice from them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from core.cleaning.phrases import ATTACHMENT, EDIT_NOTICE, INVISIBLE
from core.cleaning.settings import Cleaning

LINK: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']+"
    r"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}(?:com|net|org|edu|gob|gov|io|app|me|ly|gl|be|tv|ar|es|mx|cl|uy|br)"
    r"(?![\w.-]|@)(?:/[^\s<>\"']*)?",
    re.IGNORECASE,
)
EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f700-\U0001faff"
    "\u2600-\u27bf\u2b00-\u2bff\u231a-\u23ff\u3030\u303d\u3297\u3299\ufe0f\u20e3\u200d\U000e0020-\U000e007f]+"
)
_ACCENT: Final = re.compile("(?<![nN])\u0303|[\u0300-\u0302\u0304-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]")
_SPACES: Final = re.compile(r"\s+")


def has_link(text: str) -> bool:
    """Whether a link stands in the text."""
    # A link needs a dot; most messages have none, and the search costs ten times this question.
    return "." in text and LINK.search(text) is not None


def bare_link(text: str) -> bool:
    """Whether the text is links and nothing else."""
    return "." in text and not LINK.sub("", text).strip(" \n\t.,;:!?()[]<>-") and has_link(text)


def accents_folded(text: str) -> str:
    """Letters without their accents; everything else as it was. Ñ is a letter of its own, not an n with an accent."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text)))


def _unmarked(text: str) -> str:
    return text if text.isascii() else INVISIBLE.sub("", text)


def _without_notices(text: str) -> str:
    return ATTACHMENT.sub("", EDIT_NOTICE.sub("", text)) if "<" in text else text


def _without_links(text: str) -> str:
    return LINK.sub("", text) if "." in text else text


def cleaner(cleaning: Cleaning) -> Callable[[str], str] | None:
    """What takes things off a text, None if nothing is to be taken. Private things are looked for after it: a direction
    mark inside a number would hide it."""
    steps: list[Callable[[str], str]] = []
    if cleaning.strip_marks:
        steps.append(_unmarked)
    if cleaning.strip_notices:
        steps.append(_without_notices)
    if cleaning.strip_links:
        steps.append(_without_links)
    if cleaning.strip_emoji:
        steps.append(lambda text: text if text.isascii() else EMOJI.sub("", text))
    return _in_turn(steps)


def normaliser(cleaning: Cleaning) -> Callable[[str], str] | None:
    """What rewrites all of a text, None if nothing is to be. It comes last: masks are told by their capitals."""
    steps: list[Callable[[str], str]] = []
    if cleaning.lower_case:
        steps.append(str.lower)
    if cleaning.fold_accents:
        steps.append(accents_folded)
    if cleaning.squeeze_spaces:
        steps.append(lambda text: _SPACES.sub(" ", text))
    return _in_turn(steps)


def _in_turn(steps: list[Callable[[str], str]]) -> Callable[[str], str] | None:
    if not steps:
        return None

    def change(text: str) -> str:
        for step in steps:
            text = step(text)
        return text.strip()

    return change


def anything_left(cleaning: Cleaning) -> Callable[[str], bool]:
    """Whether something to read is left of a text after both."""
    clean, normalise = cleaner(cleaning), normaliser(cleaning)

    def left(text: str) -> bool:
        text = clean(text) if clean else text.strip()
        return bool(normalise(text) if normalise and text else text)

    return left
