"""Kill -9 at chance moments, resume, and again: the adapter must come out as if nothing had happened.

    python -m bench.training.kill_loop [--kills 100] [--steps 60]

A run is started by the real backend; a worker is killed at a moment drawn anew each time (while it wakes up, between
steps, in the middle of a checkpoint), until so many kills have happened over however many runs that takes. Every run
that finishes is compared by SHA-256 with the one that was left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import tempfile
import time
from pathlib import Path

from core import training
from core.training import process
from core.training.backends import local
from core.training.states import State
from tests import tiny


def sha(run: Path) -> str:
    return hashlib.sha256((run / "adapter/adapter_model.safetensors").read_bytes()).hexdigest()


def settle(run: Path, worker: training.Process, seconds: float, *, writing: bool) -> bool:
    """Wait (and, `writing`, until a checkpoint lies there half-written), then kill; says whether the kill hit a living
    worker."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and worker.alive():
        time.sleep(0.005)
    while writing and worker.alive() and not any((run / "checkpoints").glob(".step-*")):
        pass  # it lies there for milliseconds
    hit = local.kill(run)
    while worker.alive():
        time.sleep(0.005)
    return hit


def main() -> None:
    """Kill until there were enough."""
    words = argparse.ArgumentParser()
    words.add_argument("--kills", type=int, default=100)
    words.add_argument("--steps", type=int, default=60)
    words.add_argument("--seed", type=int, default=0)
    told = words.parse_args()
    chance = random.Random(told.seed)
    with tempfile.TemporaryDirectory() as place:
        alone = tiny.prepare(Path(place) / "alone", steps=told.steps, checkpoint_every=3)
        began = time.monotonic()
        training.start(alone)
        first_step = 0.0
        for event in training.follow(alone, every=0.02):
            if event.kind == "plan":
                first_step = time.monotonic() - began
        lasts = time.monotonic() - began
        wanted = sha(alone)
        kills = runs = torn = 0
        while kills < told.kills:
            run = tiny.prepare(Path(place) / f"run{runs}", steps=told.steps, checkpoint_every=3)
            while True:
                if chance.random() < 0.8:  # most kills where it hurts: after the first step
                    moment = first_step + chance.random() * (lasts - first_step) * 0.6
                else:
                    moment = chance.random() * first_step
                training.start(run)
                worker = process.read(run)
                assert worker is not None
                writing = chance.random() < 0.3
                hit = settle(run, worker, moment, writing=writing)
                kills += hit
                torn += hit and any((run / "checkpoints").glob(".step-*"))
                now = training.state(run)
                print(
                    f"kill {kills} at {moment:.2f} s: {now.state.value}, step {now.step}, attempt {now.attempt}",
                    flush=True,
                )
                if now.state is State.SUCCEEDED:
                    break
                assert now.interrupted and now.resumable, now
                if kills >= told.kills or now.attempt > 6:
                    training.start(run)
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
