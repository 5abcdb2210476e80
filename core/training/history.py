"""The log of a run as a screen wants it: its end at once, any page of it, one kind, a word, a curve, however long it is.

In: the path of an events.jsonl, which may be growing. Out: `Event`s. Nothing is read whole and nothing is kept beside
the file: events are numbered without gaps, so the place of number n is found by halving (a millisecond among ten
million lines), and a curve of a long log is a few hundred looks at even distances. What must see every line (one kind
only, a search) goes backwards from the end in pieces, so that the newest is there first and whoever looks can stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from core.training.events import Event, parse

_END: Final = 1 << 16  # bytes looked at to find the last whole line; doubled while there is none
_PIECE: Final = 4 << 20
_PAGE: Final = 64 << 20
_LONGEST: Final = 1 << 20  # a longer "line" is none of ours (core/training/events.py)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are looked for. One of the marks stands in each of them (none: nothing is known beforehand); what passes
    is asked of a line that has one."""

    marks: tuple[bytes, ...] = ()
    passes: Callable[[bytes], bool] = lambda _line: True

    def among(self, piece: bytes) -> list[bytes]:
        """The wanted lines of a piece, in order. Looking for marks is thirty times as fast as looking at each line."""
        if not self.marks:
            return [line for line in piece.split(b"\n") if line and self.passes(line)]
        found: dict[int, bytes] = {}
        for mark in self.marks:
            at = piece.find(mark)
            while at >= 0:
                start, end = piece.rfind(b"\n", 0, at) + 1, piece.find(b"\n", at)
                end = len(piece) if end < 0 else end
                found[start] = piece[start:end]
                at = piece.find(mark, end)
        return [found[start] for start in sorted(found) if self.passes(found[start])]


ALL_LINES: Final = Wanted()


def of_kinds(*kinds: str) -> Wanted:
    """Lines of these kinds. A quote inside a text is escaped, so the mark stands for nothing else."""
    return Wanted(tuple(f'"kind":"{kind}"'.encode() for kind in kinds))


def with_words(words: str) -> Wanted:
    """Lines in which the words stand, in whatever case, as they are shown: not the escapes of JSON."""
    return Wanted(passes=lambda line: (event := parse(line)) is not None and says(event, words))


def says(event: Event, words: str) -> bool:
    """Whether the words stand in an event's kind or in what it tells."""
    needle = words.casefold()
    return any(needle in str(value).casefold() for value in (event.kind, *event.fields.values()))


class History:
    """One log. Each call opens the file anew: a run may live for weeks, and nothing is to be locked or kept open."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def last(self) -> Event | None:
        """The newest whole event."""
        return next(self.backwards(), None)

    def count(self) -> int:
        """How many events there are: the number of the newest."""
        newest = self.last()
        return newest.seq if newest else 0

    def page(self, first: int, n: int) -> list[Event]:
        """At most `n` events from number `first` on; fewer where lines are so long that they fill a page by themselves."""
        found: list[Event] = []
        try:
            with self.path.open("rb") as file:
                file.seek(_place_of(file, first))
                stop = file.tell() + _PAGE
                while len(found) < n and file.tell() < stop and (line := file.readline(_LONGEST)):
                    event = parse(line) if line.endswith(b"\n") else None
                    if event is not None and event.seq >= first:
                        found.append(event)
        except FileNotFoundError:
            pass
        return found

    def tail(self, size: int = _END) -> list[Event]:
        """The events of the last bytes, in order."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, 2)
                start = max(0, end - size)
                file.seek(start)
                piece = file.read(end - start)
        except FileNotFoundError:
            return []
        if start:
            piece = piece.partition(b"\n")[2]
        whole = piece.rpartition(b"\n")[0]
        return [event for line in whole.split(b"\n") if line and (event := parse(line))]

    def backwards(self, wanted: Wanted = ALL_LINES, most: int | None = None) -> Iterator[Event]:
        """Events from the newest to the oldest; gives up after `most` bytes."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            end = file.seek(0, 2)
            stop = 0 if most is None else max(0, end - most)
            rest = b""  # the end of a line that began in a piece not read yet
            unfinished = True  # what stands after the last line end is still being written
            size = _END
            while end > stop:
                start = max(stop, end - size)
                file.seek(start)
                piece = file.read(end - start) + rest
                head, mark, body = piece.partition(b"\n") if start else (b"", b"\n", piece)
                if not mark:
                    rest = piece if len(piece) < _LONGEST * 2 else b""
                else:
                    rest = head
                    if unfinished:
                        body = body.rpartition(b"\n")[0]
                        unfinished = False
                    for line in reversed(wanted.among(body)):
                        if event := parse(line):
                            yield event
                end, size = start, min(_PIECE, size * 4)

    def sampled(self, wanted: Wanted, points: int) -> list[Event]:
        """At most about so many of the wanted events, from all over the log; all of them where the log is short."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, 2)
                if end <= points * 2048:
                    file.seek(0)
                    lines = wanted.among(file.read(end).rpartition(b"\n")[0])
                else:
                    lines = [line for n in range(points) if (line := _one_near(file, end * n // points, wanted))]
        except FileNotFoundError:
            return []
        found = {event.seq: event for line in lines if (event := parse(line))}
        return [found[seq] for seq in sorted(found)]


def _one_near(file: IO[bytes], place: int, wanted: Wanted) -> bytes | None:
    """The first wanted line after a place, if it comes soon."""
    file.seek(place)
    if place:
        file.readline(_LONGEST)
    return next(iter(wanted.among(file.read(4096).rpartition(b"\n")[0])), None)


def _place_of(file: IO[bytes], seq: int) -> int:
    """A place at the start of a line from which number `seq` is not far."""
    low, high = 0, file.seek(0, 2)
    while high - low > _END // 4:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(_LONGEST)
        event, here = None, file.tell()
        while event is None and here < high:
            here = file.tell()
            line = file.readline(_LONGEST)
            if not line:
                break
            event = parse(line)
        if event is None or event.seq >= seq:
            high = middle
        else:
            low = here
    return low
