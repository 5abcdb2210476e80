"""Giving memory back after large passing work: glibc keeps what a thread's arrays have freed.

Measured: knowing the conversations of a million messages leaves 90 MB resident, 68 MB after this; it takes 5 ms. On
other systems it does nothing.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Give what is free back to the system."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
