"""Messages in any order, given back oldest first, with no more of them in memory than a run.

In: the messages of a thread, as its files have them. Out: the same by time; those of one second stay in file order, or in
its reverse where the files run newest first. What is more than a run lies in an unnamed temporary file, which the system
takes away with the process. A thread of 100 MB takes 60 MB so, where holding it took 235. Knows no format.
"""

from __future__ import annotations

import heapq
import marshal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import IO, Final, NamedTuple, cast

from core.chat import Kind, Message
from core.reading.export import collection_paused

_RUN: Final = 1 << 16  # messages held before they are sorted and put aside
_PIECE: Final = 2048  # messages that come back at once
_KIND: Final = {kind.value: kind for kind in Kind}.__getitem__
_time: Final = itemgetter(1)
_message: Final = cast(
    "Callable[[tuple[str, int, Kind, str, int, int]], Message]",
    partial(tuple.__new__, Message),  # pyright: ignore[reportUnknownMemberType]  # half of what Message(...) takes
)


class _Run(NamedTuple):
    first: int  # times of its oldest and newest message
    last: int
    pieces: list[tuple[int, int]]  # where each lies, and its length


class Spool:
    """Takes messages, and gives them back sorted, once."""

    def __init__(self) -> None:
        self._held: list[Message] = []
        self._runs: list[_Run] = []
        self._count = 0
        self._backwards: bool | None = None
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, message: Message) -> None:
        """One more message."""
        self._held.append(message)
        self._count += 1
        if len(self._held) >= _RUN:
            self._put_aside()

    def oldest_first(self) -> Iterator[list[Message]]:
        """All of them, some thousands at a time."""
        if not self._runs:
            self._sort()
            for start in range(0, len(self._held), _PIECE):
                yield self._held[start : start + _PIECE]
            return
        self._put_aside()
        # Runs of a thread hardly ever overlap: one is opened when its time has come, so that few are in memory.
        waiting = sorted(enumerate(self._runs), key=lambda one: one[1].first, reverse=True)
        while waiting:
            end, together = waiting[-1][1].last, [waiting.pop()]
            while waiting and waiting[-1][1].first <= end:
                end = max(end, waiting[-1][1].last)
                together.append(waiting.pop())
            if len(together) == 1:
                yield from self._pieces(together[0][1])
            else:
                yield from self._merged(together)
        if self._file is not None:
            self._file.close()

    def _merged(self, together: list[tuple[int, _Run]]) -> Iterator[list[Message]]:
        """Runs that overlap, which files whose clocks were set back have. Of one second the run that was read later comes
        first where the files run backwards."""
        together.sort(reverse=bool(self._backwards))
        messages = heapq.merge(*(chain.from_iterable(self._pieces(run)) for _number, run in together), key=_time)
        while piece := list(islice(messages, _PIECE)):
            yield piece

    def _sort(self) -> None:
        held = self._held
        if self._backwards is None:
            self._backwards = len(held) > 1 and held[0].sent_at >= held[-1].sent_at
        if self._backwards:
            held.reverse()
        held.sort(key=_time)

    def _put_aside(self) -> None:
        if not self._held:
            return
        self._sort()
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when all was given back, or with the spool
        pieces: list[tuple[int, int]] = []
        for start in range(0, len(self._held), _PIECE):
            authors, times, kinds, texts, marks, lines = zip(*self._held[start : start + _PIECE], strict=True)
            data = marshal.dumps((authors, times, [kind.value for kind in kinds], texts, list(map(int, marks)), lines))
            pieces.append((self._file.tell(), len(data)))
            self._file.write(data)
        self._runs.append(_Run(self._held[0].sent_at, self._held[-1].sent_at, pieces))
        self._held = []

    def _pieces(self, run: _Run) -> Iterator[list[Message]]:
        assert self._file is not None
        for at, length in run.pieces:
            self._file.seek(at)
            authors, times, kinds, texts, marks, lines = marshal.loads(self._file.read(length))
            with collection_paused():
                piece = list(map(_message, zip(authors, times, map(_KIND, kinds), texts, marks, lines, strict=True)))
            yield piece
