"""Real runs by the real engine: what they leave, and that a kill changes nothing in the end."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest

from core import training
from core.training import process
from core.training.backends import local
from core.training.states import State
from tests import tiny

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_tells_its_story_in_order_and_leaves_an_adapter() -> None:
    done = tiny.tuned()
    kinds = [event.kind for event in done.events]
    assert kinds[0] == "state"
    assert kinds[-1] == "end"
    # Steps are told a few times a second: of quick ones the first told may come after a checkpoint.
    for kind in ("step", "checkpoint"):
        assert kinds.index("plan") < kinds.index(kind) < kinds.index("summary")
    assert [event.seq for event in done.events] == list(range(1, len(kinds) + 1))
    now = training.state(done.run)
    assert (now.state, now.step, now.steps, now.resumable, now.pid) == (State.SUCCEEDED, 12, 12, False, 0)
    plan = next(event.fields for event in done.events if event.kind == "plan")
    assert plan["examples"] == 40
    assert 0 < plan["trained_tokens"] < plan["tokens"]
    assert plan["end_trained"] is True
    first, *_rest, last = [event.fields["loss"] for event in done.events if event.kind == "validation"]
    assert last < first, "it learnt"
    assert (done.adapter / "adapter_model.safetensors").is_file()
    assert not list(done.run.rglob("*.bin")) + list(done.run.rglob("*.pt")), "no pickles"
    assert (done.run / "worker.log").read_text() == ""


def test_events_tell_speed_memory_and_the_voice_beside_what_was_really_said() -> None:
    events = tiny.tuned().events
    plan = next(event.fields for event in events if event.kind == "plan")
    steps = [event.fields for event in events if event.kind == "step"]
    for told in steps:
        assert 0 < told["trained_tokens_per_second"] < told["tokens_per_second"]
        assert told["memory_bytes"] > 50_000_000
        assert told["lr"] > 0 and told["grad_norm"] > 0 and told["eta_seconds"] >= 0
        assert "gpu_use" not in told or plan["gpu"]
    summary = next(event.fields for event in events if event.kind == "summary")
    last = steps[-1]
    assert (last["step"], last["tokens"], last["trained_tokens"]) == (12, summary["tokens"], summary["trained_tokens"])
    assert plan["predicted_memory_bytes"] > 50_000_000
    assert summary["peak_memory_bytes"] > 50_000_000
    if plan["gpu"] is None:
        assert (plan["predicted_kwh"], summary["kwh"]) == (None, None)
    samples = [event.fields for event in events if event.kind == "sample"]
    assert [one["step"] for one in samples] == [0, 0, 12, 12]
    held = [json.loads(line) for line in (tiny.tuned().run / "validation.jsonl").read_text().splitlines()]
    real = {(m[-2]["content"], m[-1]["content"]) for m in (one["messages"] for one in held)}
    assert {(one["prompt"], one["real"]) for one in samples} <= real
    checkpoint = next(event.fields for event in events if event.kind == "checkpoint")
    assert checkpoint["bytes"] > 1000 and checkpoint["seconds"] >= 0


def test_nothing_in_the_adapter_knows_where_it_was_made() -> None:
    done = tiny.tuned()
    for path in done.adapter.glob("*.json"):
        assert str(done.base.parent) not in path.read_text(encoding="utf-8"), path.name


def test_a_run_killed_without_warning_and_resumed_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = tiny.tuned()
    run = tiny.prepare(tmp_path / "run")
    training.start(run)
    worker = process.read(run)
    assert worker is not None
    for event in training.follow(run, every=0.01):
        if event.kind == "checkpoint":
            assert local.kill(run)
            break
    while worker.alive():
        time.sleep(0.01)
    now = training.state(run)
    assert (now.state, now.interrupted, now.resumable) == (State.FAILED, True, True)
    # A kill in the middle of a line and of a checkpoint, too.
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"attempt":1,"se')
    newest = sorted((run / "checkpoints").glob("step-*"))[-1]
    torn = newest.with_name("step-000999")
    shutil.copytree(newest, torn)
    with (torn / "weights.safetensors").open("r+b") as file:
        file.truncate(100)
    training.resume(run)
    events = list(training.follow(run, every=0.05))
    assert events[-1].kind == "end"
    assert max(event.attempt for event in events) == 2
    assert training.state(run).state is State.SUCCEEDED
    assert sha(run / "adapter/adapter_model.safetensors") == sha(whole.adapter / "adapter_model.safetensors")


def test_a_pause_is_taken_at_once_even_while_the_engine_is_still_waking_up(tmp_path: Path) -> None:
    run = tiny.prepare(tmp_path / "run")
    training.start(run)
    while not (run / "events.jsonl").exists():  # the handler stands before the log is opened
        time.sleep(0.01)
    assert training.pause(run)
    assert [e.fields["state"] for e in training.follow(run, every=0.05) if e.kind == "end"] == ["paused"]
    now = training.state(run)
    assert (now.state, now.resumable) == (State.PAUSED, True)
    assert json.loads((run / process.FILE).read_text())["pid"]
