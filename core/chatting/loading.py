"""Loading a model once for several terminals: who may begin it or change what is served, who waits for it, how it goes.

The locks lie in the folder of its server and are the system's own (flock), so a terminal that is killed lets go of them.
Knows no server and no model.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.language import _
from core.problem import Problem

_LOCK: Final = "lock"
_WAITING: Final = "waiting"


@dataclass(frozen=True, slots=True)
class Loading:
    """A model that is being loaded, to whoever waits for it."""

    seconds: float  # waited so far
    elsewhere: bool  # somebody else's terminal began it
    resident: int  # bytes that its process holds in memory by now


@contextlib.contextmanager
def only_one(place: Path, stop: Callable[[], bool] = lambda: False, wait: float = 180.0) -> Generator[None]:
    """Look and act without another doing so in between. Held for as long as it takes to begin a load, or to let an adapter
    in, and never while a model is being loaded."""
    until = time.monotonic() + wait
    handle = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(handle, fcntl.LOCK_EX):
            if stop() or time.monotonic() > until:
                raise Problem(_("The model server did not answer in time."), advice=_("Try again."))
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


class Queue:
    """Those who wait for a server of this place: each holds a share of one lock, so that whoever gives up can see whether
    somebody else still waits. A process that dies lets go of its share."""

    def __init__(self, place: Path) -> None:
        self._file = place / _WAITING
        self._handle = self._open()

    def _open(self) -> int:
        return os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Queue:
        fcntl.flock(self._handle, fcntl.LOCK_SH)  # nobody holds it whole for longer than a look
        return self

    def alone(self) -> bool:
        """Whether nobody else waits."""
        handle = self._open()
        try:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            return _locked(handle, fcntl.LOCK_EX)
        finally:
            os.close(handle)

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
