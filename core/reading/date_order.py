"""Whether 4/5 is the fourth of May or the fifth of April: decided from all the dates of a file, never from its
language.

In: the dates of a file as three numbers each, in file order, consecutive repeats left out. Out: an order with the
evidence in words, or the readings among which nothing decides. A phone with a US region writes month first in Spanish,
so the language says nothing. Knows nothing of headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.chat import local_iso
from core.language import _, ngettext
from core.problem import Problem
from core.reading.whatsapp_header import DateOrder, day_of

Fields = tuple[int, int, int]
_WEIGHTIER = 3  # so many times more evidence on one side than on the other decides


@dataclass(frozen=True, slots=True)
class Decision:
    """An order, and why."""

    order: DateOrder
    evidence: str
    likely: bool = False  # a habit of the dates, which nothing forbids to be otherwise
    either: bool = False  # each date is the same day in both orders
    told: bool = False  # by the user


class Undecided(Problem):
    """Nothing tells the order; `readings` has each possible one with the day that a date would be in it."""

    def __init__(self, what: str, readings: Sequence[tuple[str, str]], *, where: str, advice: str) -> None:
        super().__init__(what, where=where, advice=advice)
        self.readings = tuple(readings)


def decide(dates: Sequence[Fields], *, year_first: bool, two_digits: bool) -> Decision | None:
    """The order of these dates, or None when they do not tell."""
    if year_first:
        return Decision("ymd", _("the year stands first"))
    orders: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd") if two_digits else ("dmy", "mdy")
    possible = {date for date in set(dates) if any(day_of(date, order) is not None for order in orders)}
    dates = [date for date in dates if date in possible]
    if not dates:
        return None
    if two_digits and _year_is_first(dates):
        return Decision("ymd", _("the last number changes from day to day, the first hardly ever"))
    distinct = set(dates)
    first_days = sum(1 for date in distinct if date[0] > 12 >= date[1])
    second_days = sum(1 for date in distinct if date[1] > 12 >= date[0])
    if first_days > second_days * _WEIGHTIER:
        return Decision(
            "dmy",
            ngettext(
                "the first number is above 12 in {count} date",
                "the first number is above 12 in {count} dates",
                first_days,
            ).format(count=first_days),
        )
    if second_days > first_days * _WEIGHTIER:
        return Decision(
            "mdy",
            ngettext(
                "the second number is above 12 in {count} date",
                "the second number is above 12 in {count} dates",
                second_days,
            ).format(count=second_days),
        )
    if first_days or second_days:
        return None  # both sides, none far ahead: two exports in one file, or nonsense
    if all(date[0] == date[1] for date in distinct):
        return Decision(
            "dmy", _("day and month are the same number in every date, so both readings agree"), either=True
        )
    return _by_movement(dates)


def _year_is_first(dates: Sequence[Fields]) -> bool:
    """Two-digit years in front: rare, so only if the last number moves as days do."""
    if all(day_of(date, "dmy") is None and day_of(date, "mdy") is None for date in set(dates)):
        return True
    steps = list(pairwise(dates))
    first = sum(1 for a, b in steps if a[0] != b[0])
    last = sum(1 for a, b in steps if a[2] != b[2])
    falls = sum(1 for a, b in steps if b[2] < a[2])
    return last > 2 and last > first * _WEIGHTIER and (falls > 0 or last == len(steps))


def _by_movement(dates: Sequence[Fields]) -> Decision | None:
    steps = [(a, b) for a, b in pairwise(dates) if a[2] == b[2]]
    first_falls = sum(1 for a, b in steps if b[0] < a[0] and b[1] >= a[1])
    second_falls = sum(1 for a, b in steps if b[1] < a[1] and b[0] >= a[0])
    # Within a year a month does not go down, in a file that runs forward: what goes down is the day.
    if first_falls > second_falls * _WEIGHTIER:
        return Decision("dmy", _("the first number goes down within a year, so it is the day"))
    if second_falls > first_falls * _WEIGHTIER:
        return Decision("mdy", _("the second number goes down within a year, so it is the day"))
    if first_falls or second_falls:
        return None
    first = sum(1 for a, b in steps if a[0] != b[0])
    second = sum(1 for a, b in steps if a[1] != b[1])
    if first >= 2 * second and first > 0:
        return Decision("dmy", _("the first number changes more often, so it is the day"), likely=True)
    if second >= 2 * first and second > 0:
        return Decision("mdy", _("the second number changes more often, so it is the day"), likely=True)
    return None


def undecided(sample: Fields, file: str, lines: str = "", *, several: bool = False) -> Problem:
    """Nothing tells: ask, and show what each answer would mean; of a file that is told in part, for which lines."""
    readings = [(order, local_iso(day)[:10]) for order in ("dmy", "mdy") if (day := day_of(sample, order)) is not None]
    shown = _(" or ").join(f"{day} (--date-order {order})" for order, day in readings)
    return Undecided(
        _("the dates do not show whether the day or the month stands first: {date} may be {readings}.").format(
            date="/".join(f"{number:02}" for number in sample), readings=shown
        ),
        readings,
        where=f"{file}, {lines}" if lines else file,
        advice=_("Say which with --date-order dmy or --date-order mdy.")
        + (" " + _("Where they differ, give each of these exports in a file of its own.") if several else ""),
    )
