"""Figures of messages: lengths, vocabulary, top words, by participant and by month.

In: material and which of its messages are kept. Out: plain data. Words are counted
after folding (case, accents), so `Más` and `mas` are one word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.chat import Mark
from core.cleaning.transforms import accents_folded
from core.dataset.check import percentile
from core.dataset.fillers import is_filler, laughter
from core.dataset.material import Material
from core.grouping import Columns

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True, slots=True)
class Figures:
    """What can be said of some messages."""

    messages: int
    words: int
    chars: int
    mean_words: float
    median_words: int
    p95_words: int
    vocabulary: int  # different words
    richness: float  # different words for each word, of the first thousand words: comparable between people
    top: tuple[tuple[str, int], ...]  # most used words without fillers
    top_all: tuple[tuple[str, int], ...]  # and with them
    lengths: tuple[tuple[str, int], ...]  # how many messages have 1, 2, 3–4 ... words


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of all, of each participant (by id), and counts of messages by month (`2026-06`) and participant."""

    all: Figures
    participants: Mapping[int, Figures]
    months: Mapping[str, Mapping[int, int]]


def words_of(text: str) -> list[str]:
    """The folded words of a text."""
    return [laughter(word) for word in _WORD.findall(accents_folded(text.casefold()))]


class _Pile:
    """Words of one person, piled up."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.chars = 0
        self.words: Counter[str] = Counter()
        self.first: list[str] = []

    def add(self, text: str, words: Sequence[str]) -> None:
        self.lengths.append(len(words))
        self.chars += len(text)
        self.words.update(words)
        if len(self.first) < 1_000:
            self.first += words[: 1_000 - len(self.first)]

    def figures(self, top: int) -> Figures:
        total = sum(self.lengths)
        return Figures(
            messages=len(self.lengths),
            words=total,
            chars=self.chars,
            mean_words=round(total / len(self.lengths), 2) if self.lengths else 0.0,
            median_words=percentile(self.lengths, 50),
            p95_words=percentile(self.lengths, 95),
            vocabulary=len(self.words),
            richness=round(len(set(self.first)) / len(self.first), 3) if self.first else 0.0,
            top=_most(((word, n) for word, n in self.words.items() if not is_filler(word)), top),
            top_all=_most(self.words.items(), top),
            lengths=spread(self.lengths),
        )


def _most(counts: Iterable[tuple[str, int]], top: int) -> tuple[tuple[str, int], ...]:
    # By count, then by letter: the same list on every machine.
    return tuple(sorted(counts, key=lambda one: (-one[1], one[0]))[:top])


def statistics(material: Material, columns: Columns, *, top: int = 20) -> Statistics:
    """Figures of the messages that `columns` keeps."""
    everyone = _Pile()
    people: dict[int, _Pile] = {}
    rows = np.flatnonzero(columns.kept)
    for row in rows.tolist():
        text = material.text(row)
        words = words_of(text)
        everyone.add(text, words)
        people.setdefault(int(columns.authors[row]), _Pile()).add(text, words)
    return Statistics(
        everyone.figures(top), {number: pile.figures(top) for number, pile in people.items()}, months(columns)
    )


def months(columns: Columns) -> dict[str, dict[int, int]]:
    """Kept messages by month and participant; months without any are there too, with nothing. Messages of a source
    without times are in none."""
    rows = np.flatnonzero(columns.kept & ((columns.marks & Mark.UNTIMED) == 0))
    if not len(rows):
        return {}
    month = columns.times[rows].astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    pairs, counts = np.unique(np.stack((month, columns.authors[rows].astype(np.int64))), axis=1, return_counts=True)
    first, last = int(month.min()), int(month.max())
    made: dict[str, dict[int, int]] = {}
    if last - first < 1_200:  # a wrong date centuries away must not make a list of centuries
        made = {_month(one): {} for one in range(first, last + 1)}
    for one, author, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        made.setdefault(_month(one), {})[author] = count
    return made


def _month(number: int) -> str:
    year, month = divmod(number, 12)
    return f"{1970 + year:04d}-{month + 1:02d}"


def spread(lengths: Iterable[int]) -> tuple[tuple[str, int], ...]:
    """How many lengths there are of 0, 1, 2, 3–4, 5–8 ...: each range is twice as wide as the one before, since most
    messages are short and some are very long."""
    counts = Counter(max(0, length - 1).bit_length() + (length > 0) for length in lengths)
    return tuple((_range(one), counts[one]) for one in range(min(counts, default=0), max(counts, default=-1) + 1))


def _range(number: int) -> str:
    if number < 3:
        return str(number)
    return f"{2 ** (number - 2) + 1}–{2 ** (number - 1)}"


__all__ = ["Figures", "Statistics", "months", "spread", "statistics", "words_of"]
