"""Figures, dates and spans as people of each language read them.

In: numbers and seconds of a chat's wall clock. Out: short text. Nothing here knows a widget; nothing here is exact
enough to be parsed again: commands print ISO dates and plain numbers.
"""

from __future__ import annotations

from core.chat import local_time
from core.language import N_, _, grouped, ngettext

MONTHS = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"),
    N_("Nov"), N_("Dec"),
)  # fmt: skip
WEEKDAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip


def number(value: int) -> str:
    """1,234,567 or 1 234 567."""
    return grouped(value)


def brief(value: int) -> str:
    """9,999 or 9 999, then 12 k, 345 k, 1.2 M: five columns at most."""
    if value < 10_000:
        return grouped(value)
    if value < 1_000_000:
        return f"{value // 1000} k"
    return f"{value / 1e6:.1f} M" if value < 10_000_000 else f"{value // 1_000_000} M"


def size(count: int) -> str:
    """12.3 MB."""
    value, unit = float(count), 0
    while value >= 1000 and unit < 3:
        value, unit = value / 1000, unit + 1
    shown = f"{value:.1f}" if unit and value < 100 else f"{value:.0f}"
    return shown + " " + ("B", "kB", "MB", "GB")[unit]


def day(seconds: int) -> str:
    """Friday 12 Jun 2026."""
    at = local_time(seconds)
    return _("{weekday} {day} {month} {year}").format(
        weekday=_(WEEKDAYS[at.weekday()]), day=at.day, month=_(MONTHS[at.month - 1]), year=at.year
    )


def short_day(seconds: int) -> str:
    """12 Jun 2026, always eleven columns."""
    at = local_time(seconds)
    return f"{at.day:2} {_(MONTHS[at.month - 1])} {at.year:04}"


def clock(seconds: int) -> str:
    """22:14."""
    at = local_time(seconds)
    return f"{at.hour:02}:{at.minute:02}"


def moment(seconds: int) -> str:
    """Friday 12 Jun 2026, 22:14:05."""
    return f"{day(seconds)}, {local_time(seconds):%H:%M:%S}"


def later(seconds: int) -> str:
    """3 hours later."""
    if seconds >= 172_800:
        count = seconds // 86_400
        return ngettext("{n} day later", "{n} days later", count).format(n=number(count))
    if seconds >= 3600:
        count = seconds // 3600
        return ngettext("{n} hour later", "{n} hours later", count).format(n=count)
    count = max(1, seconds // 60)
    return ngettext("{n} minute later", "{n} minutes later", count).format(n=count)
