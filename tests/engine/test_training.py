"""The trainer in this process: repeatable to the bit, safe at every moment, and clear about what it cannot do."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from core.engine import __main__ as door
from core.engine import attention, dry_run, work
from core.engine.checkpoints import Checkpoints, Progress, is_whole
from core.engine.machine import this_machine
from core.engine.masking import Row
from core.engine.packing import Layout, plan
from core.problem import Problem
from core.training.events import Event, Reader, Writer
from tests import tiny
from tests.engine import models
from tests.engine.attempts import problem, run, sha
from tests.engine.test_packing import each_by_itself

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tiny.prepare(tmp_path_factory.mktemp("whole"))
    assert run(folder)[-1].fields == {"state": "succeeded"}
    return sha(folder)


def test_a_pause_at_every_step_changes_nothing_in_the_end(tmp_path: Path, whole: str) -> None:
    folder = tiny.prepare(tmp_path)
    for _attempt in range(3):
        calls = itertools.count()
        told = run(folder, lambda calls=calls: "pause" if next(calls) == 4 else "")
        assert [e.fields["state"] for e in told if e.kind == "end"] == ["paused"]
        steps = [e.fields["step"] for e in told if e.kind == "checkpoint"]
        assert steps, "it checkpointed before it stopped"
    assert run(folder)[-1].fields == {"state": "succeeded"}
    assert sha(folder) == whole


def test_a_training_through_a_kernel_learns_the_same_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a run but the kernel itself: validation, samples in between, a pause, recomputing, the result."""
    told: dict[str, list[Event]] = {}
    kernel = attention.Kernel("stand-in", each_by_itself)
    for name in ("mask", "varlen"):
        if name == "varlen":
            monkeypatch.setattr(attention, "installed", lambda _device, *, half: kernel)
        folder = tiny.prepare(tmp_path / name, precision="fp32", sample_every=6)
        calls = itertools.count()
        told[name] = run(folder, lambda calls=calls: "pause" if next(calls) == 7 else "") + run(folder)
        assert told[name][-1].fields == {"state": "succeeded"}
    plans = {name: next(e.fields for e in events if e.kind == "plan") for name, events in told.items()}
    assert [(plans[name]["packing"], plans[name]["attention"]) for name in told] == [
        ("mask", "sdpa"),
        ("varlen", "stand-in"),
    ]
    assert any("stand-in" in e.fields["text"] for e in told["varlen"] if e.kind == "log")
    mask, varlen = ([e.fields["loss"] for e in told[name] if e.kind == "validation"] for name in told)
    assert len(mask) == len(varlen) == 3
    assert mask == pytest.approx(varlen, rel=1e-4)
    config = (tmp_path / "varlen" / "adapter" / "adapter_config.json").read_text()
    assert attention.NAME not in config


class Crash(BaseException):
    """A kill: nothing may catch it."""


@pytest.mark.parametrize("nth", [1, 4, 9, 17])
def test_a_crash_at_any_write_leaves_something_that_goes_on_to_the_same_end(
    tmp_path: Path, whole: str, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    folder = tiny.prepare(tmp_path)
    writes = itertools.count(1)
    real = os.fsync

    def fsync(file: int) -> None:
        if next(writes) == nth:
            raise Crash
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Crash):
        run(folder)
    monkeypatch.setattr(os, "fsync", real)
    for left in (folder / "checkpoints").glob("step-*"):
        assert is_whole(left)
    assert run(folder)[-1].fields == {"state": "succeeded"}
    assert sha(folder) == whole
    assert not list((folder / "checkpoints").glob(".step-*"))


def test_gradients_in_pieces_and_recomputed_are_the_same_gradients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[float]] = []
    for name, needs in (("whole", dry_run.Needs(99, False, 0, 0.0)), ("pieces", dry_run.Needs(1, True, 0, 0.0))):
        monkeypatch.setattr(work, "measure", lambda *_given, needs=needs, **_named: _after(needs, _given[0]))
        # In bf16, which some processors choose, the pieces round otherwise than the whole.
        done = run(tiny.prepare(tmp_path / name, lora_dropout=0.0, steps=3, precision="fp32"))
        told.append([e.fields["loss"] for e in done if e.kind == "validation"])
    assert told[0] == pytest.approx(told[1], rel=1e-5)


def _after(needs: dry_run.Needs, model: Any) -> dry_run.Needs:
    if needs.recompute:
        dry_run.recompute(model)
    return needs


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(10_000, (4, False)), (3_500, (2, False)), (2_500, (1, False)), (1_200, (4, True)), (400, (1, True))],
)
def test_what_gives_first_is_the_number_of_pieces_then_speed(
    monkeypatch: pytest.MonkeyPatch, limit: int, expected: tuple[int, bool]
) -> None:
    class Model(torch.nn.Module):
        pass

    light: list[bool] = []
    monkeypatch.setattr(dry_run, "recompute", lambda _model: light.append(True))

    def peak(_model: object, _rows: object, groups: list[object], *_rest: object) -> tuple[int, float]:
        return ((100 + 200 * len(groups)) if light else (1000 + 1000 * len(groups))), 0.5

    monkeypatch.setattr(dry_run, "_peak", peak)
    rows = [Row((1,) * 200, (True,) * 200)] * 4
    cut = plan(rows, batch_size=4, context=512, seed=0)
    machine = this_machine(precision="fp32", threads=1)
    needs = dry_run.measure(Model(), rows, cut, Layout("mask", 256, 0), machine, half=False, limit=limit)
    assert (needs.bins_at_once, needs.recompute) == expected
    assert needs.peak_bytes <= limit
    light.clear()
    with pytest.raises(Problem, match="single step"):
        dry_run.measure(Model(), rows, cut, Layout("mask", 256, 0), machine, half=False, limit=100)


def test_a_measured_step_predicts_memory_and_time(tmp_path: Path) -> None:
    plan_ = next(e.fields for e in tiny.tuned().events if e.kind == "plan")
    assert plan_["predicted_memory_bytes"] > 0
    assert plan_["predicted_seconds"] > 0
    folder = tiny.prepare(tmp_path, memory_bytes=1)
    assert problem(run(folder))[0] == "memory", "it says so before the first step"


def test_a_checkpoint_that_was_tampered_with_is_passed_over(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "c")
    for step in (1, 2):
        kept.save(Progress(step, 1, False, "x"), {"w": torch.ones(3) * step}, {}, keep=5)
    with (tmp_path / "c/step-000002/weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    newest = kept.newest()
    assert newest
    assert newest.name == "step-000001"
    assert kept.load(newest)[1]["w"].tolist() == [1, 1, 1]


def test_the_best_checkpoint_is_kept_and_becomes_the_model(tmp_path: Path) -> None:
    # A rate far too high: the first validation is the best, and patience ends it.
    folder = tiny.prepare(
        tmp_path, learning_rate=0.5, warmup=0.0, steps=40, validate_every=1, patience=2, keep="best", clip=0.0
    )
    told = run(folder)
    validations = {e.fields["step"]: e.fields["loss"] for e in told if e.kind == "validation" and e.fields["step"]}
    summary = next(e.fields for e in told if e.kind == "summary")
    assert summary["best_step"] == min(validations, key=lambda step: validations[step])
    assert summary["step"] == summary["best_step"] + 2 < 40
    assert (folder / f"checkpoints/step-{summary['best_step']:06d}").is_dir()


def test_a_changed_recipe_cannot_be_passed_off_as_the_same_run(tmp_path: Path) -> None:
    folder = tiny.prepare(tmp_path, steps=4)
    calls = itertools.count()
    run(folder, lambda: "pause" if next(calls) == 3 else "")
    tiny.write_examples(folder / "train.jsonl", 41)
    assert problem(run(folder))[0] == "changed"


def test_a_loss_that_is_no_number_stops_the_run_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.engine import objectives

    real = objectives.losses
    calls = itertools.count()

    def losses(*given: Any, **named: Any) -> torch.Tensor:
        told = real(*given, **named)
        return told * float("nan") if next(calls) > 8 else told

    monkeypatch.setattr(objectives, "losses", losses)
    cause, text, advice = problem(run(tiny.prepare(tmp_path)))
    assert (cause, "step" in text, "learning rate" in advice) == ("diverged", True, True)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "memory"),
        (MemoryError(), "memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), "memory"),
        (OSError(28, "No space left on device"), "disk"),
        (ZeroDivisionError("secret words of a chat"), "unforeseen"),
    ],
)
def test_whatever_goes_wrong_is_one_problem_with_advice_and_no_contents(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], error: Exception, cause: str
) -> None:
    def work() -> str:
        raise error

    with Writer(tmp_path / "events.jsonl") as log:
        assert door.guarded(log, work) == 1
    told = list(Reader(tmp_path / "events.jsonl").read())
    assert problem(told)[0] == cause
    assert "secret" not in (tmp_path / "events.jsonl").read_text() + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("{", "train.jsonl:2"),
        ('{"messages": []}', "train.jsonl:2"),
        ('{"messages": [{"role": "x", "content": "y"}]}', ":2"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: str, where: str) -> None:
    folder = tiny.prepare(tmp_path)
    good = (folder / "train.jsonl").read_text().splitlines()[0]
    (folder / "train.jsonl").write_text(good + "\n" + line + "\n")
    cause, text, _advice = problem(run(folder))
    assert cause == "data"
    assert where in text


def test_nothing_to_learn_is_said_before_anything_is_tried(tmp_path: Path) -> None:
    folder = tiny.prepare(tmp_path)
    (folder / "train.jsonl").write_text(json.dumps({"messages": [{"role": "user", "content": "hola"}]}) + "\n")
    assert problem(run(folder))[0] == "no-trained-tokens"


@pytest.mark.parametrize("family", models.FAMILIES)
def test_every_family_learns_and_all_its_layers_are_adapted(family: str, tmp_path: Path) -> None:
    models.make(family, tmp_path / "base")
    folder = tiny.prepare(tmp_path / "run", base="../base", steps=6, learning_rate=0.02, validate_every=6)
    told = run(folder)
    assert told[-1].fields == {"state": "succeeded"}, told[-2]
    plan = next(e.fields for e in told if e.kind == "plan")
    expected = {
        "gpt2": {"c_attn", "c_proj", "c_fc"},
        "lfm2": {"q_proj", "k_proj", "v_proj", "out_proj", "w1", "w2", "w3", "in_proj"},
        "phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
    }.get(family, {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"})
    assert set(plan["targets"]) == expected
    assert plan["end_trained"]
    before, after = (e.fields["loss"] for e in told if e.kind == "validation")
    assert after < before
    assert plan["split_examples"] > 0 or family in ("gpt2", "llama", "mistral", "gemma3", "lfm2")


@pytest.mark.parametrize("family", models.FAMILIES)
def test_every_family_can_be_tuned_whole_and_opened_again(family: str, tmp_path: Path) -> None:
    from core.engine import loading

    models.make(family, tmp_path / "base")
    folder = tiny.prepare(
        tmp_path / "run", base="../base", method="full", steps=4, learning_rate=0.005, validate_every=4, sample_every=9
    )
    told = run(folder)
    assert told[-1].fields == {"state": "succeeded"}, told[-2]
    before, after = (e.fields["loss"] for e in told if e.kind == "validation")
    assert after < before
    assert loading.load_model(loading.find_base(str(folder / "model")), this_machine(threads=1))


def test_a_target_that_matches_nothing_is_an_error_that_names_what_there_is(tmp_path: Path) -> None:
    models.make("phi3", tmp_path / "base")
    folder = tiny.prepare(tmp_path / "run", base="../base", lora_targets=("q_proj", "o_proj"))
    cause, text, advice = problem(run(folder))
    assert cause == "target-modules"
    assert "q_proj" in text
    assert "o_proj" not in text
    assert "qkv_proj" in advice


def test_a_full_tuning_leaves_a_model_that_stands_alone(tmp_path: Path) -> None:
    from core.engine import loading
    from core.engine.machine import this_machine

    folder = tiny.prepare(tmp_path, method="full", steps=4, learning_rate=1e-3)
    calls = itertools.count()
    run(folder, lambda: "pause" if next(calls) == 3 else "")
    assert run(folder)[-1].fields == {"state": "succeeded"}
    other = tiny.prepare(tmp_path / "other", method="full", steps=4, learning_rate=1e-3)
    run(other)
    assert sha(folder, "model/model.safetensors") == sha(other, "model/model.safetensors")
    assert loading.load_model(loading.find_base(str(folder / "model")), this_machine(threads=1))
