"""What the readers of JSON exports share: looking at values that may be anything, and reporting elements that are not
read.

In: decoded JSON. Out: text, whole numbers and times as our nouns want them. Knows no platform.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sized
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO, cast

from core.chat import local_seconds
from core.language import _
from core.problem import Problem
from core.reading.encoding import open_text
from core.reading.export import Export
from core.reading.json_stream import JsonStream, Malformed
from core.reading.source import Source

Object = dict[str, Any]
_YEAR_2100 = 4_102_444_800


def an_object(value: Any) -> Object:
    """The value if it is an object, else an empty one."""
    return cast("Object", value) if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def words(value: Any) -> str:
    """The value if it is text, else nothing. Lone surrogates, which no file can hold as UTF-8, become U+FFFD."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def unix_seconds(value: Any, *, per_second: int = 1) -> int | None:
    """Seconds since 1970 out of a number, or text of one, if it is one that a chat can have."""
    if type(value) is int:
        seconds = value // per_second
        return seconds if 0 <= seconds < _YEAR_2100 else None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    seconds = int(value // per_second)
    return seconds if 0 <= seconds < _YEAR_2100 else None


def clock_seconds(value: Any) -> int | None:
    """Seconds of the wall clock that an ISO time shows; its zone, if it names one, is not applied."""
    if not isinstance(value, str):
        return None
    try:
        return local_seconds(datetime.fromisoformat(value))
    except ValueError:
        return None


def unread_element(export: Export) -> Callable[[int, Malformed, str], None]:
    """What to do with an element that is not JSON: note its number, its line and its place."""

    def note(number: int, error: Malformed, text: str) -> None:
        where = _("line {line}, character {offset}").format(line=error.line, offset=error.offset)
        reason = (
            _("the file ends in the middle of this element ({where})").format(where=where)
            if error.ended
            else _("this element is not JSON ({where})").format(where=where)
        )
        export.report.not_read(number, reason, text)

    return note


def _cut(source: Source, stream: JsonStream) -> Problem:
    line, offset = stream.place
    return Problem(
        _(
            "the file ends in the middle (line {line}, character {offset}): it was not copied or downloaded whole."
        ).format(line=line, offset=offset),
        where=source.name,
        advice=_("Nothing of it was taken; copy it again, or export the chat again."),
    )


@contextmanager
def walking(export: Export, source: Source | None = None, *, gathered: Sized = ()) -> Generator[JsonStream]:
    """The export's JSON from its start. One that is damaged somewhere is reported, not raised, once messages were read;
    one that breaks off was not copied whole, and nothing of it is taken.

    `gathered`: those that a reader holds back until it has the whole thread, and that the report does not know yet.
    """
    source = source or export.source
    text = open_text(source, export.encoding)
    stream = JsonStream(cast("TextIO", text))
    try:
        yield stream
        # What was wrong with an element may have been that the file ends in it.
        if export.report.unread_total and stream.breaks_off():
            raise _cut(source, stream)
    except Malformed as error:
        where = _("line {line}, character {offset}").format(line=error.line, offset=error.offset)
        if stream.breaks_off() or (error.ended and not export.report.unread_total):
            raise _cut(source, stream) from None
        if not export.report.messages and not gathered:
            raise Problem(
                _("the JSON breaks off or is damaged ({where}).").format(where=where),
                where=export.source.name,
                advice=_("Export the chat again."),
            ) from None
        export.report.not_read(error.line, _("the file is damaged or ends here ({where})").format(where=where))
        export.report.warn(_("The file is damaged or incomplete: what stands behind that place is missing."))
    finally:
        text.close()
