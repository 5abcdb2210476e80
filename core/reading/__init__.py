"""Exports of chats in, messages out, and nothing lost in silence.

`read_export(path)` gives a `Reading`: iterate it for batches of messages; when it is exhausted its `report` says what
was understood, what was not, and why. A pure stage: no store, no network; it knows nothing of what becomes of the
messages.
"""

from core.reading.export import Batch, ReadOptions
from core.reading.owner import most_present, suggest_owner
from core.reading.reading import FORMATS, Reading, read_export
from core.reading.report import Gap, ImportReport, Unread

__all__ = [
    "FORMATS",
    "Batch",
    "Gap",
    "ImportReport",
    "ReadOptions",
    "Reading",
    "Unread",
    "most_present",
    "read_export",
    "suggest_owner",
]
