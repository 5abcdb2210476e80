"""The one thread that reads from model servers: an event loop of its own, because only a task can be stopped at once.

A thread that waits on a socket cannot be interrupted; a task can, and its connection is closed with it, so the server
notices. Started when first needed; nobody waits for it at the end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")
_guard: Final = threading.Lock()
_loops: Final[list[asyncio.AbstractEventLoop]] = []


def start(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin; the future's `cancel` stops it wherever it is."""
    return asyncio.run_coroutine_threadsafe(work, _loop())


def _loop() -> asyncio.AbstractEventLoop:
    with _guard:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="talking", daemon=True).start()
            _loops.append(loop)
        return _loops[0]
