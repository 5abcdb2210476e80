"""Exact counters of a recipe, without making its examples: how many on each side, and their tokens.

In: a `Build` and a `Counter`. Out: totals, equal to those of the examples that the build would yield (a test proves it
over random chats). Between calls it remembers what every stretch of messages costs, so that after a change of a window
only the stretches that changed are read and counted again.

A stretch is told by the sum of numbers of its rows that look like chance, not by its ends: a message left out in the middle
makes it another one. Examples that say the same are told by a rolling hash over the hashes of their folded lines.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.chat import Example, Role, Side
from core.counting.counter import Counter
from core.dataset.duplicates import digest, folded
from core.dataset.examples import Build
from core.dataset.material import EDITED, Material
from core.dataset.recipe import Recipe
from core.dataset.split import PURGED, TRAIN, VALIDATION, sides

_REMEMBERED = 1_000_000  # stretches; beyond, they are forgotten and counted again
_LONG = 1.0  # seconds of counting that are worth being kept for the next process
_TELL_EVERY = 32  # stretches, about a millisecond: whoever gives way does so when it tells how far it is
_SAID = 4_096  # messages whose words are at hand: a speech and a part of it follow each other in no great distance
_ODD = np.uint64(0x9E3779B97F4A7C15)  # the rolling hash's factor; odd, so that no bit is ever lost
_Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a recipe gives, to the token."""

    train: int
    validation: int
    duplicates: int
    across: int
    purged: int
    short: int
    unweighted: int
    corrections: int  # of `train`
    tokens: int  # of the training side
    validation_tokens: int
    longest: int  # tokens of the longest example
    exact: bool
    # The entries of the plan that are written, in the order of yielding, and the tokens of each; `written` is None where
    # examples had to be made to be counted. A correction's entry is its number after the last of the plan.
    written: NDArray[np.intp] | None = field(default=None, compare=False, repr=False)
    each: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class _Spans:
    """Every stretch of turns that some example has as a line: all whole speeches, then the partial ones."""

    first: NDArray[np.intp]
    end: NDArray[np.intp]
    speeches: int
    partial: NDArray[np.intp]  # for each example, its first line's place if that is a partial speech, else -1
    opening: NDArray[np.intp]  # for each example, the place of its first whole speech
    reply: NDArray[np.intp]  # for each example, the place of its last; all between are its lines too


class _Costs:
    """What stretches cost, by their numbers: arrays sorted by number, 32 bytes a stretch where a dict took 130."""

    def __init__(self) -> None:
        self._keys = np.zeros(0, np.uint64)
        self._tokens = np.zeros(0, np.int64)
        self._folds = np.zeros(0, np.uint64)
        self._words = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def missing(self, keys: _Hashes) -> NDArray[np.intp]:
        """Where in `keys` those stand that are not known, each once."""
        at = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), np.bool_)
        if len(self._keys):
            known = self._keys[np.minimum(at, len(self._keys) - 1)] == keys
        places = np.flatnonzero(~known)
        return np.sort(places[np.unique(keys[places], return_index=True)[1]])

    def add(self, keys: _Hashes, tokens: array[int], folds: array[int], words: array[int]) -> None:
        """Take what some that were missing cost."""
        order = np.argsort(keys)
        at = np.searchsorted(self._keys, keys[order])
        self._tokens = np.insert(self._tokens, at, np.frombuffer(tokens, np.int64)[order])
        self._folds = np.insert(self._folds, at, np.frombuffer(folds, np.uint64)[order])
        self._words = np.insert(self._words, at, np.frombuffer(words, np.int64)[order])
        self._keys = np.insert(self._keys, at, keys[order])

    def saved(self) -> dict[str, NDArray[Any]]:
        """All of it, 24 bytes a stretch, for `load`."""
        tokens, words = self._tokens.astype(np.uint32), self._words.astype(np.uint32)
        return {"keys": self._keys, "tokens": tokens, "folds": self._folds, "words": words}

    def load(self, saved: Mapping[str, NDArray[Any]]) -> None:
        """Take what `saved` gave."""
        self._keys, self._folds = saved["keys"], saved["folds"]
        self._tokens, self._words = saved["tokens"].astype(np.int64), saved["words"].astype(np.int64)

    def of(self, keys: _Hashes) -> tuple[NDArray[np.int64], _Hashes, NDArray[np.int64]]:
        """The tokens, the hash of the folded words and the number of words of each; all are known."""
        at = np.searchsorted(self._keys, keys)
        return self._tokens[at], self._folds[at], self._words[at]


class Shelf(Protocol):
    """Where costs outlive the process, by what the words depend on."""

    def take(self, settings: object) -> Mapping[str, NDArray[Any]] | None:
        """The costs that were put there for these settings."""
        ...

    def put(self, settings: object, costs: Mapping[str, NDArray[Any]]) -> None:
        """Keep them."""
        ...


class Recount:
    """Counts recipes over the same messages; keep it while these stay, whatever the curator decides of them."""

    def __init__(self, material: Material, counter: Counter, shelf: Shelf | None = None) -> None:
        self._material = material
        self._counter = counter
        self._shelf = shelf
        self._settings: tuple[object, ...] = ()
        self._costs = _Costs()
        self._spent = 0.0  # seconds of counting since anything was put on the shelf

    def totals(self, build: Build, *, progress: Callable[[int, int], None] | None = None) -> Totals:
        """The totals of what this build would yield; `progress` gets stretches done and to do."""
        if build.material.texts is not self._material.texts:
            raise ValueError("other messages")
        recipe = build.recipe
        if recipe.similarity < 1 or not self._counter.separable:
            return self._by_examples(build)
        if not len(build.plan):
            return Totals(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, self._counter.exact)
        self._forget_if_other(build)
        spans = _spans_of(build)
        around = self._around(build)  # first, so that it goes on the shelf with all else
        tokens, folds, words = self._counted(build, spans, progress)
        return _totals(build, spans, tokens, folds, words, around, self._counter)

    def _forget_if_other(self, build: Build) -> None:
        """Words depend on these; a change of any makes everything remembered another text."""
        recipe = build.recipe
        aliases = tuple(sorted(build.names.items())) if recipe.alias_names else ()
        settings: tuple[object, ...] = (
            recipe.persona, recipe.separator, recipe.mask, recipe.groups, recipe.cleaning, aliases,
            tuple(sorted(build.alone.items())),
        )  # fmt: skip
        if settings != self._settings or len(self._costs) > _REMEMBERED:
            found = self._shelf.take(settings) if self._shelf is not None and settings != self._settings else None
            self._settings = settings
            self._costs = _Costs()
            if found is not None:
                self._costs.load(found)

    def _counted(
        self, build: Build, spans: _Spans, progress: Callable[[int, int], None] | None
    ) -> tuple[NDArray[np.int64], _Hashes, NDArray[np.int64]]:
        grouping = build.grouping
        ends = np.zeros(len(grouping.rows) + 1, np.uint64)
        np.cumsum(_numbered(build.material)[grouping.rows], out=ends[1:])
        keys = ends[grouping.turns[spans.end]] - ends[grouping.turns[spans.first]]
        missing = self._costs.missing(keys)
        if len(missing):
            began = time.monotonic()
            tokens, folds, words = array("q"), array("Q"), array("q")
            said: dict[int, str] = {}
            writer = build.writer()
            writer.only_words(said)
            cost = self._counter.line
            try:
                for done, place in enumerate(missing.tolist()):
                    line = writer.line(int(spans.first[place]), int(spans.end[place]))
                    tokens.append(cost(line))
                    folds.append(int.from_bytes(digest(folded(line.text))[:8], "little"))
                    words.append(len(line.text.split()))
                    if len(said) > _SAID:
                        said.clear()
                    if progress and not done % _TELL_EVERY:
                        progress(done, len(missing))
            finally:
                # What was counted when one stopped it, too: the next count begins there.
                whole = len(words)
                self._costs.add(keys[missing[:whole]], tokens[:whole], folds[:whole], words)
                self._spent += time.monotonic() - began
                if self._shelf is not None and self._spent > _LONG:
                    self._spent = 0.0
                    self._shelf.put(self._settings, self._costs.saved())
        return self._costs.of(keys)

    def _around(self, build: Build) -> int:
        """The tokens of an example beside those of its speeches: the system prompt's, and the template's."""
        total = self._counter.around_example
        for line in build.writer().system:
            key = np.frombuffer(digest(line.text)[:8], np.uint64)
            if len(self._costs.missing(key)):
                self._costs.add(key, array("q", [self._counter.line(line)]), array("Q", [0]), array("q", [0]))
            total += int(self._costs.of(key)[0][0])
        return total

    def _by_examples(self, build: Build) -> Totals:
        """Where lines do not add up (or likeness is asked for), every example is made and counted."""
        tokens = {TRAIN: 0, VALIDATION: 0}
        each = array("q")
        for example in build:
            own = self._counter.example(example)
            tokens[TRAIN if example.side is Side.TRAIN else VALIDATION] += own
            each.append(own)
        told = build.report
        return Totals(
            told.train, told.validation, told.duplicates, told.across, told.purged, told.short, told.unweighted,
            told.corrections, tokens[TRAIN], tokens[VALIDATION], max(each, default=0), self._counter.exact, None,
            np.array(each, np.int64),
        )  # fmt: skip


def _numbered(material: Material) -> _Hashes:
    """A number for each row that looks like chance (splitmix64), made anew each time: kept, a million are 8 MB. A row
    whose words the curator changed has another one, so its stretches are others."""
    numbers = np.arange(len(material.columns), dtype=np.uint64)
    numbers *= _ODD
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers ^= numbers >> np.uint64(shift)
        numbers *= np.uint64(factor)
    numbers ^= numbers >> np.uint64(31)
    for row in material.rows_where(EDITED):
        numbers[row] ^= np.uint64(int.from_bytes(digest(material.text(row))[:8], "little"))
    return numbers


def _spans_of(build: Build) -> _Spans:
    made = build.plan
    speech = np.searchsorted(made.speeches, made.context, side="right") - 1
    has_context = made.context < made.reply
    whole = made.speeches[speech] == made.context
    partial = has_context & ~whole
    starts, places = np.unique(made.context[partial], return_inverse=True)
    first = np.concatenate((made.speeches[:-1], starts))
    end = np.concatenate((made.speeches[1:], made.speeches[np.searchsorted(made.speeches, starts, side="right")]))
    at = np.full(len(made), -1, np.intp)
    at[partial] = len(made.speeches) - 1 + places
    opening = np.where(has_context, speech + ~whole, made.replied)
    # Speeches that no example has as a line are left out: their words are never asked for.
    count = len(made.speeches)
    used = np.bincount(opening, minlength=count) - np.bincount(made.replied + 1, minlength=count)
    wanted = np.cumsum(used)[:-1] > 0
    renumbered = np.cumsum(wanted) - 1
    speeches = int(wanted.sum())
    chosen = np.concatenate((np.flatnonzero(wanted), np.arange(len(made.speeches) - 1, len(first))))
    at[partial] += speeches - (len(made.speeches) - 1)
    return _Spans(first[chosen], end[chosen], speeches, at, renumbered[opening], renumbered[made.replied])


def _totals(
    build: Build,
    spans: _Spans,
    tokens: NDArray[np.int64],
    folds: _Hashes,
    words: NDArray[np.int64],
    around: int,
    counter: Counter,
) -> Totals:
    recipe, made = build.recipe, build.plan
    order, known = build.order
    side_of = sides(known, recipe)
    # Each example's whole speeches are neighbours, so sums over them are differences of running sums.
    reply = spans.reply
    before = np.concatenate(([0], np.cumsum(tokens[: spans.speeches])))
    own = before[reply + 1] - before[spans.opening]
    has_partial = spans.partial >= 0
    own[has_partial] += tokens[spans.partial[has_partial]]
    own += around

    # The order in which a build yields: conversations in the dataset's order, the training side first.
    rank = np.empty(build.grouping.conversation_count, np.intp)
    rank[order] = np.arange(len(order))
    place = rank[made.conversation]
    side = side_of[place]
    alive = side != PURGED
    weights = np.ones(len(made), np.int64)
    for entry, weight in build.weights.items():
        weights[entry] = weight
    unweighted = alive & (weights == 0)
    alive &= weights > 0
    short = alive & _too_short(recipe, spans, words)
    alive &= ~short
    entries = np.flatnonzero(alive)
    entries = entries[np.lexsort((entries, place[entries], side[entries]))]

    exchange, whole = _sayings(spans, folds)
    corrected = _corrected(build, counter)
    across = np.zeros(len(made), np.bool_)
    held = entries[side[entries] == VALIDATION]
    trained = entries[side[entries] == TRAIN]
    across[held] = np.isin(exchange[held], np.append(exchange[trained], corrected.exchange))
    again = np.zeros(len(made), np.bool_)
    own_again = np.zeros(len(corrected.tokens), np.bool_)
    if recipe.near_duplicates != "keep":
        rest = held[~across[held]]
        said = np.concatenate((whole[trained], corrected.whole, whole[rest]))
        repeated = np.ones(len(said), np.bool_)
        repeated[np.unique(said, return_index=True)[1]] = False
        own_again = repeated[len(trained) : len(said) - len(rest)]
        again[trained], again[rest] = repeated[: len(trained)], repeated[len(said) - len(rest) :]
    left = alive & ~across
    if recipe.near_duplicates == "remove":
        left &= ~again
    own_left = np.flatnonzero(~own_again if recipe.near_duplicates == "remove" else np.ones_like(own_again))
    weights[side == VALIDATION] = 1
    train, validation = left & (side == TRAIN), left & (side == VALIDATION)
    written = np.concatenate((trained[left[trained]], len(made) + own_left, held[left[held]]))
    each = np.concatenate((own, corrected.tokens))[written]
    return Totals(
        train=int(weights[train].sum()) + len(own_left),
        validation=int(validation.sum()),
        duplicates=int(again.sum() + own_again.sum()),
        across=int(across.sum()),
        purged=int(np.count_nonzero(side == PURGED)),
        short=int(short.sum()),
        unweighted=int(unweighted.sum()),
        corrections=len(own_left),
        tokens=int((own * weights)[train].sum() + corrected.tokens[own_left].sum()),
        validation_tokens=int(own[validation].sum()),
        longest=int(each.max(initial=0)),
        exact=counter.exact,
        written=written,
        each=each,
    )


@dataclass(frozen=True, slots=True)
class _Corrected:
    """What the corrections of a build cost and say, an entry each; there are few, so each is made."""

    tokens: NDArray[np.int64]
    exchange: _Hashes
    whole: _Hashes


def _corrected(build: Build, counter: Counter) -> _Corrected:
    tokens, exchanges, wholes = array("q"), array("Q"), array("Q")
    factor, most = int(_ODD), (1 << 64) - 1
    for lines in build.corrected(build.writer()):
        spoken = [
            int.from_bytes(digest(folded(one.text))[:8], "little") for one in lines if one.role is not Role.SYSTEM
        ]
        tokens.append(counter.example(Example(lines, 0, Side.TRAIN)))
        # As `_sayings` has it for the lines of a chat.
        exchanges.append((spoken[-2] * factor + spoken[-1] + 1 if len(spoken) > 1 else spoken[-1]) & most)
        wholes.append(sum(one * pow(factor, place, 1 << 64) for place, one in enumerate(reversed(spoken))) & most)
    return _Corrected(np.array(tokens, np.int64), np.array(exchanges, np.uint64), np.array(wholes, np.uint64))


def _too_short(recipe: Recipe, spans: _Spans, words: NDArray[np.int64]) -> NDArray[np.bool_]:
    short = words[spans.reply] < recipe.min_reply_words
    if recipe.min_context_words:
        before = np.concatenate(([0], np.cumsum(words[: spans.speeches])))
        context = before[spans.reply] - before[spans.opening]
        partial = spans.partial >= 0
        context[partial] += words[spans.partial[partial]]
        short |= context < recipe.min_context_words
    return short


def _sayings(spans: _Spans, folds: _Hashes) -> tuple[_Hashes, _Hashes]:
    """For each example, a hash of its last question and reply, and one of all that it says."""
    reply, opening, count = spans.reply, spans.opening, spans.speeches
    partial = spans.partial >= 0
    lone = reply == opening
    question = np.zeros(len(reply), np.uint64)
    question[~lone] = folds[reply[~lone] - 1]
    question[lone & partial] = folds[spans.partial[lone & partial]]
    has_question = (~lone | partial).astype(np.uint64)
    exchange = question * _ODD + folds[reply] + has_question
    # The line that stands k lines before the reply counts odd^k, whole or partial: equal sayings, equal hashes.
    powers = np.cumprod(np.concatenate((np.ones(1, np.uint64), np.full(count, _ODD))), dtype=np.uint64)
    inverse = np.uint64(pow(int(_ODD), -1, 1 << 64))
    inverses = np.cumprod(np.concatenate((np.ones(1, np.uint64), np.full(count, inverse))), dtype=np.uint64)
    running = np.concatenate((np.zeros(1, np.uint64), np.cumsum(folds[:count] * inverses[:count], dtype=np.uint64)))
    whole = (running[reply + 1] - running[opening]) * powers[reply]
    whole[partial] += folds[spans.partial[partial]] * powers[(reply - opening)[partial] + 1]
    return exchange, whole
