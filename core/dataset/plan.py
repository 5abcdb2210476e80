"""Which turns make an example: every reply of the persona with the turns before it, as indexes.

In: a grouping, the persona, a recipe. Out: arrays. It reads no text, so that counts at a million messages cost
milliseconds; the words of an example are put together in `examples`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dataset.recipe import Recipe
from core.grouping import Columns, Grouping


@dataclass(frozen=True, slots=True)
class Plan:
    """One entry an example: its turns are `context[e]:end[e]`, of which the reply begins at `reply[e]`."""

    context: NDArray[np.intp]
    reply: NDArray[np.intp]
    end: NDArray[np.intp]
    conversation: NDArray[np.intp]  # of the grouping
    speeches: NDArray[np.intp]  # where the side that speaks changes, and the count of turns
    replied: NDArray[np.intp]  # for each example, its reply's place in `speeches`

    def __len__(self) -> int:
        return len(self.reply)

    def only(self, chosen: NDArray[np.bool_]) -> Plan:
        """The examples for which `chosen` says so."""
        return Plan(
            self.context[chosen], self.reply[chosen], self.end[chosen], self.conversation[chosen], self.speeches,
            self.replied[chosen],
        )  # fmt: skip


def plan(grouping: Grouping, columns: Columns, recipe: Recipe, persona: int) -> Plan:
    """Every example that the recipe makes of the grouping, before its words and duplicates are looked at.

    A speech is all that one side says before the other does: turns of one side that are further apart than the burst
    window, or of several others in a group, are still one speech, so that no two lines of one role follow each other.
    """
    opens = grouping.opens()
    ours = grouping.authors == persona
    begins = np.append(opens, True)
    begins[1:-1] |= ours[1:] != ours[:-1]
    speeches = np.flatnonzero(begins)
    starts = speeches[:-1]
    replied = np.flatnonzero(ours[starts])
    reply, end = starts[replied], speeches[replied + 1]
    conversation = (np.cumsum(opens) - 1)[reply]
    opening = grouping.conversations[conversation]
    if recipe.buffer_unit == "turns":
        context = np.maximum(opening, reply - recipe.context_turns)
    else:
        first = np.searchsorted(starts, opening)
        context = speeches[np.maximum(first, replied - recipe.context_turns)]
    made = Plan(context, reply, end, conversation, speeches, replied)
    chosen = np.ones(len(reply), np.bool_)
    if recipe.buffer_size and recipe.without_context == "drop":
        chosen &= context < reply
    if recipe.min_reply_chars or recipe.max_reply_chars:
        chars = np.concatenate(([0], np.cumsum(columns.lengths[grouping.rows], dtype=np.int64)))
        first_row, last_row = grouping.turns[reply], grouping.turns[end]
        length = chars[last_row] - chars[first_row] + (last_row - first_row - 1) * len(recipe.separator)
        chosen &= length >= recipe.min_reply_chars
        if recipe.max_reply_chars:
            chosen &= length <= recipe.max_reply_chars
    return made if chosen.all() else made.only(chosen)
