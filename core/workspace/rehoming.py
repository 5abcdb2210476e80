"""Bringing a remote model home before it goes: the dataset that it came from, a local base trained on it, and both of
them side by side while the remote one still answers.

In: a remote model, and where its examples are (its lineage here, a file, or the file that its job used). Out: a dataset,
a local run, and a reference file with the remote model's own replies to the held-out prompts, which stays when it has
gone. Every step that is done already is not done again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.chat import Example, Role, Side
from core.language import _
from core.problem import Misuse, Problem, system_words
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.workspace.datasets import DatasetRow
    from core.workspace.runs import RunRow

FOLDER: Final = "references"
HELD_OUT: Final = 0.1  # of a file that brings no held-out side of its own
MOST: Final = 50  # prompts whose replies are kept, unless told otherwise
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a remote model's examples are now."""

    model: str
    dataset: str
    made: bool  # the dataset was made for this
    source: str  # "lineage", "file", "provider"
    ends: str  # the model's countdown


@dataclass(frozen=True, slots=True)
class Kept:
    """One reply of the remote model to a held-out prompt, beside what the persona really said."""

    example: int
    messages: Sequence[Mapping[str, str]]
    real: str
    reply: str
    cut_off: bool

    def as_json(self) -> dict[str, Any]:
        """The line of the reference file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Pair:
    """One held-out prompt with both answers."""

    prompt: str
    real: str
    remote: str
    local: str

    def as_json(self) -> dict[str, Any]:
        """The pair for `--json`."""
        return asdict(self)


def home(workspace: Workspace, model: str, file: Path | None = None) -> Home:
    """The dataset to train a successor on: of the model's lineage, of a file, or of the file that its job used."""
    from core import endpoints
    from core.endpoints import retirement
    from core.workspace import checks, models

    profile, remote = endpoints.split_name(workspace.settings, model)
    end = retirement.end_of(profile, remote, checks.price_list(workspace))
    said = end.said() if end else ""
    if file is not None:
        row, made = _dataset_of(workspace, file)
        return Home(model, row.name, made, "file", said)
    known = next((one for one in models.listing(workspace) if one.name == model), None)
    if known is not None and known.dataset:
        return Home(model, known.dataset, False, "lineage", said)
    row, made = _dataset_of(workspace, _training_file(workspace, profile, remote))
    return Home(model, row.name, made, "provider", said)


def _training_file(workspace: Workspace, profile: Any, remote: str) -> Path:
    """The file that the model's job was trained on, brought from the provider."""
    from core import endpoints
    from core.endpoints import account
    from core.training.process import write_whole

    with endpoints.open_client(profile) as client:
        jobs = endpoints.call(lambda: account.listed(client, profile, "jobs"), profile, tries=3)
        job = next((one for one in jobs if remote in one.made), None)
        if job is None:
            raise Problem(
                _("neither this workspace nor the provider knows what {model} was trained on.").format(model=remote),
                advice=_("Give its examples with --from FILE.jsonl."),
            )
        target = _fetched_file(workspace, remote)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if not target.is_file():
            content = endpoints.call(lambda: client.files.content(job.made[0]).read(), profile, tries=3)
            write_whole(target, content)
    return target


def _dataset_of(workspace: Workspace, file: Path) -> tuple[DatasetRow, bool]:
    """The dataset that holds a file's examples; made once for the same bytes."""
    from core.dataset.foreign import ForeignFile
    from core.dataset.recipe import Recipe
    from core.store import datasets as store
    from core.workspace import datasets

    path = file.expanduser()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise Problem(
            _("The file cannot be read: {reason}.").format(reason=system_words(error)), where=path.name
        ) from None
    known = next((row for row in datasets.listing(workspace) if row.digest == digest), None)
    if known is not None:
        return known, False
    foreign = ForeignFile(path)
    read = [example for _number, example in foreign]
    faults = [one for one in foreign.findings if one.level == "error"]
    if faults or not read:
        raise Problem(
            faults[0].text if faults else _("The file has no examples."),
            where=path.name,
            advice=_("`sinsonte dataset check {file}` says more.").format(file=path.name),
        )
    held = max(1, round(len(read) * HELD_OUT)) if len(read) > 1 else 0
    examples = [
        Example(one.lines, n, Side.VALIDATION if n >= len(read) - held else Side.TRAIN) for n, one in enumerate(read)
    ]
    opening = next((line.text for line in examples[0].lines if line.role is Role.SYSTEM), "")
    recipe = Recipe.from_dict({"system_prompt": opening, "validation": HELD_OUT})
    taken = {row.name for row in datasets.listing(workspace)}
    stem = re.sub(r"[^\w.-]+", "-", path.stem)[:60] or "file"
    name = next(one for n in range(1, 10_000) if (one := stem if n == 1 else f"{stem}-{n}") not in taken)
    with workspace.store.write() as change:
        number = store.create(change, name, json.dumps(recipe.to_dict(), ensure_ascii=False), recipe.hash)
        store.add_examples(change, number, examples)
        counts = {"train": len(read) - held, "validation": held}
        store.finish(change, number, digest, json.dumps(counts))
    return datasets.named(workspace, name), True


def prompts(workspace: Workspace, dataset: str, most: int = MOST) -> Iterator[tuple[int, list[dict[str, str]], str]]:
    """The held-out prompts of a dataset, evenly chosen: number, messages, and what the persona really answered."""
    from core.workspace import datasets

    rows = list(datasets.examples(workspace, dataset, "validation"))
    step = max(1, len(rows) // most) if most else 1
    for row in rows[::step][:most]:
        messages = [{"role": line.role.value, "content": line.text} for line in row.lines[:-1]]
        if messages and messages[-1]["role"] == "user":
            yield row.n, messages, row.lines[-1].text


def _fetched_file(workspace: Workspace, remote: str) -> Path:
    return workspace.folder / FOLDER / f"{_as_file(remote)}-train.jsonl"


def reference_file(workspace: Workspace, model: str) -> Path:
    """Where the replies of a remote model are kept, there or not."""
    return workspace.folder / FOLDER / f"{_as_file(model)}.jsonl"


def wipe_words(workspace: Workspace, model: str) -> None:
    """Take away what is kept of a remote model's talk and training: somebody whose words are in it is forgotten."""
    remote = model.partition(":")[2] or model
    for file in (reference_file(workspace, model), _fetched_file(workspace, remote)):
        file.unlink(missing_ok=True)


def keep_replies(
    workspace: Workspace, model: str, dataset: str, most: int = MOST, progress: Progress | None = None
) -> tuple[Path, int]:
    """Ask the remote model the held-out prompts and keep its replies; goes on where it stopped. Returns how many."""
    from core.chatting.manner import Manner
    from core.workspace import talking

    target = reference_file(workspace, model)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    have = {one.example for one in kept(workspace, model)}
    wanted = list(prompts(workspace, dataset, most))
    if not wanted:
        raise Problem(
            _("dataset “{name}” has nothing held out to ask.").format(name=dataset),
            advice=_("Build it with a share held out: recipe set validation=0.1"),
        )
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    with (
        talking.open_speaker(workspace, model) as speaker,
        os.fdopen(os.open(target, flags, 0o600), "a", encoding="utf-8") as file,
    ):
        for n, (number, messages, real) in enumerate(wanted, 1):
            if number not in have:
                reply = speaker.ask(messages, Manner(temperature=0.0, max_tokens=200))
                if reply.trouble is not None and not reply.text:
                    raise Problem(
                        _("{model} does not answer: {what}").format(model=model, what=reply.trouble.what),
                        advice=_("What was kept so far stays; run the same command again to go on."),
                    )
                one = Kept(number, messages, real, reply.text, reply.cut_off)
                file.write(json.dumps(one.as_json(), ensure_ascii=False) + "\n")
                file.flush()
            if progress is not None:
                progress(n, len(wanted), "")
    return target, len(wanted)


def kept(workspace: Workspace, model: str) -> list[Kept]:
    """The replies that are kept of a remote model."""
    found: list[Kept] = []
    try:
        with reference_file(workspace, model).open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):  # a kill may have torn the last one
                    found.append(Kept(**json.loads(line)))
    except FileNotFoundError:
        pass
    except (ValueError, TypeError):
        raise Problem(_("the kept replies cannot be read."), where=str(reference_file(workspace, model))) from None
    return found


def train(workspace: Workspace, at: Home, base: str, options: Mapping[str, Any], progress: Progress | None) -> RunRow:
    """Train a local base on the dataset; a run of the same that has succeeded or goes on is taken as it is."""
    from core.workspace import runs

    for run in runs.listing(workspace):
        same = (run.dataset, run.base, run.backend) == (at.dataset, base, "local")
        if same and not options and run.state not in ("failed", "cancelled"):
            return run
    return runs.start(workspace, at.dataset, model=base, options=options, progress=progress)


def compared(
    workspace: Workspace, model: str, local: str, dataset: str, most: int = 5, progress: Progress | None = None
) -> list[Pair]:
    """Both models on the same held-out prompts. Once the remote one is gone its kept replies speak for it."""
    from core.chatting.manner import Manner
    from core.workspace import talking

    if local == model:
        raise Misuse(_("these are the same model."))
    have = {one.example: one.reply for one in kept(workspace, model)}
    wanted = [one for one in prompts(workspace, dataset, MOST) if one[0] in have] or list(
        prompts(workspace, dataset, most)
    )
    wanted = wanted[:most]
    if any(number not in have for number, _messages, _real in wanted):
        keep_replies(workspace, model, dataset, most)
        have = {one.example: one.reply for one in kept(workspace, model)}
    pairs: list[Pair] = []
    with talking.open_speaker(workspace, local) as speaker:
        for n, (number, messages, real) in enumerate(wanted, 1):
            reply = speaker.ask(messages, Manner(temperature=0.0, max_tokens=200))
            pairs.append(Pair(messages[-1]["content"], real, have.get(number, ""), reply.text))
            if progress is not None:
                progress(n, len(wanted), "")
    return pairs


def _as_file(text: str) -> str:
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '-', text)[:80].strip('-.')}-{mark}"
