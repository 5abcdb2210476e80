"""The verbs about datasets: freezing what the recipe gives, listing, showing, exporting."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.chat import Example, Line, Role, Side
from core.language import _
from core.problem import Misuse, Problem
from core.workspace.corrections import SEEN
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.dataset.export.writing import Written
    from core.store.datasets import StoredDataset

_BATCH = 1_000  # examples written at once: 20 ms in which nobody else writes


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as lists show it."""

    id: int
    name: str
    train: int
    validation: int
    recipe: Mapping[str, Any]
    recipe_hash: str
    digest: str
    created_at: str
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    tainted: bool = False

    def as_json(self) -> dict[str, Any]:
        """The dataset for `--json`."""
        return {
            "name": self.name,
            "train": self.train,
            "validation": self.validation,
            "recipe": dict(self.recipe),
            "recipe_hash": self.recipe_hash,
            "digest": self.digest,
            "created_at": self.created_at,
            "counts": dict(self.counts),
            "tainted": self.tainted,
        }


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """A frozen example."""

    n: int
    side: str
    conversation: int
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """The example for `--json`, with the messages that it came from."""
        return {
            "n": self.n,
            "side": self.side,
            "conversation": self.conversation,
            "lines": [
                {
                    "role": str(line.role),
                    "name": line.name,
                    "text": line.text,
                    "trained": line.trained,
                    "messages": list(line.messages),
                }
                for line in self.lines
            ],
        }


def build(
    workspace: Workspace,
    name: str,
    values: Mapping[str, Any] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetRow:
    """Freeze the examples of the working recipe (with these values changed) under a new name.

    They are written a batch at a time, so that nobody's decision waits, and nobody sees the dataset before it is whole.
    `progress` gets examples done and planned; what it raises ends the build, of which nothing is kept then.
    """
    check_name(workspace, name)
    from core.store import corrections, datasets, participants
    from core.workspace import recipe

    chosen = recipe.current(workspace)
    if values:
        chosen = recipe.would_be(workspace, values)
    promised, seen = participants.promises(workspace.store), corrections.newest(workspace.store)
    made = recipe.planned(workspace, chosen)
    if not len(made.plan):
        from core.dataset import nothing
        from core.workspace import material

        raise Problem(
            _("this recipe gives no examples: {why}").format(
                why=nothing.reason(made, material.hits(workspace, chosen))
            ),
            advice=_("See what each parameter leaves with: sinsonte recipe preview"),
        )
    digest = hashlib.sha256()
    # With the labels and the stop text that this material gave them: an export must not depend on what comes later.
    told = json.dumps(made.pinned.to_dict(), ensure_ascii=False)
    with workspace.store.write() as change:
        number = datasets.begin(change, told, chosen.hash)
    try:
        done = 0
        examples = iter(made)
        while batch := list(islice(examples, _BATCH)):
            for example in batch:
                digest.update(repr(_told(example)).encode("utf-8", "surrogatepass"))
            with workspace.store.write() as change:
                done = datasets.add_examples(change, number, batch, done)
            if progress is not None:
                progress(done, len(made.plan) + len(made.corrections))
        if not made.report.train:
            from core.dataset import nothing

            raise Problem(
                nothing.left_out(made.report),
                advice=_("See what each parameter leaves with: sinsonte recipe preview"),
            )
        with workspace.store.write() as change:
            if participants.promises(change) != promised:
                raise Problem(
                    _("meanwhile somebody was forgotten, or their consent changed."), advice=_("Build it again.")
                )
            counts = json.dumps({**asdict(made.report), SEEN: seen})
            datasets.finish(change, number, digest.hexdigest()[:16], counts, name)
    except BaseException:  # whatever it was, half a dataset is of no use to anybody
        with workspace.store.write() as change:
            datasets.discard(change, number)
        raise
    return named(workspace, name)


def _told(example: Example) -> tuple[object, ...]:
    """What of an example is the same on every machine that has the same messages, decisions and recipe."""
    return (
        example.side.value,
        example.conversation,
        [(line.role.value, line.name, line.text, line.trained, line.messages) for line in example.lines],
    )


def build_anew(workspace: Workspace, name: str) -> DatasetRow:
    """The dataset of this name if it is what the recipe gives now; else a new one, numbered."""
    from core.workspace import recipe

    now = recipe.current(workspace).hash
    for row in listing(workspace):
        if row.name.partition("-")[0] == name and row.recipe_hash == now:
            return row
    taken = {row.name for row in listing(workspace)}
    free = next(one for n in range(1, 10_000) if (one := name if n == 1 else f"{name}-{n}") not in taken)
    return build(workspace, free)


def check_name(workspace: Workspace, name: str) -> None:
    """A Problem unless a dataset may be given this name."""
    if any(row.name == name for row in listing(workspace)):
        raise Problem(_("there is a dataset “{name}” already.").format(name=name), advice=_("Choose another name."))
    from core.workspace import beginning, naming

    naming.must_be_fit(name)
    if name == beginning.CORRECTIONS or name.endswith(".jsonl"):
        raise Misuse(
            _("“{name}” cannot be the name of a dataset: `train start` understands something else by it.").format(
                name=name
            ),
            advice=_("Choose another name."),
        )


def listing(workspace: Workspace) -> list[DatasetRow]:
    """Every dataset, the newest first."""
    from core.store import datasets

    return [_row(one) for one in datasets.all_datasets(workspace.store)]


def named(workspace: Workspace, name: str) -> DatasetRow:
    """The dataset of this name."""
    rows = listing(workspace)
    for row in rows:
        if row.name == name:
            return row
    raise Misuse(
        _("there is no dataset “{name}”.").format(name=name),
        advice=_("There are: {names}.").format(names=", ".join(row.name for row in rows) or "—"),
    )


def _row(one: StoredDataset) -> DatasetRow:
    counts: dict[str, int] = json.loads(one.counts)
    return DatasetRow(
        id=one.id,
        name=one.name,
        train=int(counts.get("train", 0)),
        validation=int(counts.get("validation", 0)),
        recipe=json.loads(one.recipe),
        recipe_hash=one.recipe_hash,
        digest=one.digest,
        created_at=datetime.fromtimestamp(one.created_at, UTC).astimezone().isoformat(timespec="seconds"),
        counts=counts,
        tainted=one.tainted,
    )


def delete(workspace: Workspace, name: str) -> None:
    """Delete a dataset that no run and no model came from."""
    from core.store import datasets

    row = named(workspace, name)
    with workspace.store.write() as change:
        datasets.delete(change, row.id)


def example(workspace: Workspace, name: str, n: int) -> ExampleRow | None:
    """Example number `n` of a dataset; None if there is none."""
    from core.store import datasets

    row = named(workspace, name)
    for one in datasets.examples(workspace.store, row.id, n, 1):
        return ExampleRow(n, one.side, one.conversation, one.lines)
    return None


def examples(workspace: Workspace, name: str, side: str | None = None) -> Iterator[ExampleRow]:
    """The frozen examples in their order, numbered."""
    from core.store import datasets

    row = named(workspace, name)
    wanted = Side(side) if side else None
    numbers = datasets.numbers(workspace.store, row.id, wanted)
    for n, one in zip(numbers, datasets.examples(workspace.store, row.id, side=wanted), strict=True):
        yield ExampleRow(n, one.side, one.conversation, one.lines)


def as_examples(workspace: Workspace, name: str, side: Side | None = None) -> Iterator[Example]:
    """The frozen examples as the nouns that exports and runs take."""
    from core.store import datasets

    return datasets.examples(workspace.store, named(workspace, name).id, side=side)


def export(
    workspace: Workspace,
    name: str,
    format_: str,
    out: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """Write a dataset's files in a format; never over what is there unless `force`."""
    from core.dataset.export import writing
    from core.dataset.recipe import Recipe

    row = named(workspace, name)

    def so_far(done: int) -> None:
        if progress is not None:
            progress(done, row.train + row.validation)

    recipe = Recipe.from_dict(row.recipe)
    return writing.write(as_examples(workspace, name), recipe, out, format_, force=force, progress=so_far)


def formats() -> list[tuple[str, str]]:
    """The formats of an export, each with what one line of it is."""
    from core.dataset.export.writing import FORMATS

    return [(one.name, _(one.help)) for one in FORMATS.values() if one.name != "run"]


def held_out_prompt(workspace: Workspace, name: str) -> str:
    """What was last said to the persona in a held-out example: a question that training never saw."""
    for row in examples(workspace, name, "validation"):
        asked = [line.text for line in row.lines if line.role is Role.USER]
        if asked and "?" in asked[-1]:
            return asked[-1].splitlines()[-1]
    return "¿Cómo va todo?"
