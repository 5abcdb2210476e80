"""What a file is, by its contents; its name is only a hint where contents say nothing.

In: an opened source. Out: the name of a format and the reader for it, with the evidence in words. What is none of the
formats is told apart (a web page, a binary file, an empty document), so that the Problem says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TextIO, cast

from core.language import _
from core.problem import Problem
from core.reading import chatgpt, discord, meta, rows, table, telegram, whatsapp
from core.reading.document import Object, a_list, an_object
from core.reading.encoding import Encoding, open_text, open_utf8
from core.reading.export import Batch, Export
from core.reading.json_stream import JsonStream, Malformed
from core.reading.source import Source, read_full

Reader = Callable[[Export], Iterator[Batch]]
READERS: Final[dict[str, Reader]] = {
    "whatsapp": whatsapp.read,
    "telegram": telegram.read,
    "discord": discord.read,
    "messenger": meta.read,
    "instagram": meta.read,
    "chatgpt": chatgpt.read,
    "openai": rows.read,
    "sharegpt": rows.read,
    "alpaca": rows.read,
    "prompt-completion": rows.read,
    "csv": table.read,
    "excel": table.read_workbook,
}
_HEAD: Final = 1 << 18
_WEB_PAGE: Final = re.compile(rb"\s*(?:<!doctype html|<html|<\?xml[^>]*>\s*<!doctype html)", re.I)
_JSON: Final = re.compile(rb"\s*[{\[]\s*(?:[\"{\[\]}\d-]|true|false|null|\Z)")
_TELEGRAM: Final = {"personal_chat", "bot_chat", "saved_messages", "replies", "verification_codes"}


def find_format(source: Source, encoding: Encoding) -> tuple[str, str] | None:
    """The format and why; None when it is none. A Problem for what is recognised and cannot be read."""
    with open_utf8(source, encoding) as stream:
        head = read_full(stream, _HEAD)
    if _WEB_PAGE.match(head):
        raise Problem(
            _("this is a web page, not an export that can be read."),
            where=source.name,
            advice=_("In the app, choose JSON as the export's format."),
        )
    # A WhatsApp header on iOS begins with a bracket, as a JSON array does.
    if _JSON.match(head) and not (head.lstrip()[:1] == b"[" and whatsapp.looks_like_whatsapp(head[:4096])):
        return _json_format(source, encoding)
    if whatsapp.looks_like_whatsapp(head):
        return "whatsapp", ""
    if not head.strip():
        raise Problem(_("the file holds only blanks."), where=source.name, advice=_("Export the chat again."))
    text = head[: 1 << 16].decode("utf-8", "replace")
    if table.find_table(text) is not None:
        return "csv", ""
    return None


def _json_format(source: Source, encoding: Encoding) -> tuple[str, str]:
    broken: list[Malformed] = []
    found: tuple[str, str] | None = None
    with open_text(source, encoding) as text:
        stream = JsonStream(cast("TextIO", text))
        try:
            found = _of_array(stream, broken) if stream.peek() == "[" else _of_object(stream, broken)
        except Malformed as error:
            broken.append(error)
    if found is None and broken:
        raise Problem(
            _("the JSON breaks off or is damaged (line {line}, character {offset}).").format(
                line=broken[0].line, offset=broken[0].offset
            ),
            where=source.name,
            advice=_("Export the chat again."),
        )
    if found is None:
        raise Problem(
            _("this JSON is none of the exports that can be read."),
            where=source.name,
            advice=_("Formats: {known}.").format(known=", ".join(READERS)),
        )
    return found


def _of_array(stream: JsonStream, broken: list[Malformed]) -> tuple[str, str] | None:
    for looked, element in enumerate(stream.items(lambda _number, error, _text: broken.append(error)), 1):
        kind = _of_element(an_object(element))
        if kind or looked >= 20:
            return (kind, _("element {number} of the array has its fields").format(number=looked)) if kind else None
    return None


def _of_element(element: Object) -> str:
    if isinstance(element.get("mapping"), dict):
        return "chatgpt"
    return rows.row_kind(element)


def _of_object(stream: JsonStream, broken: list[Malformed]) -> tuple[str, str] | None:
    """Look at the fields of the document in turn, and into its messages no further than the first."""
    seen: dict[str, Any] = {}
    try:
        for key in stream.keys():  # noqa: SIM118 - a stream is no dictionary: its keys come one by one
            following = stream.peek()
            if key == "messages" and following == "[":
                first = next(stream.items(lambda _number, error, _text: broken.append(error)), None)
                return _of_messages(seen, an_object(first))
            if key in {"chats", "left_chats"} and following == "{":
                return "telegram", _("an account with its chats")
            seen[key] = stream.value()
            if key == "mapping" and isinstance(seen[key], dict):
                return "chatgpt", _("the fields of one conversation")
    except Malformed as error:
        broken.append(error)
        return None
    kind = rows.row_kind(seen)
    return (kind, _("the first row has its fields")) if kind else None


def _of_messages(seen: Object, first: Object) -> tuple[str, str] | None:
    if isinstance(first.get("role"), str):
        return "openai", _("the first row has its fields")
    if "guild" in seen and "channel" in seen:
        return "discord", _("the fields of a server and its channel")
    if "sender_name" in first or "timestamp_ms" in first:
        insta = "is_geoblocked_for_viewer" in first
        return ("instagram" if insta else "messenger"), _("the first message has its fields")
    if "senderName" in first:
        return "messenger", _("the first message has the fields of the encrypted export")
    telegram_type = str(seen.get("type", ""))
    if telegram_type in _TELEGRAM or telegram_type.startswith(("private_", "public_")) or "date" in first:
        return "telegram", _("the first message has its fields")
    if a_list(seen.get("participants")):
        return "messenger", _("a thread with participants")
    return None
