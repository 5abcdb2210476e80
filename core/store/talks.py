"""Talks with models: a tree of messages, the lanes through it, and a search over their words.

In: a talk's settings and messages; out: plain rows. A message hangs on the one that it answers; an edit, or a second
reply to the same words, is a sibling. A lane is one model's way through the tree: two models side by side are two lanes
of one talk, and share what they have in common. A reply is entered when it begins and completed when it ends: if its
workbench dies in between, what was written until then is there and says by its empty `finish` that it was cut off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.store.connection import Change, Readable, Row
from core.store.query import expression

USER, ASSISTANT = "user", "assistant"


@dataclass(frozen=True, slots=True)
class Lane:
    """One model's way through a talk, by the message at its end."""

    model: str
    leaf: int | None = None


@dataclass(frozen=True, slots=True)
class StoredTalk:
    """A talk as lists show it. `manner` is JSON text."""

    id: int
    title: str
    system: str
    manner: str
    created_at: int
    changed_at: int
    messages: int
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class StoredSaid:
    """One message of a talk. `manner` is JSON text: how the reply was asked for."""

    id: int
    talk_id: int
    parent: int | None
    role: str
    text: str
    at: float
    model: str = ""
    finish: str = ""
    trouble: str = ""
    prompt_tokens: int = 0
    reply_tokens: int = 0
    first_token: float | None = None
    seconds: float | None = None
    cost: float | None = None
    manner: str = "{}"


_SAID = (
    "id, talk_id, parent_id, role, text, at, model, finish, trouble, prompt_tokens, reply_tokens, first_token, seconds, "
    "cost, manner"
)
_TALKS = """SELECT t.id, t.title, t.system, t.manner, t.created_at, t.changed_at,
    (SELECT count(*) FROM talk_messages AS m WHERE m.talk_id = t.id) FROM talks AS t"""


# ── talks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def start(change: Change, models: Sequence[str], title: str = "", system: str = "", manner: str = "{}") -> int:
    """Begin a talk with a lane for each model; returns its number."""
    now = int(time.time())
    number = change.insert(
        "INSERT INTO talks (title, system, manner, created_at, changed_at) VALUES (?, ?, ?, ?, ?)",
        (title, system, manner, now, now),
    )
    set_lanes(change, number, [Lane(model) for model in models])
    return number


def set_lanes(change: Change, talk: int, lanes: Sequence[Lane]) -> None:
    """Say which models speak in a talk, and where each one is."""
    change.execute("DELETE FROM talk_lanes WHERE talk_id = ?", (talk,))
    change.many(
        "INSERT INTO talk_lanes (talk_id, lane, model, leaf_id) VALUES (?, ?, ?, ?)",
        [(talk, number, lane.model, lane.leaf) for number, lane in enumerate(lanes)],
    )


def move(change: Change, talk: int, lane: int, leaf: int | None) -> None:
    """Put the end of a lane on another message."""
    change.execute("UPDATE talk_lanes SET leaf_id = ? WHERE talk_id = ? AND lane = ?", (leaf, talk, lane))


def set_terms(change: Change, talk: int, system: str, manner: str) -> None:
    """Change the system prompt and the manner that the talk goes on with."""
    change.execute("UPDATE talks SET system = ?, manner = ? WHERE id = ?", (system, manner, talk))


def rename(change: Change, talk: int, title: str) -> None:
    """Call a talk otherwise."""
    change.execute("UPDATE talks SET title = ? WHERE id = ?", (title, talk))


def all_talks(store: Readable, ids: Sequence[int] | None = None) -> list[StoredTalk]:
    """Every talk, or those of these numbers, the one that changed last first."""
    where, values = "", list[int]()
    if ids is not None:
        where, values = f" WHERE t.id IN ({', '.join('?' * len(ids))})", list(ids)
    rows = store.read(f"{_TALKS}{where} ORDER BY t.changed_at DESC, t.id DESC", values)
    lanes: dict[int, list[Lane]] = {}
    for talk, model, leaf in store.read("SELECT talk_id, model, leaf_id FROM talk_lanes ORDER BY talk_id, lane"):
        lanes.setdefault(talk, []).append(Lane(model, leaf))
    return [StoredTalk(*row, lanes=tuple(lanes.get(row[0], ()))) for row in rows]


def find(store: Readable, talk: int) -> StoredTalk | None:
    """The talk of this number."""
    return next(iter(all_talks(store, [talk])), None)


def delete(change: Change, talk: int) -> int:
    """Delete a talk with everything said in it; returns how many messages that were. Corrections stay."""
    _take_out_of_search(change, "talk_id = ?", talk)
    # Counted before: what a cascade takes along is in nobody's count.
    count = int(change.read("SELECT count(*) FROM talk_messages WHERE talk_id = ?", (talk,))[0][0])
    change.execute("DELETE FROM talk_messages WHERE talk_id = ?", (talk,))
    change.execute("DELETE FROM talks WHERE id = ?", (talk,))
    return count


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────


def add(change: Change, message: StoredSaid) -> int:
    """Enter a message (its `id` is not looked at); returns its number."""
    names = _SAID.split(", ")[1:]
    number = change.insert(
        f"INSERT INTO talk_messages ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        (
            message.talk_id, message.parent, message.role, message.text, message.at or time.time(), message.model,
            message.finish, message.trouble, message.prompt_tokens, message.reply_tokens, message.first_token,
            message.seconds, message.cost, message.manner,
        ),
    )  # fmt: skip
    _index(change, number, message.text)
    change.execute("UPDATE talks SET changed_at = ? WHERE id = ?", (int(time.time()), message.talk_id))
    return number


def complete(change: Change, message: StoredSaid) -> bool:
    """Write what a reply has become; false when it has been deleted meanwhile."""
    before = change.read("SELECT text FROM talk_messages WHERE id = ?", (message.id,))
    if not before:
        return False
    if before[0][0] != message.text:
        _take_out_of_search(change, "id = ?", message.id)
    change.execute(
        """UPDATE talk_messages SET text = ?, finish = ?, trouble = ?, prompt_tokens = ?, reply_tokens = ?,
           first_token = ?, seconds = ?, cost = ? WHERE id = ?""",
        (
            message.text, message.finish, message.trouble, message.prompt_tokens, message.reply_tokens,
            message.first_token, message.seconds, message.cost, message.id,
        ),
    )  # fmt: skip
    if before[0][0] != message.text:
        _index(change, message.id, message.text)
    change.execute("UPDATE talks SET changed_at = ? WHERE id = ?", (int(time.time()), message.talk_id))
    return True


def all_said(store: Readable, talk: int) -> list[StoredSaid]:
    """Every message of a talk, in the order in which they were entered: a parent stands before its children."""
    return [
        _said(row) for row in store.read(f"SELECT {_SAID} FROM talk_messages WHERE talk_id = ? ORDER BY id", (talk,))
    ]


def every_word(store: Readable) -> Iterator[tuple[int, str]]:
    """What was said in all talks, each with the number of its talk."""
    return ((row[0], row[1]) for row in store.each("SELECT talk_id, text FROM talk_messages ORDER BY talk_id, id"))


def said(store: Readable, message: int) -> StoredSaid | None:
    """One message."""
    rows = store.read(f"SELECT {_SAID} FROM talk_messages WHERE id = ?", (message,))
    return _said(rows[0]) if rows else None


def search(store: Readable, query: str, limit: int = 1000) -> list[StoredSaid]:
    """The messages that hold all words of a query, the newest first; by the rules of the search in chats."""
    match, literal = expression(query)
    conditions = ["m.id IN (SELECT rowid FROM talk_fts WHERE talk_fts MATCH ?)"] if match else []
    values: list[str | int] = [match] if match else []
    for term in literal:
        conditions.append("instr(m.text, ?) > 0")
        values.append(term)
    if not conditions:
        return []
    names = ", ".join(f"m.{name}" for name in _SAID.split(", "))
    rows = store.read(
        f"SELECT {names} FROM talk_messages AS m WHERE {' AND '.join(conditions)} ORDER BY m.id DESC LIMIT ?",
        [*values, limit],
    )
    return [_said(row) for row in rows]


def _index(change: Change, number: int, text: str) -> None:
    change.execute("INSERT INTO talk_fts (rowid, text) VALUES (?, ?)", (number, text))


def _take_out_of_search(change: Change, condition: str, number: int) -> None:
    change.execute(
        f"""INSERT INTO talk_fts (talk_fts, rowid, text)
            SELECT 'delete', id, text FROM talk_messages WHERE {condition}""",
        (number,),
    )


def _said(row: Row) -> StoredSaid:
    return StoredSaid(*row)
