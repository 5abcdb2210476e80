"""What a training run has to do, as plain validated data and as the `job.json` of its folder.

In: names and values, from a recipe screen, a command line (`KEY=VALUE`) or the file. Out: a `Job`, or a `Problem` that
names the key. The engine reads the same file, so a run can be started, resumed or moved with nothing but its folder.
Knows no model and opens nothing but job.json.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints

from core.language import N_, _
from core.problem import Misuse, Problem
from core.training.process import write_whole

FILE: Final = "job.json"
Method = Literal["lora", "qlora", "full", "dpo"]
TooLong = Literal["refuse", "shorten", "drop"]
Keep = Literal["last", "best"]
Precision = Literal["auto", "bf16", "fp32"]
Device = Literal["auto", "cpu", "cuda"]
Sharding = Literal["none", "fsdp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One fine-tuning. A zero means "as is usual for the method", and the plan event says what that was."""

    base: str  # a folder (relative to the run folder, or absolute) or a name in the local model cache
    method: Method = "lora"  # dpo: an adapter, learnt from pairs of replies
    adapter: str = ""  # a folder: an adapter of this base that is taken further instead of beginning afresh
    beta: float = 0.1  # dpo: how dear it is to move away from where it started
    separator: str = ""  # what shall be one token of the model, if it is not yet
    epochs: float = 3.0
    steps: int = 0  # a fixed number of optimiser steps; 0: as many as the epochs ask for
    batch_size: int = 8  # examples a step, on average: rows are packed
    learning_rate: float = 0.0  # 0: 2e-4 for adapters, 2e-5 for a full tuning and for preferences
    warmup: float = 0.05  # share of the steps
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    clip: float = 1.0
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    lora_targets: tuple[str, ...] = ()  # names of modules; none: every linear layer but the output
    context: int = 0  # longest sequence; 0: the model's own limit
    too_long: TooLong = "refuse"
    seed: int = 0
    validate_every: int = 0  # steps; 0: after every epoch
    checkpoint_every: int = 0  # steps; 0: every tenth of the run
    keep_checkpoints: int = 2
    keep: Keep = "last"  # which weights become the model
    patience: int = 0  # validations without a better one before stopping early; 0: never
    sample_every: int = 0  # steps; 0: with every validation
    sample_prompts: tuple[str, ...] = ()  # none: the openings of two held-out examples
    precision: Precision = "auto"
    device: Device = "auto"  # auto: the GPU if torch can use one
    processes: int = 1  # on each machine: one a GPU
    sharding: Sharding = "none"  # fsdp: each process keeps a part of the base, for one that does not fit
    threads: int = 0  # of each process; 0: all the cores it may use, shared among the processes
    memory_bytes: int = 0  # stay below this; 0: what the machine has
    allow_download: bool = False  # may the engine fetch the base from the model hub

    def __post_init__(self) -> None:
        if not self.base.strip():
            raise Misuse(_("A run needs a base model."), where="base")
        for key, least, most in _LIMITS:
            value = getattr(self, key)
            if not math.isfinite(value) or not least <= value <= most:
                raise Misuse(_("It must be between {least} and {most}.").format(least=least, most=most), where=key)
        for key, values in _CHOICES.items():
            if getattr(self, key) not in values:
                raise Misuse(_("It must be one of: {values}.").format(values=", ".join(values)), where=key)
        if self.adapter and self.method == "full":
            raise Misuse(_("A full tuning begins from a base, not from an adapter."), where="adapter")
        if self.steps == 0 and self.epochs == 0:
            raise Misuse(_("Either epochs or steps must be above zero."), where="epochs")

    @property
    def rate(self) -> float:
        """The learning rate that a 0 stands for."""
        return self.learning_rate or (2e-5 if self.method in ("full", "dpo") else 2e-4)


_LIMITS: Final[tuple[tuple[str, float, float], ...]] = (
    ("epochs", 0, 1000),
    ("steps", 0, 10_000_000),
    ("batch_size", 1, 65_536),
    ("learning_rate", 0, 1),
    ("beta", 1e-6, 1000),
    ("warmup", 0, 1),
    ("weight_decay", 0, 1),
    ("clip", 0, 1000),
    ("lora_rank", 1, 4096),
    ("lora_alpha", 1, 65_536),
    ("lora_dropout", 0, 0.9),
    ("context", 0, 10_000_000),
    ("seed", 0, 2**31 - 1),
    ("validate_every", 0, 10_000_000),
    ("checkpoint_every", 0, 10_000_000),
    ("keep_checkpoints", 1, 1000),
    ("patience", 0, 10_000),
    ("sample_every", 0, 10_000_000),
    ("processes", 1, 1024),
    ("threads", 0, 4096),
    ("memory_bytes", 0, 2**50),
)
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "method": get_args(Method),
    "too_long": get_args(TooLong),
    "keep": get_args(Keep),
    "precision": get_args(Precision),
    "device": get_args(Device),
    "sharding": get_args(Sharding),
    "schedule": ("cosine", "constant"),
}


_WANTED: Final[Mapping[Any, str]] = {bool: N_("yes or no"), int: N_("a whole number"), float: N_("a number")}


def keys() -> tuple[str, ...]:
    """Every key that a job understands, in order."""
    return tuple(field.name for field in dataclasses.fields(Job))


def from_values(values: Mapping[str, Any]) -> Job:
    """A job from names and values; text is read as the key's own type, so a command line can pass it as it is."""
    types = get_type_hints(Job)
    known: dict[str, Any] = {}
    for key, value in values.items():
        if key not in types:
            raise Misuse(
                _("There is no such setting of a run."),
                where=key,
                advice=_("There are: {keys}.").format(keys=", ".join(keys())),
            )
        known[key] = _as_type(key, types[key], value)
    if "base" not in known:
        raise Misuse(_("A run needs a base model."), where="base")
    return Job(**known)


def _as_type(key: str, wanted: Any, value: Any) -> Any:
    try:
        if wanted is bool:
            if isinstance(value, str):
                return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[value.lower()]
            if not isinstance(value, bool):
                raise TypeError
            return value
        if wanted in (int, float):
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise TypeError
            number = float(value.replace(",", ".") if isinstance(value, str) else value)
            if wanted is float:
                return number
            if number != int(number):
                raise ValueError
            return int(number)
        if wanted == tuple[str, ...]:
            parts: list[Any] = value.split(",") if isinstance(value, str) else list(value)
            return tuple(str(part).strip() for part in parts if str(part).strip())
        if not isinstance(value, str):
            raise TypeError
        return value
    except (ValueError, KeyError, TypeError, OverflowError):
        raise Misuse(
            _("This value does not fit here."),
            where=key,
            advice=_("Give it {what}.").format(what=_(_WANTED[wanted])) if wanted in _WANTED else "",
        ) from None


def write(folder: Path, job: Job) -> None:
    """Put the job in its folder, whole or not at all."""
    text = json.dumps(dataclasses.asdict(job), ensure_ascii=False, indent=1)
    write_whole(folder / FILE, text.encode())


def read(folder: Path) -> Job:
    """The job of a folder."""
    try:
        told: Any = json.loads((folder / FILE).read_bytes())
    except FileNotFoundError:
        raise Problem(_("This run folder has no job.json."), where=folder.name) from None
    except (OSError, ValueError):
        raise Problem(_("The job of this run cannot be read."), where=folder.name) from None
    if not isinstance(told, dict):
        raise Problem(_("The job of this run cannot be read."), where=folder.name)
    return from_values({str(key): value for key, value in told.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
