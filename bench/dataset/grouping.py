"""How long boundaries and a whole preview of counts take at a million messages: `python -m bench.dataset.grouping`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from bench.dataset.talk import seconds
from core.chat import Kind, Participant
from core.cleaning import consent, rules
from core.dataset.plan import plan
from core.dataset.recipe import Recipe
from core.grouping import KIND_CODES, Columns, boundaries, counts

MESSAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000


def made(count: int) -> tuple[Columns, np.ndarray]:
    """Twelve chats of bursts and silences."""
    draw = np.random.default_rng(7)
    gaps = np.where(draw.random(count) < 0.03, draw.integers(3_600, 90_000, count), draw.integers(0, 240, count))
    chats = np.sort(draw.integers(0, 12, count)).astype(np.int32)
    authors = np.where(draw.random(count) < 0.45, 0, 1 + chats).astype(np.int32)
    kinds = np.where(draw.random(count) < 0.06, KIND_CODES[Kind.MEDIA], KIND_CODES[Kind.TEXT]).astype(np.uint8)
    columns = Columns(
        np.cumsum(gaps), authors, chats, kinds, np.zeros(count, np.uint8), np.ones(count, np.bool_),
        draw.integers(1, 200, count).astype(np.int32),
    )  # fmt: skip
    hits = np.where(kinds == KIND_CODES[Kind.MEDIA], rules.BITS["media"], 0).astype(np.uint16)
    return columns, hits


def best(what: Callable[[], object], times: int = 15) -> float:
    """The least processor time: what else the machine does counts less in it than in the wall's."""
    return 1000 * seconds(what, times)


def main() -> None:
    columns, hits = made(MESSAGES)
    people = {number: Participant(number, f"P{number}") for number in range(13)}
    recipe = Recipe(persona="P0")

    def preview() -> None:
        stays = ~rules.dropped(hits, columns.lengths, recipe.cleaning)
        stays &= consent.may_be_used(columns.authors, people)
        left = columns.keeping(stays)
        grouping = boundaries(left, recipe.burst_window, recipe.conversation_gap, recipe.max_turns)
        counts(grouping, buffer_size=recipe.buffer_size)
        plan(grouping, left, recipe, 0)

    whole = best(lambda: boundaries(columns, 3600, 10_800, 60))
    stays = ~rules.dropped(hits, columns.lengths, recipe.cleaning)
    some = best(lambda: boundaries(columns.keeping(stays), 3600, 10_800, 60))
    print(f"{MESSAGES:,} messages, milliseconds of the processor, best of 15")
    print(f"boundaries, all kept        {whole:7.1f} ms   (at most 25)")
    print(f"boundaries, 94 % kept       {some:7.1f} ms   (at most 25)")
    print(f"whole preview of counts     {best(preview):7.1f} ms   (at most 50)")


if __name__ == "__main__":
    main()
