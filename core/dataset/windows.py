"""Lengths of time as people write them: `90s`, `1h30m`, `1.5h`, `1,5h`. In: text or seconds. Out: seconds, and back."""

from __future__ import annotations

import re
from typing import Final

UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = re.compile(r"\s*(\d{1,12}(?:[.,]\d{1,6})?)(?![\d.,])\s*([a-z]*)\s*", re.ASCII)
_NAMES: Final = {
    **{unit: unit for unit in UNITS},
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
}


def seconds(text: str) -> int | None:
    """The seconds that a text says, None if it says no length of time. A bare number is seconds."""
    words = text.lower()
    total, at = 0.0, 0
    # Part by part: one pattern of them all would try every way to part a long number.
    while at < len(words) or not at:
        part = _PART.match(words, at)
        if part is None or (part[2] not in _NAMES and (part[2] or part[0] != words)):
            return None
        total += float(part[1].replace(",", ".")) * (UNITS[_NAMES[part[2]]] if part[2] else 1)
        at = part.end()
    return int(total) if total == int(total) else None


def written(value: int) -> str:
    """Seconds as one number of the largest unit that fits exactly: 5400 is 90m. Up to two days are hours."""
    if value == 0:
        return "0s"
    for unit in ("d", "h", "m"):
        if value % UNITS[unit] == 0 and (unit != "d" or value > 2 * UNITS["d"]):
            return f"{value // UNITS[unit]}{unit}"
    return f"{value}s"
