"""Chats and the imports that made them. In: `core.chat.Chat`, an import's report as JSON text; out: rows for lists.

Knows no messages beyond counting them: core/store/messages.py.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from hashlib import blake2b

from core.chat import Chat, Mark
from core.store import signs
from core.store.connection import Change, Readable


@dataclass(frozen=True, slots=True)
class StoredChat:
    """A chat as lists show it."""

    id: int
    key: str
    title: str
    platform: str
    source_id: str
    messages: int
    first_at: int | None  # of the chat's own wall clock; None for a source without times
    last_at: int | None
    participants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """One reading of one file into one chat. `report` is JSON text without anything that was written in the chat."""

    file: str
    sha256: str
    format: str
    report: str = "{}"
    imported_at: int = 0


def key_of(chat: Chat, occurrence: int = 0) -> str:
    """The chat's name for all machines: from its platform and its id there, or its title where the export has no id.

    `occurrence` counts chats that would have the same one: the second "Ana" of a file, or one kept apart by the user.
    """
    identity = [chat.platform, chat.source_id, "" if chat.source_id else chat.title, occurrence]
    return blake2b(json.dumps(identity).encode("ascii"), digest_size=16).hexdigest()


def upsert(change: Change, chat: Chat, occurrence: int = 0) -> tuple[int, str]:
    """The chat's number and key; entered if it is new. A chat that is known by its id takes the new title."""
    key = key_of(chat, occurrence)
    found = change.read("SELECT id, title FROM chats WHERE key = ?", (key,))
    if not found:
        return (
            change.insert(
                "INSERT INTO chats (key, title, platform, source_id, created_at) VALUES (?, ?, ?, ?, ?)",
                (key, chat.title, chat.platform, chat.source_id, int(time.time())),
            ),
            key,
        )
    if found[0][1] != chat.title:
        change.execute("UPDATE chats SET title = ? WHERE id = ?", (chat.title, found[0][0]))
    return int(found[0][0]), key


def all_chats(store: Readable) -> list[StoredChat]:
    """Every chat, the one with the newest message first."""
    people: dict[int, list[str]] = {}
    for chat_id, name in store.read(
        """SELECT DISTINCT names.chat_id, participants.name FROM names
           JOIN participants ON participants.id = names.participant_id ORDER BY participants.name"""
    ):
        people.setdefault(chat_id, []).append(name)
    # Places have no gaps and follow time, so both ends of the index tell count and span without reading the chat.
    rows = store.read(
        f"""SELECT c.id, c.key, c.title, c.platform, c.source_id, coalesce(last.place + 1, 0),
                  CASE WHEN first.marks & {Mark.UNTIMED.value} THEN NULL ELSE first.sent_at END,
                  CASE WHEN last.marks & {Mark.UNTIMED.value} THEN NULL ELSE last.sent_at END
           FROM chats AS c
           LEFT JOIN messages AS first ON first.chat_id = c.id AND first.place = 0
           LEFT JOIN messages AS last ON last.id =
               (SELECT id FROM messages WHERE chat_id = c.id ORDER BY place DESC LIMIT 1)
           ORDER BY last.sent_at DESC, c.id"""
    )
    return [StoredChat(*row, participants=tuple(people.get(row[0], ()))) for row in rows]


def delete(change: Change, chat_id: int) -> None:
    """Delete a chat with its messages, names and imports; participants with no name left go too."""
    change.execute(
        """INSERT INTO messages_fts (messages_fts, rowid, text)
           SELECT 'delete', id, text FROM messages WHERE chat_id = ?""",
        (chat_id,),
    )
    signs.changed(change, signs.blocks_of(change, "chat_id = ?", (chat_id,)))
    change.execute("DELETE FROM messages WHERE chat_id = ?", (chat_id,))
    change.execute("DELETE FROM names WHERE chat_id = ?", (chat_id,))
    change.execute("DELETE FROM chats WHERE id = ?", (chat_id,))
    # A consent that was given or refused is kept: the person may come back with the next import.
    change.execute(
        "DELETE FROM participants WHERE consent = 'unknown' AND id NOT IN (SELECT participant_id FROM names)"
    )


def add_import(change: Change, chat_id: int, made: Import) -> int:
    """Remember that a file was read into a chat."""
    return change.insert(
        "INSERT INTO imports (chat_id, file, sha256, format, imported_at, report) VALUES (?, ?, ?, ?, ?, ?)",
        (chat_id, made.file, made.sha256, made.format, made.imported_at or int(time.time()), made.report),
    )


def imports_of(store: Readable, chat_id: int) -> list[Import]:
    """The imports into a chat, oldest first."""
    rows = store.read(
        "SELECT file, sha256, format, report, imported_at FROM imports WHERE chat_id = ? ORDER BY id", (chat_id,)
    )
    return [Import(*row) for row in rows]
