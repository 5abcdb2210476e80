"""Discord channels as DiscordChatExporter writes them (JSON), with the further parts of a partitioned export.

In: an `Export`. Out: batches. A person is the account's id: two people with the same nickname stay two, and one who
changed it stays one, under the name seen first. Times are the wall clock of the offset that the exporter wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from core.chat import Chat, Kind, Mark, Message
from core.language import _
from core.reading.document import Object, a_list, an_object, clock_seconds, unread_element, walking, words
from core.reading.export import BATCH, Batch, Export
from core.reading.json_stream import JsonStream
from core.reading.source import Source

_SPEECH: Final = {"Default", "Reply", "ThreadStarterMessage", "ApplicationCommand", "ChatInputCommand", "0", "19"}


def read(export: Export) -> Iterator[Batch]:
    """All messages, the further parts after the first."""
    people = _People()
    for source in [export.source, *export.also]:
        yield from _part(export, source, people)


class _People:
    """Account ids to the names that they are kept under."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def name(self, author: Object) -> str:
        shown = words(author.get("nickname")) or words(author.get("name")) or "?"
        account = words(author.get("id")) or shown
        known = self._names.get(account)
        if known is None:
            known = shown if shown not in self._taken else f"{shown} ({words(author.get('name')) or account})"
            if known in self._taken:
                known = f"{shown} ({account})"
            self._names[account] = known
            self._taken.add(known)
        return known


def _part(export: Export, source: Source, people: _People) -> Iterator[Batch]:
    about: dict[str, Any] = {}
    with walking(export, source) as stream:
        for key in stream.keys():  # noqa: SIM118 - a stream is no dictionary: its keys come one by one
            if key == "messages" and stream.peek() == "[":
                yield from _messages(export, stream, _chat(about), people)
            elif key in {"guild", "channel"}:
                about[key] = stream.value()
            else:
                stream.skip()


def _chat(about: Object) -> Chat:
    guild, channel = an_object(about.get("guild")), an_object(about.get("channel"))
    name = words(channel.get("name")) or "?"
    place = words(guild.get("name"))
    direct = words(channel.get("type")).startswith(("Direct", "Dm")) or not place
    return Chat(name if direct else f"{place} · {name}", "discord", words(channel.get("id")))


def _messages(export: Export, stream: JsonStream, chat: Chat, people: _People) -> Iterator[Batch]:
    messages: list[Message] = []
    for element in stream.items(unread_element(export)):
        message = _message(export, an_object(element), stream.element, people)
        if message is not None:
            messages.append(message)
        if len(messages) >= BATCH:
            export.tick(stream.done)
            yield Batch(chat, messages)
            messages = []
    yield Batch(chat, messages)


def _message(export: Export, raw: Object, number: int, people: _People) -> Message | None:
    sent_at = clock_seconds(raw.get("timestamp"))
    if sent_at is None:
        export.report.not_read(number, _("a message without a time"))
        return None
    author = an_object(raw.get("author"))
    text = words(raw.get("content"))
    kind_of = words(str(raw.get("type", "Default")))
    if kind_of == "Call":
        return Message(people.name(author), sent_at, Kind.CALL, text, 0, number)
    if kind_of not in _SPEECH:
        return Message("", sent_at, Kind.SYSTEM, text or kind_of, 0, number)
    marks = 0
    if raw.get("timestampEdited"):
        marks |= Mark.EDITED
    if author.get("isBot") is True:
        marks |= Mark.BOT
    forwarded = an_object(raw.get("forwardedMessage"))
    attached = a_list(raw.get("attachments")) or a_list(raw.get("stickers"))
    if forwarded:
        marks |= Mark.FORWARDED
        text = text or words(forwarded.get("content"))
        attached = attached or a_list(forwarded.get("attachments"))
    kind = Kind.MEDIA if attached else Kind.POLL if raw.get("poll") else Kind.TEXT
    if kind is Kind.TEXT and not text and a_list(raw.get("embeds")):
        kind = Kind.MEDIA
    return Message(people.name(author), sent_at, kind, text, marks, number)
