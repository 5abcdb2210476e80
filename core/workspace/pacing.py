"""The pace of a persona's bubbles, learnt from this workspace's chats; and what of a reply is to be seen at a moment."""

from __future__ import annotations

from core.chatting.pacing import LONGEST, Pace, Reveal, pace_of, without_beginning
from core.workspace.opening import Workspace

__all__ = ["LONGEST", "Pace", "Reveal", "of_persona", "without_beginning"]


def of_persona(workspace: Workspace) -> Pace:
    """How long the recipe's persona waits between two messages of a turn; kept until the chats or the recipe change."""
    from core.store import participants
    from core.workspace import material, recipe, revision

    current = recipe.current(workspace)
    found = participants.find(workspace.store, current.persona) if current.persona else None
    if found is None:
        return Pace()
    key = (revision.of(workspace.store), found.id, current.burst_window)
    return workspace.derived(
        "pace", key, lambda: pace_of(material.of(workspace).columns, found.id, current.burst_window)
    )
