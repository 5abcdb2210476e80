"""Participants, the exported names that are theirs, and their consent. In and out: plain rows.

Joining moves names from one participant to another and touches no message; so does taking a name out again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from core.chat import Consent, Participant
from core.store.connection import Change, Readable, Row

_PIECE: Final = 20_000  # messages that are counted at once


@dataclass(frozen=True, slots=True)
class Name:
    """A name as one chat's export wrote it, and whose it is."""

    id: int
    chat_id: int
    name: str
    participant_id: int


def all_participants(store: Readable) -> list[Participant]:
    """Every participant by name."""
    return [_participant(row) for row in store.read("SELECT id, name, consent FROM participants ORDER BY name")]


def find(store: Readable, name: str) -> Participant | None:
    """The participant of this name, or the one that an exported name of this spelling belongs to."""
    rows = store.read("SELECT id, name, consent FROM participants WHERE name = ?", (name,))
    if not rows:
        rows = store.read(
            """SELECT DISTINCT p.id, p.name, p.consent FROM participants AS p
               JOIN names AS n ON n.participant_id = p.id WHERE n.name = ? ORDER BY p.id""",
            (name,),
        )
    return _participant(rows[0]) if rows else None


def names_of(store: Readable, participant_id: int) -> list[Name]:
    """The exported names that are this participant's."""
    rows = store.read(
        "SELECT id, chat_id, name, participant_id FROM names WHERE participant_id = ? ORDER BY id", (participant_id,)
    )
    return [Name(*row) for row in rows]


def message_counts(store: Readable) -> dict[int, int]:
    """How many messages each participant has; reads every message's row, 0.3 s a million."""
    # In pieces: to group a million at once SQLite sorts them in memory, 45 MB.
    rows = store.read("SELECT id, participant_id FROM names")
    whose = {row[0]: row[1] for row in rows}
    counts: dict[int, int] = {}
    for chat, size in store.read("SELECT chat_id, max(place) + 1 FROM messages GROUP BY chat_id"):
        for first in range(0, size, _PIECE):
            found = store.read(
                """SELECT name_id, count(*) FROM messages
                   WHERE chat_id = ? AND place >= ? AND place < ? AND name_id IS NOT NULL GROUP BY name_id""",
                (chat, first, first + _PIECE),
            )
            for name, count in found:
                if name in whose:
                    counts[whose[name]] = counts.get(whose[name], 0) + count
    return counts


def promises(store: Readable) -> tuple[object, ...]:
    """What was promised to people, as a value that differs when a promise was made: who was forgotten, who agreed."""
    return (
        *store.read("SELECT count(*) FROM forgotten")[0],
        *store.read("SELECT id, consent FROM participants ORDER BY id"),
    )


def join(change: Change, into: int, other: int) -> list[int]:
    """Give all names of `other` to `into` and let `other` go; returns the names' numbers, for `split`.

    The one left is as careful as both were: a refusal of either stands, and consent needs both.
    """
    moved = [row[0] for row in change.read("SELECT id FROM names WHERE participant_id = ?", (other,))]
    change.execute("UPDATE names SET participant_id = ? WHERE participant_id = ?", (into, other))
    consents = {row[0] for row in change.read("SELECT consent FROM participants WHERE id IN (?, ?)", (into, other))}
    left = next(one for one in (Consent.REFUSED, Consent.UNKNOWN, Consent.GIVEN) if one.value in consents)
    change.execute("UPDATE participants SET consent = ? WHERE id = ?", (left.value, into))
    if into != other:
        change.execute("DELETE FROM participants WHERE id = ?", (other,))
    return moved


def split(change: Change, name_ids: list[int], name: str) -> int:
    """Give these exported names to a participant called `name`, entered if new; returns its number."""
    participant = add(change, name)
    change.many("UPDATE names SET participant_id = ? WHERE id = ?", [(participant, one) for one in name_ids])
    return participant


def add(change: Change, name: str) -> int:
    """The number of the participant called `name`, entered if new."""
    change.execute("INSERT INTO participants (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return int(change.read("SELECT id FROM participants WHERE name = ?", (name,))[0][0])


def rename(change: Change, participant_id: int, name: str) -> None:
    """Call a participant otherwise; sqlite3.IntegrityError when the name is another's."""
    change.execute("UPDATE participants SET name = ? WHERE id = ?", (name, participant_id))


def set_consent(change: Change, participant_id: int, consent: Consent, by: str = "") -> None:
    """Write down whether the participant agreed, who said so, and now as the time."""
    change.execute(
        "UPDATE participants SET consent = ?, consent_by = ?, consent_at = ? WHERE id = ?",
        (consent.value, by, int(time.time()), participant_id),
    )


def delete(change: Change, participant_id: int) -> None:
    """Let a participant and their exported names go. Their messages have to be gone: messages.erase_name."""
    change.execute("DELETE FROM names WHERE participant_id = ?", (participant_id,))
    change.execute("DELETE FROM participants WHERE id = ?", (participant_id,))


def _participant(row: Row) -> Participant:
    return Participant(int(row[0]), str(row[1]), Consent(row[2]))
