"""Models that runs leave behind: merging an adapter into its base, looking at what an example teaches, and the card
that tells what a model is and where it comes from.

In: folders. Out: folders, or plain data. The work with weights and tokens is the engine's; this starts it and reads
its answer. The card is made from the run's own records: figures and names, never a word of anybody's chat.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.language import _
from core.problem import Problem
from core.training import events, job
from core.training.events import Event, Reader
from core.training.mini import answer
from core.training.process import write_whole


@dataclass(frozen=True, slots=True)
class Shown:
    """One token of an example."""

    text: str
    trained: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What is learnt from an example: usually one row; a row a reply for templates that rewrite earlier turns."""

    rows: tuple[tuple[Shown, ...], ...]
    tokens: int
    trained_tokens: int
    end_trained: bool


def preview(folder: Path, example: int = 0) -> Preview:
    """The tokens of an example of a run folder, and which of them are learnt. Takes seconds: the engine wakes up."""
    told = answer(["preview", str(folder.resolve()), "--example", str(example)], folder, None)
    if told is None:
        raise Problem(_("The engine gave no answer."))
    rows: list[list[dict[str, Any]]] = told.fields["rows"]
    return Preview(
        tuple(tuple(Shown(str(one["text"]), bool(one["trained"])) for one in row) for row in rows),
        int(told.fields["tokens"]),
        int(told.fields["trained_tokens"]),
        bool(told.fields["end_trained"]),
    )


def merge(base: str | Path, adapter: Path, target: Path, progress: Callable[[Event], None] | None = None) -> float:
    """Base and adapter as one plain model folder. Returns how far the merged logits are from the unmerged ones."""
    target.parent.mkdir(parents=True, exist_ok=True)
    named = str(Path(base).resolve()) if Path(base).is_dir() else str(base)
    words = ["merge", "--base", named, "--adapter", str(adapter.resolve()), "--to", str(target.resolve())]
    told = answer(words, target.parent, progress)
    return float(told.fields["difference"]) if told else 0.0


def card(folder: Path, *, name: str, dataset: str = "", notes: str = "") -> str:
    """The model card of a finished run as Markdown, from its job, its log and the lineage beside its weights."""
    told = job.read(folder)
    plan: dict[str, Any] = {}
    validations: list[tuple[int, float]] = []
    summary: dict[str, Any] = {}
    for event in Reader(folder / events.FILE).read():
        if event.kind == "plan":
            plan = dict(event.fields)
        elif event.kind == "validation" and isinstance(event.fields.get("loss"), int | float):
            validations.append((int(event.fields["step"]), float(event.fields["loss"])))
        elif event.kind == "summary":
            summary = dict(event.fields)
    if not summary:
        raise Problem(_("This run has not succeeded, so it has no model."), where=folder.name)
    lines = [f"# {name}", "", _("A model tuned by Sinsonte to speak like one person in private chats."), ""]
    rows = [
        (_("Base model"), str(plan.get("base", told.base))),
        (_("Fingerprint of the base"), str(plan.get("base_sha256", ""))),
        (_("Dataset"), dataset),
        (_("Method"), _method(told)),
        (_("Examples"), str(plan.get("examples", ""))),
        (_("Tokens seen, of them learnt"), f"{summary.get('tokens', '')}, {summary.get('trained_tokens', '')}"),
        (_("Steps"), f"{summary.get('step', '')}"),
        (_("Learning rate"), f"{told.rate:g}"),
        (_("Seed"), str(told.seed)),
    ]
    table = [(what, _cell(value)) for what, value in [(_("what"), _("value")), *rows] if value]
    first = max(len(what) for what, _value in table)  # so that it is a table where it is read as text, too
    table.insert(1, ("-" * first, "---"))
    lines += [f"| {what:<{first}} | {value} |" for what, value in table]
    if len(validations) > 1:
        before, after = validations[0], validations[-1]
        lines += [
            "",
            _(
                "Loss on held-out replies: {before:.4f} before, {after:.4f} after {step} steps (natural logarithm, a "
                "token of the persona's replies, the one that ends each included)."
            ).format(before=before[1], after=after[1], step=after[0]),
        ]
    lines += [
        "",
        _(
            "It was learnt from the words of real people. Use it only as they agreed to, say that it is a machine "
            "wherever it speaks, and delete it when they ask for that."
        ),
    ]
    if notes:
        lines += ["", notes]
    return "\n".join(lines) + "\n"


def write_card(folder: Path, *, name: str, dataset: str = "", notes: str = "") -> Path:
    """Put the card beside the weights of a finished run."""
    place = folder / ("model" if job.read(folder).method == "full" else "adapter")
    path = place / "README.md"
    write_whole(path, card(folder, name=name, dataset=dataset, notes=notes).encode())
    return path


def fingerprint(folder: Path) -> str:
    """One SHA-256 over the weight files of a model folder, as the engine computes it."""
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            whole.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def lineage(model: Path) -> dict[str, Any]:
    """What a model folder says of its own making; empty for one from elsewhere."""
    try:
        told: Any = json.loads((model / "sinsonte.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): value for key, value in told.items()} if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _method(told: job.Job) -> str:
    if told.method == "full":
        return "full"
    return f"{told.method}, r={told.lora_rank}, α={told.lora_alpha}, dropout={told.lora_dropout:g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
