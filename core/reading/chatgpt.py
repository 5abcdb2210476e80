"""ChatGPT's `conversations.json`: each conversation a chat, along the branch that was current.

In: an `Export`. Out: batches. A conversation is a tree: regenerated and edited messages are branches, and the way
from `current_node` to the root is what was last on the screen. Hidden messages, tools and their output are not
speech; they are left out and counted. Times are Unix time, kept as UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from core.chat import Chat, Kind, Mark, Message
from core.language import _, grouped, ngettext
from core.reading.document import Object, a_list, an_object, unix_seconds, unread_element, walking, words
from core.reading.export import BATCH, Batch, Export
from core.reading.json_stream import JsonStream

_SPEECH: Final = {"text", "multimodal_text", ""}


def read(export: Export) -> Iterator[Batch]:
    """All conversations, in file order."""
    export.report.evidence.setdefault("times", _("Unix time without a zone, kept as UTC"))
    left_out = 0
    with walking(export) as stream:
        for number, conversation in _conversations(export, stream):
            chat = Chat(
                words(conversation.get("title")) or f"{number}",
                "chatgpt",
                words(conversation.get("conversation_id")) or words(conversation.get("id")),
            )
            export.report.new_chat()
            messages, skipped = _messages(export, conversation, number)
            left_out += skipped
            for start in range(0, len(messages), BATCH):
                yield Batch(chat, messages[start : start + BATCH])
            export.tick(stream.done)
    if left_out:
        export.report.warn(
            ngettext(
                "{count} hidden message or tool message was left out.",
                "{count} hidden messages and tool messages were left out.",
                left_out,
            ).format(count=grouped(left_out))
        )


def _conversations(export: Export, stream: JsonStream) -> Iterator[tuple[int, Object]]:
    if stream.peek() == "{":
        yield 1, an_object(stream.value())
        return
    for element in stream.items(unread_element(export)):
        if isinstance(element, dict) and isinstance(an_object(element).get("mapping"), dict):
            yield stream.element, an_object(element)
        else:
            export.report.not_read(stream.element, _("this element is no conversation"))


def _messages(export: Export, conversation: Object, number: int) -> tuple[list[Message], int]:
    mapping = an_object(conversation.get("mapping"))
    branch: list[Object] = []
    seen: set[str] = set()
    node = words(conversation.get("current_node")) or _last_leaf(mapping)
    while node and node not in seen:  # a tree in a hostile file may be a ring
        seen.add(node)
        here = an_object(mapping.get(node))
        branch.append(an_object(here.get("message")))
        node = words(here.get("parent"))
    messages: list[Message] = []
    skipped = 0
    sent_at = unix_seconds(conversation.get("create_time")) or 0
    for raw in reversed(branch):
        if not raw:
            continue
        sent_at = unix_seconds(raw.get("create_time")) or sent_at
        message = _message(raw, sent_at, number)
        if message is None:
            skipped += 1
        else:
            messages.append(message)
    if messages:
        messages[0] = messages[0]._replace(marks=messages[0].marks | Mark.STARTS)
    return messages, skipped


def _last_leaf(mapping: Object) -> str:
    leaves = [name for name, node in mapping.items() if not a_list(an_object(node).get("children"))]
    return leaves[-1] if leaves else ""


def _message(raw: Object, sent_at: int, number: int) -> Message | None:
    metadata = an_object(raw.get("metadata"))
    role = words(an_object(raw.get("author")).get("role"))
    content = an_object(raw.get("content"))
    if (
        role not in {"user", "assistant"}
        or raw.get("weight") == 0
        or metadata.get("is_visually_hidden_from_conversation")
        or metadata.get("is_user_system_message")
        or words(raw.get("recipient")) not in {"", "all"}
        or words(content.get("content_type")) not in _SPEECH
    ):
        return None
    parts: list[Any] = a_list(content.get("parts"))
    said = [words(part) for part in parts if isinstance(part, str)]
    text = "\n".join(said) if parts else words(content.get("text"))
    media = any(isinstance(part, dict) for part in parts)
    if not text and not media:
        return None
    # A picture with words is words: there is nothing in them that stands for the picture.
    return Message(role, sent_at, Kind.TEXT if text else Kind.MEDIA, text, 0, number)
