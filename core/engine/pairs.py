"""Pairs of replies for preference tuning: reading them, and turning each into two rows with one beginning.

In: a file in the preference format of OpenAI's fine-tuning, one pair a line: `{"input": {"messages": [...]},
"preferred_output": [{"role": "assistant", "content": ...}], "non_preferred_output": [...]}`. Out: rows, the chosen one
and the rejected one of each pair in turn. What is learnt of each is its last reply; the words before are the same.
"""

# pyright: basic

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from core.engine.masking import Masked, Masker, TooLongError, too_long
from core.engine.problems import ModelProblem
from core.language import _

_ROLES: Final = frozenset({"system", "user", "assistant"})
_LONGEST_LINE: Final = 64 << 20


def read_pairs(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The pairs of a file as two examples each, chosen and rejected."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if line.strip():
                yield _pair(line, path.name, number)


def _pair(line: bytes, name: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        told = json.loads(line)
        before = [_said(one) for one in told["input"]["messages"]]
        both = [[_said(one) for one in told[which]] for which in ("preferred_output", "non_preferred_output")]
        if any(len(reply) != 1 or reply[0]["role"] != "assistant" for reply in both):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelProblem(
            "data",
            _("This line is no pair of replies."),
            where=f"{name}:{number}",
            advice=_("A line is an object with input.messages, preferred_output and non_preferred_output."),
        ) from None
    chosen, rejected = (
        {"messages": [*before, {**reply[0], "train": True}], "conversation": number - 1} for reply in both
    )
    return chosen, rejected


def _said(one: dict[str, Any]) -> dict[str, Any]:
    if one["role"] not in _ROLES or not isinstance(one["content"], str):
        raise ValueError
    return {"role": one["role"], "content": one["content"], "train": False}


def mask_pairs(masker: Masker, pairs: Iterator[tuple[dict[str, Any], dict[str, Any]]]) -> Masked:
    """Two rows a pair. What is too long loses its oldest lines on both sides alike, or is refused or left out, as asked;
    a pair of equal replies teaches nothing and is left out."""
    told = Masked()
    for number, (chosen, rejected) in enumerate(pairs):
        told.examples += 1
        if chosen["messages"][-1]["content"] == rejected["messages"][-1]["content"]:
            told.dropped += 1
            continue
        before, shortened = list(chosen["messages"][:-1]), False
        while True:
            try:
                rows = [
                    masker.rows({**one, "messages": [*before, one["messages"][-1]]}, number, told)
                    for one in (chosen, rejected)
                ]
            except TooLongError as long:
                if masker.too_long == "refuse":
                    raise too_long(number, long.tokens, masker.context) from None
                first = 1 if before and before[0]["role"] == "system" else 0
                if masker.too_long == "drop" or len(before) - first <= 1:
                    told.dropped += 1
                    break
                del before[first]
                shortened = True
                continue
            told.shortened += shortened
            told.rows += [row for some in rows for row in some[-1:]]
            break
    return told
