"""Small chats to make datasets of, and a strategy for random ones."""

from __future__ import annotations

from collections.abc import Sequence

from core.chat import Chat, Kind, Mark, Message
from core.dataset.material import Material, material_of

# The table of the notebook that datasets of two actors grew from.
NOTEBOOK = (
    ("Hello", "I'm an AI"),
    ("Open the pod bay doors please", "No"),
    ("Open the pod bay doors!", "Well, if you insist"),
    None,
    ("Good morning", "Hey"),
    ("Can you read me the news?", "No, I can't"),
    ("Is there something you can do?", "You should know"),
    ("Oh okey", "Yeah"),
)


def table(rows: Sequence[tuple[str, str] | None], actors: tuple[str, str] = ("Human", "AI")) -> list[Message]:
    """A two-actor table as its reader gives it: no times, None where a new conversation starts."""
    messages: list[Message] = []
    starts = True
    for row in rows:
        if row is None:
            starts = True
            continue
        for actor, text in zip(actors, row, strict=True):
            if text:
                marks = Mark.UNTIMED | (Mark.STARTS if starts else Mark.NONE)
                messages.append(Message(actor, len(messages), Kind.TEXT, text, marks))
                starts = False
    return messages


def notebook(rows: Sequence[tuple[str, str] | None] = NOTEBOOK) -> Material:
    return material_of([(Chat("table", "csv"), table(rows))])


def talk(*lines: tuple[str, int, str], title: str = "chat") -> tuple[Chat, list[Message]]:
    """A chat of (author, minute, text)."""
    return Chat(title, "whatsapp"), [Message(author, minute * 60, Kind.TEXT, text) for author, minute, text in lines]
