"""Before a run is started: where it would go, what may be set, what an example teaches, what it would take.

In: a dataset, a base, a place, settings. Out: plain data for the form and for `train start`; nothing of it starts a run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.chat import Example
from core.language import N_, _, ngettext
from core.problem import Misuse, Problem
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.training import Preview

Progress = Callable[[int, int, str], None]
LOCAL: Final = "local"
PREFERENCES: Final = "dpo"


def pairs_in(text: str) -> dict[str, str]:
    """Settings that were typed as KEY=VALUE, with spaces between."""
    pairs: dict[str, str] = {}
    for pair in text.split():
        key, equals, value = pair.partition("=")
        if not equals:
            raise Misuse(_("“{text}” is not of the form KEY=VALUE.").format(text=pair))
        pairs[key] = value
    return pairs


def defaults(model: str, method: str = "lora") -> Mapping[str, Any]:
    """What this base is trained with unless told otherwise."""
    from core.workspace import beginning, models

    if model != models.MINI:
        return {}
    return beginning.TOY_PREFERENCES if method == PREFERENCES else beginning.TOY


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that a form offers."""

    key: str
    usual: str  # what stands there unless somebody changes it
    means: str  # for N_
    choices: tuple[str, ...] = ()


# What people change, in the order of a form; every other key of a job can be given too (`other`, KEY=VALUE).
SETTINGS: Final = (
    Setting("method", "lora", N_("lora, qlora: an adapter; full: all weights; dpo: from preferences"),
            ("lora", "qlora", "full", PREFERENCES)),
    Setting("epochs", "3", N_("how often each example is seen")),
    Setting("steps", "0", N_("a fixed number of steps instead of epochs; 0: as the epochs say")),
    Setting("batch_size", "8", N_("examples a step")),
    Setting("learning_rate", "0", N_("how far each step goes; 0: what is usual for the method")),
    Setting("lora_rank", "16", N_("size of the adapter")),
    Setting("lora_alpha", "32", N_("weight of the adapter")),
    Setting("context", "0", N_("longest sequence in tokens; 0: what the model reads")),
    Setting("too_long", "refuse", N_("what becomes of longer examples"), ("refuse", "shorten", "drop")),
    Setting("patience", "0", N_("stop after so many validations without a better one; 0: never")),
    Setting("keep", "last", N_("which weights become the model"), ("last", "best")),
    Setting("seed", "0", N_("all chance comes from it")),
)  # fmt: skip


def materials(workspace: Workspace) -> list[str]:
    """What a run can learn from: the datasets, and what was corrected in talks, if anything was."""
    from core.workspace import beginning, corrections, datasets

    made = [row.name for row in datasets.listing(workspace)]
    return [*made, *([beginning.CORRECTIONS] if corrections.listing(workspace) else [])]


def settings(model: str, method: str = "lora") -> list[Setting]:
    """The settings with what is usual for this base and method."""
    usual = defaults(model, method)
    return [
        Setting(one.key, f"{usual[one.key]:g}" if one.key in usual else one.usual, one.means, one.choices)
        for one in SETTINGS
    ]


def check(model: str, options: Mapping[str, Any]) -> None:
    """A Misuse that names the setting which does not fit, if one does not."""
    from core.training import job

    job.from_values({**defaults(model), **options, "base": "?"})


def bases(workspace: Workspace) -> list[str]:
    """The bases that a form offers: the toys, whole models of this workspace, and what runs were made on before."""
    from core.store import runs
    from core.workspace import models

    return list(
        dict.fromkeys(
            [
                models.MINI,
                *(
                    one.base
                    for one in runs.all_runs(workspace.store)
                    if one.backend not in workspace.settings.endpoints
                ),
            ]
        )
    )


def places(workspace: Workspace) -> list[str]:
    """Where a run can go: this machine, Slurm's profiles; providers are started by their own page."""
    return [LOCAL, "slurm", *(f"slurm:{name}" for name in workspace.settings.slurm if name != "default")]


def warning(backend: str) -> str:
    """What to know before a run is started there; empty when there is nothing."""
    if backend != LOCAL:
        return ""
    from core.training.backends import logout

    if not logout.ends_workers():
        return ""
    return _(
        "Logging out of this machine ends everything that was started in the login (KillUserProcesses), this run too; it "
        "can be resumed. To let it live on: `loginctl enable-linger`, then begin with `systemd-run --user --scope "
        "sinsonte ...`; or --on slurm."
    )


def placed(
    workspace: Workspace, backend: str, options: Mapping[str, Any]
) -> tuple[str, dict[str, Any] | None, Mapping[str, Any]]:
    """The backend that a word like `slurm:big` names, its profile, and the options that are the run's own."""
    name, _colon, profile = backend.partition(":")
    known = workspace.settings.slurm
    if name == "slurm":
        from core.training.backends import slurm_script

        if profile and profile not in known:
            raise Misuse(
                _("the settings have no Slurm profile “{name}”.").format(name=profile),
                where=str(workspace.settings.file),
                advice=_("Add a [slurm.{name}] with partition, time, gpus ... to it.").format(name=profile),
            )
        fields = slurm_script.Profile.__dataclass_fields__
        table = known.get(profile or "default", {})
        wanted = {**table, **{key: value for key, value in options.items() if key in fields}}
        where = f"{workspace.settings.file}: [slurm.{profile or 'default'}]" if table else ""
        told = asdict(slurm_script.profile_of(wanted, where))
        return name, told, {key: value for key, value in options.items() if key not in fields}
    if backend != LOCAL:
        raise Misuse(
            _("there is no backend “{name}”.").format(name=backend),
            advice=_("There are: {names}.").format(
                names=", ".join([*places(workspace), *sorted(workspace.settings.endpoints)])
            ),
        )
    return LOCAL, None, options


def must_fit_here(workspace: Workspace, where: str, model: str, options: Mapping[str, Any]) -> None:
    """Refuse at once what this machine would refuse a moment later, or groan under. A cluster's nodes are not known."""
    from core.training import job
    from core.workspace import models

    if where != LOCAL:
        return
    wanted = job.from_values({**options, "base": "?"})
    models.must_be_here(workspace, models.base_name(workspace, model), allow_download=wanted.allow_download)
    cores = os.cpu_count() or 1
    if wanted.processes > cores:  # one a GPU, or a share of the cores each: more starve each other and the machine
        raise Misuse(
            ngettext(
                "this machine has {count} processor core, too few for {processes} processes.",
                "this machine has {count} processor cores, too few for {processes} processes.",
                cores,
            ).format(count=cores, processes=wanted.processes),
            where="processes",
            advice=_("Use one for each GPU, or one in all without a GPU."),
        )


def preview(workspace: Workspace, dataset: str, number: int, *, model: str = "mini") -> Preview:
    """Which tokens of a dataset's example would be trained, as this model's template writes it."""
    from core import training
    from core.training import job
    from core.workspace import datasets, models

    chosen = [row for row in datasets.examples(workspace, dataset) if row.n == number]
    if not chosen:
        raise Misuse(_("dataset “{name}” has no example {number}.").format(name=dataset, number=number))
    base = models.base_folder(workspace, model)
    one = Example(chosen[0].lines, chosen[0].conversation)
    with _folder_with(workspace, dataset, [one]) as folder:
        training.prepare(folder, job.from_values({"base": base}))
        return training.preview(folder)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run would take, measured on one real step of it."""

    steps: int
    examples: int
    tokens: int
    trained_tokens: int
    memory_bytes: float
    seconds: float
    machine: str

    def as_json(self) -> dict[str, Any]:
        """The prediction for `--json`."""
        return asdict(self)


def dry_run(
    workspace: Workspace,
    dataset: str,
    *,
    model: str = "mini",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Let the engine open model and data, take one step, and say what all of them would take. Takes seconds."""
    from core import training
    from core.training import Event, job
    from core.training.mini import answer
    from core.workspace import beginning

    begin = beginning.beginning(workspace, dataset, model, options or {}, progress)
    plans: list[Event] = []
    with tempfile.TemporaryDirectory(dir=workspace.folder) as place:
        folder = Path(place) / "run"
        begin.write(folder)
        training.prepare(folder, job.from_values(begin.options))
        answer(["plan", str(folder)], folder, lambda event: plans.append(event) if event.kind == "plan" else None)
    if not plans:
        raise Problem(_("The engine gave no answer."))
    plan = plans[-1].fields
    return Prediction(
        int(plan["steps"]), int(plan["examples"]), int(plan["tokens"]), int(plan["trained_tokens"]),
        float(plan["predicted_memory_bytes"]), float(plan["predicted_seconds"]), str(plan.get("machine", "")),
    )  # fmt: skip


@contextmanager
def _folder_with(workspace: Workspace, dataset: str, examples: Iterable[Example]) -> Generator[Path]:
    """A run folder that goes away again."""
    from core.dataset.export import writing
    from core.dataset.recipe import Recipe
    from core.workspace import datasets

    with tempfile.TemporaryDirectory(dir=workspace.folder) as place:
        recipe = Recipe.from_dict(datasets.named(workspace, dataset).recipe)
        writing.write(list(examples), recipe, Path(place), "run")
        yield Path(place)
