"""Reading the rendered examples of a run folder. In: train.jsonl or validation.jsonl. Out: examples as dictionaries,
checked; a line that is none is a problem that names file and line, never its contents."""

# pyright: basic

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from core.engine.problems import ModelProblem
from core.language import _

_ROLES: Final = frozenset({"system", "user", "assistant"})
_LONGEST_LINE: Final = 64 << 20


def read_examples(path: Path) -> Iterator[dict[str, Any]]:
    """The examples of a file, in order."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if line.strip():
                yield _example(line, path.name, number)


def _example(line: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        told = json.loads(line)
        messages = told["messages"]
        for message in messages:
            if message["role"] not in _ROLES or not isinstance(message["content"], str):
                raise ValueError
        if not messages:
            raise ValueError
        int(told.get("conversation", 0))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelProblem(
            "data",
            _("This line is no example."),
            where=f"{name}:{number}",
            advice=_("A line is an object with messages, each with role (system, user, assistant) and content."),
        ) from None
    return told
