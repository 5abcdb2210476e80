"""The pace of a persona's bubbles, learnt from this workspace's chats; and what of a reply is to be seen at a moment."""

from __future__ import annotations

from core.chatting.pacing import LONGEST, Pace, Reveal, pace_of, without_beginning
from core.workspace.opening import Workspace

__all__ = ["LONGEST", "Pace", "Reveal", "of_persona", "without_beginning"]


def of_persona(workspace: Workspace) -> Pace:
    """How long the recipe's persona waits between two messages of a turn; kept until the chats or the recipe change."""
    from core.store import chats, columns, participants
    from core.workspace import memory, recipe, revision

    current = recipe.current(workspace)
    found = participants.find(workspace.store, current.persona) if current.persona else None
    if found is None:
        return Pace()
    store = workspace.store
    key = (revision.of_messages(store), found.id, current.burst_window)

    def learn() -> Pace:
        # Piece by piece: all columns of a million messages are 50 MB, and the workbench has none of them.
        pieces = (piece for chat in chats.all_chats(store) for piece in columns.neighbours(store, chat.id))
        learnt = pace_of(((one.times, one.authors, one.marks) for one in pieces), found.id, current.burst_window)
        memory.give_back(workspace)
        return learnt

    return workspace.derived("pace", key, learn)
