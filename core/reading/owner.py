"""Whose export this is: a suggestion, from who takes part in most of the chats.

In: the reports of what was read. Out: a name, or none. The owner appears under the same profile name in every export of
theirs, and others in few; one chat alone says nothing. Knows nothing of what was decided before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from core.reading.report import ImportReport


def suggest_owner(reports: Iterable[ImportReport]) -> str | None:
    """The participant of most chats, when there are at least two chats and nobody else is in as many."""
    return most_present(people for report in reports for people in report.people_by_chat.values())


def most_present(chats: Iterable[Mapping[str, int]]) -> str | None:
    """The same, from the participants of each chat and how many messages they wrote there."""
    present: Counter[str] = Counter()
    count = 0
    for people in chats:
        count += 1
        present.update(name for name in people if name)
    if count < 2 or not present:
        return None
    (name, most), *rest = present.most_common(2)
    if most < 2 or (rest and rest[0][1] == most):
        return None
    return name
