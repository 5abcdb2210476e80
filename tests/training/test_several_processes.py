"""Two processes that learn together, started by torch's own launcher: the same learning as one, told by the first."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core import training
from core.training import process
from core.training.backends import local
from core.training.events import Event
from core.training.states import State
from tests import tiny

pytestmark = pytest.mark.timeout(600)


def trained(folder: Path, **settings: Any) -> list[Event]:
    """A run to its end."""
    run = tiny.prepare(folder, lora_dropout=0.0, precision="fp32", **settings)
    training.start(run)
    told = list(training.follow(run, every=0.1))
    assert training.state(run).state is State.SUCCEEDED, (told[-2:], (run / "worker.log").read_text()[-3000:])
    return told


def losses(told: list[Event], kind: str) -> list[float]:
    return [event.fields["loss"] for event in told if event.kind == kind]


def plan(told: list[Event]) -> dict[str, Any]:
    return dict(next(event.fields for event in told if event.kind == "plan"))


STEPS = 30  # a pause that is asked for at the first checkpoint comes before the end


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return trained(tmp_path_factory.mktemp("alone"), steps=STEPS)


@dataclass(frozen=True)
class Pair:
    """A run of two processes that nobody disturbed."""

    run: Path
    told: list[Event]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    return Pair(folder, trained(folder, processes=2, steps=STEPS))


@pytest.mark.parametrize("sharding", ["none", "fsdp"])
def test_two_learn_what_one_would(tmp_path: Path, alone: list[Event], pair: Pair, sharding: str) -> None:
    told = pair.told if sharding == "none" else trained(tmp_path, processes=2, steps=STEPS, sharding=sharding)
    assert (plan(told)["processes"], plan(told)["sharding"]) == (2, sharding)
    assert losses(told, "validation") == pytest.approx(losses(alone, "validation"), rel=2e-3)
    assert [event.seq for event in told] == list(range(1, len(told) + 1)), "one process tells"
    same = ("steps", "tokens", "trained_tokens", "trainable", "targets")
    assert [plan(told)[key] for key in same] == [plan(alone)[key] for key in same]
    assert [e.fields["tokens"] for e in told if e.kind == "summary"] == [
        e.fields["tokens"] for e in alone if e.kind == "summary"
    ]


def test_a_full_tuning_in_parts_leaves_a_whole_model(tmp_path: Path) -> None:
    from safetensors import safe_open

    one = trained(tmp_path / "one", method="full", steps=4, learning_rate=1e-3)
    two = trained(tmp_path / "two", method="full", steps=4, learning_rate=1e-3, processes=2, sharding="fsdp")
    assert losses(two, "validation") == pytest.approx(losses(one, "validation"), rel=2e-3)
    shapes: list[dict[str, list[int]]] = []
    for name in ("one", "two"):
        with safe_open(tmp_path / name / "model" / "model.safetensors", "np") as file:
            shapes.append({key: file.get_slice(key).get_shape() for key in file.keys()})  # noqa: SIM118 - not a dict
    assert shapes[0] == shapes[1]


def test_a_pause_stops_both_at_one_step_and_they_go_on_to_the_same_bytes(tmp_path: Path, pair: Pair) -> None:
    run = tiny.prepare(tmp_path, processes=2, steps=STEPS, lora_dropout=0.0, precision="fp32")
    training.start(run)
    for event in training.follow(run, every=0.02):
        if event.kind == "checkpoint":
            assert training.pause(run)
            break
    assert [e.fields["state"] for e in training.follow(run, every=0.1) if e.kind == "end"] == ["paused"]
    training.resume(run)
    assert [*training.follow(run, every=0.1)][-1].fields == {"state": "succeeded"}
    assert sha(run) == sha(pair.run)


def sha(run: Path) -> str:
    return hashlib.sha256((run / "adapter/adapter_model.safetensors").read_bytes()).hexdigest()


def test_what_the_other_process_dies_of_is_told_by_the_first(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path, processes=2, steps=100_000)
    training.start(run)
    for event in training.follow(run, every=0.05):
        if event.kind == "step":
            break
    told = process.read(run)
    assert told
    launcher = int(Path(f"/proc/{told.pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    (other,) = [int(one) for one in children if int(one) != told.pid and _trains(int(one))]
    Path(f"/proc/{other}/oom_score_adj").read_text()  # it is a process of ours
    import os
    import signal

    os.kill(other, signal.SIGKILL)
    worker = process.read(run)
    while worker and worker.alive():
        time.sleep(0.05)
    now = training.state(run)
    assert (now.state, now.resumable) == (State.FAILED, True)
    assert now.cause == "processes"
    local.kill(run)
    assert json.loads((run / "process.json").read_text())


def _trains(pid: int) -> bool:
    return b"core.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
