"""Messenger and Instagram: `message_1.json` to `message_n.json` of one thread, and Messenger's end-to-end encrypted
export.

In: an `Export`, with the thread's other files beside it. Out: batches in time order. These exports run newest first
over several files, so a thread goes through a `Spool`. Text is
UTF-8 written byte by byte as Latin-1, and is put right string by string; the encrypted export writes it rightly.
Times are given in Unix time without a zone: they are kept as UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, cast

from core.chat import Chat, Kind, Mark, Message
from core.language import _
from core.reading.document import Object, a_list, an_object, unix_seconds, unread_element, walking, words
from core.reading.export import BATCH, Batch, Export, collection_paused
from core.reading.source import Source
from core.reading.spool import Spool

_MEDIA: Final = frozenset({
    "photos", "videos", "audio_files", "gifs", "sticker", "files", "share", "media", "shared_link", "magic_words_gif",
})  # fmt: skip
_RARE: Final = _MEDIA | {"is_unsent", "isUnsent", "call_duration", "type"}  # what makes a message more than words
_NAMES_KEPT: Final = 1000
_SYSTEM, _TEXT, _FORWARDED = Kind.SYSTEM, Kind.TEXT, Mark.FORWARDED  # looked up once: an enumeration's are slow
_message: Final = cast(
    "Callable[[tuple[str, int, Kind, str, int, int]], Message]",
    partial(tuple.__new__, Message),  # pyright: ignore[reportUnknownMemberType]  # half of what Message(...) takes
)


def read(export: Export) -> Iterator[Batch]:
    """The whole thread, oldest message first."""
    thread = _Thread(export)
    for source in [export.source, *export.also]:
        thread.take(source)
    export.report.evidence.setdefault("times", _("Unix time without a zone, kept as UTC"))
    chat = thread.chat()
    for messages in thread.messages.oldest_first():
        yield Batch(chat, messages)


def mended(text: str) -> str:
    """UTF-8 that was written as Latin-1, as UTF-8 again; anything else as it is."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return words(text)


class _Thread:
    """A thread being gathered."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self.messages = Spool()
        self._about: dict[str, Any] = {}
        self._instagram = "instagram" in str(export.source.inside or export.source.path).lower()
        self._encrypted = False
        self._names: dict[Any, str] = {}  # senders as they are written and as they are called: a thread has few

    def take(self, source: Source) -> None:
        """One file of the thread."""
        with walking(self._export, source, gathered=self.messages) as stream, collection_paused():
            for key in stream.keys():  # noqa: SIM118 - a stream is no dictionary: its keys come one by one
                if key == "messages" and stream.peek() == "[":
                    for number, element in enumerate(stream.items(unread_element(self._export))):
                        self._add(an_object(element), stream.element)
                        if number % BATCH == 0:
                            self._export.tick(stream.done)
                else:
                    value = stream.value()
                    self._about.setdefault(key, value)
                    if key == "participants" and any(isinstance(one, str) for one in a_list(value)):
                        self._encrypted = True

    def chat(self) -> Chat:
        """What the thread is called."""
        title = self._said(self._about.get("title")) or self._said(self._about.get("threadName"))
        if not title:
            people = (
                self._said(one) if isinstance(one, str) else self._said(an_object(one).get("name"))
                for one in a_list(self._about.get("participants"))
            )
            title = ", ".join(filter(None, people)) or self._export.source.name
        if self._encrypted and title.rsplit("_", 1)[-1].isdigit():
            title = title.rsplit("_", 1)[0]
        path = words(self._about.get("thread_path"))
        return Chat(title, "instagram" if self._instagram else "messenger", path)

    def _said(self, value: Any) -> str:
        if not isinstance(value, str):
            return ""
        if value.isascii():
            return value
        return words(value) if self._encrypted else mended(value)

    def _add(self, raw: Object, number: int) -> None:
        if "senderName" in raw and not self._encrypted:
            self._encrypted = True
            self._names.clear()
        written = raw.get("senderName" if self._encrypted else "sender_name")
        sent_at = unix_seconds(raw.get("timestamp" if self._encrypted else "timestamp_ms"), per_second=1000)
        text = self._said(raw.get("text" if self._encrypted else "content"))
        if sent_at is None:
            self._export.report.not_read(number, _("a message without a time"))
            return
        if not self._instagram and "is_geoblocked_for_viewer" in raw:
            self._instagram = True
        kind = self._kind(raw, text)
        author = "" if kind is _SYSTEM else self._sender(written)
        self.messages.add(_message((author, sent_at, kind, text, _FORWARDED if raw.get("is_forwarded") else 0, number)))

    def _sender(self, written: Any) -> str:
        if not isinstance(written, str):
            return "?"
        known = self._names.get(written)
        if known is None:
            if len(self._names) >= _NAMES_KEPT:
                self._names.clear()
            known = self._names[written] = self._said(written) or "?"
        return known

    def _kind(self, raw: Object, text: str) -> Kind:
        if text and _RARE.isdisjoint(raw):
            return self._export.phrases.activity(text) or _TEXT
        if raw.get("is_unsent") is True or raw.get("isUnsent") is True:
            return Kind.DELETED
        if "call_duration" in raw or raw.get("type") == "Call":
            return Kind.CALL
        media = {key for key in raw.keys() & _MEDIA if raw[key]}
        if media or raw.get("type") == "media":
            # A link that somebody wrote comes as a share, too; the words are theirs.
            only_link = media == {"share"} and isinstance(raw["share"], dict) and text
            if not only_link:
                return Kind.MEDIA
        kind = self._export.phrases.activity(text)
        if kind is not None:
            return kind
        return Kind.TEXT if text else Kind.DELETED  # without anything in it: taken back, or no longer there
