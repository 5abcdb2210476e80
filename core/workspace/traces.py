"""Where a person's words went besides the messages: corrections, talks, the pairs that runs were trained on, and the
models that came of all these.

In: the person's messages. Out: numbers and names, for `people.forget` to remove, mark or tell. Datasets know which
messages they hold; talks and corrections know nothing but words, so they are found by their words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from core.cleaning.traces import Traces
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.store.runs import StoredRun
    from core.workspace.corrections import CorrectionRow

SIDES: Final = ("train.jsonl", "validation.jsonl")
_START: Final = "start"  # in a run folder: the adapter that was taken further


@dataclass(frozen=True, slots=True)
class Found:
    """What holds a person's words, or learnt from them."""

    corrections: tuple[int, ...]
    lineage: bytes  # the stable ids of these corrections, 10 bytes each, by which datasets know them
    talks: tuple[int, ...]
    runs: tuple[str, ...]  # trained on pairs or files, not on a dataset


def find(workspace: Workspace, names: Sequence[int], uids: bytes) -> Found:
    """Look through everything that knows words alone; nothing is read where there is nothing to look through."""
    from core.store import datasets, messages, runs, talks
    from core.store.intake import UID
    from core.workspace import corrections

    store = workspace.store
    made = corrections.listing(workspace)
    loose = [one for one in runs.all_runs(store) if one.dataset_id is None]
    said = list(talks.every_word(store))
    if not (made or loose or said):
        return Found((), b"", (), ())
    # As they were written, and as datasets have them: masked, edited, several messages in one turn.
    traces = Traces([*messages.only_of(store, names), *datasets.lines_with(store, uids)])
    ids = {uids[at : at + UID].hex() for at in range(0, len(uids), UID)}

    def theirs(row: CorrectionRow) -> bool:
        return any(uid in ids for of in row.lineage for uid in of) or any(
            map(traces.within, (row.chosen, row.rejected, *(one["content"] for one in row.prompt)))
        )

    doomed = [row for row in made if theirs(row)]
    return Found(
        tuple(row.id for row in doomed),
        b"".join(bytes.fromhex(row.uid) for row in doomed),
        tuple(dict.fromkeys(talk for talk, text in said if traces.within(text))),
        tuple(one.id for one in loose if _learnt(workspace.folder / one.folder, traces)),
    )


def models_of(workspace: Workspace, datasets: Iterable[int], runs: Iterable[str], bases: Iterable[str]) -> list[str]:
    """The models that came of these datasets, runs and bases, with those that were tuned further from them."""
    from core.store import models
    from core.store import runs as stored_runs

    of_datasets, of_runs, found = set(datasets), set(runs), dict.fromkeys(bases)
    every = list(reversed(models.all_models(workspace.store)))  # a model is younger than what it was made from
    folders = {one.id: one for one in stored_runs.all_runs(workspace.store)}
    marks: set[str] = set()
    for one in every:
        start = _mark_in(workspace, folders.get(one.run_id or ""))
        if one.name in found or one.dataset_id in of_datasets or one.run_id in of_runs or one.base in found or (
            start and start in marks
        ):  # fmt: skip
            found[one.name] = None
            marks.add(str(json.loads(one.details).get("fingerprint", "")))
    return list(found)


def _mark_in(workspace: Workspace, run: StoredRun | None) -> str:
    """The mark of the adapter that a run took further, of which it has a copy."""
    if run is None:
        return ""
    try:
        told: Any = json.loads((workspace.folder / run.folder / _START / "sinsonte.json").read_bytes())
    except (OSError, ValueError):
        return ""
    return str(cast("dict[str, Any]", told).get("fingerprint", "")) if isinstance(told, dict) else ""


def _learnt(folder: Path, traces: Traces) -> bool:
    return any(traces.within(text) for side in SIDES for text in _texts(folder / side))


def _texts(path: Path) -> Iterator[str]:
    """What is said in a file of rendered examples or pairs; a line that is neither says nothing."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            yield from _contents(json.loads(line))
        except ValueError:
            continue


def _contents(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for key, value in cast("dict[str, Any]", told).items():
            if key == "content" and isinstance(value, str):
                yield value
            else:
                yield from _contents(value)
    elif isinstance(told, list):
        for one in cast("list[Any]", told):
            yield from _contents(one)
