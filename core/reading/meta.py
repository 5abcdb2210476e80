"""Messenger and Instagram: `message_1.json` to `message_n.json` of one thread, and Messenger's end-to-end encrypted
export.

In: an `Export`, with the thread's other files beside it. Out: batches in time order. These exports run newest first
over several files, so a thread goes through a `Spool`. Text is
UTF-8 written byte by byte as Latin-1, and is put right string by string; the encrypted export writes it rightly.
Times are given in Unix time without a zone: they are kept as UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from core.chat import Chat, Kind, Mark, Message
from core.language import _
from core.reading.document import Object, a_list, an_object, unix_seconds, unread_element, walking, words
from core.reading.export import BATCH, Batch, Export, collection_paused
from core.reading.source import Source
from core.reading.spool import Spool

_MEDIA: Final = {
    "photos", "videos", "audio_files", "gifs", "sticker", "files", "share", "media", "shared_link", "magic_words_gif",
}  # fmt: skip


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
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


class _Thread:
    """A thread being gathered."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self.messages = Spool()
        self._about: dict[str, Any] = {}
        self._instagram = "instagram" in str(export.source.inside or export.source.path).lower()
        self._encrypted = False

    def take(self, source: Source) -> None:
        """One file of the thread."""
        with walking(self._export, source, gathered=self.messages) as stream, collection_paused():
            for key in stream.keys():  # noqa: SIM118 - a stream is no dictionary: its keys come one by one
                if key == "messages" and stream.peek() == "[":
                    for element in stream.items(unread_element(self._export)):
                        self._add(an_object(element), stream.element)
                        if stream.element % BATCH == 0:
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
        if isinstance(value, str) and value.isascii():
            return value
        return words(value) if self._encrypted else mended(words(value))

    def _add(self, raw: Object, number: int) -> None:
        if "senderName" in raw:
            self._encrypted = True
        sender = self._said(raw.get("senderName") if self._encrypted else raw.get("sender_name"))
        sent_at = unix_seconds(raw.get("timestamp" if self._encrypted else "timestamp_ms"), per_second=1000)
        text = self._said(raw.get("text") if self._encrypted else raw.get("content"))
        if sent_at is None:
            self._export.report.not_read(number, _("a message without a time"))
            return
        self._instagram = self._instagram or "is_geoblocked_for_viewer" in raw
        kind = self._kind(raw, text)
        marks = Mark.FORWARDED if raw.get("is_forwarded") else 0
        author = "" if kind is Kind.SYSTEM else sender or "?"
        self.messages.add(Message(author, sent_at, kind, text, marks, number))

    def _kind(self, raw: Object, text: str) -> Kind:
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
