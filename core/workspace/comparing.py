"""Runs beside each other: what they came to, and in which settings they differ. The screen and its twin ask here.

In: the ids of runs. Out: for each its curves, its best held-out loss, and those of its options that not all of them share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.language import _
from core.problem import Misuse
from core.workspace import runs
from core.workspace.opening import Workspace
from core.workspace.run_logs import Curves
from core.workspace.runs import RunRow

MOST: Final = 26  # there are no more letters


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the runs."""

    letter: str
    run: RunRow
    curves: Curves
    differs: Mapping[str, str]  # what not all of them share

    @property
    def best(self) -> float | None:
        """The lowest held-out loss."""
        return self.curves["validation"].best

    @property
    def best_step(self) -> float | None:
        """The step at which it was lowest."""
        curve = self.curves["validation"]
        return None if self.best is None else curve.steps[curve.values.index(self.best)]

    @property
    def loss(self) -> float | None:
        """The newest training loss."""
        return self.curves["loss"].last

    @property
    def speed(self) -> float | None:
        """Tokens a second, the middle of all that was told."""
        told = sorted(self.curves["speed"].values)
        return told[len(told) // 2] if told else None

    @property
    def figures(self) -> dict[str, Any]:
        """What both the screen and `--json` show."""
        return {
            "id": self.run.id,
            "state": self.run.state,
            "step": self.run.step,
            "steps": self.run.steps,
            "best_validation_loss": self.best,
            "best_step": self.best_step,
            "loss": self.loss,
            "tokens_per_second": self.speed,
            "dataset": self.run.dataset,
            "base": self.run.base,
            "differs": dict(self.differs),
        }


def compared(workspace: Workspace, ids: Sequence[str], before: Sequence[Compared] = ()) -> list[Compared]:
    """The runs side by side; with what a look before gave, only what is new is read."""
    if len(set(ids)) < 2:
        raise Misuse(_("at least two runs are needed to compare."))
    if len(ids) > MOST:
        raise Misuse(_("at most {n} runs can be compared at once.").format(n=MOST))
    rows = [runs.look(workspace, run) for run in ids]
    told = [_settings(row) for row in rows]
    shared = {key for key in told[0] if all(one.get(key) == told[0][key] for one in told)}
    known = {one.run.id: one.curves for one in before}
    found: list[Compared] = []
    for n, (row, settings) in enumerate(zip(rows, told, strict=True)):
        curves = known.get(row.id) or Curves(row)
        curves.grow()
        differs = {key: value for key, value in settings.items() if key not in shared}
        found.append(Compared(chr(ord("a") + n), row, curves, differs))
    return found


def _settings(row: RunRow) -> dict[str, str]:
    options = {key: str(value) for key, value in row.options.items() if key not in ("base", runs.PAIRS)}
    return {"dataset": row.learns, "base": row.base, "on": row.backend, **options}
