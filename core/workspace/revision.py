"""Numbers in the database that move when the material changes: messages, names, consent or decisions.

What is derived from the material (column arrays, groupings, token counts) is kept by them, in every thread and process
alike; events of a run, which come many times a second, do not move them. Decisions move one of the two only: what takes
seconds to read at a million messages holds while a curator presses keys.
"""

from __future__ import annotations

from core.store import settings
from core.store.connection import Change, Readable

_KEY = "material_revision"
_CONTENT = "content_revision"


def of(store: Readable) -> int:
    """The revision of the material now."""
    return _number(store, _KEY)


def content(store: Readable) -> int:
    """The revision of all but the decisions."""
    return _number(store, _CONTENT)


def move(change: Change) -> None:
    """Say that this change touches messages, names, consent, or decisions that were made before."""
    settings.put(change, _KEY, of(change) + 1)
    settings.put(change, _CONTENT, content(change) + 1)


def decided(change: Change) -> None:
    """Say that this change only adds a decision, or takes one back."""
    settings.put(change, _KEY, of(change) + 1)


def _number(store: Readable, key: str) -> int:
    value = settings.get(store, key)
    return value if isinstance(value, int) else 0
