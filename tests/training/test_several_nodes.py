"""Runs over several nodes of a real Slurm: one launcher a node, the first of them writes, and nothing is lost.

The nodes are two daemons on this machine, and their processes meet on the loopback address: Slurm's part and torch's are
those of a real cluster, its network is not.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import training
from core.training import backends
from core.training.events import Event
from core.training.states import State
from tests import slurm, tiny
from tests.slurm import Slurm, until

pytestmark = [pytest.mark.timeout(900), pytest.mark.third_party("slurmctld"), pytest.mark.third_party("munged")]

STEPS = 60  # a stop that is asked for at the first checkpoint comes before the end


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Slurm]:
    with slurm.started(nodes=2) as made:
        yield made


@pytest.fixture
def nodes(two_nodes: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """The cluster, found by this test's commands."""
    monkeypatch.setenv("SLURM_CONF", str(two_nodes.conf))
    return two_nodes


def prepared(folder: Path, **settings: Any) -> Path:
    return tiny.prepare(folder, lora_dropout=0.0, precision="fp32", steps=STEPS, **settings)


def on_both(run: Path) -> Path:
    backends.put(run, "slurm", profile={"nodes": 2})
    training.start(run)
    return run


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two processes on this machine, which nobody disturbed: whole bases, and a base in parts."""
    made: dict[str, Path] = {}
    for sharding in ("none", "fsdp"):
        run = made[sharding] = prepared(tmp_path_factory.mktemp(sharding), processes=2, sharding=sharding)
        training.start(run)
        told = [*training.follow(run, every=0.1)]
        assert training.state(run).state is State.SUCCEEDED, told[-2:]
    return made


def sha(run: Path) -> str:
    return hashlib.sha256((run / "adapter/adapter_model.safetensors").read_bytes()).hexdigest()


def said(told: list[Event]) -> list[str]:
    return [str(event.fields["state"]) for event in told if event.kind in ("state", "end")]


def why(run: Path) -> str:
    return (run / "worker.log").read_text(errors="replace")[-3000:]


def test_two_nodes_learn_what_two_processes_here_do_and_a_stop_queues_them_again(
    nodes: Slurm, here: dict[str, Path], tmp_path: Path
) -> None:
    run = on_both(prepared(tmp_path / "run"))
    number = str(backends.place(run)["job"])
    told: list[Event] = []
    stopped = False
    for event in training.follow(run, every=0.02):
        told.append(event)
        if event.kind == "checkpoint" and not stopped:
            stopped = True
            assert "n[1-2]" in training.state(run).where
            nodes.run("scancel", "--signal=TERM", "--batch", number)  # as Slurm does before the time limit
    assert said(told) == ["running", "pausing", "paused", "running", "succeeded"], why(run)
    assert str(backends.place(run)["job"]) == number, "the same job, by itself"
    assert [event.seq for event in told] == list(range(1, len(told) + 1)), "one process tells"
    assert {event.fields["processes"] for event in told if event.kind == "plan"} == {2}
    assert sha(run) == sha(here["none"])


def test_a_base_in_parts_on_two_nodes_is_paused_and_goes_on_to_the_same_bytes(
    nodes: Slurm, here: dict[str, Path], tmp_path: Path
) -> None:
    run = on_both(prepared(tmp_path / "run", sharding="fsdp"))
    told: list[Event] = []
    for event in training.follow(run, every=0.02):
        told.append(event)
        if event.kind == "checkpoint" and event.fields["step"] == 4:
            assert training.pause(run)
    assert said(told) == ["running", "pausing", "paused"], why(run)
    training.resume(run)
    told = [*training.follow(run, since=told[-1].seq, every=0.05)]
    assert said(told) == ["running", "succeeded"], why(run)
    assert {event.fields["sharding"] for event in told if event.kind == "plan"} == {"fsdp"}
    assert sha(run) == sha(here["fsdp"])


def test_a_stop_before_the_first_step_ends_all_of_them_and_a_cancel_is_one(nodes: Slurm, tmp_path: Path) -> None:
    run = on_both(prepared(tmp_path / "run"))
    told: list[Event] = []
    for event in training.follow(run, every=0.02):
        told.append(event)
        if event.kind == "state" and event.fields["state"] == "running":
            assert training.cancel(run)  # it imports torch now
    assert said(told)[-1] == "cancelled", why(run)
    assert training.state(run).resumable
    until(lambda: not nodes.run("squeue", "-h"), "an empty queue")
    assert not _processes_of(nodes, "n1") + _processes_of(nodes, "n2")


def test_a_process_that_dies_on_the_other_node_costs_the_steps_since_the_last_checkpoint(
    nodes: Slurm, here: dict[str, Path], tmp_path: Path
) -> None:
    run = on_both(prepared(tmp_path / "run"))
    number = str(backends.place(run)["job"])
    told: list[Event] = []
    died = False
    for event in training.follow(run, every=0.02):
        told.append(event)
        if event.kind == "checkpoint" and not died:
            died = True
            os.kill(next(one for one in _processes_of(nodes, "n2") if _learns(one)), signal.SIGKILL)
    assert said(told) == ["running", "failed", "running", "succeeded"], why(run)
    assert [event.fields["cause"] for event in told if event.kind == "problem"] == ["processes"]
    assert str(backends.place(run)["job"]) == number, "queued again by itself"
    assert sha(run) == sha(here["none"])


def _learns(number: int) -> bool:
    words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    return b"core.engine" in words and b"torch.distributed.run" not in words


def _processes_of(cluster: Slurm, node: str) -> list[int]:
    """What a node's daemon started, and who watches over it."""
    found: set[int] = set()
    marks = {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={cluster.conf}".encode()}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if marks <= {*(place / "environ").read_bytes().split(b"\0")}:
                found.add(int(place.name))
                parent = int((place / "stat").read_bytes().rpartition(b")")[2].split()[1])
                if b"slurmstepd" in Path(f"/proc/{parent}/cmdline").read_bytes():
                    found.add(parent)
        except OSError:
            continue  # it has gone meanwhile
    return sorted(found)
