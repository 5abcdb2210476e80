"""Having replies scored by the engine: writes what to score, starts the engine, reads what it found.

In: a base, an adapter or none, a file of rendered examples. Out: `Scored` examples with −log p under both models, and
what the engine said of the measurement itself (above all how far "adapter off" is from the clean base).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.language import _
from core.problem import Problem
from core.training.events import Event
from core.training.mini import answer
from core.training.process import write_whole


@dataclass(frozen=True, slots=True)
class Scored:
    """The replies of one example, measured."""

    conversation: int
    tokens: int  # of the replies, the ones that end them included
    bytes: int
    chars: int
    base_nll: float  # summed −log p, natural logarithm
    tuned_nll: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """A whole measurement."""

    examples: tuple[Scored, ...]
    base: str
    base_sha256: str
    base_difference: float | None  # largest difference of logits between "adapter off" and the clean base
    end_scored: bool  # whether every reply has an end token, and it was scored
    shortened: int
    dropped: int


def score(
    folder: Path,
    base: str | Path,
    examples: Path,
    adapter: Path | None = None,
    progress: Callable[[Event], None] | None = None,
) -> Scores:
    """Score a file of examples; `folder` keeps score.json and scores.jsonl."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told: dict[str, Any] = {
        "base": os.path.relpath(base, folder) if Path(base).is_dir() else str(base),
        "adapter": os.path.relpath(adapter, folder) if adapter else None,
        "examples": os.path.relpath(examples, folder),
    }
    write_whole(folder / "score.json", json.dumps(told, ensure_ascii=False).encode())
    (folder / "scores.jsonl").unlink(missing_ok=True)
    summary = answer(["score", str(folder.resolve())], folder, progress)
    if summary is None:
        raise Problem(_("The engine gave no scores."), advice=_("Its words are in {file}.").format(file="worker.log"))
    said = summary.fields
    difference = said.get("base_difference")
    return Scores(
        tuple(read(folder / "scores.jsonl")),
        str(said.get("base", "")),
        str(said.get("base_sha256", "")),
        float(difference) if isinstance(difference, int | float) else None,
        bool(said.get("end_scored")),
        int(said.get("shortened", 0)),
        int(said.get("dropped", 0)),
    )


def read(path: Path) -> Iterator[Scored]:
    """The lines of a scores.jsonl."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            one: dict[str, Any] = json.loads(line)
            tuned = one.get("tuned_nll")
            yield Scored(
                int(one["conversation"]),
                int(one["tokens"]),
                int(one["bytes"]),
                int(one["chars"]),
                float(one["base_nll"]),
                None if tuned is None else float(tuned),
            )
