"""What two datasets have that the other has not. In: examples of both. Out: digests told apart, counts, and places.

Examples are the same when their lines say the same to the model (roles, words, what is learnt), wherever they stand;
one that only changed sides is told apart from one that is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from core.chat import Example, Side


@dataclass(frozen=True, slots=True)
class Difference:
    """Places in the first dataset (`removed`, `moved`) and in the second (`added`)."""

    same: int
    removed: tuple[int, ...]
    added: tuple[int, ...]
    moved: tuple[int, ...]  # in both, but on the other side of the split


def _digest(example: Example) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for line in example.lines:
        words = line.text.encode("utf-8", "surrogatepass")
        made.update(f"{line.role.value}:{line.trained:d}:{len(words)}:".encode())
        made.update(words)
    return made.digest()


def diff(before: Iterable[Example], after: Iterable[Example]) -> Difference:
    """Compare two datasets; examples that occur several times are matched as many times."""
    waiting: dict[bytes, list[tuple[int, Side]]] = {}
    for place, example in enumerate(before):
        waiting.setdefault(_digest(example), []).append((place, example.side))
    same = 0
    added: list[int] = []
    moved: list[int] = []
    for place, example in enumerate(after):
        known = waiting.get(_digest(example))
        if not known:
            added.append(place)
            continue
        at = next((n for n, (_place, side) in enumerate(known) if side is example.side), 0)
        was, side = known.pop(at)
        if side is example.side:
            same += 1
        else:
            moved.append(was)
    removed = sorted(place for rest in waiting.values() for place, _side in rest)
    return Difference(same, tuple(removed), tuple(added), tuple(sorted(moved)))
