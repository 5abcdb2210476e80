"""Where the curator stopped, in each chat and for days: the message that the cursor was on.

It is kept by the message's stable id, so it stands when a longer export is imported. It moves no revision.
"""

from __future__ import annotations

from core.workspace.opening import Workspace

_CHAT = "reading_chat"
_PLACE = "reading_place/"


def remember(workspace: Workspace, chat: int, uid: str) -> None:
    """Keep this message as the place to go on from; nothing is written when it is that already."""
    from core.store import settings

    key = f"{_PLACE}{chat}"
    if settings.get(workspace.store, key) == uid and settings.get(workspace.store, _CHAT) == chat:
        return
    with workspace.store.write() as change:
        settings.put(change, key, uid)
        settings.put(change, _CHAT, chat)


def last_chat(workspace: Workspace) -> int | None:
    """The chat that was read last, if any was."""
    from core.store import settings

    kept = settings.get(workspace.store, _CHAT)
    return kept if isinstance(kept, int) else None


def place_in(workspace: Workspace, chat: int) -> int | None:
    """The place in this chat to go on from, if one is known and still there."""
    from core.store import messages, settings

    kept = settings.get(workspace.store, f"{_PLACE}{chat}")
    if not isinstance(kept, str):
        return None
    found = messages.places_of(workspace.store, [bytes.fromhex(kept)])
    return found[0][2] if found and found[0][1] == chat else None
