"""Two numbers in the database that move when the material changes: messages, names, consent or decisions.

What is derived from the material (column arrays, groupings, token counts) is kept by them, in every thread and process
alike; events of a run, which come many times a second, do not move them. A decision of the curator moves the first
alone: what it takes a second to read at a million messages still holds then.
"""

from __future__ import annotations

from core.store import settings
from core.store.connection import Change, Readable

_KEY = "material_revision"
_MESSAGES = "messages_revision"


def of(store: Readable) -> int:
    """The revision of the material now."""
    return _number(store, _KEY)


def of_messages(store: Readable) -> int:
    """The revision of everything in the material but the decisions."""
    return _number(store, _MESSAGES)


def move(change: Change) -> None:
    """Say that this change touches the material."""
    settings.put(change, _MESSAGES, of_messages(change) + 1)
    decided(change)


def decided(change: Change) -> None:
    """Say that this change touches decisions and nothing else of the material."""
    settings.put(change, _KEY, of(change) + 1)


def _number(store: Readable, key: str) -> int:
    value = settings.get(store, key)
    return value if isinstance(value, int) else 0
