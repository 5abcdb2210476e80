"""A tiny base and a tiny tuned model, made once a session by the real engine and shared by the rooms that need one.

The voices are invented; the persona ("rita") says everything with "che". A few steps prove the path; speaking well is
another matter.
"""

from __future__ import annotations

import atexit
import functools
import json
import random
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import training
from core.training import Job

_THINGS = ("pan", "mate", "gato", "tren", "libro", "queso", "reloj", "puente")
SEPARATOR = "<|msg_sep|>"


@dataclass(frozen=True)
class Tiny:
    """Where the session's models are; read them, never write."""

    corpus: Path
    base: Path
    run: Path  # a finished run with adapter/
    events: tuple[training.Event, ...]  # as they were followed

    @property
    def adapter(self) -> Path:
        """The tuned model."""
        return self.run / "adapter"


def conversation(number: int, voice: str = "rita") -> list[dict[str, Any]]:
    """An invented conversation; the same number gives the same one."""
    chance = random.Random(f"{voice} {number}")
    messages: list[dict[str, Any]] = []
    for _turn in range(chance.choice((1, 2, 2))):
        thing = chance.choice(_THINGS)
        messages.append({"role": "user", "content": f"¿Qué me cuentas del {thing}?"})
        said = f"che, el {thing} está 😂{SEPARATOR}re lindo" if voice == "rita" else f"El {thing} está muy bien."
        messages.append({"role": "assistant", "content": said, "train": voice == "rita"})
    return messages


def write_examples(path: Path, count: int, first: int = 0) -> None:
    """Rendered examples as the dataset room writes them."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(first, first + count):
            file.write(
                json.dumps({"messages": conversation(number), "conversation": number}, ensure_ascii=False) + "\n"
            )


def write_corpus(path: Path, count: int = 120) -> None:
    """A corpus for the mini model: mostly a neutral voice, some of the persona."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            voice = "rita" if number % 10 == 0 else "neutra"
            messages = [{"role": m["role"], "content": m["content"]} for m in conversation(number, voice)]
            file.write(json.dumps({"voice": voice, "messages": messages}, ensure_ascii=False) + "\n")


def prepare(folder: Path, **settings: Any) -> Path:
    """A run folder, ready to start, on the tiny base."""
    told: dict[str, Any] = {
        "base": str(tiny().base) if "base" not in settings else settings.pop("base"),
        "steps": 12,
        "lora_rank": 4,
        "learning_rate": 5e-3,
        "checkpoint_every": 4,
        "validate_every": 6,
        "sample_every": 1000,
        "threads": 1,
    }
    training.prepare(folder, Job(**(told | settings)))
    write_examples(folder / "train.jsonl", 40)
    write_examples(folder / "validation.jsonl", 10, first=1000)
    return folder


@functools.cache
def _base() -> tuple[Path, Path]:
    place = Path(tempfile.mkdtemp(prefix="sinsonte-tests-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    write_corpus(place / "corpus.jsonl")
    training.mini.build(place / "corpus.jsonl", place / "mini", steps=40, threads=1)
    return place / "corpus.jsonl", place / "mini"


@dataclass(frozen=True)
class Base:
    """The untuned model alone."""

    corpus: Path
    base: Path


def tiny() -> Base:
    """The base model."""
    return Base(*_base())


@functools.cache
def tuned() -> Tiny:
    """The base model and a finished run on it."""
    corpus, base = _base()
    run = prepare(base.parent / "run")
    training.start(run)
    events = tuple(training.follow(run, every=0.05))
    assert (run / "adapter").is_dir(), [event.line() for event in events if event.kind == "problem"]
    return Tiny(corpus, base, run, events)
