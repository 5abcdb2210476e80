"""Corrections: what somebody wrote in place of a model's reply, with what the model had been given.

In: a prompt, the reply and the better one; out: plain rows. A correction outlives the talk in which it was made, since
a dataset may have been made with it; it is deleted by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.store.connection import Change, Readable


@dataclass(frozen=True, slots=True)
class StoredCorrection:
    """One correction. `prompt` is JSON text: a list of messages, the system prompt among them; one that was taken from a
    chat has under `messages` the ids of that chat's messages.
    """

    id: int
    prompt: str
    chosen: str
    rejected: str
    model: str
    talk_id: int | None
    message_id: int | None
    made_at: int
    separator: str = ""  # what parts the messages of a turn in it
    persona: str = ""  # whose voice the model had learnt, where that is known


_COLUMNS = "id, prompt, chosen, rejected, model, talk_id, message_id, made_at, separator, persona"


def put(change: Change, one: StoredCorrection) -> int:
    """Enter a correction (its `id` and time are not looked at); a second one of the same reply takes the first's place,
    under a number of its own: a dataset that had the first knows by it that there is a newer one.
    """
    number = newest(change) + 1
    if one.message_id is not None:
        change.execute("DELETE FROM corrections WHERE message_id = ?", (one.message_id,))
    return change.insert(
        f"INSERT INTO corrections ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number, one.prompt, one.chosen, one.rejected, one.model, one.talk_id, one.message_id, int(time.time()),
            one.separator, one.persona,
        ),
    )  # fmt: skip


def newest(store: Readable) -> int:
    """The number of the newest correction; 0 where there is none."""
    return int(store.read("SELECT coalesce(max(id), 0) FROM corrections")[0][0])


def all_corrections(store: Readable) -> list[StoredCorrection]:
    """Every correction, in the order in which they were made."""
    return [StoredCorrection(*row) for row in store.read(f"SELECT {_COLUMNS} FROM corrections ORDER BY id")]


def delete(change: Change, number: int) -> bool:
    """Delete a correction; false when there is none of this number."""
    return change.execute("DELETE FROM corrections WHERE id = ?", (number,)) > 0
