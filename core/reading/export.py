"""An opened export: what every reader is given, and what every reader gives back.

In: nothing here reads. `Export` joins the bytes, their encoding, the caller's wishes and the report being filled;
readers are functions from an `Export` to an iterator of `Batch`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from core.chat import Chat, Message
from core.reading.encoding import Encoding
from core.reading.phrases import Phrases
from core.reading.report import ImportReport
from core.reading.source import Source

Progress = Callable[[int, int, int], None]  # bytes done, bytes in all, messages so far
_WALKED = 2000  # objects that the collector may as well walk: where little is made, what is old must still be collected
BATCH = 4096  # messages; a batch of a million would be the whole file in memory


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller knows better than the file."""

    format: str | None = None
    date_order: str | None = None
    me: str | None = None  # the owner's name, for exports that say "you"
    phrases: Path | None = None  # a folder with phrase catalogues of the user's own


class Batch(NamedTuple):
    """Some messages of one chat, in file order. A chat comes in as many batches as it takes."""

    chat: Chat
    messages: list[Message]


@dataclass(slots=True)
class Export:
    """One export, opened."""

    source: Source
    encoding: Encoding
    options: ReadOptions
    report: ImportReport
    phrases: Phrases
    format: str
    progress: Progress | None = None
    also: list[Source] = field(default_factory=list[Source])  # further files of the same chat, in order

    def tick(self, done: int) -> None:
        """Tell whoever waits how far the reading is; at its end the file's size is told once more."""
        if self.progress is not None:
            self.progress(min(done, self.source.size), self.source.size, self.report.messages)


@contextmanager
def collection_paused() -> Generator[None]:
    """Make a batch without the cycle collector: it would walk the thousands of new tuples again and again, and find
    nothing, for a third of the time of the whole parse. Never held over a `yield` to the caller.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            if gc.get_count()[0] > _WALKED:
                # What was made goes to the old generation unwalked, else it is walked now: 6 % of a long parse.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
