"""The cleaning rules: each named, counted, switchable, and reversible, for a rule only marks a message.

In: kinds, marks and exact texts. Out: for every message the rules that it falls under, one bit a rule, whether they are
on or not: switching a rule is then one comparison over an array. It knows no chat, no author and no example.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.chat import Kind, Mark
from core.cleaning.phrases import rule_of
from core.cleaning.settings import Cleaning
from core.cleaning.transforms import anything_left, bare_link, has_link
from core.language import N_


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to leave a message out."""

    name: str
    bit: int
    help: str  # in English; `_` it to show it


RULES: Final[tuple[Rule, ...]] = tuple(
    Rule(name, 1 << place, text)
    for place, (name, text) in enumerate(
        (
            ("media", N_("missing photos, stickers and files")),
            ("deleted", N_("notices of deleted messages")),
            ("system", N_("lines of the app itself")),
            ("calls", N_("calls")),
            ("locations", N_("shared places")),
            ("polls", N_("polls")),
            ("forwarded", N_("forwarded words of others")),
            ("bots", N_("words of programs")),
            ("bare_links", N_("nothing but links")),
            ("links", N_("a link among the words")),
            ("pattern", N_("your own pattern")),
            ("short", N_("too short")),
            ("long", N_("too long")),
            ("empty", N_("nothing left to read")),
        )
    )
)
BITS: Final[Mapping[str, int]] = {rule.name: rule.bit for rule in RULES}
_BY_KIND: Final[Mapping[Kind, str]] = {
    Kind.MEDIA: "media",
    Kind.DELETED: "deleted",
    Kind.SYSTEM: "system",
    Kind.CALL: "calls",
    Kind.LOCATION: "locations",
    Kind.POLL: "polls",
}
_KIND_BITS: Final = np.array([BITS[_BY_KIND[kind]] if kind in _BY_KIND else 0 for kind in Kind], np.uint16)


def scan_key(cleaning: Cleaning) -> tuple[object, ...]:
    """What a scan depends on: while this stays the same, an earlier scan holds for other switches and lengths."""
    return (
        cleaning.pattern, cleaning.strip_marks, cleaning.strip_notices, cleaning.strip_links, cleaning.strip_emoji,
        cleaning.fold_accents,
    )  # fmt: skip


def text_bits(text: str, cleaning: Cleaning, pattern: re.Pattern[str] | None = None) -> int:
    """The rules that a text falls under by its words alone."""
    bits = 0
    rule = rule_of(text)
    if rule:
        bits |= BITS[rule]
    if has_link(text):
        bits |= BITS["links"]
        if bare_link(text):
            bits |= BITS["bare_links"]
    if pattern is not None and pattern.search(text):
        bits |= BITS["pattern"]
    if not anything_left(cleaning)(text):
        bits |= BITS["empty"]
    return bits


def scan(
    kinds: NDArray[np.uint8], marks: NDArray[np.uint8], texts: Iterable[str], cleaning: Cleaning
) -> NDArray[np.uint16]:
    """For every message the bits of the rules that it falls under, but for the lengths, which `dropped` looks at."""
    hits = _KIND_BITS[kinds]
    hits[(marks & Mark.FORWARDED) != 0] |= BITS["forwarded"]
    hits[(marks & Mark.BOT) != 0] |= BITS["bots"]
    pattern = re.compile(cleaning.pattern) if cleaning.pattern else None
    left = anything_left(cleaning)
    links_stay = not cleaning.strip_links
    links, bare, found, empty = BITS["links"], BITS["bare_links"], BITS["pattern"], BITS["empty"]
    # The loop of a million: `text_bits` unrolled, one lookup a step.
    for row, text in enumerate(texts):
        bits = 0
        rule = rule_of(text)
        if rule:
            bits = BITS[rule]
        if "." in text and has_link(text):
            bits |= links | bare if bare_link(text) else links
        if pattern is not None and pattern.search(text):
            bits |= found
        # A letter at its beginning is never taken off, unless it is a link's; `left` costs ten times this question.
        if not (text[:1].isalpha() and (links_stay or "." not in text)) and not left(text):
            bits |= empty
        if bits:
            hits[row] |= bits
    return hits


def switched_on(cleaning: Cleaning) -> int:
    """The bits of the rules that are on."""
    on = {
        "media": cleaning.media, "deleted": cleaning.deleted, "system": cleaning.system, "calls": cleaning.calls,
        "locations": cleaning.locations, "polls": cleaning.polls, "forwarded": cleaning.forwarded,
        "bots": cleaning.bots, "bare_links": cleaning.links != "keep", "links": cleaning.links == "any",
        "pattern": bool(cleaning.pattern), "short": cleaning.min_chars > 0, "long": cleaning.max_chars > 0,
        "empty": True,
    }  # fmt: skip
    return sum(BITS[name] for name, is_on in on.items() if is_on)


def with_lengths(hits: NDArray[np.uint16], lengths: NDArray[np.int32], cleaning: Cleaning) -> NDArray[np.uint16]:
    """The bits with those of the lengths, which need no text and so no scan."""
    if not cleaning.min_chars and not cleaning.max_chars:
        return hits
    hits = hits.copy()
    if cleaning.min_chars:
        hits[lengths < cleaning.min_chars] |= BITS["short"]
    if cleaning.max_chars:
        hits[lengths > cleaning.max_chars] |= BITS["long"]
    return hits


def dropped(hits: NDArray[np.uint16], lengths: NDArray[np.int32], cleaning: Cleaning) -> NDArray[np.bool_]:
    """Which messages a rule that is on leaves out."""
    return (with_lengths(hits, lengths, cleaning) & np.uint16(switched_on(cleaning))) != 0


@dataclass(frozen=True, slots=True)
class Touched:
    """What one rule found."""

    rule: Rule
    on: bool
    count: int
    rows: tuple[int, ...]  # the first messages that it found, as examples


def report(
    hits: NDArray[np.uint16], lengths: NDArray[np.int32], cleaning: Cleaning, *, examples: int = 5
) -> list[Touched]:
    """Every rule with how many messages it finds, on or off, and the first of them."""
    hits = with_lengths(hits, lengths, cleaning)
    on = switched_on(cleaning)
    found: list[Touched] = []
    for rule in RULES:
        rows = np.flatnonzero(hits & np.uint16(rule.bit))
        found.append(Touched(rule, bool(on & rule.bit), len(rows), tuple(rows[:examples].tolist())))
    return found
