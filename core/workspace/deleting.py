"""Deleting a chat: all of its messages, after a copy of the database was made.

Decisions stay: they are attached to messages by stable id, so importing the chat again finds every one of them standing.
For taking a person's words out for good there is `people.forget`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.workspace import chats, revision, shelf, upkeep
from core.workspace.opening import Workspace


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting a chat comes to, before or after it is done."""

    chat: int
    title: str
    messages: int
    datasets: tuple[str, ...]  # they were made from its messages, and keep their examples
    backup: Path | None = None  # where everything still is


def would_delete(workspace: Workspace, name: str) -> Deletion:
    """What `delete` would take out."""
    from core.store import datasets, messages

    row = chats.chat_named(workspace, name)
    uids = messages.uids_between(workspace.store, row.id, 0, row.messages)
    holding = set(datasets.holding(workspace.store, uids))
    names = tuple(one.name for one in datasets.all_datasets(workspace.store) if one.id in holding)
    return Deletion(row.id, row.title, row.messages, names)


def delete(workspace: Workspace, name: str) -> Deletion:
    """Back up the database, then delete the chat of this number or title."""
    from core.store import chats as stored
    from core.store import settings

    told = would_delete(workspace, name)
    copy = upkeep.backup(workspace)
    with workspace.store.write() as change:
        stored.delete(change, told.chat)
        settings.put(change, f"reading_place/{told.chat}", None)
        settings.put(change, "draft", None)  # an edit that was begun may be of this chat
        revision.move(change)
    shelf.clear(workspace)
    return Deletion(told.chat, told.title, told.messages, told.datasets, copy)
