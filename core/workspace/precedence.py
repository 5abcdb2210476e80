"""Who goes first when threads of one process count: what a key waits for goes before what takes seconds.

In: threads that say which of both they are. Out: nothing but their order. Python gives each of two threads a turn of its
own, half a millisecond at a time, and the forty arrays of a quick count at a million messages waited for one each: the
first new counters were there after 25 ms, or after 50 to 175 while all tokens were being counted. So whoever does long
work asks, each time that it tells how far it is, whether it is in the way, and waits.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

# Seconds for which long work gives way each time that it is asked: were the quick thread to wait for something that the
# long one holds, both would go on after that.
_AT_MOST: Final = 0.2


class Precedence:
    """The order among the threads of one process."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._first = 0
        self._free = threading.Event()
        self._free.set()

    @contextmanager
    def first(self) -> Generator[None]:
        """For what somebody waits for: while this goes on, others give way."""
        with self._changing:
            self._first += 1
            self._free.clear()
        try:
            yield
        finally:
            with self._changing:
                self._first -= 1
                if not self._first:
                    self._free.set()

    def give_way(self) -> None:
        """For what takes long: wait while something goes first."""
        self._free.wait(_AT_MOST)
