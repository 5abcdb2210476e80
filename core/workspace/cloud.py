"""The verbs about runs at a provider: the start, and the model that comes of it.

In: the page that was shown and agreed to (core/workspace/final_page.py), which is started as it stands; later the log of
a run that has succeeded. Nothing is uploaded or asked for before `start`.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.chat import Side
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.endpoints import Profile
    from core.workspace.datasets import DatasetRow
    from core.workspace.final_page import Plan
    from core.workspace.runs import RunRow

BACKEND: Final = "openai"
_MARK: Final = b"\xef\xbb\xbf"  # the byte order mark that Azure's files begin with


def start(workspace: Workspace, page: Plan) -> RunRow:
    """Write the run's folder and start its follower, which does the rest; returns at once."""
    import dataclasses

    from core import endpoints, training
    from core.store import runs
    from core.training import backends
    from core.training.backends.openai import wanted
    from core.training.process import write_whole
    from core.workspace import datasets
    from core.workspace import runs as verbs

    profile = endpoints.profile_of(workspace.settings, page.profile)
    endpoints.need_key(profile)  # without a key nothing is begun
    run_id = time.strftime("%m%d-%H%M-") + secrets.token_hex(2)
    folder = workspace.folder / "runs" / run_id
    row = None if page.file or page.pairs else datasets.named(workspace, page.dataset)
    folder.mkdir(mode=0o700, parents=True)
    if row is not None:
        _write_files(workspace, row, page, profile, folder)
    elif page.pairs is not None:
        for name, lines in zip(("train.jsonl", "validation.jsonl"), page.pairs, strict=True):
            if lines:
                write_whole(folder / name, (_MARK if profile.bom else b"") + b"".join(lines))
    elif page.file is not None:
        _copy_file(page.file, folder / "train.jsonl", bom=profile.bom)
    job = dataclasses.replace(page.wanted, run=run_id)
    wanted.write(folder, job)
    backends.put(folder, BACKEND, profile=page.profile)
    options = {key: value for key, value in dataclasses.asdict(job).items() if value not in (None, "")}
    if row is None:
        options[verbs.PAIRS] = Path(page.dataset).name
    with workspace.store.write() as change:
        runs.create(
            change,
            runs.StoredRun(
                id=run_id,
                dataset_id=row.id if row else None,
                backend=page.profile,
                base=f"{page.profile}:{page.model}",
                state="prepared",
                folder=folder.relative_to(workspace.folder).as_posix(),
                options=json.dumps(options, ensure_ascii=False),
            ),
        )
    training.start(folder)
    return verbs.named(workspace, run_id)


def register(workspace: Workspace, run_id: str, dataset_id: int | None, base: str, folder: Path) -> str:
    """Enter the model that a run at a provider has made; its name is PROFILE:ID. Returns it, or "" if it has none."""
    from core.store import models
    from core.training.backends.openai import wanted
    from core.training.events import FILE, Reader

    job = wanted.read(folder)
    summary: Mapping[str, Any] = {}
    checkpoints: list[dict[str, Any]] = []
    for event in Reader(folder / FILE).read():
        if event.kind == "summary":
            summary = event.fields
        elif event.kind == "checkpoint" and event.fields.get("model"):
            checkpoints.append({key: event.fields.get(key) for key in ("step", "model", "validation_loss")})
    made = str(summary.get("model") or "")
    if not made:
        return ""
    name = f"{job.profile}:{made}"
    details = {
        "profile": job.profile,
        "remote": made,
        "job": wanted.reached(folder).job,
        "format": job.format,
        "trained_tokens": summary.get("tokens"),
        "checkpoints": checkpoints,
        "shutdown_date": job.shutdown,
        **manner(workspace, dataset_id, job.format),
    }
    with workspace.store.write() as change:
        if models.find(change, name) is None:
            models.add(
                change,
                models.StoredModel(
                    name=name,
                    kind="remote",
                    base=base,
                    run_id=run_id,
                    dataset_id=dataset_id,
                    details=json.dumps(details, ensure_ascii=False),
                ),
            )
    return name


def manner(workspace: Workspace, dataset_id: int | None, form: str) -> dict[str, str]:
    """How the model's prompts ended and its replies were stopped: asked otherwise it would not be itself."""
    from core.dataset.export import rendering
    from core.dataset.recipe import Recipe
    from core.workspace import datasets

    if form != "prompt-completion" or dataset_id is None:
        return {}
    row = next((one for one in datasets.listing(workspace) if one.id == dataset_id), None)
    if row is None:
        return {}
    recipe = Recipe.from_dict(row.recipe)
    first = next(iter(datasets.as_examples(workspace, row.name)), None)
    spoken = [line for line in first.lines if line.name] if first else []
    stop = rendering.stop_for(recipe, spoken) if recipe.include_stop else ""
    reply = next((line.name for line in reversed(spoken) if line.trained), str(recipe.persona))
    other = next((line.name for line in spoken if line.name != reply), recipe.other_label or rendering.SOMEBODY)
    ending = rendering.PROMPT_ENDS.get(recipe.prompt_style)
    return {
        "separator": f"\n{reply}:" if ending is None else ending,
        "stop": stop,
        "persona_label": reply,
        "other_label": other,
    }


def _write_files(workspace: Workspace, row: DatasetRow, page: Plan, profile: Profile, folder: Path) -> None:
    from core.dataset.export import writing
    from core.dataset.recipe import Recipe
    from core.training.backends.openai.telling import INDEX
    from core.training.process import write_whole
    from core.workspace import datasets

    index: dict[str, list[tuple[int, int]]] = {side.value: [] for side in Side}
    for one in datasets.examples(workspace, row.name):
        index[one.side].append((one.n, one.conversation))
    recipe = Recipe.from_dict(row.recipe)
    writing.write(datasets.as_examples(workspace, row.name), recipe, folder, page.format, bom=profile.bom)
    folder.chmod(0o700)
    # The provider names a line of the file; this says which example of ours that is.
    write_whole(folder / INDEX, json.dumps(index).encode())


def _copy_file(source: Path, target: Path, *, bom: bool) -> None:
    with source.open("rb") as file, target.open("xb") as out:
        head = file.read(3)
        if bom:
            out.write(_MARK)
        if head != _MARK:
            out.write(head)
        while block := file.read(1 << 20):
            out.write(block)
