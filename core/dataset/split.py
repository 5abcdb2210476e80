"""Which conversations are held out: whole ones, in time order with a gap between both sides, or drawn by their ids.

In: when conversations begin and end, how many examples each gives. Out: one side a conversation. It reads no text;
near duplicates across the split are `duplicates`' work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.dataset.recipe import Recipe

TRAIN: Final = 0
VALIDATION: Final = 1
PURGED: Final = 2  # on neither side: too close to the border


@dataclass(frozen=True, slots=True)
class Conversations:
    """What a split needs to know, one entry a conversation, in the dataset's order."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    examples: NDArray[np.int64]
    untimed: NDArray[np.bool_]  # its times only count the order
    continued: NDArray[np.bool_]  # cut from the one before it in its chat by the maximum of turns
    chats: NDArray[np.int32]
    keys: Sequence[str]  # the stable id of the first message


def gap(conversations: Conversations, recipe: Recipe) -> int:
    """The seconds left unused before the held-out side.

    At least the time that a context can span: `buffer` turns, each up to a conversation gap apart, but never more than
    the longest conversation there is, for no context reaches out of its conversation.
    """
    spans = (conversations.ends - conversations.starts)[~conversations.untimed]
    longest = int(spans.max()) if len(spans) else 0
    window = min(max(1, recipe.context_turns) * recipe.conversation_gap, longest)
    return max(recipe.purge_gap, recipe.conversation_gap, window)


def sides(conversations: Conversations, recipe: Recipe) -> NDArray[np.uint8]:
    """TRAIN, VALIDATION or PURGED for each conversation."""
    made = np.zeros(len(conversations.examples), np.uint8)
    if recipe.validation <= 0 or np.count_nonzero(conversations.examples) < 2:
        return made
    if recipe.split == "random":
        order = np.array(sorted(range(len(made)), key=lambda c: _drawn(recipe.seed, conversations.keys[c])), np.intp)
        made[_last_share(order[::-1], conversations.examples, recipe.validation)] = VALIDATION
        # A conversation that was only cut from the one before it goes on about the same things.
        _follow_cuts(made, conversations)
        return made
    timed = np.flatnonzero(~conversations.untimed)
    held = _last_share(timed, conversations.examples, recipe.validation)
    if len(held):
        made[held] = VALIDATION
        border = int(conversations.starts[held].min())
        near = ~conversations.untimed & (made == TRAIN) & (conversations.ends > border - gap(conversations, recipe))
        made[near] = PURGED
    for chat in np.unique(conversations.chats[conversations.untimed]).tolist():
        own = np.flatnonzero(conversations.untimed & (conversations.chats == chat))
        held = _last_share(own, conversations.examples, recipe.validation)
        made[held] = VALIDATION
        if len(held) and conversations.continued[held[0]] and held[0] != own[0]:
            made[own[np.searchsorted(own, held[0]) - 1]] = PURGED
    return made


def _last_share(order: NDArray[np.intp], examples: NDArray[np.int64], share: float) -> NDArray[np.intp]:
    """The last conversations of an order that together hold about the share of its examples, never all of them."""
    with_examples = order[examples[order] > 0]
    if len(with_examples) < 2:
        return with_examples[:0]
    after = np.cumsum(examples[with_examples][::-1])
    wanted = share * after[-1]
    # As many whole conversations as come nearest to the share, at least one and at most all but one.
    taken = int(np.argmin(np.abs(after - wanted))) + 1
    first = with_examples[-min(taken, len(with_examples) - 1)]
    return order[int(np.flatnonzero(order == first)[0]) :]


def _follow_cuts(made: NDArray[np.uint8], conversations: Conversations) -> None:
    """Purge what a cut parted from its other half on the held-out side."""
    last: dict[int, int] = {}
    for place, chat in enumerate(conversations.chats.tolist()):
        before = last.get(chat)
        if before is not None and conversations.continued[place] and {made[before], made[place]} == {TRAIN, VALIDATION}:
            made[before if made[before] == TRAIN else place] = PURGED
        last[chat] = place


def _drawn(seed: int, key: str) -> bytes:
    # A hash of the id, not a generator's sequence: another machine, order or library draws the same.
    return hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).digest()
