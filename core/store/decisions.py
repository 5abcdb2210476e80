"""The curator's decisions, with undo and redo without limit, across restarts. In: acts on messages; out: what stands.

An **act** is what one key press did: a label, a time, and decisions (keep, drop, edit, tag, untag, weight, split,
join), each with all its messages in one blob of stable ids, so dropping a conversation or a million messages is one row.
Acts are never changed, only marked: undo marks the newest that stands, redo takes the mark off, and a new act puts what
was undone out of reach. What stands is derived by playing the standing acts in order: core/store/standing.py. Decisions
refer to messages by id alone, so they wait for a message that is not there yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.store.connection import Change, Readable
from core.store.intake import UID

KEEP, DROP, EDIT, TAG, UNTAG, WEIGHT, CLEAR = "keep", "drop", "edit", "tag", "untag", "weight", "clear"
SPLIT, JOIN = "split", "join"  # a conversation starts at this message; it goes on with the one before
WHATS = (KEEP, DROP, EDIT, TAG, UNTAG, WEIGHT, CLEAR, SPLIT, JOIN)

_STANDS, _UNDONE, _OUT_OF_REACH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing said of messages, which are named by stable id (20 hexadecimal digits each).

    `value` is the text of an edit ("" takes the edit back), the tag, or the weight; `clear` takes everything back.
    """

    what: str
    uids: Sequence[str]
    value: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One act in the history."""

    id: int
    label: str
    at: int
    undone: bool


def act(change: Change, label: str, decisions: Iterable[Decision]) -> int:
    """Enter an act; returns its number. What had been undone can no longer be redone."""
    change.execute("UPDATE acts SET state = ? WHERE state = ?", (_OUT_OF_REACH, _UNDONE))
    number = change.insert("INSERT INTO acts (label, at) VALUES (?, ?)", (label, int(time.time())))
    for decision in decisions:
        if decision.what not in WHATS:
            raise ValueError(f"nobody decides to {decision.what}")
        if decision.what == WEIGHT:
            float(decision.value)  # fails now rather than whenever the workspace is opened
        change.execute(
            "INSERT INTO decisions (act_id, what, value, uids) VALUES (?, ?, ?, ?)",
            (number, decision.what, decision.value, bytes.fromhex("".join(decision.uids))),
        )
    return number


def undo(change: Change) -> Act | None:
    """Undo the newest act that stands; None when there is none."""
    return _mark(change, next_undo(change), _UNDONE)


def redo(change: Change) -> Act | None:
    """Do again what was undone last; None when there is nothing."""
    return _mark(change, next_redo(change), _STANDS)


def next_undo(store: Readable) -> Act | None:
    """What `undo` would undo."""
    return _one(store, "SELECT id, label, at, state FROM acts WHERE state = 0 ORDER BY id DESC LIMIT 1")


def next_redo(store: Readable) -> Act | None:
    """What `redo` would do again."""
    return _one(store, "SELECT id, label, at, state FROM acts WHERE state = 1 ORDER BY id LIMIT 1")


def history(store: Readable, limit: int = 1000) -> list[Act]:
    """The acts, newest first, without those that are out of reach."""
    rows = store.read("SELECT id, label, at, state FROM acts WHERE state <> 2 ORDER BY id DESC LIMIT ?", (limit,))
    return [Act(row[0], row[1], row[2], row[3] != _STANDS) for row in rows]


def since(store: Readable, act: int) -> list[tuple[int, str, str, bytes]] | None:
    """What the standing acts after this one (0: all) said, in order: the act, what, its value, the ids (10 bytes a
    message). None when this act does not stand any more, so that what it was played on is of no use either.

    One statement, so one state of the file: an undo by another process in between would be missed for good.
    """
    rows = store.read(
        """SELECT a.id, a.state, d.what, d.value, d.uids
           FROM acts AS a LEFT JOIN decisions AS d ON d.act_id = a.id AND a.id > ?
           WHERE a.id = ? OR (a.id > ? AND a.state = 0) ORDER BY a.id, d.id""",
        (act, act, act),
    )
    if act and (not rows or rows[0][0] != act or rows[0][1] != _STANDS):
        return None
    return [(row[0], row[2], row[3], row[4]) for row in rows if row[2] is not None]


def erase(change: Change, uids: bytes) -> None:
    """Take messages (10 bytes each) out of every decision, undone ones too: an edit holds what somebody wrote."""
    wanted = {uids[at : at + UID] for at in range(0, len(uids), UID)}
    for number, held in change.read("SELECT id, uids FROM decisions"):
        each = [held[at : at + UID] for at in range(0, len(held), UID)]
        left = [uid for uid in each if uid not in wanted]
        if not left:
            change.execute("DELETE FROM decisions WHERE id = ?", (number,))
        elif len(left) < len(each):
            change.execute("UPDATE decisions SET uids = ? WHERE id = ?", (b"".join(left), number))


def _mark(change: Change, found: Act | None, state: int) -> Act | None:
    if found is None:
        return None
    change.execute("UPDATE acts SET state = ? WHERE id = ?", (state, found.id))
    return Act(found.id, found.label, found.at, state != _STANDS)


def _one(store: Readable, sql: str) -> Act | None:
    rows = store.read(sql)
    return Act(rows[0][0], rows[0][1], rows[0][2], rows[0][3] != _STANDS) if rows else None
