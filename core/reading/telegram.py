"""Telegram Desktop's JSON export: one chat (`result.json`) or a whole account.

In: an `Export`. Out: batches. Times are those of `date`, the wall clock of the exporting computer; `date_unixtime` only
where there is no `date`. Service messages become system lines or calls; forwarded text carries its mark, since it is
somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from core.chat import Chat, Kind, Mark, Message
from core.language import _
from core.reading.document import Object, a_list, an_object, clock_seconds, unix_seconds, unread_element, walking, words
from core.reading.export import BATCH, Batch, Export
from core.reading.json_stream import JsonStream

_CALLS: Final = {"phone_call", "group_call", "conference_call"}
_MEDIA: Final = (
    "media_type",
    "photo",
    "file",
    "contact_information",
    "sticker_emoji",
    "game_title",
    "invoice_information",
)


def read(export: Export) -> Iterator[Batch]:
    """All messages, chat by chat."""
    with walking(export) as stream:
        yield from _level(export, stream)


def _level(export: Export, stream: JsonStream) -> Iterator[Batch]:
    """An object that is a chat, or that holds chats somewhere below `chats` and `left_chats`."""
    about: dict[str, Any] = {}
    for key in stream.keys():  # noqa: SIM118 - a stream is no dictionary: its keys come one by one
        following = stream.peek()
        if key == "messages" and following == "[":
            yield from _chat(export, stream, about)
        elif key in {"chats", "left_chats"} and following == "{":
            yield from _level(export, stream)
        elif key == "list" and following == "[":
            for _number in stream.entries():
                if stream.peek() == "{":
                    yield from _level(export, stream)
                else:
                    stream.skip()
        elif following in "{[":
            stream.skip()
        else:
            about[key] = stream.value()


def _chat(export: Export, stream: JsonStream, about: Object) -> Iterator[Batch]:
    kind, number = words(about.get("type")), about.get("id")
    title = words(about.get("name")) or ("Saved Messages" if kind == "saved_messages" else f"{kind or 'chat'} {number}")
    chat = Chat(title, "telegram", str(number) if isinstance(number, int) else "")
    export.report.new_chat()
    messages: list[Message] = []
    for element in stream.items(unread_element(export)):
        message = _message(export, an_object(element), stream.element)
        if message is not None:
            messages.append(message)
        if len(messages) >= BATCH:
            export.tick(stream.done)
            yield Batch(chat, messages)
            messages = []
    yield Batch(chat, messages)


def _message(export: Export, raw: Object, number: int) -> Message | None:
    kind_of = raw.get("type")
    sent_at = clock_seconds(raw.get("date"))
    if sent_at is None:
        sent_at = unix_seconds(raw.get("date_unixtime"))
    if kind_of == "unsupported":
        export.report.not_read(number, _("a message that Telegram could not export"))
        return None
    if sent_at is None:
        export.report.not_read(number, _("a message without a time"))
        return None
    text = _text(raw.get("text"))
    if kind_of == "service":
        action = words(raw.get("action"))
        if action in _CALLS:
            return Message(_name(raw, "actor"), sent_at, Kind.CALL, text or action, 0, number)
        said = " ".join(filter(None, (words(raw.get("actor")), action, words(raw.get("title")), text)))
        return Message("", sent_at, Kind.SYSTEM, said, 0, number)
    marks = 0
    if "edited" in raw or "edited_unixtime" in raw:
        marks |= Mark.EDITED
    if raw.get("forwarded_from") or raw.get("forwarded_from_id"):
        marks |= Mark.FORWARDED
    if raw.get("via_bot"):
        marks |= Mark.BOT
    return Message(_name(raw, "from"), sent_at, _kind(raw), text or _poll(raw), marks, number)


def _name(raw: Object, key: str) -> str:
    # A deleted account has an id and no name.
    return words(raw.get(key)) or words(raw.get(f"{key}_id")) or "?"


def _kind(raw: Object) -> Kind:
    if "poll" in raw:
        return Kind.POLL
    if "location_information" in raw or "place_name" in raw:
        return Kind.LOCATION
    return Kind.MEDIA if any(key in raw for key in _MEDIA) else Kind.TEXT


def _poll(raw: Object) -> str:
    return words(an_object(raw.get("poll")).get("question"))


def _text(value: Any) -> str:
    """`text` is a string, or a list of strings and of objects with a `text`."""
    if isinstance(value, str):
        return words(value)
    return "".join(words(one) if isinstance(one, str) else words(an_object(one).get("text")) for one in a_list(value))
