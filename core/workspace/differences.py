"""Comparing two frozen datasets: what their recipes differ in, and which examples only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.workspace import checks, datasets
from core.workspace.opening import Workspace

_SHOWN = 100  # examples of each sort whose words are shown


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One example that only one of both has, or that changed sides."""

    sort: Literal["removed", "added", "moved"]
    n: int  # its place in the dataset that has it
    words: str  # its reply


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two datasets share and what not."""

    name: str
    other: str
    same: int
    removed: int
    added: int
    moved: int
    recipe: Mapping[str, tuple[Any, Any]]
    rows: tuple[DifferenceRow, ...]


def compare(
    workspace: Workspace, name: str, other: str, progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Compare two datasets, example by example; `progress` gets examples read and to read, and may stop it."""
    told = checks.difference(workspace, name, other, progress)
    before, after = datasets.named(workspace, name).recipe, datasets.named(workspace, other).recipe
    rows = [
        *_rows(workspace, name, "removed", told.removed), *_rows(workspace, other, "added", told.added),
        *_rows(workspace, name, "moved", told.moved),
    ]  # fmt: skip
    return Comparison(
        name, other, told.same, len(told.removed), len(told.added), len(told.moved),
        {
            key: (before.get(key), after.get(key))
            for key in {**before, **after}
            if before.get(key) != after.get(key)
        },
        tuple(rows),
    )  # fmt: skip


def _rows(
    workspace: Workspace, name: str, sort: Literal["removed", "added", "moved"], places: Sequence[int]
) -> list[DifferenceRow]:
    wanted = set(places[:_SHOWN])
    rows: list[DifferenceRow] = []
    if wanted:
        for place, one in enumerate(datasets.as_examples(workspace, name)):
            if place in wanted:
                rows.append(DifferenceRow(sort, place, one.lines[-1].text))
                if len(rows) == len(wanted):
                    break
    return rows
