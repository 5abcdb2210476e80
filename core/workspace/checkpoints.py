"""The checkpoints of a run: at which step each was made, how well it did, and under which name it can be asked.

In: a run of this workspace, local or at a provider. Out: rows, oldest first. A provider's checkpoint is a model of its own
(`PROFILE:ID`), which can be talked with and compared as any remote model, and is asked as the run's dataset was written; a
local one is what a resumed run goes on from, and answers nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.store.runs import StoredRun


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint."""

    step: int
    metrics: Mapping[str, float]  # under the names that the provider gives them
    model: str = ""  # PROFILE:ID where it can be asked
    ends: str = ""  # until when it answers, as a countdown
    path: str = ""  # of a local one that is still kept, within the run's folder
    final: bool = False  # the run's model is this one

    @property
    def loss(self) -> float | None:
        """The loss on what was trained."""
        return self.metrics.get("train_loss", self.metrics.get("loss"))

    @property
    def held_out(self) -> float | None:
        """The loss on what was held out: on all of it, where that was measured."""
        return next((self.metrics[name] for name in _HELD_OUT if name in self.metrics), None)

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        return {
            "step": self.step,
            "metrics": dict(self.metrics),
            "model": self.model or None,
            "ends": self.ends or None,
            "path": self.path or None,
            "final": self.final,
        }


_HELD_OUT = ("full_valid_loss", "valid_loss", "validation_loss")


def of_run(workspace: Workspace, run: str) -> list[CheckpointRow]:
    """The checkpoints of a run of this id."""
    from core.store import events, runs
    from core.workspace import models
    from core.workspace import runs as verbs

    verbs.refresh(workspace, run)
    one = runs.find(workspace.store, run)
    if one is None:
        return []
    folder = workspace.folder / one.folder
    shutdown = str(json.loads(one.options).get("shutdown", ""))
    held_out: dict[object, Any] = {}
    for event in events.of_kind(workspace.store, run, "validation"):
        told = json.loads(event.body)
        held_out[told.get("step")] = told.get("loss")
    found: dict[tuple[int, str], CheckpointRow] = {}
    for event in events.of_kind(workspace.store, run, "checkpoint"):
        told = json.loads(event.body)
        step, remote, path = told.get("step"), told.get("model"), told.get("path")
        if not isinstance(step, int):
            continue
        metrics = _figures(told.get("metrics")) or _figures(
            {"validation_loss": told.get("validation_loss", held_out.get(step))}
        )
        name = f"{one.backend}:{remote}" if isinstance(remote, str) and remote else ""
        found[step, name] = CheckpointRow(
            step,
            metrics,
            model=name,
            ends=models.ends_of(workspace, name, shutdown) if name else "",
            path=path if isinstance(path, str) and _inside(folder, path) else "",
            final=bool(name) and name == one.model,
        )
    return sorted(found.values(), key=lambda row: row.step)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a checkpoint at a provider was trained on."""

    dataset: str
    base: str
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])  # as those of the run's own model


def origin(workspace: Workspace, name: str) -> Origin | None:
    """The training behind PROFILE:ID, if that is a checkpoint of a run of this workspace."""
    from core.store import events, runs
    from core.training.backends.openai import wanted
    from core.workspace import cloud, datasets

    profile, _colon, remote = name.partition(":")
    for run in runs.all_runs(workspace.store):
        if run.backend != profile or not remote:
            continue
        told = (json.loads(event.body) for event in events.of_kind(workspace.store, run.id, "checkpoint"))
        if not any(one.get("model") == remote for one in told):
            continue
        dataset = next((row.name for row in datasets.listing(workspace) if row.id == run.dataset_id), "")
        job = wanted.read(workspace.folder / run.folder)
        details = {
            "format": job.format,
            "shutdown_date": job.shutdown,
            **cloud.manner(workspace, run.dataset_id, job.format),
        }
        return Origin(dataset, _base(run), details)
    return None


def _base(run: StoredRun) -> str:
    return run.base.partition(":")[2] or run.base


def _figures(told: object) -> dict[str, float]:
    if not isinstance(told, dict):
        return {}
    figures: dict[Any, Any] = told  # pyright: ignore[reportUnknownVariableType]
    return {
        str(name): float(value)
        for name, value in figures.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    }


def _inside(folder: Path, path: str) -> bool:
    """Whether a path of a log, which is anybody's, is a folder within the run's own."""
    target = (folder / path).resolve()
    return target.is_relative_to(folder.resolve()) and target.is_dir()
