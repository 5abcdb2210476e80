"""Trying again where it can help: visibly, and so that it can be given up.

In: a call. Out: its answer, or its `Failure`. Between tries a countdown is told once a second, and `stop` is asked; what
the server asked for (Retry-After) is obeyed, whatever it is; an exhausted account and a refusal are never tried again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from core.endpoints.failures import Failure, failure_of, not_json
from core.endpoints.profiles import Profile
from core.problem import Problem

Answer = TypeVar("Answer")
FIRST: Final = 1.0
LONGEST: Final = 60.0


class Countdown(Protocol):
    """Told once a second while waiting: the seconds left, why, and which try comes next; 0 when it begins."""

    def __call__(self, left: float, failure: Failure, attempt: int, /) -> None: ...


def call(
    ask: Callable[[], Answer],
    profile: Profile,
    *,
    tries: int = 5,
    may_be_text: bool = False,
    tell: Countdown | None = None,
    stop: Callable[[], bool] | None = None,
    again: Callable[[Failure], bool] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """The answer of `ask`; up to `tries` attempts (0: no end) where another can help.

    An answer that is a text is the package's way to hand on a page of HTML, and a Failure unless `may_be_text`. `again`
    may forbid a further try: what must not happen twice is not asked for again after a silence. When `stop`
    says so, the failure that was waited out is raised.
    """
    attempt = 1
    while True:
        try:
            answer = ask()
            if isinstance(answer, str) and not may_be_text:
                raise not_json(profile)
            return answer
        except Exception as error:
            failure = error if isinstance(error, Failure) else None
            if failure is None and not isinstance(error, Problem):
                failure = failure_of(error, profile)
            if failure is None:
                raise
            over = bool(tries) and attempt >= tries
            if not failure.retry or over or (again is not None and not again(failure)):
                raise failure from None
        attempt += 1
        if not pause_for(pause_before(attempt, failure), failure, attempt, tell=tell, stop=stop, sleep=sleep):
            raise failure


def pause_before(attempt: int, failure: Failure) -> float:
    """How long to wait before this attempt (2 is the first repetition): what the server asked for, else 1, 2, 4 … 60."""
    if failure.wait is not None:
        return failure.wait
    return min(LONGEST, FIRST * 2.0 ** min(10, attempt - 2)) * random.uniform(0.75, 1.0)


def pause_for(
    seconds: float,
    failure: Failure,
    attempt: int,
    *,
    tell: Countdown | None = None,
    stop: Callable[[], bool] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait so long, telling the seconds left; False when `stop` ended it."""
    left = seconds
    while left > 0:
        if stop is not None and stop():
            return False
        if tell is not None:
            tell(left, failure, attempt)
        slice_ = min(1.0, left)
        sleep(slice_)
        left -= slice_
    if tell is not None:
        tell(0.0, failure, attempt)
    return not (stop is not None and stop())
