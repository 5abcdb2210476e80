"""The state of a run is what its log and its process say together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from core import training
from core.problem import Problem
from core.training import process
from core.training.events import Writer
from core.training.runs import RunState
from core.training.states import RESUMABLE, TERMINAL, State, may_follow


@pytest.fixture
def dead() -> process.Process:
    worker = subprocess.Popen([sys.executable, "-c", ""])
    told = process.of(worker.pid)
    worker.wait()
    return told


def log(folder: Path, *events: tuple[str, Mapping[str, object]]) -> None:
    with Writer(folder / "events.jsonl") as writer:
        for kind, fields in events:
            writer.write(kind, **fields)


def test_no_state_leads_out_of_success_and_every_other_end_can_be_taken_up_again() -> None:
    assert not any(may_follow(State.SUCCEEDED, later) for later in State if later is not State.SUCCEEDED)
    assert all(may_follow(state, State.RUNNING) for state in RESUMABLE)
    assert all(may_follow(State.RUNNING, state) for state in TERMINAL)


def test_a_folder_nobody_started_is_prepared(tmp_path: Path) -> None:
    assert training.state(tmp_path) == RunState()


def test_a_worker_that_vanished_without_a_word_is_interrupted_and_can_be_resumed(
    tmp_path: Path, dead: process.Process
) -> None:
    log(tmp_path, ("state", {"state": "running"}), ("step", {"step": 3, "loss": 1.0}))
    process.write(tmp_path, dead)
    now = training.state(tmp_path)
    assert (now.state, now.interrupted, now.resumable, now.step, now.pid) == (State.FAILED, True, True, 3, 0)
    assert now.cause == "interrupted"
    assert now.advice


def test_a_worker_that_died_before_its_first_word_is_seen_too(tmp_path: Path, dead: process.Process) -> None:
    process.write(tmp_path, dead)
    assert training.state(tmp_path).interrupted


def test_a_worker_that_went_without_a_word_after_it_was_asked_to_did_as_it_was_asked(
    tmp_path: Path, dead: process.Process
) -> None:
    process.write(tmp_path, dead)
    for wish, state in (("pause", State.PAUSED), ("cancel", State.CANCELLED)):
        (tmp_path / "wish").write_text(wish)
        now = training.state(tmp_path)
        assert (now.state, now.interrupted, now.resumable) == (state, False, True)


def test_the_number_of_another_process_is_not_mistaken_for_the_worker(tmp_path: Path) -> None:
    me = process.of(os.getpid())
    assert me.alive()
    other = process.Process(me.pid, me.started - 1, me.host, me.boot)
    assert not other.alive(), "same number, another start: another process"
    process.write(tmp_path, other)
    log(tmp_path, ("state", {"state": "running"}))
    assert training.state(tmp_path).interrupted


def test_a_worker_on_another_machine_is_believed(tmp_path: Path) -> None:
    process.write(tmp_path, process.Process(1, 1, "elsewhere", "another boot"))
    log(tmp_path, ("state", {"state": "running"}))
    now = training.state(tmp_path)
    assert (now.state, now.interrupted) == (State.RUNNING, False)


def test_a_worker_of_before_a_restart_of_this_machine_is_gone(tmp_path: Path) -> None:
    me = process.of(os.getpid())
    process.write(tmp_path, process.Process(me.pid, me.started, me.host, "the boot before"))
    log(tmp_path, ("state", {"state": "running"}), ("step", {"step": 3}))
    now = training.state(tmp_path)
    assert (now.state, now.interrupted, now.resumable) == (State.FAILED, True, True)


def test_the_heartbeat_tells_of_a_worker_on_another_machine(tmp_path: Path) -> None:
    process.write(tmp_path, process.Process(1, 1, "elsewhere", "another boot"))
    log(tmp_path, ("state", {"state": "running"}))
    (tmp_path / process.HEARTBEAT).touch()
    now = training.state(tmp_path)
    assert (now.state, now.where, now.resumable) == (State.RUNNING, "elsewhere", False)
    with pytest.raises(Problem, match="already has a worker"):
        (tmp_path / "train.jsonl").touch()
        training.start(tmp_path)
    assert training.pause(tmp_path), "no signal gets there, the file does"
    assert training.state(tmp_path).state is State.PAUSING
    long_ago = time.time() - process.SILENT_AFTER - 10
    (tmp_path / "wish").unlink()
    os.utime(tmp_path / process.HEARTBEAT, (long_ago, long_ago))
    assert training.state(tmp_path).interrupted
    assert training.pause(tmp_path) is False


def test_a_worker_takes_a_wish_that_came_without_a_signal(tmp_path: Path) -> None:
    program = """
import os, pathlib, signal, sys, time
from core.training import process
folder = pathlib.Path(sys.argv[1])
process.write(folder, process.of(os.getpid()))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
process.beat(folder, every=0.01)
time.sleep(60)
"""
    worker = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    while not (tmp_path / process.HEARTBEAT).exists():
        time.sleep(0.01)
    (tmp_path / "wish").write_text("pause")
    assert worker.wait() == 7


def test_what_is_not_known_of_a_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "place.json").write_text('{"backend": "moon"}')
    with pytest.raises(Problem, match="moon"):
        training.state(tmp_path)
    (tmp_path / "place.json").write_text("[]")
    with pytest.raises(Problem, match=r"place\.json"):
        training.state(tmp_path)


def test_a_run_that_ended_stays_as_it_ended(tmp_path: Path, dead: process.Process) -> None:
    process.write(tmp_path, dead)
    problem = {"cause": "memory", "text": "Memory ran out.", "advice": "Lower it."}
    log(tmp_path, ("state", {"state": "running"}), ("problem", problem), ("end", {"state": "failed"}))
    now = training.state(tmp_path)
    assert (now.state, now.cause, now.interrupted, now.resumable) == (State.FAILED, "memory", False, True)


def test_a_new_attempt_forgets_the_old_problem(tmp_path: Path) -> None:
    log(tmp_path, ("problem", {"cause": "disk", "text": "x", "advice": "y"}), ("end", {"state": "failed"}))
    log(tmp_path, ("state", {"state": "running"}), ("end", {"state": "succeeded"}))
    now = training.state(tmp_path)
    assert (now.state, now.attempt, now.cause, now.resumable) == (State.SUCCEEDED, 2, "", False)


def test_taking_an_event_in_twice_changes_nothing(tmp_path: Path) -> None:
    log(tmp_path, ("state", {"state": "running"}), ("plan", {"steps": 9}), ("step", {"step": 4, "loss": 0.5}))
    events = list(training.follow(tmp_path))
    once, twice = RunState(), RunState()
    for event in events:
        once = once.after(event)
        twice = twice.after(event).after(event)
    assert once == twice
    assert (once.steps, once.step, once.loss) == (9, 4, 0.5)


def test_events_with_nonsense_in_them_do_not_break_the_state(tmp_path: Path) -> None:
    log(tmp_path, ("state", {"state": "dancing"}), ("plan", {"steps": "many"}), ("step", {"step": None, "loss": "low"}))
    assert training.state(tmp_path).steps == 0


def test_following_goes_on_from_where_one_was(tmp_path: Path) -> None:
    log(tmp_path, ("state", {"state": "running"}), ("step", {"step": 1}), ("end", {"state": "paused"}))
    log(tmp_path, ("state", {"state": "running"}), ("end", {"state": "succeeded"}))
    assert [e.seq for e in training.follow(tmp_path)] == [1, 2, 3, 4, 5]
    assert [e.seq for e in training.follow(tmp_path, since=3)] == [4, 5]


def test_a_paused_run_without_a_worker_can_be_cancelled(tmp_path: Path, dead: process.Process) -> None:
    process.write(tmp_path, dead)
    log(tmp_path, ("state", {"state": "running"}), ("end", {"state": "paused"}))
    assert training.cancel(tmp_path)
    assert training.state(tmp_path).state is State.CANCELLED
    assert not training.cancel(tmp_path), "it was over"


def test_what_cannot_be_started_or_resumed_says_why(tmp_path: Path) -> None:
    training.prepare(tmp_path, training.Job(base="mini"))
    with pytest.raises(Problem, match=r"train\.jsonl"):
        training.start(tmp_path)
    with pytest.raises(Problem, match="cannot be resumed"):
        training.resume(tmp_path)
    assert training.pause(tmp_path) is False


def test_a_worker_gets_no_secrets() -> None:
    from core.training.backends.local import environment

    given = {
        "OPENAI_API_KEY": "s", "HF_TOKEN": "s", "AWS_SECRET_ACCESS_KEY": "s", "DB_PASSWORD": "s", "GITHUB_PAT": "s",
        "PATH": "/bin", "LANG": "es_AR.UTF-8", "SINSONTE_TELEGRAM_TOKEN": "s",
    }  # fmt: skip
    told = environment(given=given)
    assert "s" not in told.values()
    assert (told["PATH"], told["OMP_WAIT_POLICY"], told["HF_HUB_OFFLINE"]) == ("/bin", "PASSIVE", "1")
    assert environment(given=given, allow_download=True)["HF_TOKEN"] == "s", "a gated base was asked for"
