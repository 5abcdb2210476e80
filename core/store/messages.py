"""Messages as they are read back: by row number, by time, by id. In: a chat; out: `StoredMessage` rows.

A place in the chat is a row number of its list, so a page costs the page at a million messages too. How messages come
in is core/store/intake.py; how they are found by words, core/store/searching.py; how all of them are read as arrays,
core/store/columns.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.chat import Kind
from core.store import signs
from core.store.connection import Change, Readable, Row
from core.store.kinds import CODE_OF, KIND_OF


class StoredMessage(NamedTuple):
    """One message with what the store knows of it. `uid` is the stable id as 20 hexadecimal digits."""

    id: int
    uid: str
    chat_id: int
    place: int
    author: str  # the participant's name: joined names show as one
    sent_at: int
    kind: Kind
    text: str
    marks: int
    name: str  # as exported


_COLUMNS = """SELECT m.id, m.uid, m.chat_id, m.place, coalesce(p.name, ''), m.sent_at, m.kind, m.text, m.marks,
    coalesce(n.name, '')
    FROM messages AS m LEFT JOIN names AS n ON n.id = m.name_id
    LEFT JOIN participants AS p ON p.id = n.participant_id"""

# As many as are asked for in one statement; SQLite's own limit was 999 for long.
_BUNCH = 500


def page(store: Readable, chat_id: int, first: int, count: int) -> list[StoredMessage]:
    """`count` messages from row `first` of the chat on."""
    rows = store.read(
        f"{_COLUMNS} WHERE m.chat_id = ? AND m.place >= ? AND m.place < ? ORDER BY m.place",
        (chat_id, first, first + count),
    )
    return [_message(row) for row in rows]


def at_places(store: Readable, chat_id: int, places: Sequence[int]) -> list[StoredMessage]:
    """The messages of a chat at these places; those that are gone are left out."""
    found: list[StoredMessage] = []
    for start in range(0, len(places), _BUNCH):
        bunch = places[start : start + _BUNCH]
        sql = f"{_COLUMNS} WHERE m.chat_id = ? AND m.place IN ({_marks(bunch)}) ORDER BY m.place"
        found += [_message(row) for row in store.read(sql, (chat_id, *bunch))]
    return found


def count(store: Readable, chat_id: int) -> int:
    """How many messages the chat has."""
    return int(store.read("SELECT coalesce(max(place) + 1, 0) FROM messages WHERE chat_id = ?", (chat_id,))[0][0])


def place_at(store: Readable, chat_id: int, sent_at: int) -> int:
    """The row of the first message at or after a time: found by halving, because places follow time."""
    low, high = 0, count(store, chat_id)
    while low < high:
        middle = (low + high) // 2
        row = store.read("SELECT sent_at FROM messages WHERE chat_id = ? AND place = ?", (chat_id, middle))
        if row and row[0][0] < sent_at:
            low = middle + 1
        else:
            high = middle
    return low


def by_ids(store: Readable, ids: Sequence[int]) -> list[StoredMessage]:
    """Messages by their row numbers in the table, in the order asked for; those that are gone are left out."""
    found: dict[int, StoredMessage] = {}
    for start in range(0, len(ids), _BUNCH):
        bunch = list(ids[start : start + _BUNCH])
        for row in store.read(f"{_COLUMNS} WHERE m.id IN ({_marks(bunch)})", bunch):
            found[row[0]] = _message(row)
    return [found[number] for number in ids if number in found]


def by_uids(store: Readable, uids: Iterable[str]) -> list[StoredMessage]:
    """Messages by their stable ids, in the order asked for; those that are gone are left out."""
    asked = list(uids)
    found: dict[str, StoredMessage] = {}
    for start in range(0, len(asked), _BUNCH):
        bunch = [bytes.fromhex(uid) for uid in asked[start : start + _BUNCH]]
        for row in store.read(f"{_COLUMNS} WHERE m.uid IN ({_marks(bunch)})", bunch):
            message = _message(row)
            found[message.uid] = message
    return [found[uid] for uid in asked if uid in found]


def places_of(store: Readable, uids: Iterable[bytes]) -> list[tuple[bytes, int, int]]:
    """(stable id, chat, place) of messages by their stable ids, in no order; those that are gone are left out."""
    asked = list(uids)
    found: list[tuple[bytes, int, int]] = []
    for start in range(0, len(asked), _BUNCH):
        bunch = asked[start : start + _BUNCH]
        sql = f"SELECT uid, chat_id, place FROM messages WHERE uid IN ({_marks(bunch)})"
        found += [(row[0], row[1], row[2]) for row in store.read(sql, bunch)]
    return found


def uids_at(store: Readable, chat_id: int, places: Iterable[int]) -> bytes:
    """The stable ids of the messages at these places, 10 bytes each, in the order of the chat."""
    asked = sorted(places)
    parts: list[bytes] = []
    at = 0
    while at < len(asked):
        # Runs of neighbours are read as ranges: a conversation, or half a million matches that stand together.
        end = at
        while end + 1 < len(asked) and asked[end + 1] == asked[end] + 1:
            end += 1
        if end - at >= 8:
            parts.append(uids_between(store, chat_id, asked[at], asked[end] + 1))
            at = end + 1
            continue
        bunch = asked[at : at + _BUNCH]
        sql = f"SELECT uid FROM messages WHERE chat_id = ? AND place IN ({_marks(bunch)}) ORDER BY place"
        parts += [row[0] for row in store.read(sql, (chat_id, *bunch))]
        at += len(bunch)
    return b"".join(parts)


def uids_between(store: Readable, chat_id: int, first: int, end: int) -> bytes:
    """The stable ids of the messages from place `first` to before `end`, 10 bytes each."""
    rows = store.each(
        "SELECT uid FROM messages WHERE chat_id = ? AND place >= ? AND place < ? ORDER BY place", (chat_id, first, end)
    )
    return b"".join(row[0] for row in rows)


def erase_name(change: Change, name_id: int) -> int:
    """Delete the messages of one exported name; returns how many. The chat's places are dense again afterwards."""
    change.execute(
        """INSERT INTO messages_fts (messages_fts, rowid, text)
           SELECT 'delete', id, text FROM messages WHERE name_id = ?""",
        (name_id,),
    )
    signs.changed(change, signs.blocks_of(change, "name_id = ?", (name_id,)))
    gone = change.execute("DELETE FROM messages WHERE name_id = ?", (name_id,))
    change.execute(
        """UPDATE messages SET place = dense.place
           FROM (SELECT id, row_number() OVER (ORDER BY place) - 1 AS place FROM messages
                 WHERE chat_id = (SELECT chat_id FROM names WHERE id = ?1)) AS dense
           WHERE messages.id = dense.id AND messages.place <> dense.place""",
        (name_id,),
    )
    return gone


def uids_of_name(store: Readable, name_id: int) -> bytes:
    """The stable ids of one exported name's messages, 10 bytes each: what `forget` looks for elsewhere."""
    return b"".join(row[0] for row in store.each("SELECT uid FROM messages WHERE name_id = ?", (name_id,)))


def only_of(store: Readable, names: Sequence[int]) -> list[str]:
    """What these exported names wrote and nobody else did, word for word, each text once."""
    theirs = f"name_id IN ({_marks(names)})"
    text = CODE_OF[Kind.TEXT]
    sql = f"""SELECT text FROM messages WHERE kind = {text} AND {theirs}
        EXCEPT SELECT text FROM messages WHERE kind = {text} AND name_id NOT IN ({_marks(names)})"""
    return [row[0] for row in store.each(sql, (*names, *names))]


def _message(row: Row) -> StoredMessage:
    number, uid, chat, place, author, sent_at, kind, text, marks, name = row
    return StoredMessage(
        number, uid.hex(), chat, place, author, sent_at, KIND_OF.get(kind, Kind.TEXT), text, marks, name
    )


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
