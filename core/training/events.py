"""The event log of a run: one JSON object a line, only ever appended to.

In: events from whoever does the work (the engine, or a backend that speaks for a distant job). Out: `Event`s for
whoever follows. There is one writer at a time (a lock on the file says so); readers need no lock: they remember how
far they have read, and leave a line that is not finished yet for later. The writer may be killed between two bytes,
so an unfinished line is closed by the next writer and skipped by every reader.

`seq` counts over all attempts, so (run, seq) names an event for good and taking it in twice is harmless. Knows
nothing of states, models or the database.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from core.language import _
from core.problem import Problem

FILE: Final = "events.jsonl"
SAID: Final = ("prompt", "reply", "real")  # what a sample has of people's words
_HEAD: Final = ("attempt", "seq", "at", "kind")
_ROOM: Final = 16 << 10  # bytes for the last words
_LONGEST_LINE: Final = 1 << 20  # the file is read as hostile: a longer "line" is not one of ours


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log; what it tells beyond the head depends on its kind."""

    attempt: int
    seq: int
    at: float  # unix seconds
    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def line(self) -> str:
        """The event as it stands in the file, without the line end."""
        head = {"attempt": self.attempt, "seq": self.seq, "at": round(self.at, 3), "kind": self.kind}
        return json.dumps({**head, **self.fields}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse(line: bytes) -> Event | None:
    """The event of one line, or None for a line that is none (torn by a kill, or written by somebody else)."""
    try:
        read: Any = json.loads(line)
        if not isinstance(read, dict):
            return None
        told: dict[str, Any] = {str(key): value for key, value in read.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        attempt, seq, at, kind = (told.pop(key) for key in _HEAD)
    except (ValueError, KeyError, RecursionError):
        return None
    if not (_is_count(attempt) and _is_count(seq) and isinstance(kind, str)):
        return None
    if isinstance(at, bool) or not isinstance(at, int | float) or not abs(at) < 1e300:
        return None
    return Event(attempt, seq, float(at), kind, told)


def _is_count(value: object) -> bool:
    # What no database's integer holds is none of ours either.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


class Reader:
    """Reads what was added since the last look; never blocks and never holds the file open."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset  # bytes taken in; give it to the next Reader to go on from here

    def read(self) -> Iterator[Event]:
        """The finished lines past `offset` that are events."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            if os.fstat(file.fileno()).st_size < self.offset:
                self.offset = 0  # another file took its place
            file.seek(self.offset)
            while line := file.readline(_LONGEST_LINE):
                if not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                    return  # still being written
                self.offset += len(line)
                if event := parse(line):
                    yield event


def take_out_words(path: Path) -> None:
    """Take what was said out of the samples of a log, for somebody who is to be forgotten. A line keeps its length and its
    place (blanks fill it up): whoever appends to the log or reads it meanwhile notices nothing."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return
    with file:
        at = 0
        while line := file.readline(_LONGEST_LINE):
            if (
                b'"kind":"sample"' in line
                and line.endswith(b"\n")
                and (event := parse(line))
                and event.kind == "sample"
            ):
                bare = replace(event, fields=without_words(event.fields)).line().encode()
                if bare != line[: len(bare)]:
                    os.pwrite(file.fileno(), bare.ljust(len(line) - 1), at)
            at += len(line)
        os.fsync(file.fileno())


def without_words(sample: Mapping[str, Any]) -> dict[str, Any]:
    """A sample's fields without what was asked and answered."""
    return {key: value for key, value in sample.items() if key not in SAID}


class Writer:
    """The one who appends. Opening it begins a new attempt unless told to go on with the last."""

    def __init__(self, path: Path, *, same_attempt: bool = False) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._file, path)
            last_attempt, last_seq = _last(path)
            self.attempt = max(1, last_attempt if same_attempt else last_attempt + 1)
            self.seq = last_seq
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")  # closes the line that a kill tore
        except BaseException:
            os.close(self._file)
            raise

    def write(self, kind: str, **fields: Any) -> Event:
        """Append one event. The whole line goes in one write, so that no reader sees two writes of one line."""
        event = Event(self.attempt, self.seq + 1, time.time(), kind, _finite(fields))
        data = (event.line() + "\n").encode("utf-8", "replace")
        while data:  # a short write happens only when the disk is full: the next one then raises
            data = data[os.write(self._file, data) :]
        self.seq += 1
        return event

    def keep_room(self) -> None:
        """Set some bytes of the disk aside, so that the last words find room on a full one."""
        with suppress(OSError), self._room.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM)

    def make_room(self) -> None:
        """Give them back, and close the line that a full disk tore."""
        self._room.unlink(missing_ok=True)
        os.write(self._file, b"\n")

    @property
    def _room(self) -> Path:
        return self.path.with_name(".room")

    def close(self) -> None:
        """Let go of the file and its lock."""
        with suppress(OSError):
            self._room.unlink(missing_ok=True)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _last(path: Path) -> tuple[int, int]:
    """Attempt and number of the newest event. Both only grow, so the end of the log tells."""
    from core.training.history import History  # it reads what this module writes

    newest = History(path).last()
    return (newest.attempt, newest.seq) if newest else (0, 0)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Problem(
            _("Another process is working on this run."), where=str(path.parent.name), advice=_("Wait for it to end.")
        ) from None
    except OSError:
        return  # a file system without locks: the process identity still guards the folder


def _finite(fields: Mapping[str, Any]) -> dict[str, Any]:
    # JSON has no NaN; a reader in another language would refuse the line.
    kept: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, float) and value - value != 0.0:
            kept[key] = None
        else:
            kept[key] = value
    return kept


class Printer:
    """Says events on a stream instead, for work that belongs to whoever started it and leaves no log."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.attempt = 1
        self.seq = 0

    def write(self, kind: str, **fields: Any) -> Event:
        """One event as one line."""
        self.seq += 1
        event = Event(self.attempt, self.seq, time.time(), kind, _finite(fields))
        self.stream.write(event.line() + "\n")
        self.stream.flush()
        return event

    def close(self) -> None:
        """Nothing to let go of."""


class Silent:
    """Takes events and tells none: for a process beside the one that writes."""

    def write(self, kind: str, **fields: Any) -> Event:
        """Nothing happens."""
        return Event(0, 0, time.time(), kind, fields)


class Log(Protocol):
    """Whatever takes events in."""

    def write(self, kind: str, **fields: Any) -> Event:
        """Take one event."""
        ...
