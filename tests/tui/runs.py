"""Runs for the tests of their screens: folders with real logs, written by the real writer, and a worker that obeys."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import training
from core.store import runs
from core.training import process
from core.training.events import FILE, Writer
from core.workspace.opening import Workspace

# Stands in for the engine where only its manners matter: it takes steps until it is asked to stop, and says so.
OBEDIENT = """
import os, pathlib, signal, sys, time
from core.training import process
from core.training.backends import local
from core.training.events import FILE, Writer
folder = pathlib.Path(sys.argv[1])
stops = []
signal.signal(signal.SIGTERM, lambda *_: stops.append(1))
process.write(folder, process.of(os.getpid()))
with Writer(folder / FILE) as log:
    log.write("state", state="running")
    step = 0
    while not stops:
        step += 1
        log.write("step", step=step, steps=100000, loss=1 / step)
        time.sleep(0.01)
    log.write("end", state="cancelled" if local.read_wish(folder) == "cancel" else "paused")
"""


def a_run(workspace: Workspace, name: str = "1124-0900-aaaa", **options: Any) -> Path:
    """A run in the store and its folder, prepared and no more."""
    folder = workspace.folder / "runs" / name
    folder.mkdir(parents=True)
    training.prepare(folder, training.Job(base="mini"))
    (folder / "train.jsonl").touch()
    with workspace.store.write() as change:
        runs.create(
            change,
            runs.StoredRun(
                id=name, dataset_id=None, backend="local", base="mini", state="running",
                folder=folder.relative_to(workspace.folder).as_posix(), options=json.dumps(options),
            ),
        )  # fmt: skip
    return folder


def is_alive(folder: Path) -> None:
    """As if this process were the run's worker."""
    process.write(folder, process.of(os.getpid()))


def learn(folder: Path, steps: int, of: int, end: str = "", more: Mapping[str, str] | None = None) -> None:
    """A log as the engine writes it: a curve, validations, a sample and a checkpoint every hundred steps."""
    with Writer(folder / FILE) as log:
        log.write("state", state="running")
        log.write("plan", steps=of, examples=1200, tokens=99_000, trained_tokens=30_000)
        for step in range(steps + 1):
            if step:
                log.write(
                    "step", step=step, steps=of, loss=round(0.4 + 4 * math.exp(-step / 60), 4), lr=2e-4 * (1 - step / of),
                    grad_norm=0.5, tokens_per_second=900.0, memory_bytes=812e6, eta_seconds=(of - step) * 0.3,
                )  # fmt: skip
            if step % 50 == 0:
                log.write("validation", step=step, loss=round(0.6 + 3.5 * math.exp(-step / 70), 4), perplexity=2.2)
            if step and step % 100 == 0:
                log.write("sample", step=step, **(more or {"prompt": "¿venís mañana?", "reply": "nah, tranqui 🥹"}))
                log.write("checkpoint", step=step, path=f"checkpoints/step-{step:06d}")
        if end:
            log.write("end", state=end)


def obedient(folder: Path) -> subprocess.Popen[bytes]:
    """A worker that goes on until it is asked to stop."""
    worker = subprocess.Popen([sys.executable, "-c", OBEDIENT, str(folder)])
    while not (folder / FILE).exists():
        pass
    return worker
