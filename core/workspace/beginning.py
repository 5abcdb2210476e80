"""What a training on this machine or its cluster starts from: rendered examples or pairs, a base, and every setting.

In: the name of a dataset (or `corrections`, or a file of pairs, with method=dpo), the name of a model, and settings. Out:
a `Beginning`, which writes the run's files; any fault is told before a folder is made. A tuned model as `--model` is
taken further: a copy of its adapter goes into the run folder, so that the run needs nothing else.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.language import _
from core.problem import Misuse, Problem
from core.workspace.opening import Workspace

CORRECTIONS: Final = "corrections"
_START: Final = "start"  # in the run folder: the adapter that is taken further
_HELD: Final = 10  # every tenth pair is held out, where there are so many twice
Progress = Callable[[int, int, str], None]

# What a toy's adapters are trained with unless told otherwise; measured for the demo (docs/decisions.md).
TOY: Final[Mapping[str, Any]] = {
    "epochs": 2.0,
    "batch_size": 4,
    "lora_rank": 16,
    "lora_alpha": 32,
    "learning_rate": 5e-3,
    "lora_dropout": 0.0,
}
TOY_PREFERENCES: Final[Mapping[str, Any]] = {**TOY, "epochs": 4.0, "learning_rate": 5e-4}


@dataclass(frozen=True)
class Beginning:
    """Everything that a run is made of, before it is a folder."""

    dataset_id: int | None
    base: str  # the base's name, for the record
    options: Mapping[str, Any]  # the job's settings
    write: Callable[[Path], None]  # puts the examples (and the adapter) in the run folder


def beginning(
    workspace: Workspace, dataset: str, model: str, options: Mapping[str, Any], progress: Progress | None = None
) -> Beginning:
    """Look at everything; builds `mini` the first time."""
    from core.training import job
    from core.workspace import models

    wanted = job.from_values({**options, "base": "?"})  # a wrong setting is told before anything is built
    toy = models.is_toy(workspace, model) or models.is_toy(workspace, models.base_name(workspace, model))
    defaults: Mapping[str, Any] = {}
    if toy:
        defaults = TOY_PREFERENCES if wanted.method == "dpo" else TOY
        job.from_values({**defaults, **options, "base": "?"})
    if wanted.method == "dpo":
        number, put, more = _pairs(workspace, dataset)
    else:
        number, put, more = _examples(workspace, dataset)
    name, folder, adapter = models.starting_point(workspace, model, progress)
    told = {**defaults, **more, **options, "base": folder}
    if adapter is not None:
        told["adapter"] = _START
    job.from_values(told)

    def write(place: Path) -> None:
        put(place)
        if adapter is not None:
            shutil.copytree(adapter, place / _START)

    return Beginning(number, name, told, write)


def _examples(workspace: Workspace, dataset: str) -> tuple[int | None, Callable[[Path], None], dict[str, Any]]:
    from core.dataset.export import writing
    from core.dataset.recipe import SEPARATOR_TAG, Recipe
    from core.workspace import datasets

    made = datasets.named(workspace, dataset)
    recipe = Recipe.from_dict(made.recipe)

    def put(place: Path) -> None:
        writing.write(datasets.as_examples(workspace, dataset), recipe, place, "run")

    # The tag is no text that anybody writes: it shall be one token of the model.
    return made.id, put, {"separator": SEPARATOR_TAG} if SEPARATOR_TAG in recipe.separator else {}


def _pairs(workspace: Workspace, named: str) -> tuple[int | None, Callable[[Path], None], dict[str, Any]]:
    train, held = sides(correction_lines(workspace) if named == CORRECTIONS else _of_file(Path(named).expanduser()))

    def put(place: Path) -> None:
        from core.training.process import write_whole

        place.mkdir(mode=0o700, parents=True)
        write_whole(place / "train.jsonl", b"".join(train))
        if held:
            write_whole(place / "validation.jsonl", b"".join(held))

    return None, put, {}


def sides(lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """What is trained on, and what is held out where there are enough."""
    held = lines[_HELD - 1 :: _HELD] if len(lines) >= 2 * _HELD else []
    return [line for n, line in enumerate(lines) if not held or n % _HELD != _HELD - 1], held


def correction_lines(workspace: Workspace) -> list[bytes]:
    """What was corrected in talks and may be used, as pairs of a preferred and a rejected reply."""
    from core.workspace import corrections, recipe

    every = corrections.listing(workspace)
    if not every:
        raise Problem(_("there are no corrections yet."), advice=_("In a talk, e on a reply opens it for correction."))
    rows = corrections.allowed(workspace, every, require_consent=recipe.current(workspace).require_consent)
    if not rows:
        raise Problem(
            _("no correction may be used: whose words are in them did not agree."),
            advice=_("`sinsonte participants` says who agreed."),
        )
    return [
        json.dumps(corrections.line(row, corrections.PREFERENCE), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        for row in rows
    ]


def _of_file(path: Path) -> list[bytes]:
    try:
        read = path.read_bytes()
    except OSError:
        raise Misuse(
            _("method=dpo learns from pairs of replies, and “{name}” is no file of them.").format(name=path.name),
            advice=_("Name a file of preferences, or `corrections`: what was corrected in talks."),
        ) from None
    return [line + b"\n" for line in read.splitlines() if line.strip()]
