"""Proof that a split does not leak: no message and no like of an example on both sides.

In: the examples of any dataset, made here or read from files. Out: every leak, none for a clean split. It shares no
state with the build: it looks at what was made, not at how.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.chat import Example, Side
from core.dataset.duplicates import Alike, digest, exchange, whole


@dataclass(frozen=True, slots=True)
class Leak:
    """One held-out example of which training knows something; numbers are places in the order of the examples."""

    sort: Literal["message", "conversation", "same", "alike"]
    validation: int
    train: int | None  # None where only its likeness is known


def leaks(examples: Iterable[Example], *, similarity: float = 1.0) -> list[Leak]:
    """Every leak across the split. Likeness below 1 needs the package rensa."""
    messages: dict[str, int] = {}
    conversations: dict[int, int] = {}
    said: dict[bytes, int] = {}
    held: list[tuple[int, Example]] = []
    alike = Alike(similarity) if similarity < 1 else None
    for place, example in enumerate(examples):
        if example.side is Side.VALIDATION:
            held.append((place, example))
            continue
        conversations.setdefault(example.conversation, place)
        for line in example.lines:
            for uid in line.messages:
                messages.setdefault(uid, place)
        for text in (exchange(example.lines), whole(example.lines)):
            said.setdefault(digest(text), place)
        if alike is not None:
            alike.add(exchange(example.lines))
    found: list[Leak] = []
    for place, example in held:
        shared = next((messages[uid] for line in example.lines for uid in line.messages if uid in messages), None)
        if shared is not None:
            found.append(Leak("message", place, shared))
        elif example.conversation in conversations:
            found.append(Leak("conversation", place, conversations[example.conversation]))
        same = said.get(digest(exchange(example.lines)), said.get(digest(whole(example.lines))))
        if same is not None:
            found.append(Leak("same", place, same))
        elif alike is not None and alike.seen(exchange(example.lines)):
            found.append(Leak("alike", place, None))
    return found
