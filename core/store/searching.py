"""Searching messages by words and signs. In: a query; out: the numbers of messages.

Words answer from FTS5, signs and single letters from core/store/signs.py, both together without a look at most texts:
where the signs leave a thousand messages or fewer, their texts are read; else the hits of the words are held against the
signs as they come. Measured at a million by bench/store/searching.py.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from core.store.connection import Readable
from core.store.query import Query, held_by, taken_apart
from core.store.signs import Wanted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BUNCH = 500
_FEW = 1000  # texts that are read and folded, 8 µs each, sooner than the lists of words are gone through


def search(store: Readable, query: str, chat_ids: Sequence[int] | None = None, limit: int | None = None) -> array[int]:
    """The ids of the messages that hold all words of `query`, chat by chat in order: 8 bytes each, for `by_ids`.

    Words match whatever their accents and case, "in quotes" one after the other, the last one also as a beginning.
    What has no letters or digits (an emoji) is looked for as it is. An empty query finds nothing. With a limit, those
    that were imported first.
    """
    asked = taken_apart(query)
    if not asked:
        return array("q")
    return in_order(store, list(islice(_found(store, asked, chat_ids), limit)))


def ids_with(store: Readable, query: str) -> NDArray[np.int64]:
    """The ids of the messages of all chats that hold the words of a query, rising; as `search` finds them."""
    import numpy as np

    asked = taken_apart(query)
    if not asked:
        return np.empty(0, np.int64)
    wanted, words = _plan(store, asked, None)
    if wanted is not None and not words:
        return wanted.array()
    if wanted is not None and not _many(wanted):
        return np.fromiter(_of_those(store, asked, wanted.ids()), np.int64)
    # The indexes alone answer, without a look at the messages.
    row = store.read("SELECT group_concat(rowid) FROM messages_fts WHERE messages_fts MATCH ?", (" ".join(words),))[0]
    found = np.fromstring(row[0], np.int64, sep=",") if row[0] else np.empty(0, np.int64)
    return found if wanted is None else np.intersect1d(found, wanted.array(), assume_unique=True)


def in_order(store: Readable, ids: Sequence[int]) -> array[int]:
    """These messages chat by chat, in the order of each."""
    places: list[tuple[int, int, int]] = []
    for start in range(0, len(ids), _BUNCH):
        bunch = list(ids[start : start + _BUNCH])
        sql = f"SELECT chat_id, place, id FROM messages WHERE id IN ({','.join('?' * len(bunch))})"
        places += store.read(sql, bunch)
    return array("q", [number for _chat, _place, number in sorted(places)])


def with_edited(store: Readable, ids: array[int], uids: Sequence[bytes]) -> array[int]:
    """The ids that a search found, with those of these messages between them, in the order of the chats."""
    numbers = set(ids)
    for start in range(0, len(uids), _BUNCH):
        bunch = list(uids[start : start + _BUNCH])
        marks = ",".join("?" * len(bunch))
        numbers |= {row[0] for row in store.read(f"SELECT id FROM messages WHERE uid IN ({marks})", bunch)}
    return in_order(store, list(numbers))


def _plan(store: Readable, asked: Query, chat_ids: Sequence[int] | None) -> tuple[Wanted | None, list[str]]:
    """What the signs can say of a query, and the words that they do not answer."""
    words = list(asked.words)
    if asked.initial or asked.begun:
        words.pop()
    letters = [asked.initial] * bool(asked.initial)
    if not (asked.signs or letters or asked.enye or chat_ids is not None):
        return None, words
    return Wanted(store, asked.signs, letters, asked.enye, chat_ids), words


def _many(wanted: Wanted) -> bool:
    return len(list(islice(wanted.ids(), _FEW + 1))) > _FEW


def _found(store: Readable, asked: Query, chat_ids: Sequence[int] | None) -> Iterator[int]:
    """The numbers of the messages that the query finds, rising."""
    wanted, words = _plan(store, asked, chat_ids)
    if wanted is None:
        return _by_words(store, words, 0)
    if not words:
        return wanted.ids()
    if not _many(wanted):
        return _of_those(store, asked, wanted.ids())
    # From the first on that has the signs: a chat that was imported last would wait for the hits of all before it.
    return filter(wanted.has, _by_words(store, words, next(wanted.ids())))


def _of_those(store: Readable, asked: Query, ids: Iterator[int]) -> Iterator[int]:
    """Those of some messages whose texts hold the query."""
    held = held_by(asked)
    while bunch := list(islice(ids, _BUNCH)):
        sql = f"SELECT id, text FROM messages WHERE id IN ({','.join('?' * len(bunch))}) ORDER BY id"
        yield from (number for number, text in store.read(sql, bunch) if held(text))


def _by_words(store: Readable, words: Sequence[str], first: int) -> Iterator[int]:
    rows = store.each(
        "SELECT rowid FROM messages_fts WHERE messages_fts MATCH ? AND rowid >= ? ORDER BY rowid",
        (" ".join(words), first),
    )
    try:
        yield from (row[0] for row in rows)
    finally:
        rows.close()
