"""A number in the database that moves when the material changes: messages, names, consent or decisions.

What is derived from the material (column arrays, groupings, token counts) is kept by it, in every thread and process
alike; events of a run, which come many times a second, do not move it.
"""

from __future__ import annotations

from core.store import settings
from core.store.connection import Change, Readable

_KEY = "material_revision"


def of(store: Readable) -> int:
    """The revision of the material now."""
    value = settings.get(store, _KEY)
    return value if isinstance(value, int) else 0


def move(change: Change) -> None:
    """Say that this change touches the material."""
    settings.put(change, _KEY, of(change) + 1)
