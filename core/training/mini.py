"""The embedded toy model, from outside: building it is a job for the engine, in a process of its own.

In: a corpus file (one conversation a line, `{"voice": ..., "messages": [{"role", "content"}, ...]}`). Out: a model
folder, whole or not at all. Built once and kept by the caller: the same corpus, steps and seed give the same bytes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from core.language import _
from core.problem import Problem
from core.training.backends import local
from core.training.events import Event, parse

STEPS = 900


def build(
    corpus: Path,
    target: Path,
    progress: Callable[[Event], None] | None = None,
    *,
    steps: int = STEPS,
    seed: int = 0,
    threads: int = 0,
) -> Path:
    """Build the mini model in `target`, unless it is there already; `progress` gets events with step, steps and
    eta_seconds. Takes about 20 s on two quiet cores."""
    if (target / "model.safetensors").is_file() and (target / "config.json").is_file():
        return target
    words = ["mini", "--corpus", str(corpus.resolve()), "--to", str(target.resolve())]
    words += ["--steps", str(steps), "--seed", str(seed), "--threads", str(threads)]
    target.parent.mkdir(parents=True, exist_ok=True)
    answer(words, target.parent, progress)
    return target


def answer(words: list[str], folder: Path, progress: Callable[[Event], None] | None) -> Event | None:
    """Run the engine to its end, pass on the events that it prints, and raise the problem that it tells. Returns its
    summary, if it gave one. It does not outlive us: an engine that answers to nobody is stopped."""
    summary: Event | None = None
    problem: Event | None = None
    environment = local.environment()
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen(
            local.command(*words),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            pipe = worker.stdout
            for event in _events(pipe) if pipe else ():
                if event.kind == "summary":
                    summary = event
                elif event.kind == "problem":
                    problem = event
                if progress:
                    progress(event)
            code = worker.wait()
        finally:
            if worker.poll() is None:
                worker.terminate()
                worker.wait()
            if worker.stdout:
                worker.stdout.close()
        if problem is not None:
            raise Problem(str(problem.fields.get("text", "")), advice=str(problem.fields.get("advice", "")))
        if code:
            _keep(log, folder / local.LOG)
            raise Problem(
                _("The engine stopped without saying why."),
                advice=_("Its last words are in {file}.").format(file=local.LOG),
            )
    return summary


def _events(pipe: IO[bytes]):
    for line in pipe:
        if event := parse(line):
            yield event


def _keep(log: IO[bytes], path: Path) -> None:
    log.seek(0)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as kept:
        kept.write(log.read()[-100_000:])
