"""What may befall a run folder from outside: two who resume at once, numbers used again, rubbish in the log, no disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core import training
from core.problem import Problem
from core.training import events, launching, process
from core.training.backends import local
from core.training.events import Reader, Writer
from core.training.history import History
from core.training.states import State
from tests import third_party, tiny

pytestmark = pytest.mark.timeout(600)


def sha(run: Path) -> str:
    return hashlib.sha256((run / "adapter/adapter_model.safetensors").read_bytes()).hexdigest()


def end(run: Path) -> None:
    local.kill(run)
    worker = process.read(run)
    while worker and worker.alive():
        time.sleep(0.01)


def test_of_two_who_resume_at_once_one_is_told_that_it_has_a_worker(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run", base="nobody")
    said: list[str] = []
    both = threading.Barrier(2)

    def resume() -> None:
        both.wait()
        try:
            training.start(run)
            said.append("started")
        except Problem as problem:
            said.append(problem.what)

    threads = [threading.Thread(target=resume) for _n in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    end(run)
    assert sorted(said) == ["This run already has a worker.", "started"]


def test_a_second_engine_on_the_same_folder_ends_and_leaves_the_first_its_name(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run", steps=100_000)
    training.start(run)
    for event in training.follow(run, every=0.05):
        if event.kind == "plan":
            break
    first = process.read(run)
    done = subprocess.run(
        launching.command("train", str(run)), env=local.environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Another process" in done.stderr) == (1, True), done.stderr
    assert process.read(run) == first, "whoever works on it is the one who can be asked"
    assert training.state(run).state is State.RUNNING
    assert training.pause(run)
    assert [event.fields for event in training.follow(run, every=0.05)][-1] == {"state": "paused"}


def test_a_paused_run_goes_on_where_it_was_moved_to(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run")
    training.start(run)
    for event in training.follow(run, every=0.02):
        if event.kind == "checkpoint":
            training.pause(run)
            break
    list(training.follow(run, every=0.05))
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    run.rename(moved)
    if training.state(moved).state is State.PAUSED:
        training.resume(moved)
        list(training.follow(moved, every=0.05))
    assert sha(moved) == sha(tiny.tuned().run)
    assert not run.exists()


def test_a_number_that_another_process_bears_now_is_no_worker(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run", base="nobody")
    with Writer(run / events.FILE) as log:
        log.write("state", state="running")
    me = process.of(os.getpid())
    for other in (replace(me, started=me.started - 1), replace(me, boot="an earlier one"), process.of(2**22 + 1)):
        process.write(run, other)
        now = training.state(run)
        assert (now.state, now.interrupted, now.resumable, now.pid) == (State.FAILED, True, True, 0)
        assert not training.pause(run)
        assert not local.kill(run), "nobody else is shot"
    process.write(run, me)
    assert training.state(run).state is State.RUNNING


@pytest.mark.parametrize(
    "rubbish",
    [
        b'{"attempt":1,"seq":4,"at":1,"kind":"st',
        b"\xff\x00" * 5000 + b"\n",
        b'{"attempt":1,"seq":-4,"at":1,"kind":"end","state":"succeeded"}\n',
        b"[" * 100_000 + b"\n",
        b"\n\n\n",
    ],
)
def test_rubbish_in_the_log_hides_nothing_around_it(tmp_path: Path, rubbish: bytes) -> None:
    run = tiny.prepare(tmp_path / "run", base="nobody")
    log = run / events.FILE
    with Writer(log) as writer:
        writer.write("state", state="running")
        writer.write("step", step=1, steps=9, loss=1.0)
    with log.open("ab") as file:
        file.write(rubbish)
    with Writer(log) as writer:
        writer.write("state", state="running")
        writer.write("step", step=2, steps=9, loss=0.5)
        writer.write("end", state="paused")
    with log.open("ab") as file:
        file.write(rubbish.rstrip(b"\n")[:300])  # and torn at the end
    assert [event.seq for event in Reader(log).read()] == [1, 2, 3, 4, 5]
    assert [event.seq for event in History(log).page(1, 10)] == [1, 2, 3, 4, 5]
    assert [event.seq for event in History(log).backwards()] == [5, 4, 3, 2, 1]
    now = training.state(run)
    assert (now.state, now.step, now.attempt, now.seq) == (State.PAUSED, 2, 2, 5)


def test_a_line_of_three_gigabytes_is_passed_over(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run", base="nobody")
    log = run / events.FILE
    with Writer(log) as writer:
        writer.write("state", state="running")
    with log.open("ab") as file:
        file.truncate(3 << 30)  # a hole: nothing of it lies on the disk
    with Writer(log) as writer:
        writer.write("end", state="paused")
    assert [event.kind for event in Reader(log).read()] == ["state", "end"]
    assert training.state(run).state is State.PAUSED
    assert History(log).count() == 2
    events.take_out_words(log)
    assert log.stat().st_size > 3 << 30


@contextmanager
def disk(place: Path, size: str) -> Generator[None]:
    """A disk of its own, as small as wanted."""
    if os.geteuid() != 0:
        third_party.missing("mount", "only root may mount a small disk")
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        third_party.missing("mount", done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_too_small_for_the_checkpoints_is_told_before_the_first_step(tmp_path: Path) -> None:
    base = str(tiny.tiny().base)
    with disk(tmp_path / "disk", "700k"):
        run = tiny.prepare(tmp_path / "disk" / "run", base=base, lora_rank=16)
        training.start(run)
        told = [*training.follow(run, every=0.05)]
        now = training.state(run)
        assert (now.state, now.cause, now.resumable) == (State.FAILED, "disk", True)
        assert "free" in now.problem and "keep_checkpoints" in now.advice
        assert not [event for event in told if event.kind == "step"]


def test_a_disk_that_fills_up_meanwhile_is_told_in_the_log_that_lies_on_it(tmp_path: Path) -> None:
    base = str(tiny.tiny().base)
    with disk(tmp_path / "disk", "8m"):
        run = tiny.prepare(tmp_path / "disk" / "run", base=base, steps=100_000, keep_checkpoints=1)
        training.start(run)
        for event in training.follow(run, every=0.02):
            if event.kind == "checkpoint":
                with pytest.raises(OSError, match="space"), (tmp_path / "disk" / "somebody's").open("wb", 0) as file:
                    while True:
                        file.write(b"0" * 4096)
                break
        list(training.follow(run, every=0.05))
        now = training.state(run)
        assert (now.state, now.resumable) == (State.FAILED, True)
        assert now.cause == "disk", (run / local.LOG).read_text()
        (tmp_path / "disk" / "somebody's").unlink()
        training.resume(run)
        for event in training.follow(run, since=now.seq, every=0.05):
            if event.kind == "step":
                assert event.fields["step"] > 4, "it goes on from its checkpoint"
                break
        end(run)


def test_a_disk_that_takes_nothing_any_more_is_one_word(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "8m"):
        run = tiny.prepare(tmp_path / "disk" / "run", base="nobody")
        with Writer(run / events.FILE) as log:
            log.write("end", state="paused")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        assert training.state(run).state is State.PAUSED, "it can be looked at"
        with pytest.raises(Problem, match="cannot be written to"):
            training.resume(run)


def test_a_worker_that_hears_no_signal_is_ended_by_kill_alone(tmp_path: Path) -> None:
    """A stopped process (^Z, a debugger) takes TERM when it goes on, and KILL at once."""
    run = tiny.prepare(tmp_path / "run", base="nobody")
    sleeper = subprocess.Popen(["sleep", "600"])
    process.write(run, process.of(sleeper.pid))
    sleeper.send_signal(signal.SIGSTOP)
    assert local.kill(run)
    assert sleeper.wait() == -signal.SIGKILL
    shutil.rmtree(run)
