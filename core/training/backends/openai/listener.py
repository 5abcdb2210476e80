"""What happened at the provider since we last looked: every event once, in order.

In: pages of events, newest first, from a server that may repeat, reorder, or lose the connection. Out: those that are
not known yet, oldest first. The list can only be walked from new to old (`after` leads to older events), so each look
begins at the newest and goes back to what is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any, Final

from core.endpoints.answers import count_in, text_in

PAGE: Final = 100
_MOST_PAGES: Final = 10_000

# Asks for a page: the cursor ("" for the newest) in, the entries and whether there are more out.
Ask = Callable[[str], tuple[list[dict[str, Any]], bool]]


def name_of(event: dict[str, Any]) -> str:
    """What an event is known by: its id, or a mark of what it says for servers that give none."""
    given = text_in(event, "id")
    if given:
        return given
    said = f"{event.get('created_at')}\0{event.get('type')}\0{event.get('message')}\0{event.get('data')}"
    return "mark-" + hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


def fresh(ask: Ask, known: Collection[str]) -> list[dict[str, Any]]:
    """The events that are not known, oldest first.

    A page in which known events stand only behind unknown ones ends the walk. Where they are mixed the server has
    reordered, and older pages may hold unknown ones too: the walk goes on until a page brings nothing.
    """
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    for _page in range(_MOST_PAGES):
        entries, more = ask(cursor)
        names = [name_of(entry) for entry in entries]
        new = [name not in known and name not in found for name in names]
        for name, entry, is_new in zip(names, entries, new, strict=True):
            if is_new:
                found[name] = entry
        met = any(name in known for name in names)
        mixed = met and True in new[new.index(False) :]
        if not more or not entries or not any(new) or (met and not mixed):
            break
        cursor = text_in(entries[-1], "id")
        if not cursor:
            break
    # Oldest first. The moment has only seconds, so what came last in the list stays first within one.
    oldest_first = list(found.values())[::-1]
    return sorted(oldest_first, key=lambda event: count_in(event, "created_at"))
