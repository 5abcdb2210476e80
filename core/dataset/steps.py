"""Sensible values of a parameter, one key press apart: what the left and right keys of the recipe screen go through.

In: a parameter, its value, and where there are any the words to choose from (participants, models). Out: the next value
up or down. Whatever value a person typed, the next one is the nearest of the ladder beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.dataset.recipe import SEPARATOR_TAG, Parameter

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_WINDOWS: Final = (
    0, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR,
    4 * _HOUR, 6 * _HOUR, 8 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 90 * _DAY,
    365 * _DAY,
)  # fmt: skip
_ROUND: Final = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
_COUNTS: Final = tuple(sorted({*range(13), *(int(one * 10**power) for power in range(1, 7) for one in _ROUND)}))
_SHARES: Final = tuple(n / 20 for n in range(21))
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "separator": ("\n", " ", f" {SEPARATOR_TAG} "),
    "stop": ("", "\n", " END", "###"),
}


def stepped(parameter: Parameter, value: Any, by: int, words: Sequence[str] = ()) -> Any:
    """The value `by` steps on (1 or -1); the same at the end of a ladder, and where there are no steps at all."""
    if parameter.sort == "switch":
        return not value
    if parameter.sort == "choice":
        return _along(parameter.choices, value, by)
    if parameter.sort == "text":
        return _along(words or _WORDS.get(parameter.name, ()), value, by)
    if parameter.name == "seed":
        ladder: Sequence[float] = (value - 1, value, value + 1)
    else:
        ladder = {"window": _WINDOWS, "count": _COUNTS, "share": _SHARES}.get(parameter.sort, ())
    beyond = [one for one in ladder if (one > value if by > 0 else one < value) and _inside(parameter, one)]
    if not beyond:
        return value
    return min(beyond) if by > 0 else max(beyond)


def has_steps(parameter: Parameter, words: Sequence[str] = ()) -> bool:
    """Whether the parameter can be changed without typing."""
    return bool(words) or parameter.name in _WORDS or parameter.sort not in ("text", "list")


def _along(words: Sequence[str], value: str, by: int) -> str:
    """Round and round: the last word is followed by the first."""
    if not words:
        return value
    at = words.index(value) if value in words else -1 if by > 0 else 0
    return words[(at + by) % len(words)]


def _inside(parameter: Parameter, value: float) -> bool:
    return (parameter.low is None or value >= parameter.low) and (parameter.high is None or value <= parameter.high)
