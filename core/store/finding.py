"""Which messages answer to something, as numbers: places of a chat, sorted.

In: names, bounds; words are core/store/searching.py's. Out: numpy arrays, for screens that count and page through
hundreds of thousands of hits. SQLite joins them into one text and numpy reads that, as in core/store/columns.py;
200,000 hits take 60 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.store.connection import Readable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def places_by(store: Readable, chat_id: int, participant_id: int) -> NDArray[np.int64]:
    """The places of the messages of one participant."""
    return _places(
        store, chat_id, "name_id IN (SELECT id FROM names WHERE participant_id = ?)", (participant_id,)
    )  # fmt: skip


def places_of_length(store: Readable, chat_id: int, shortest: int, longest: int) -> NDArray[np.int64]:
    """The places of the messages of at least and at most so many characters."""
    return _places(store, chat_id, "length(text) BETWEEN ? AND ?", (shortest, longest))


def _places(store: Readable, chat_id: int, condition: str, values: Sequence[int]) -> NDArray[np.int64]:
    sql = (
        f"SELECT group_concat(place) FROM (SELECT place FROM messages WHERE chat_id = ? AND {condition} ORDER BY place)"
    )
    return _numbers(store.read(sql, (chat_id, *values))[0][0])


def _numbers(joined: str | None) -> NDArray[np.int64]:
    import numpy as np

    return np.fromstring(joined, np.int64, sep=",") if joined else np.empty(0, np.int64)
