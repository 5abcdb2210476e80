"""What a run would take, without running it: model and data are opened as for training, and one step is measured.

In: a run folder with job.json and examples. Out: the `plan` event that a training tells too. Nothing is written there.
"""

# pyright: basic

from __future__ import annotations

from pathlib import Path

from core.engine.together import Together
from core.engine.work import open_work
from core.training import job as jobs
from core.training.events import Log


def plan(folder: Path, log: Log) -> None:
    """Tell the plan."""
    open_work(folder, jobs.read(folder), log, Together())
