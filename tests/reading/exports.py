"""Exports for the tests: written to disk, read back, and told apart from what must come out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.chat import Message
from core.reading import ImportReport, ReadOptions, read_export


def written(folder: Path, name: str, contents: str | bytes) -> Path:
    """A file with these contents."""
    path = folder / name
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


def as_json(folder: Path, name: str, value: Any) -> Path:
    """A file with this value as JSON."""
    return written(folder, name, json.dumps(value, ensure_ascii=False))


def read(path: Path, **options: Any) -> tuple[list[Message], ImportReport]:
    """All messages, and the report."""
    reading = read_export(path, options=ReadOptions(**options))
    messages = [message for batch in reading for message in batch.messages]
    return messages, reading.report


def by_chat(path: Path, **options: Any) -> dict[str, list[Message]]:
    """All messages by the title of their chat."""
    found: dict[str, list[Message]] = {}
    for batch in read_export(path, options=ReadOptions(**options)):
        found.setdefault(batch.chat.title, []).extend(batch.messages)
    return found


def said(messages: list[Message]) -> list[tuple[str, str]]:
    """Who said what."""
    return [(message.author, message.text) for message in messages]
