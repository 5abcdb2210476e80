"""What a server said, as plain data: JSON where it is due, server-sent events where some send those, else a Failure.

In: raw responses of the openai package (`with_raw_response`). Out: dictionaries and lists. The package's own objects
are not used for what may come from any server: it hands on a web page as a text and dies of an odd list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from core.endpoints.failures import Failure, not_json
from core.endpoints.profiles import Profile
from core.language import _

_MOST_PAGES: Final = 2_000
LARGEST: Final = 64 << 20  # bytes of one answer that is data; files are streamed


class Raw(Protocol):
    """The package's raw response, as far as it is looked at."""

    @property
    def text(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


def object_of(raw: Raw, profile: Profile) -> dict[str, Any]:
    """The one object of an answer."""
    told = _decoded(raw, profile)
    if isinstance(told, list):
        entries = cast("list[Any]", told)
        told = entries[0] if len(entries) == 1 else None  # an object that came as one event
    if not isinstance(told, dict):
        raise _odd(profile)
    return cast("dict[str, Any]", told)


def page_of(raw: Raw, profile: Profile) -> tuple[list[dict[str, Any]], bool]:
    """The entries of a page of a list, and whether there are more; entries that are no objects are left out."""
    told = _decoded(raw, profile)
    more = False
    if isinstance(told, dict):
        table = cast("dict[str, Any]", told)
        more = table.get("has_more") is True
        told = table.get("data")
        if told is None and "data" in table:
            told = []
    if not isinstance(told, list):
        raise _odd(profile)
    return [cast("dict[str, Any]", one) for one in cast("list[Any]", told) if isinstance(one, dict)], more


def all_pages(ask: Callable[[dict[str, object]], Raw], profile: Profile) -> list[dict[str, Any]]:
    """The entries of a whole list, each id once: `ask` is called with the query of each page."""
    found: dict[str, dict[str, Any]] = {}
    after: dict[str, object] = {}
    for _page in range(_MOST_PAGES):
        entries, more = page_of(ask(after), profile)
        fresh = [one for one in entries if text_in(one, "id") not in found]
        found |= {text_in(one, "id"): one for one in fresh}
        if not more or not fresh:
            break
        after = {"after": text_in(entries[-1], "id")}
    return list(found.values())


def _decoded(raw: Raw, profile: Profile) -> Any:
    text = raw.text
    if len(text) > LARGEST:
        raise _odd(profile)
    kind = raw.headers.get("content-type", "")
    try:
        if "event-stream" in kind or text.startswith(("data:", "event:", ":")):
            return _events(text)
        return json.loads(text)
    except (ValueError, RecursionError):
        if "html" in kind or text.lstrip()[:1] == "<" or "text/plain" in kind:
            raise not_json(profile) from None
        raise _odd(profile) from None


def _events(text: str) -> list[Any]:
    """The data of each server-sent event; an event may be a whole list, or one entry of it."""
    found: list[Any] = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        data = "\n".join(line[5:].strip() for line in block.split("\n") if line.startswith("data:"))
        if not data or data == "[DONE]":
            continue
        told: Any = json.loads(data)
        entries: Any = cast("dict[str, Any]", told).get("data") if isinstance(told, dict) else told
        if isinstance(entries, list):
            found.extend(cast("list[Any]", entries))
        else:
            found.append(told)
    return found


def _odd(profile: Profile) -> Failure:
    return Failure(
        "broken",
        _("the server's answer is not what the protocol says, or it was cut off."),
        where=profile.name,
        advice=_("Try again; if it stays so, check that base_url leads to a server of this protocol."),
        retry=True,
    )


def text_in(told: Mapping[str, Any], key: str) -> str:
    """A text of an answer, or nothing."""
    value = told.get(key)
    return value if isinstance(value, str) else ""


def count_in(told: Mapping[str, Any], key: str) -> int:
    """A count or a moment of an answer, or 0."""
    value = told.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53 else 0


def table_in(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A table inside an answer, or an empty one."""
    value = told.get(key)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
