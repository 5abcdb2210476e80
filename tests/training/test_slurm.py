"""Runs on a real Slurm of one node: handed in, followed, stopped, resumed, queued again at the time limit, refused."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from core import training
from core.problem import Misuse, Problem
from core.training import backends
from core.training.backends import slurm, slurm_script
from core.training.states import State
from tests import tiny
from tests.slurm import Slurm, until

pytestmark = [pytest.mark.timeout(400), pytest.mark.third_party("slurmctld"), pytest.mark.third_party("munged")]

# Stands in for the engine where a real time limit is waited for: it checkpoints when asked to, and ends the second time.
STAND_IN = """#!{python}
import os, pathlib, signal, sys, time
sys.path[:0] = {paths}
from core.training import process
from core.training.events import FILE, Writer
folder = pathlib.Path(sys.argv[-1])
stops = []
signal.signal(signal.SIGTERM, lambda *_: stops.append(1))
process.write(folder, process.of(os.getpid()))
with Writer(folder / FILE) as log:
    log.write("state", state="running")
    while not stops and log.attempt == 1:
        time.sleep(0.05)
    if not (folder / "slow").exists():
        (folder / "checkpoints" / f"step-{{log.attempt:06d}}").mkdir(parents=True)
    log.write("end", state="paused" if stops else "succeeded")
"""


def stand_in(folder: Path) -> Path:
    python = folder / "python"
    python.write_text(STAND_IN.format(python=sys.executable, paths=repr([str(Path(training.__file__).parents[2])])))
    python.chmod(0o700)
    return python


def handed_in(run: Path, **profile: Any) -> Path:
    backends.put(run, "slurm", profile=profile)
    training.start(run)
    return run


def sha(run: Path) -> str:
    return hashlib.sha256((run / "adapter/adapter_model.safetensors").read_bytes()).hexdigest()


def test_a_run_is_handed_in_stopped_and_resumed_to_the_same_adapter(cluster: Slurm, tmp_path: Path) -> None:
    whole = tiny.tuned()
    run = handed_in(tiny.prepare(tmp_path / "run"))
    number = backends.place(run)["job"]
    assert training.state(run).where.startswith(f"job {number}")
    stopped = False
    kinds: list[str] = []
    for event in training.follow(run, every=0.05):
        kinds.append(event.kind)
        if event.kind == "checkpoint" and not stopped:
            stopped = training.pause(run)
    assert stopped
    assert kinds[-1] == "end"
    now = training.state(run)
    assert (now.state, now.attempt, now.resumable) in ((State.PAUSED, 1, True), (State.SUCCEEDED, 1, False))
    if now.state is State.PAUSED:
        training.resume(run)
        assert backends.place(run)["job"] != number
        *_rest, last = training.follow(run, since=now.seq, every=0.05)
        assert last.fields["state"] == "succeeded"
    assert sha(run) == sha(whole.run)


def test_a_stop_that_nobody_wished_queues_the_run_again_and_it_ends_with_the_same_bytes(
    cluster: Slurm, tmp_path: Path
) -> None:
    whole = tiny.tuned()
    run = handed_in(tiny.prepare(tmp_path / "run"))
    number = str(backends.place(run)["job"])
    told = False
    attempts: set[int] = set()
    for event in training.follow(run, every=0.02):
        attempts.add(event.attempt)
        if event.kind == "checkpoint" and not told:
            told = True
            cluster.run("scancel", "--signal=TERM", "--batch", number)  # as Slurm does before the time limit
    now = training.state(run)
    assert now.state is State.SUCCEEDED
    assert str(backends.place(run)["job"]) == number, "the same job, by itself"
    assert sha(run) == sha(whole.run)
    if attempts == {1}:
        assert now.step == 12, "it was done before the word came"


def test_the_time_limit_itself_sends_the_word_and_the_job_comes_again(cluster: Slurm, tmp_path: Path) -> None:
    run = handed_in(tiny.prepare(tmp_path / "run", base="nobody"), time="1", warning=59, python=str(stand_in(tmp_path)))
    said: list[str] = []
    for event in training.follow(run, every=0.1):
        if not said:  # Slurm forgets a job seconds after its end
            assert "TimeLimit=00:01:00" in cluster.run("scontrol", "show", "job", str(backends.place(run)["job"]))
        if event.kind in ("state", "end"):
            said.append(str(event.fields["state"]))
    assert said == ["running", "paused", "running", "succeeded"]


def test_a_limit_shorter_than_the_way_to_a_checkpoint_does_not_queue_the_job_for_ever(
    cluster: Slurm, tmp_path: Path
) -> None:
    run = tiny.prepare(tmp_path / "run", base="nobody")
    (run / "slow").touch()
    (run / "checkpoints" / "step-000004").mkdir(parents=True)  # of the job before: this one adds nothing to it
    handed_in(run, python=str(stand_in(tmp_path)))
    number = str(backends.place(run)["job"])
    said: list[str] = []
    for event in training.follow(run, every=0.05):
        said.append(str(event.fields["state"]))
        if event.kind == "state":
            cluster.run("scancel", "--signal=TERM", "--batch", number)  # as Slurm does before the time limit
    assert said == ["running", "paused"]
    until(lambda: "before it got any further" in training.state(run).note, "what Slurm's script left")
    now = training.state(run)
    assert (now.state, now.attempt, now.resumable) == (State.PAUSED, 1, True)
    queued = cluster.run("squeue", "-h", "-t", "pending,running", "-o", "%i")
    assert number not in queued, "it was not queued again"


def test_a_job_that_waits_is_taken_out_of_the_queue(cluster: Slurm, tmp_path: Path) -> None:
    later = ("--begin=now+3600",)
    for stop, state in ((training.pause, State.PAUSED), (training.cancel, State.CANCELLED)):
        run = handed_in(tiny.prepare(tmp_path / state.value, base="nobody"), options=later)
        until(lambda run=run: training.state(run).state is State.QUEUED, "the queue")
        assert "BeginTime" in training.state(run).note
        assert stop(run)
        assert training.state(run).state is state
        assert str(backends.place(run)["job"]) not in cluster.run("squeue", "-h", "-o", "%i")


def test_a_job_that_ended_without_a_word_is_interrupted_and_slurm_says_how(cluster: Slurm, tmp_path: Path) -> None:
    run = handed_in(tiny.prepare(tmp_path / "run", base="nobody"), before=("exit 3",))
    list(training.follow(run, every=0.05))
    until(lambda: training.state(run).interrupted, "the end")
    now = training.state(run)
    assert (now.state, now.resumable) == (State.FAILED, True)
    assert now.note in ("Slurm says FAILED", "")


def test_a_slurm_that_refuses_gives_one_clear_word_and_a_record(cluster: Slurm, tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run", base="nobody")
    with pytest.raises(Problem, match=r"did not take the job.*nowhere") as caught:
        handed_in(run, partition="nowhere")
    assert "slurm.sh" in caught.value.advice
    now = training.state(run)
    assert (now.state, now.cause, now.resumable) == (State.FAILED, "rejected", True)
    assert [event.kind for event in training.follow(run)] == ["problem", "end"]


def test_a_slurm_that_does_not_answer_is_said_and_the_log_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slurm.conf").write_text("ClusterName=x\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=1\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    monkeypatch.setattr(slurm, "_PATIENCE", 0.5)
    run = tiny.prepare(tmp_path / "run", base="nobody")
    backends.put(run, "slurm", profile={}, job=7)
    now = training.state(run)
    assert (now.state, now.interrupted) == (State.PREPARED, False)
    assert "does not answer" in now.note
    monkeypatch.setenv("PATH", "/nowhere")
    slurm._kept.clear()  # pyright: ignore[reportPrivateUsage]
    assert "not on this machine" in training.state(run).note


def test_slurms_commands_without_a_cluster_are_told_from_a_job_that_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "fetch_config: DNS SRV lookup failed\nfatal: Could not establish a configuration source"  # Slurm 22.05
    (tmp_path / "sbatch").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    run = tiny.prepare(tmp_path / "run", base="nobody")
    with pytest.raises(Problem, match="no cluster answers"):
        handed_in(run)
    assert (training.state(run).state, training.state(run).cause) == (State.FAILED, "rejected")


def test_the_script_is_for_people_and_says_what_was_wished(tmp_path: Path) -> None:
    profile = slurm_script.profile_of(
        {
            "partition": "gpu", "gpus": "a100:2", "nodes": 2, "time": "1-0", "account": "my lab", "memory": "64G",
            "modules": ["cuda/12.6"], "environment": "HF_HOME=/scratch/with space", "options": ["--exclusive"],
        }
    )  # fmt: skip
    text = slurm_script.text(tmp_path, profile)
    for line in (
        "#SBATCH --partition=gpu", "#SBATCH --gpus-per-node=a100:2", "#SBATCH --nodes=2", "#SBATCH --time=1-0",
        "#SBATCH --account='my lab'", "#SBATCH --mem=64G", "#SBATCH --exclusive", "#SBATCH --signal=B:TERM@120",
        "module load cuda/12.6", "export 'HF_HOME=/scratch/with space'",
    ):  # fmt: skip
        assert line in text.splitlines()
    (start,) = [line for line in text.splitlines() if line.startswith("srun ")]
    assert "torch.distributed.run --nnodes 2 --nproc-per-node 2" in start
    assert '--node-rank "$SLURM_NODEID" --master-addr "$address" --master-port "$port"' in start
    assert "--cpus-per-task" not in start
    (start,) = [
        line
        for line in slurm_script.text(tmp_path, slurm_script.profile_of({"nodes": 2, "cpus": 8})).splitlines()
        if line.startswith("srun ")
    ]
    assert " --cpus-per-task=8 " in start, "since Slurm 22.05 a step does not ask the job for it"
    assert os.system(f"bash -n {tmp_path.joinpath('x').write_text(text) and tmp_path / 'x'}") == 0


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"partitoin": "x"}, "partitoin"),
        ({"nodes": "two"}, "nodes"),
        ({"nodes": 0}, "nodes"),
        ({"time": ["1"]}, "time"),
        ({"partition": "x\n#SBATCH --uid=0"}, "partition"),
        ({"environment": ["A=1\nrm -rf /"]}, "environment"),
        ({"modules": 7}, "modules"),
    ],
)
def test_a_profile_that_does_not_fit_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(Misuse, match=named):
        slurm_script.profile_of(values)
