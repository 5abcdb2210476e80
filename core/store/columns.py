"""A chat's messages as columns, for grouping and counting. In: chats' numbers; out: numpy arrays, 44 bytes a message.

SQLite joins 20,000 values into one text and numpy reads that: 0.9 s for a million messages, where fetching rows takes
1.8 s and makes ten million Python objects on the way. Text is left where it is: `texts` fetches it in slices.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from core.store.connection import Readable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLICE = 20_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Messages of the chats asked for, chat by chat, each in its order. All arrays have the same length."""

    ids: NDArray[np.int64]
    uids: NDArray[np.void]  # V10; empty when not asked for
    chats: NDArray[np.int32]
    names: NDArray[np.int32]  # the exported name's number, 0 for a line that names nobody
    authors: NDArray[np.int32]  # the participant's number, so that joined names are one author; 0 for nobody
    times: NDArray[np.int64]
    kinds: NDArray[np.uint8]  # codes of core.store.kinds
    marks: NDArray[np.uint8]
    lengths: NDArray[np.int32]  # characters; empty when not asked for


class Neighbours(NamedTuple):
    """Some messages of one chat in their order."""

    ids: NDArray[np.int64]
    times: NDArray[np.int64]
    authors: NDArray[np.int32]
    kinds: NDArray[np.uint8]  # codes of core.store.kinds
    marks: NDArray[np.uint8]


def columns(
    store: Readable,
    chat_ids: Iterable[int],
    *,
    uids: bool = True,
    lengths: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Columns:
    """The columns of these chats, in the order in which the chats are named; `progress` gets messages read."""
    import numpy as np

    wanted = "group_concat(id), group_concat(ifnull(name_id, 0)), group_concat(sent_at), group_concat(kind), "
    wanted += "group_concat(marks)"
    wanted += ", group_concat(hex(uid), '')" if uids else ", ''"
    # length() stops at a NUL; nothing that shows lengths needs better.
    wanted += ", group_concat(length(text))" if lengths else ", ''"
    sizes = [(chat, _size(store, chat)) for chat in chat_ids]
    total = sum(size for _chat, size in sizes)
    made = Columns(
        ids=np.empty(total, np.int64),
        uids=np.empty(total if uids else 0, "V10"),
        chats=np.empty(total, np.int32),
        names=np.empty(total, np.int32),
        authors=np.empty(0, np.int32),
        times=np.empty(total, np.int64),
        kinds=np.empty(total, np.uint8),
        marks=np.empty(total, np.uint8),
        lengths=np.empty(total if lengths else 0, np.int32),
    )
    at = 0
    for chat, size in sizes:
        for first in range(0, size, SLICE):
            row = store.read(
                f"""SELECT {wanted} FROM
                    (SELECT * FROM messages WHERE chat_id = ? AND place >= ? AND place < ? ORDER BY place)""",
                (chat, first, first + SLICE),
            )[0]
            ids = _numbers(row[0], np.int64)
            part = slice(at, at + len(ids))
            made.ids[part] = ids
            made.chats[part] = chat
            made.names[part] = _numbers(row[1], np.int32)
            made.times[part] = _numbers(row[2], np.int64)
            made.kinds[part] = _numbers(row[3], np.uint8)
            made.marks[part] = _numbers(row[4], np.uint8)
            if uids:
                made.uids[part] = np.frombuffer(bytes.fromhex(row[5]), "V10")
            if lengths:
                made.lengths[part] = _numbers(row[6], np.int32)
            at = part.stop
            if progress is not None:
                progress(at)
    if at < total:
        # Places with gaps, which only a damaged file has: what was found, rather than what lay in the memory.
        made = Columns(**{field.name: getattr(made, field.name)[:at] for field in fields(made)})
    return _with_authors(store, made)


def neighbours(store: Readable, chat_id: int) -> Generator[Neighbours]:
    """The columns of a chat in pieces of up to 20,000 messages, each beginning with the last message of the piece before:
    for whoever looks at messages beside each other. All of a million at once are 30 MB."""
    for first in range(0, _size(store, chat_id), SLICE):
        ids, names, times, kinds, marks = store.read(
            """SELECT group_concat(id), group_concat(ifnull(name_id, 0)), group_concat(sent_at), group_concat(kind),
                 group_concat(marks) FROM
               (SELECT * FROM messages WHERE chat_id = ? AND place >= ? AND place < ? ORDER BY place)""",
            (chat_id, first - 1, first + SLICE),
        )[0]
        authors = _authors(store, _numbers(names, "i4"))
        yield Neighbours(
            _numbers(ids, "i8"), _numbers(times, "i8"), authors, _numbers(kinds, "u1"), _numbers(marks, "u1")
        )


def texts(store: Readable, chat_id: int, first: int = 0, count: int | None = None) -> Generator[list[str]]:
    """The texts of a chat from place `first` on, in lists of up to 20,000."""
    end = _size(store, chat_id) if count is None else first + count
    for start in range(first, end, SLICE):
        rows = store.read(
            "SELECT text FROM messages WHERE chat_id = ? AND place >= ? AND place < ? ORDER BY place",
            (chat_id, start, min(start + SLICE, end)),
        )
        yield [row[0] for row in rows]


def packed_texts(store: Readable, chat_id: int) -> Generator[list[bytes]]:
    """The texts of a chat as UTF-8, in lists of up to 20,000: for whoever keeps them elsewhere than in memory."""
    for start in range(0, _size(store, chat_id), SLICE):
        rows = store.read(
            "SELECT CAST(text AS BLOB) FROM messages WHERE chat_id = ? AND place >= ? AND place < ? ORDER BY place",
            (chat_id, start, start + SLICE),
        )
        yield [row[0] for row in rows]


def _size(store: Readable, chat_id: int) -> int:
    return int(store.read("SELECT coalesce(max(place) + 1, 0) FROM messages WHERE chat_id = ?", (chat_id,))[0][0])


def _numbers(joined: str | None, dtype: Any) -> NDArray[Any]:
    import numpy as np

    if not joined:
        return np.empty(0, dtype)
    return np.fromstring(joined, dtype=dtype, sep=",")


def _with_authors(store: Readable, made: Columns) -> Columns:
    return replace(made, authors=_authors(store, made.names))


def _authors(store: Readable, names: NDArray[np.int32]) -> NDArray[np.int32]:
    import numpy as np

    pairs = store.read("SELECT id, participant_id FROM names")
    author_of = np.zeros(max((pair[0] for pair in pairs), default=0) + 1, np.int32)
    for name, participant in pairs:
        author_of[name] = participant
    # A number that is no name's, which only a damaged file has, is nobody.
    return author_of[np.where((names >= 0) & (names < len(author_of)), names, 0)]
