"""Until when a remote model answers, and until when a provider takes jobs.

In: a profile, a model's name, what the price list and the server say. Out: an `End`, or None where nobody has named a
day. A model that was tuned ends with its base. The server's own word wins over ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.counting.bases import base_of
from core.counting.prices import Price, price_of, this_day
from core.endpoints.profiles import Profile
from core.language import _, ngettext

# OpenAI's notice of 2026-05-07: everybody's last day for a new job. Deployments at Azure outlive the models at OpenAI.
LAST_JOB: Final[Mapping[str, date]] = {"openai": date(2027, 1, 6)}
_AZURE: Final = (("gpt-4.1", date(2027, 10, 14)), ("gpt-4o", date(2027, 10, 1)))


@dataclass(frozen=True, slots=True)
class End:
    """The day on which a model stops answering."""

    day: date
    source: str  # "server", "list"

    def left(self, today: date | None = None) -> int:
        """The days left; negative when it is over."""
        return (self.day - (today or this_day())).days

    def said(self, today: date | None = None) -> str:
        """The same as a countdown."""
        left = self.left(today)
        if left < 0:
            return _("stopped answering on {day}").format(day=self.day.isoformat())
        if left == 0:
            return _("stops answering today")
        return ngettext(
            "answers for {count} more day, until {day}", "answers for {count} more days, until {day}", left
        ).format(count=left, day=self.day.isoformat())


def end_of(profile: Profile, model: str, prices: Mapping[str, Price], told: str = "") -> End | None:
    """The end of a model; `told` is the server's `shutdown_date`, if it gave one."""
    try:
        return End(date.fromisoformat(told), "server")
    except ValueError:
        pass  # none, or none that can be read: ours is next
    base = base_of(model)
    if profile.kind == "azure":
        return next((End(day, "list") for head, day in _AZURE if base.startswith(head)), None)
    if profile.kind == "openai":
        price = price_of(model, prices)
        return End(price.ends, "list") if price is not None and price.ends is not None else None
    return None


def last_job(profile: Profile) -> date | None:
    """The last day on which the provider takes a new job, where one is announced."""
    return LAST_JOB.get(profile.kind)
