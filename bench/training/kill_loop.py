"""Kill -9 at chance moments, resume, and again: the adapter must come out as if nothing had happened.

    python -m bench.training.kill_loop [--kills 100] [--steps 120] [--forked]

A run is started by the real backend (or, `--forked`, as a copy of this process that has imported everything already: a
kill then costs a second and not ten, and none comes while it wakes up); a worker is killed at a moment drawn anew each
time (while it wakes up, between steps, in the middle of a checkpoint), until so many kills have happened over however
many runs that takes. Every run that finishes is compared by SHA-256 with the one that was left alone.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

from core import training
from core.training import events, process
from core.training.backends import local
from core.training.events import Reader
from core.training.states import State
from tests import tiny


def sha(run: Path) -> str:
    return hashlib.sha256((run / "adapter/adapter_model.safetensors").read_bytes()).hexdigest()


def begin(run: Path, *, forked: bool) -> process.Process:
    """Start the run, or go on with it."""
    if not forked:
        training.start(run)
    else:
        child = os.fork()
        if not child:
            from core.engine.__main__ import main as engine

            os.setsid()
            os.dup2(os.open(run / local.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
            os._exit(engine(["train", str(run)]))
        process.write(run, process.of(child))
    worker = process.read(run)
    assert worker is not None
    return worker


def settle(run: Path, worker: process.Process, chance: random.Random, *, forked: bool) -> bool:
    """Wait for a moment drawn by chance, then kill; says whether the kill hit a living worker. One kill in seven comes
    while it wakes up, three while a checkpoint lies there half-written, the others anywhere between steps."""
    kind = chance.random()
    target = training.state(run).step + chance.randint(1, 12)
    delay = chance.random()
    if kind < 0.15 and not forked:
        time.sleep(4 * delay)
    else:
        reader = Reader(run / events.FILE, (run / events.FILE).stat().st_size if (run / events.FILE).exists() else 0)
        while worker.alive() and not any(
            event.kind in ("checkpoint", "step") and event.fields["step"] >= target for event in reader.read()
        ):
            time.sleep(0.002)
        if kind < 0.6:
            while worker.alive() and not any((run / "checkpoints").glob(".step-*")):
                pass  # it lies there for milliseconds
        else:
            time.sleep(0.05 * delay)
    hit = local.kill(run)
    while worker.alive():
        time.sleep(0.002)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(worker.pid, 0)
    return hit


def main() -> None:
    """Kill until there were enough."""
    words = argparse.ArgumentParser()
    words.add_argument("--kills", type=int, default=100)
    words.add_argument("--steps", type=int, default=120)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--forked", action="store_true")
    told = words.parse_args()
    os.environ |= local.environment()
    if told.forked:
        tiny.tiny()  # made by a process of its own, before this one has torch in it
        import core.engine.trainer  # noqa: F401
    chance = random.Random(told.seed)
    with tempfile.TemporaryDirectory() as place:
        alone = tiny.prepare(Path(place) / "alone", steps=told.steps, checkpoint_every=3)
        training.start(alone)
        for _event in training.follow(alone, every=0.02):
            pass
        wanted = sha(alone)
        kills = runs = torn = 0
        while kills < told.kills:
            run = tiny.prepare(Path(place) / f"run{runs}", steps=told.steps, checkpoint_every=3)
            while True:
                worker = begin(run, forked=told.forked)
                hit = settle(run, worker, chance, forked=told.forked)
                kills += hit
                torn += hit and any((run / "checkpoints").glob(".step-*"))
                now = training.state(run)
                print(
                    f"kill {kills} ({torn} torn): {now.state.value}, step {now.step}, attempt {now.attempt}",
                    flush=True,
                )
                if now.state is State.SUCCEEDED:
                    break
                assert now.interrupted and now.resumable, now
                if kills >= told.kills:
                    begin(run, forked=told.forked)
                    for _event in training.follow(run, every=0.05):
                        pass
                    break
            assert training.state(run).state is State.SUCCEEDED, training.state(run)
            assert sha(run) == wanted, f"run {runs} came out differently after its kills"
            shutil.rmtree(run)
            runs += 1
        print(f"{kills} kills over {runs} runs, {torn} inside a checkpoint's writing: every adapter is {wanted[:16]}…")


if __name__ == "__main__":
    main()
