"""The old advice for prompts and completions, as checks: a fixed end of every prompt that stands nowhere else, a space
before every completion, a fixed text that ends it.

In: pairs of texts, one after the other. Out: findings. A model that was tuned on such pairs is asked with the same end, and
stopped at the same text: core/workspace/prompting.py does that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from core.dataset.check import Finding
from core.language import _

_SHOWN: Final = 20
_LONGEST: Final = 64 << 20
_END: Final = 40  # characters of an end, at most: beyond that it is what the texts say


@dataclass
class Pairs:
    """What was seen of the pairs so far."""

    count: int = 0
    separator: str | None = None  # the common end of all prompts that are not empty
    stop: str | None = None  # the common end of all completions
    no_space: list[int] = field(default_factory=list[int])
    spaceless: int = 0
    empty: int = 0  # prompts

    def add(self, row: int, prompt: str, completion: str) -> None:
        """Look at one pair."""
        self.count += 1
        if prompt:
            self.separator = prompt[-_END:] if self.separator is None else _common_end(self.separator, prompt)
        else:
            self.empty += 1
        self.stop = completion[-_END:] if self.stop is None else _common_end(self.stop, completion)
        if not completion[:1].isspace():
            self.spaceless += 1
            if len(self.no_space) < _SHOWN:
                self.no_space.append(row)


def _common_end(one: str, other: str) -> str:
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    return one[len(one) - length :]


def advice(pairs: Iterable[tuple[int, str, str]]) -> list[Finding]:
    """What the old preparation would have asked for; the pairs are walked twice, so give a list or a file's reader."""
    seen = Pairs()
    for row, prompt, completion in pairs:
        seen.add(row, prompt, completion)
    found: list[Finding] = []
    if not seen.count:
        return found
    separator = (seen.separator or "") if seen.count > 1 else ""
    if seen.empty < seen.count and seen.count > 1:
        if not separator.strip():
            found.append(
                Finding(
                    "warning",
                    "separator",
                    _("The prompts do not all end alike: a fixed end, such as “ ->”, says where the reply begins."),
                    seen.count,
                )
            )
        else:
            inside = [row for row, prompt, _completion in pairs if separator in prompt[: -len(separator)]]
            if inside:
                found.append(
                    Finding(
                        "warning",
                        "separator inside",
                        _("Prompts in which their fixed end stands elsewhere too: {count}.").format(count=len(inside)),
                        len(inside),
                        tuple(inside[:_SHOWN]),
                    )
                )
    if seen.spaceless:
        found.append(
            Finding(
                "warning",
                "leading space",
                _("Completions that do not begin with a space: {count}.").format(count=seen.spaceless),
                seen.spaceless,
                tuple(seen.no_space),
            )
        )
    if seen.count > 1 and not seen.stop:
        found.append(
            Finding(
                "warning",
                "stop",
                _("The completions do not all end alike: without a stop text the model does not learn to end."),
                seen.count,
            )
        )
    return found


class PairFile:
    """The pairs of a JSONL file, as often as they are asked for; lines that are none are somebody else's to tell."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST):
                number += 1
                try:
                    told: Any = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
                except (ValueError, RecursionError):
                    continue
                if isinstance(told, dict):
                    row = cast("dict[str, Any]", told)
                    prompt, completion = row.get("prompt"), row.get("completion")
                    if isinstance(prompt, str) and isinstance(completion, str):
                        yield number, prompt, completion
