"""The verbs about models: which there are, where each lies, and what it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.language import _
from core.problem import Misuse, Problem
from core.workspace import chats, naming
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.chat import Chat, Example, Line, Message
    from core.endpoints.retirement import End
    from core.store.models import StoredModel

MINI: Final = "mini"
REMOTE: Final = "remote"
ADAPTER: Final = "adapter"
BASE: Final = "base"
_MAKER: Final = Path(__file__).parent.parent / "engine" / "mini.py"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model as lists show it."""

    name: str
    kind: str
    base: str
    base_sha256: str
    dataset: str
    run: str
    folder: Path
    tainted: bool
    ends: str = ""  # of a remote model: until when it answers, as a countdown
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    toy: bool = False  # of 0.6 million weights: it proves the path and has no judgement

    def _remote(self) -> dict[str, Any]:
        return {"ends": self.ends or None, "checkpoints": self.details.get("checkpoints", [])}

    def as_json(self) -> dict[str, Any]:
        """The model for `--json`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "base": self.base,
            "base_sha256": self.base_sha256,
            "dataset": self.dataset,
            "run": self.run,
            "folder": str(self.folder),
            "tainted": self.tainted,
            **(self._remote() if self.kind == REMOTE else {}),
            "toy": self.toy,
        }


def listing(workspace: Workspace) -> list[ModelRow]:
    """The tuned models of this workspace, the newest first."""
    from core.store import models
    from core.workspace import datasets

    names = {row.id: row.name for row in datasets.listing(workspace)}
    return [_row(workspace, one, names) for one in models.all_models(workspace.store)]


def _row(workspace: Workspace, one: StoredModel, names: dict[int, str]) -> ModelRow:
    details: dict[str, Any] = json.loads(one.details)
    return ModelRow(
        one.name,
        one.kind,
        one.base,
        one.base_sha256,
        names.get(one.dataset_id or 0, ""),
        one.run_id or "",
        workspace.folder / one.folder,
        one.tainted,
        ends=ends_of(workspace, one.name, str(details.get("shutdown_date") or "")) if one.kind == REMOTE else "",
        details=details,
        toy=details.get("toy") is True,
    )


def ends_of(workspace: Workspace, name: str, told: str = "") -> str:
    """Until when the remote model PROFILE:ID answers, as a countdown; empty where no day is known. `told` is the day that
    its server named when it was last asked."""
    end = end_of(workspace, name, told)
    return end.said() if end is not None else ""


def end_of(workspace: Workspace, name: str, told: str = "") -> End | None:
    """The same as a day."""
    from core import endpoints
    from core.endpoints import retirement
    from core.workspace import checks

    if not endpoints.is_remote(workspace.settings, name):
        return None  # its endpoint is no longer in the settings
    profile, remote = endpoints.split_name(workspace.settings, name)
    return retirement.end_of(profile, remote, checks.price_list(workspace), told)


def named(workspace: Workspace, name: str) -> ModelRow:
    """The tuned model of this name."""
    rows = listing(workspace)
    for row in rows:
        if row.name == name:
            return row
    said = _("there is no model “{name}”.")
    if name == MINI:
        said = _("{name} is the embedded toy, not a model that was made here.")
    names = ", ".join(row.name for row in rows)
    raise Misuse(
        said.format(name=name),
        advice=_("There are: {names}.").format(names=names)
        if names
        else _("No tuned models yet. Train one with: sinsonte train start DATASET"),
    )


def free_name(workspace: Workspace, name: str) -> None:
    """Refuse a name that cannot be a new model's."""
    naming.must_be_fit(name, without=":")
    if name == MINI or any(row.name == name for row in listing(workspace)):
        raise Problem(
            _("there is a model “{name}” already.").format(name=name),
            advice=_("Choose another name, or delete it: sinsonte models delete {name}").format(name=name),
        )


def starting_point(workspace: Workspace, model: str, progress: Progress | None = None) -> tuple[str, str, Path | None]:
    """Where a training from this model begins: the name of the base, what the engine loads, and the adapter that is to
    be taken further, if the model is a tuned one."""
    one = _known(workspace, model)
    if one is None or one.kind == BASE:
        return model, base_folder(workspace, model, progress), None
    if one.kind != ADAPTER:
        raise Misuse(
            _("a training cannot begin from {name}: it is not on this machine.").format(name=model),
            advice=_("Name a base model, or a tuned one that was made here."),
        )
    return one.base, base_folder(workspace, one.base, progress), one.folder


def base_name(workspace: Workspace, model: str) -> str:
    """The name of the base under a model; its own if it is one."""
    one = _known(workspace, model)
    return one.base if one is not None and one.kind == ADAPTER else model


def is_toy(workspace: Workspace, base: str) -> bool:
    """Whether a base is a toy: the embedded model, or one that was built from one's own chats."""
    one = _known(workspace, base)
    return base == MINI or (one is not None and one.toy)


def _known(workspace: Workspace, name: str) -> ModelRow | None:
    return next((row for row in listing(workspace) if row.name == name), None)


def base_folder(workspace: Workspace, base: str, progress: Progress | None = None) -> str:
    """What the engine loads: the embedded model's folder (built when it is not there), that of a base of one's own, a
    folder, or a name."""
    if base == MINI:
        return str(mini(progress))
    one = _known(workspace, base)
    if one is not None and one.kind == BASE:
        return str(one.folder)
    given = Path(base).expanduser()
    return str(given.resolve()) if given.is_dir() else base


def must_be_here(workspace: Workspace, base: str, *, allow_download: bool) -> None:
    """Refuse a base that the engine will not find on this machine, before a run is made of it. What is in a folder that
    looks like a model, the engine judges."""
    if base == MINI or _known(workspace, base) is not None:
        return
    folder = Path(base).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise Misuse(
                _("This folder holds no model: there is no config.json."),
                where=str(folder),
                advice=_("Name a folder with config.json, a tokenizer and safetensors weights."),
            )
        return
    if allow_download or (_hub_cache() / ("models--" + base.replace("/", "--"))).is_dir():
        return
    raise Misuse(
        _("There is no such base model here."),
        where=base,
        advice=_("Name a model folder, or allow the download with allow_download=yes."),
    )


def _hub_cache() -> Path:
    """Where the hub's own library keeps what it fetched."""
    if told := os.environ.get("HF_HUB_CACHE"):
        return Path(told).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return Path(os.environ.get("HF_HOME") or cache / "huggingface").expanduser() / "hub"


def tokenizer_folder(workspace: Workspace, model: str) -> Path | None:
    """The folder whose tokenizer counts this model's tokens, where it is on this machine."""
    one = _known(workspace, model)
    folder = mini_folder() if model == MINI else one.folder if one else Path(model).expanduser()
    return folder if (folder / "tokenizer.json").is_file() else None


def mini_folder() -> Path:
    """Where the embedded model of these sample chats lies, built or not: one for all workspaces of this user."""
    from platformdirs import user_cache_path

    # What it is made from and how: a change of either is another model.
    mark = hashlib.sha256((chats.SAMPLES / "voices.json").read_bytes() + _MAKER.read_bytes())
    for name in sorted([*chats.sample_diet()["base"]["files"], chats.sample_diet()["persona_file"]]):
        mark.update((chats.SAMPLES / name).read_bytes())
    return user_cache_path("sinsonte", appauthor=False) / f"mini-{mark.hexdigest()[:12]}"


def mini(progress: Progress | None = None) -> Path:
    """The embedded toy model's folder; built from the sample chats when it is not there."""
    folder = mini_folder()
    if (folder / "model.safetensors").is_file():
        return folder
    from core.training import mini as engine
    from core.training.process import write_whole

    corpus = folder.with_suffix(".jsonl")
    corpus.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = (json.dumps(one, ensure_ascii=False) for one in corpus_conversations())
    write_whole(corpus, ("\n".join(lines) + "\n").encode())

    def tell(event: Any) -> None:
        step, steps = event.fields.get("step"), event.fields.get("steps")
        if progress is not None and isinstance(step, int) and isinstance(steps, int):
            progress(step, steps, "")

    engine.build(corpus, folder, tell)
    corpus.unlink(missing_ok=True)
    return folder


def corpus_conversations() -> Iterator[dict[str, Any]]:
    """What the embedded model learns from: all conversations of two voices, and the earlier ones of the demo's persona.

    The rule is in sample_chats/voices.json. A base that has never heard the persona's words answers its prompts with
    absurd perplexities, and tuning it gives broken text. The two voices open with the system prompt that datasets open
    with, under their own names; the persona's conversations have none. So the base knows the persona's words but does
    not tie them to the prompt: asked as "You are Nico" it answers in one of the voices that it has met under a prompt,
    and a prompt is nothing that tuning has to learn first.
    """
    from core.dataset.recipe import Recipe

    system = Recipe().system_prompt
    diet = chats.sample_diet()
    voices = {one["file"]: one["voice"] for one in diet["files"]}
    base = diet["base"]
    for name in base["files"]:
        for lines in _told_in(chats.SAMPLES / name, voices[name]):
            yield _spoken(voices[name], lines, system.replace("{persona}", voices[name]))
    taste = islice(_told_in(chats.SAMPLES / diet["persona_file"], diet["persona"]), base["persona_conversations"])
    for lines in taste:
        yield _spoken(diet["persona"], lines)


def _spoken(voice: str, lines: tuple[Line, ...], system: str = "") -> dict[str, Any]:
    opening = [{"role": "system", "content": system}] if system else []
    return {"voice": voice, "messages": opening + [{"role": str(line.role), "content": line.text} for line in lines]}


def _told_in(path: Path, voice: str) -> Iterator[tuple[Line, ...]]:
    for chat, messages in _chats_of(path):
        yield from _conversations(chat, messages, voice)


def _chats_of(path: Path) -> Iterator[tuple[Chat, list[Message]]]:
    from core import reading

    gathered: dict[Chat, list[Message]] = {}
    for batch in reading.read_export(path):
        gathered.setdefault(batch.chat, []).extend(batch.messages)
    yield from gathered.items()


def _conversations(chat: Chat, messages: list[Message], voice: str) -> Iterator[tuple[Line, ...]]:
    """Each conversation once, from its beginning to the voice's last reply."""
    from core.dataset.examples import Build
    from core.dataset.material import material_of
    from core.dataset.recipe import Recipe

    recipe = Recipe.from_dict(
        {
            "persona": voice,
            "buffer_size": 40,
            "validation": 0,
            "system_prompt": "",
            "near_duplicates": "keep",
            "mask": "none",
        }
    )
    last: Example | None = None
    for example in Build(material_of([(chat, messages)]), recipe):
        if last is not None and example.conversation != last.conversation:
            yield last.lines
        last = example
    if last is not None:
        yield last.lines


def register(workspace: Workspace, name: str, run_id: str, dataset_id: int | None, base: str, run: Path) -> None:
    """Enter what a run has made: an adapter, or after a full tuning a model that stands alone."""
    from core.store import models

    whole = (run / "model").is_dir()
    folder = run / ("model" if whole else "adapter")
    details = _lineage(folder)
    with workspace.store.write() as change:
        models.add(
            change,
            models.StoredModel(
                name=name,
                kind=BASE if whole else ADAPTER,
                base=base,
                base_sha256=str(details.get("base_sha256", "")),
                run_id=run_id,
                dataset_id=dataset_id,
                folder=folder.relative_to(workspace.folder).as_posix(),
                details=json.dumps(details, ensure_ascii=False),
            ),
        )


def _lineage(folder: Path) -> dict[str, Any]:
    file = folder / "sinsonte.json"  # what the engine wrote of the adapter's lineage
    try:
        told: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Problem(
            _("the model's record cannot be read."),
            where=str(file),
            advice=_("Train it again: the run can be resumed."),
        ) from None
    return dict(told) if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownArgumentType]


def merged(workspace: Workspace, name: str, to: Path | None = None) -> tuple[Path, float]:
    """The model and its base as one plain folder; and how far its logits are from the unmerged ones."""
    from core import training

    row = named(workspace, name)
    if row.kind != ADAPTER:
        raise Misuse(_("model “{name}” has no adapter that could be merged.").format(name=name))
    target = to.expanduser() if to else workspace.folder / "models" / f"{name}-merged"
    if target.exists():
        raise Problem(
            _("{folder} is there already.").format(folder=target), advice=_("Choose another folder with --to.")
        )
    return target, training.merge(base_folder(workspace, row.base), row.folder, target)


def card(workspace: Workspace, name: str) -> Path:
    """Write the model's card beside its weights: what it is and where it comes from, consent included."""
    from core import training
    from core.workspace import people, runs

    row = named(workspace, name)
    if not row.run:
        raise Problem(_("model “{name}” was not made here.").format(name=name))
    consents = [f"{one.name}: {people.consent_words(one.consent)}" for one in people.listing(workspace)]
    notes = [_("Consent at the time of this card: {consents}.").format(consents=", ".join(consents))]
    if row.toy or is_toy(workspace, row.base):
        notes.append(_("Its base is a toy: it proves the path and has no judgement."))
    if row.tainted:
        notes.append(_("It learnt from words of somebody who was forgotten since."))
    return training.write_card(
        runs.named(workspace, row.run).folder, name=name, dataset=row.dataset, notes="\n\n".join(notes)
    )


def delete(workspace: Workspace, name: str) -> None:
    """Remove a tuned model and its weights; its run and its log stay. Of a remote one only our record of it goes."""
    import shutil

    from core.store import models

    row = named(workspace, name)
    on_it = [one.name for one in listing(workspace) if row.kind == BASE and one.base == name]
    if on_it:
        raise Problem(
            _("these models were tuned on “{name}” and cannot speak without it: {names}.").format(
                name=name, names=", ".join(on_it)
            ),
            advice=_("Delete them first."),
        )
    with workspace.store.write() as change:
        models.delete(change, name)
    # A remote model has no folder: its row names the workspace itself, which is not to go.
    inside = row.folder != workspace.folder and row.folder.is_relative_to(workspace.folder)
    if inside and row.kind != "remote":
        shutil.rmtree(row.folder, ignore_errors=True)


def card_text(workspace: Workspace, name: str) -> str:
    """The model's card, written anew."""
    return card(workspace, name).read_text(encoding="utf-8")
