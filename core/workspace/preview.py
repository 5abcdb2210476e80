"""What the working recipe gives, looked at: how turns, tokens and months are spread, where the split falls, and the
examples one by one as they will be trained.

All of it is derived from the same plan as the counters and nothing of it is stored. Until the exact count is there,
tokens are estimates and examples are those that are planned, duplicates among them; `exact` says which.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.chat import Mark, Side
from core.dataset.recipe import Recipe
from core.workspace import recipe, revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.counting.trained import Learnt
    from core.dataset.examples import Build

_BINS = 24


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread: counts of ranges that are `step` wide from 0 on, and what lies beyond them."""

    step: int
    counts: tuple[int, ...]
    beyond: int
    median: int
    high: int  # 95 % are no higher
    longest: int


def ranges(spread: Spread, most: int = 12) -> list[tuple[str, int]]:
    """The ranges of a spread by name, with how many are in each: neighbours together, so that there are few."""
    used = next((at for at in range(len(spread.counts), 0, -1) if spread.counts[at - 1]), 0)
    together = max(1, -(-used // most))
    wide = spread.step * together
    counts = [sum(spread.counts[at : at + together]) for at in range(0, used, together)]
    named = [(str(at) if wide == 1 else f"{at * wide}–{at * wide + wide - 1}", n) for at, n in enumerate(counts)]
    return [*named, *([(f"≥ {len(spread.counts) * spread.step}", spread.beyond)] if spread.beyond else [])]


@dataclass(frozen=True, slots=True)
class Part:
    """One side of the split."""

    examples: int
    conversations: int
    first: int | None  # seconds; None where nothing has a time
    last: int | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What can be drawn of a recipe."""

    turns: Spread  # characters of a turn
    tokens: Spread  # of an example
    exact: bool  # those tokens
    settled: bool  # whether the examples are those that a build would write, in months and parts too
    months: tuple[tuple[str, int, int], ...]  # month, examples to train on, held out
    train: Part
    validation: Part
    gap: int  # seconds left unused between both sides; 0 where the split is not by time
    purged: int  # examples in that gap


@dataclass(frozen=True, slots=True)
class ExampleShown:
    """One example as it will be trained."""

    n: int
    count: int  # of all
    exact: bool  # whether n and count are those of the dataset that would be built
    side: Side | None  # None: in the gap, on neither side
    conversation: int
    sent_at: int | None
    chat: int
    message: str  # the id of the reply's first message
    learnt: Learnt
    correction: bool = False  # a reply of a model, corrected: it stands in no chat


def shape(workspace: Workspace, of: Recipe | None = None) -> Shape | None:
    """How what the recipe gives is spread; None while it gives nothing."""
    now = of or recipe.current(workspace)
    if not now.persona:
        return None
    totals = recipe.exact_totals(workspace) if of is None else None
    key = (revision.of(workspace.store), now.hash, totals is not None)
    return workspace.derived("shape", key, lambda: _shape(workspace, now, totals))


def _shape(workspace: Workspace, now: Recipe, totals: Any) -> Shape | None:
    import numpy as np

    from core.dataset.split import PURGED, TRAIN, VALIDATION, gap

    made = recipe.planned(workspace, now)
    if not len(made.plan):
        return None
    grouping = made.grouping
    characters = np.concatenate(([0], np.cumsum(made.columns.lengths[grouping.rows], dtype=np.int64)))
    side = _sides(workspace, now, made)
    corrections = len(made.corrections) if totals is None else totals.corrections
    if totals is not None and totals.written is not None:
        entries = totals.written[totals.written < len(made.plan)]
    else:
        entries = np.flatnonzero(side != PURGED)
    first_rows = grouping.rows[grouping.turns[made.plan.reply]]
    timed = (made.columns.marks[first_rows] & Mark.UNTIMED) == 0
    times = made.columns.times[first_rows]

    def part(which: int) -> Part:
        own = entries[side[entries] == which]
        count = len(own) + (corrections if which == TRAIN else 0)
        dated = times[own[timed[own]]]
        conversations = len(np.unique(made.plan.conversation[own]))
        if not len(dated):
            return Part(count, conversations, None, None)
        return Part(count, conversations, int(dated.min()), int(dated.max()))

    by_time = now.split == "time" and now.validation > 0
    return Shape(
        turns=_spread(np.diff(characters[grouping.turns])),
        tokens=_spread(totals.each if totals is not None and totals.each is not None else made.guessed_tokens()),
        exact=totals is not None and totals.exact,
        settled=totals is not None,
        months=_months(times[entries][timed[entries]], side[entries][timed[entries]]),
        train=part(TRAIN),
        validation=part(VALIDATION),
        gap=gap(made.order[1], now) if by_time else 0,
        purged=int(np.count_nonzero(side == PURGED)),
    )


def _sides(workspace: Workspace, now: Recipe, made: Build) -> NDArray[np.uint8]:
    """The side of each planned example."""
    import numpy as np

    from core.dataset.split import sides

    def find() -> NDArray[np.uint8]:
        order, known = made.order
        by_conversation = np.zeros(made.grouping.conversation_count, np.uint8)
        by_conversation[order] = sides(known, now)
        return by_conversation[made.plan.conversation]

    return workspace.derived("sides", (revision.of(workspace.store), now.hash), find)


def _spread(values: NDArray[Any]) -> Spread:
    import numpy as np

    if not len(values):
        return Spread(1, (), 0, 0, 0, 0)
    whole = np.asarray(values, np.int64)
    median, high, most = (int(one) for one in np.percentile(whole, (50, 95, 98), method="inverted_cdf"))
    step = _round_step(max(1, -(-most // _BINS)))
    counts = np.bincount(np.minimum(whole // step, _BINS), minlength=_BINS + 1)
    return Spread(step, tuple(counts[:_BINS].tolist()), int(counts[_BINS]), median, high, int(whole.max()))


def _round_step(least: int) -> int:
    """The next of 1 to 5, 8, 10, 12, 15, 20, 25 ...: bounds that people can read, and no half of a plot left empty."""
    if least <= 5:
        return least
    power = 1
    while True:
        for factor in (8, 10, 12, 15, 20, 25, 30, 40, 50, 60):
            if factor * power >= least:
                return factor * power
        power *= 10


def _months(times: NDArray[np.int64], side: NDArray[np.uint8]) -> tuple[tuple[str, int, int], ...]:
    import numpy as np

    from core.dataset.split import VALIDATION

    if not len(times):
        return ()
    month = times.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    first = int(month.min())
    span = int(month.max()) - first + 1
    if span > 1_200:  # one wrong date centuries away would make a list of centuries
        return ()
    held = side == VALIDATION
    train, validation = (
        np.bincount(month[~held] - first, minlength=span),
        np.bincount(month[held] - first, minlength=span),
    )
    return tuple(
        (f"{1970 + (first + at) // 12:04d}-{(first + at) % 12 + 1:02d}", int(train[at]), int(validation[at]))
        for at in range(span)
    )


def example(workspace: Workspace, n: int) -> ExampleShown | None:
    """Example `n` of the working recipe, counted from 0 and round and round; None while it gives none."""
    import numpy as np

    from core.chat import Example
    from core.counting.trained import learnt
    from core.dataset.split import PURGED, TRAIN

    now = recipe.current(workspace)
    if not now.persona:
        return None
    made = recipe.planned(workspace, now)
    totals = recipe.exact_totals(workspace)
    written = totals.written if totals is not None else None
    if written is not None:
        count = len(written)
    else:
        # In the order of the dataset as far as it is known: conversations by time, duplicates still among them.
        rank = np.empty(made.grouping.conversation_count, np.intp)
        rank[made.order[0]] = np.arange(len(made.order[0]))
        count = len(made.plan)
        written = np.argsort(rank[made.plan.conversation], kind="stable")
    if not count:
        return None
    n %= count
    entry = int(written[n])
    counter, limit = _counter(workspace, now.model)
    tokens = (
        int(totals.each[n]) if totals is not None and totals.written is not None and totals.each is not None else None
    )
    if entry >= len(made.plan):  # a correction, which stands in no conversation
        lines = made.corrected(made.writer())[entry - len(made.plan)]
        told = learnt(counter, Example(lines, 0), limit, now.separator, tokens)
        return ExampleShown(n, count, True, Side.TRAIN, 0, None, 0, lines[-1].messages[0], told, correction=True)
    lines = made.writer().lines(entry)
    side = int(_sides(workspace, now, made)[entry])
    row = int(made.grouping.rows[made.grouping.turns[made.plan.reply[entry]]])
    name = None if side == PURGED else Side.TRAIN if side == TRAIN else Side.VALIDATION
    conversation = int(made.plan.conversation[entry])
    return ExampleShown(
        n=n,
        count=count,
        exact=totals is not None and totals.written is not None,
        side=name,
        conversation=conversation,
        sent_at=None if made.columns.marks[row] & Mark.UNTIMED else int(made.columns.times[row]),
        chat=int(made.columns.chats[row]),
        message=made.material.uids[row],
        learnt=learnt(counter, Example(lines, conversation, name or Side.TRAIN), limit, now.separator, tokens),
    )


@dataclass(frozen=True, slots=True)
class FrozenShape:
    """How a frozen dataset is spread."""

    tokens: Spread  # of an example, for the model of its recipe
    replies: Spread  # characters of a reply
    total: int  # tokens of the training side
    exact: bool


def frozen_shape(workspace: Workspace, name: str, progress: Callable[[int, int], None] | None = None) -> FrozenShape:
    """How a frozen dataset is spread; every example is read, so not for a key press. Remembered for the last one."""
    import numpy as np

    from core.workspace import datasets

    row = datasets.named(workspace, name)
    counter, _limit = _counter(workspace, str(row.recipe.get("model", "mini")))

    def read() -> FrozenShape:
        tokens, replies = array("q"), array("q")
        total = 0
        for done, one in enumerate(datasets.as_examples(workspace, name)):
            if progress is not None and not done % 256:
                progress(done, row.train + row.validation)
            tokens.append(counter.example(one))
            replies.append(len(one.lines[-1].text))
            total += tokens[-1] if one.side is Side.TRAIN else 0
        return FrozenShape(
            _spread(np.array(tokens, np.int64)), _spread(np.array(replies, np.int64)), total, counter.exact
        )

    return workspace.derived("frozen shape", (row.id, row.train, row.validation), read)


def frozen_example(workspace: Workspace, name: str, at: int) -> ExampleShown | None:
    """The example at this place of a frozen dataset, round and round, as the model of its recipe is trained on it."""
    from core.chat import Example
    from core.counting.trained import learnt
    from core.store import datasets as stored
    from core.store import messages
    from core.workspace import datasets

    row = datasets.named(workspace, name)
    numbers = stored.numbers(workspace.store, row.id)
    if not numbers:
        return None
    at %= len(numbers)
    one = datasets.example(workspace, name, numbers[at])
    if one is None:
        return None
    now = Recipe.from_dict(row.recipe)
    counter, limit = _counter(workspace, now.model)
    uid = next(iter(one.lines[-1].messages), "")
    found = messages.by_uids(workspace.store, [uid]) if uid else []
    side = Side(one.side)
    return ExampleShown(
        n=at, count=len(numbers), exact=True, side=side, conversation=one.conversation,
        sent_at=found[0].sent_at if found and not found[0].marks & Mark.UNTIMED else None,
        chat=found[0].chat_id if found else 0, message=uid,
        learnt=learnt(counter, Example(one.lines, one.conversation, side), limit, now.separator),
    )  # fmt: skip


def _counter(workspace: Workspace, model: str) -> tuple[Any, int | None]:
    from core.workspace import checks, models

    folder = models.tokenizer_folder(workspace, model)
    if folder is None:
        return _named_counter(model), checks.example_limit(workspace, model)
    return _local_counter(model, folder)


@cache
def _named_counter(model: str) -> Any:
    from core.counting.counter import counter_for

    return counter_for(model)


@cache
def _local_counter(model: str, folder: Path) -> tuple[Any, int | None]:
    from core.counting.counter import counter_for
    from core.counting.trained import context_of

    return counter_for(model, folder=folder), context_of(folder)
