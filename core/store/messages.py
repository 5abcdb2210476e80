"""Messages as they are read back: by row number, by time, by id, by words. In: a chat; out: `StoredMessage` rows.

A place in the chat is a row number of its list, so a page costs the page at a million messages too. How messages come
in is core/store/intake.py; how all of them are read as arrays is core/store/columns.py.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from core.chat import Kind
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
_SMALL = 50_000  # messages of chats whose rows are looked up before a search in them: 3 ms


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


def search(store: Readable, query: str, chat_ids: Sequence[int] | None = None, limit: int | None = None) -> array[int]:
    """The ids of the messages that hold all words of `query`, chat by chat in order: 8 bytes each, for `by_ids`.

    Words match whatever their accents and case, "in quotes" one after the other, the last one also as a beginning.
    What has no letters or digits (an emoji) is looked for as it is. An empty query finds nothing. With a limit, those
    that were imported first: to put all in order takes a second where a word stands in every other message of a million.
    """
    match, literal, exact = _terms(query)
    if not match and not literal:
        return array("q")
    conditions: list[str] = []
    values: list[str | int] = []
    table = "messages AS m"
    if match:
        table = "messages_fts AS f CROSS JOIN messages AS m ON m.id = f.rowid"
        conditions.append("messages_fts MATCH ?")
        values.append(" ".join(match))
    for term in literal:
        conditions.append("instr(m.text, ?) > 0")
        values.append(term)
    if chat_ids is not None:
        conditions.append(f"m.chat_id IN ({_marks(chat_ids)})")
        values.extend(chat_ids)
        # A small chat is a few rows of the index: without its bounds, every hit of all chats was looked at, 140 ms.
        if match and sum(count(store, one) for one in chat_ids) <= _SMALL:
            conditions.append("f.rowid BETWEEN ? AND ?")
            values.extend(_bounds(store, chat_ids))
    column = "m.id, m.text" if exact else "m.id"
    where = f"SELECT {column} FROM {table} WHERE {' AND '.join(conditions)} ORDER BY"
    if limit is None:
        rows = store.each(f"{where} m.chat_id, m.place", values)
    else:
        rows = store.each(f"{where} {'f.rowid' if match else 'm.id'}", values)
    # The index folds ñ into n: "año" would find "ano".
    found = (row[0] for row in rows if not exact or _begins(exact, row[1]))
    if limit is None:
        return array("q", found)
    first = list(islice(found, limit))
    rows.close()
    ids = array("q")
    for start in range(0, len(first), _BUNCH):
        bunch = first[start : start + _BUNCH]
        ids.extend(
            row[0]
            for row in store.read(
                f"SELECT id FROM messages WHERE id IN ({_marks(bunch)}) ORDER BY chat_id, place", bunch
            )
        )
    return ids


def with_edited(store: Readable, ids: array[int], uids: Sequence[bytes]) -> array[int]:
    """The ids that a search found, with those of these messages between them, in the order of the chats."""
    places: dict[int, tuple[int, int]] = {}
    for column, values in (("uid", uids), ("id", ids)):
        for start in range(0, len(values), _BUNCH):
            bunch = list(values[start : start + _BUNCH])
            sql = f"SELECT id, chat_id, place FROM messages WHERE {column} IN ({_marks(bunch)})"
            places |= {row[0]: (row[1], row[2]) for row in store.read(sql, bunch)}
    return array("q", sorted(places, key=places.__getitem__))


def _bounds(store: Readable, chat_ids: Sequence[int]) -> tuple[int, int]:
    sql = f"SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM messages WHERE chat_id IN ({_marks(chat_ids)})"
    low, high = store.read(sql, list(chat_ids))[0]
    return int(low), int(high)


def holds(query: str) -> Callable[[str], bool]:
    """Whether a text that is in no index holds the words of a query, as `search` would find it."""
    match, literal, exact = _terms(query)
    phrases = [(_tokens(one.removesuffix("*").strip('"')), one.endswith("*")) for one in match]
    phrases = [(tokens, begun) for tokens, begun in phrases if tokens]

    def held(text: str) -> bool:
        if not all(term in text for term in literal):
            return False
        words = _tokens(text) if phrases else []
        return all(_stands(words, *phrase) for phrase in phrases) and (not exact or _begins(exact, text))

    return held if phrases or literal else lambda _text: False


def _stands(words: list[str], phrase: list[str], begun: bool) -> bool:
    """Whether the words of a phrase stand one after the other, the last of them perhaps only begun."""
    *whole, last = phrase
    for at in range(len(words) - len(whole)):
        if words[at : at + len(whole)] == whole:
            following = words[at + len(whole)]
            if following == last or (begun and following.startswith(last)):
                return True
    return False


def _tokens(text: str) -> list[str]:
    """The words of a text as the index has them: without accents and capitals."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(one) != "Mn")
    return _TOKEN.findall(bare)


def words_of(query: str) -> str | None:
    """The query as the search index takes it; None when the index alone cannot answer it."""
    match, literal, exact = _terms(query)
    return " ".join(match) if match and not literal and not exact else None


def erase_name(change: Change, name_id: int) -> int:
    """Delete the messages of one exported name; returns how many. The chat's places are dense again afterwards."""
    change.execute(
        """INSERT INTO messages_fts (messages_fts, rowid, text)
           SELECT 'delete', id, text FROM messages WHERE name_id = ?""",
        (name_id,),
    )
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


_TOKEN = re.compile(r"[^\W_]+")
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')


def _terms(query: str) -> tuple[list[str], list[str], set[str]]:
    """The query as FTS5 phrases, texts to look for as they are, and words with ñ to hold the hits to."""
    match: list[str] = []
    literal: list[str] = []
    exact: set[str] = set()
    # A NUL would end the expression early, in the middle of a quoted string.
    found = list(_TERM.finditer(query.replace("\0", " ")))
    for place, term in enumerate(found):
        phrase, word = term.group(1), term.group(2)
        text = _encodable(phrase if word is None else word)
        # Which characters the tokenizer keeps: letters, numbers and private ones.
        if any((kind := unicodedata.category(character))[0] in "LN" or kind == "Co" for character in text):
            last = place == len(found) - 1 and word is not None and not query[-1:].isspace()
            match.append(f'"{text}"' + ("*" if last else ""))
            exact |= _with_enye(text)
        elif text.strip():
            literal.append(text)
    return match, literal, exact


def fts_phrases(query: str) -> tuple[str, list[str]]:
    """A query as an expression for an index of ours ("" when it has no words), and the texts to look for as they are."""
    match, literal, _exact = _terms(query)
    return " ".join(match), literal


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


_WORD = re.compile(r"\w+")


def _with_enye(text: str) -> set[str]:
    """The words of a text that are written with ñ, folded otherwise as the index folds."""
    composed = unicodedata.normalize("NFC", text).casefold()
    if "ñ" not in composed:
        return set()
    return {_fold(word) for word in _WORD.findall(composed) if "ñ" in word}


def _fold(word: str) -> str:
    bare = unicodedata.normalize("NFD", word.replace("ñ", "\ue001"))
    return "".join(c for c in bare if not unicodedata.combining(c)).replace("\ue001", "ñ")


def _begins(wanted: set[str], text: str) -> bool:
    words = _with_enye(text)
    return all(any(word.startswith(one) for word in words) for one in wanted)
