"""Taking turns: one thread writes all replies, a slice of each in turn, so that nobody waits for another's end.

In: replies as iterators, each with the voice that it is for. Out: their pieces, handed on as they come. Switching
voices costs milliseconds, so a voice speaks for a slice of time before the next one; within it its replies go round
token by token. Only so many replies are begun at once (each holds a cache of its own) and only so many wait; of those,
one whose asker has none under way goes first, so that nobody's sixteen alternatives keep another from a first word, and
one whose reader has gone is let go of at once. The model
belongs to this thread: whatever else must touch it (an adapter that is let in) is done here too.
"""

# pyright: basic

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from core.engine.generation import Piece
from core.engine.voices import House, Voice

SLICE: Final = 0.05  # seconds; a switch of voices takes some 1.5 ms on the embedded model
MOST_AT_ONCE: Final = 8
MOST_WAITING: Final = 512


class FullError(Exception):
    """Too many wait already."""


@dataclass(eq=False)
class Turn:
    """One reply to be written. `gone` ends it at the next token; `hand` gets its pieces, what it failed with, and None
    at its end, on the writing thread."""

    voice: Voice
    write: Callable[[Any], Iterator[Piece]]  # given the model
    hand: Callable[[Piece | BaseException | None], None]
    asker: object = None  # whose it is; turns of one asker stand together
    gone: threading.Event = field(default_factory=threading.Event)
    _pieces: Iterator[Piece] | None = None

    def step(self, model: Any) -> bool:
        """Write one more piece; False when there was none."""
        if self.gone.is_set():
            self.end()
            return False
        try:
            if self._pieces is None:
                self._pieces = self.write(model)
            self.hand(next(self._pieces))
            return True
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - carried over to the request that waits for it
            self.hand(error)
        self.end()
        return False

    def end(self) -> None:
        """Let go of its cache."""
        self._pieces = None
        self.hand(None)


class Turns:
    """The thread, and who waits for it."""

    def __init__(self, house: House, *, slice_seconds: float = SLICE, at_once: int = MOST_AT_ONCE) -> None:
        self.house = house
        self.last_used = time.monotonic()
        self.most_begun = 0  # the most replies that were ever under way at once
        self._slice, self._at_once = slice_seconds, at_once
        self._changed = threading.Condition()
        self._waiting: deque[Turn] = deque()
        self._tasks: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._begun: list[Turn] = []
        self._stopped = False
        threading.Thread(target=self._run, name="turns", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether anybody speaks or waits."""
        with self._changed:
            return bool(self._waiting or self._begun or self._tasks)

    def enter(self, turns: list[Turn]) -> None:
        """Let these be written, all or none."""
        with self._changed:
            if sum(not one.gone.is_set() for one in self._waiting) + len(turns) > MOST_WAITING:
                raise FullError
            self._waiting.extend(turns)
            self._changed.notify()

    def do(self, task: Callable[[], Any]) -> Future[Any]:
        """Do something with the house, between two slices."""
        future: Future[Any] = Future()
        with self._changed:
            self._tasks.append((task, future))
            self._changed.notify()
        return future

    def leave(self, turns: list[Turn]) -> None:
        """End these at the next token, or at once where they still wait."""
        for turn in turns:
            turn.gone.set()
        with self._changed:
            self._changed.notify()

    def stop(self) -> None:
        """End the thread at the next token."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        last: Voice | None = None
        while True:
            with self._changed:
                self.last_used = time.monotonic()
                self._changed.wait_for(lambda: self._waiting or self._begun or self._tasks or self._stopped)
                if self._stopped:
                    return
                tasks, self._tasks = self._tasks, deque()
                left = [turn for turn in self._waiting if turn.gone.is_set()]
                self._waiting = deque(turn for turn in self._waiting if not turn.gone.is_set())
                while self._waiting and len(self._begun) < self._at_once:
                    self._begun.append(self._next())
                self.most_begun = max(self.most_begun, len(self._begun))
            for turn in left:
                turn.end()
            for task, future in tasks:
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(task())
                except BaseException as error:  # noqa: BLE001 - carried over to whoever waits for it
                    future.set_exception(error)
            last = self._one_slice(last)

    def _next(self) -> Turn:
        """Of those who wait, the first whose asker has the fewest under way."""
        under_way = Counter(id(turn.asker or turn) for turn in self._begun)
        chosen = min(self._waiting, key=lambda turn: under_way[id(turn.asker or turn)])
        self._waiting.remove(chosen)
        return chosen

    def _one_slice(self, last: Voice | None) -> Voice | None:
        voices = list(dict.fromkeys(turn.voice.name for turn in self._begun))
        if not voices:
            return None
        # The next one after the one that spoke last, in the order in which they came.
        at = voices.index(last.name) + 1 if last is not None and last.name in voices else 0
        name = voices[at % len(voices)]
        mine = [turn for turn in self._begun if turn.voice.name == name]
        voice = mine[0].voice
        try:
            model = self.house.speak_as(voice)
        except BaseException as error:  # noqa: BLE001 - told to everybody who asked for this voice
            for turn in mine:
                turn.hand(error)
                turn.end()
            self._begun = [turn for turn in self._begun if turn not in mine]
            return voice
        until = time.monotonic() + self._slice
        while mine and time.monotonic() < until and not self._stopped:
            mine = [turn for turn in mine if turn.step(model) or self._ended(turn)]
            if len(voices) == 1 and (self._waiting or self._tasks):
                break  # nobody else speaks, so newcomers need not wait for the slice to end
        return voice

    def _ended(self, turn: Turn) -> bool:
        with self._changed:
            self._begun.remove(turn)
        return False
