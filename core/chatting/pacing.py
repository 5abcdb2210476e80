"""The pace of bubbles: how long a person waits between two messages of one turn, and what of a reply shows by now.

In: the times of somebody's messages, or a reply as it comes. Out: a `Pace`, and the bubbles that are to be seen at a
moment. It changes what is shown and nothing else: the reply is read at full speed, and its figures are those of the
reading. Knows no screen and no model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from core.chatting.transcripts import bubbles

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    Piece = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]

LONGEST: Final = 8.0  # seconds; a person may put the phone away for minutes, nobody watches a screen for that
_SHARES: Final = tuple((n + 0.5) / 20 for n in range(20))
_FEW: Final = 8  # gaps; fewer say nothing about anybody


@dataclass(frozen=True, slots=True)
class Pace:
    """How long somebody waits before the next message of a turn: twenty waits that are all equally usual."""

    gaps: tuple[float, ...] = ()  # seconds, from the shortest to the longest; empty: not known

    def before(self, number: int, text: str) -> float:
        """The wait before bubble `number` (from 0) with these words: always the same for the same words."""
        if not number or not self.gaps:
            return 0.0
        drawn = blake2b(f"{number} {text}".encode("utf-8", "replace"), digest_size=2).digest()
        return min(LONGEST, self.gaps[int.from_bytes(drawn, "big") % len(self.gaps)])


def pace_of(pieces: Iterable[Piece], author: int, burst: int) -> Pace:
    """The pace of a participant: from the gaps between neighbouring messages of theirs, of at most `burst` seconds.

    `pieces` are neighbouring messages of one chat each: their times, authors and marks. Exports that write no seconds
    leave gaps of 0, 60, 120: their mean is still the true one, since what is cut off the ends evens out, and the waits
    are those of people who answer at random with that mean.
    """
    import numpy as np

    from core.chat import Mark

    gaps: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    to_the_second = False
    for times, authors, marks in pieces:
        mine = (authors == author) & ((marks & Mark.UNTIMED) == 0)
        apart = np.diff(times)
        gaps.append(apart[mine[1:] & mine[:-1] & (apart >= 0) & (apart <= burst)].astype(np.int32))
        to_the_second = to_the_second or bool(np.any(times[mine] % 60))
    found = np.concatenate(gaps)
    if len(found) < _FEW:
        return Pace()
    if to_the_second:
        return Pace(tuple(float(one) for one in np.quantile(found, _SHARES)))
    mean = float(found.mean())
    return Pace(tuple(round(-mean * math.log(1 - share), 3) for share in _SHARES))


@dataclass(slots=True)
class Reveal:
    """What of one reply is to be seen. Ask `at` with rising times."""

    separator: str = ""
    pace: Pace = field(default_factory=Pace)
    _shown: int = 0  # bubbles that have had their turn
    _next: float = 0.0  # when the next one may

    def at(self, text: str, done: bool, now: float) -> tuple[list[str], bool]:
        """The bubbles to show now, and whether another one is being waited for."""
        parts = bubbles(text if done else without_beginning(text, self.separator), self.separator)
        if not self.pace.gaps:
            self._shown = len(parts)
            return parts, False
        while self._shown < len(parts) and now >= self._next:
            self._shown += 1
            if self._shown < len(parts):
                self._next = now + self.pace.before(self._shown, parts[self._shown])
        return parts[: self._shown], self._shown < len(parts)

    def finished(self, text: str) -> bool:
        """Whether all of a reply that has ended is to be seen."""
        return self._shown >= len(bubbles(text, self.separator))


def without_beginning(text: str, separator: str) -> str:
    """The text without what may be the first half of a separator at its end."""
    mark = separator.strip()
    for size in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:size]):
            return text[: len(text) - size]
    return text
