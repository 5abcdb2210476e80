"""Giving memory back after large passing work of a worker: glibc keeps what its arrays have freed, and its connection
16 MB of the file's pages, for threads go on living when their work is done.

Measured: knowing the conversations of a million messages leaves 90 MB resident, 68 MB after this; it takes 5 ms. Where
there is no glibc only the pages are given back.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from core.workspace.opening import Workspace


def give_back(workspace: Workspace) -> None:
    """Give what this thread needs no longer back to the system."""
    workspace.store.read("PRAGMA shrink_memory")
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
