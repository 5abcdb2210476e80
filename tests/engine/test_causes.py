"""What goes wrong in a training has a name and advice, before hours are spent, and never a bare traceback."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from core import training
from core.engine import __main__ as door
from core.engine import machine, work
from core.engine.problems import ModelProblem
from core.training.events import Reader, Writer
from core.training.states import State
from tests import third_party, tiny
from tests.engine import models
from tests.engine.attempts import problem, run

pytestmark = pytest.mark.timeout(600)


def test_a_disk_that_fills_in_the_middle_of_a_checkpoint_is_told_and_survived(tmp_path: Path) -> None:
    """A real worker that may write no file above 60 KB: the checkpoint's weights are larger."""
    folder = tiny.prepare(tmp_path, lora_rank=32)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        training.start(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = list(training.follow(folder, every=0.05))
    cause, text, advice = problem(told)
    assert (cause, "full" in text, "resume" in advice) == ("disk", True, True)
    now = training.state(folder)
    assert (now.state, now.resumable, now.cause) == (State.FAILED, True, "disk")
    assert not list((folder / "checkpoints").glob("step-*")), "half a checkpoint is none"
    training.resume(folder)
    assert [*training.follow(folder, every=0.05)][-1].fields == {"state": "succeeded"}


def test_a_disk_without_room_for_the_checkpoints_is_told_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.prepare(tmp_path, steps=2)
    monkeypatch.setattr(work.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=100_000))
    told = run(folder)
    cause, text, advice = problem(told)
    assert (cause, "has 0.1 MB free" in text, "keep_checkpoints" in advice) == ("disk", True, True)
    assert not any(event.kind == "step" for event in told)
    monkeypatch.undo()
    assert run(folder)[-1].fields == {"state": "succeeded"}


def test_an_adapter_of_another_base_is_not_taken_further(tmp_path: Path) -> None:
    models.make("llama", tmp_path / "base")
    folder = tiny.prepare(tmp_path / "run", base="../base", adapter="start")
    shutil.copytree(tiny.tuned().adapter, folder / "start")
    assert problem(run(folder))[0] == "base-changed"
    assert problem(run(tiny.prepare(tmp_path / "none", adapter="nowhere")))[0] == "model-folder"


@pytest.mark.parametrize("template", ["{# nothing #}", "{% for m in messages %}<{{ m['role'] }}>{% endfor %}"])
def test_a_template_that_does_not_write_what_is_said_is_refused(tmp_path: Path, template: str) -> None:
    base = models.make("llama", tmp_path / "base")
    (base / "chat_template.jinja").write_text(template, encoding="utf-8")
    cause, text, _advice = problem(run(tiny.prepare(tmp_path / "run", base="../base")))
    assert (cause, "does not write" in text) == ("template", True)


def test_what_the_model_cannot_read_is_told_with_its_limit(tmp_path: Path) -> None:
    cause, text, _advice = problem(run(tiny.prepare(tmp_path / "one", context=4096)))
    assert (cause, "512" in text, "4096" in text) == ("too-long", True, True)
    cause, text, _advice = problem(run(tiny.prepare(tmp_path / "two", context=16)))
    assert (cause, "example 1" in text) == ("too-long", True)


def test_a_gpu_that_was_asked_for_and_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "_NVIDIA", tmp_path / "none")
    cause, text, _advice = problem(run(tiny.prepare(tmp_path / "one", device="cuda")))
    assert (cause, "no GPU" in text) == ("cuda", True)
    # The driver is loaded, and torch cannot use it: asked for, an error; else a warning, and the processor.
    (tmp_path / "version").write_text("NVRM version")
    monkeypatch.setattr(machine, "_NVIDIA", tmp_path / "version")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(ModelProblem, match="without CUDA"):
        machine.this_machine(device="cuda", threads=1)
    assert "without CUDA" in machine.this_machine(threads=1).trouble
    monkeypatch.setattr(torch.version, "cuda", "12.8")

    def init() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")

    monkeypatch.setattr(torch.cuda, "init", init)
    told = run(tiny.prepare(tmp_path / "two", steps=1))
    assert told[-1].fields == {"state": "succeeded"}
    assert "too old" in next(e.fields["text"] for e in told if e.kind == "log" and e.fields["level"] == "warning")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "memory"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            "memory",
        ),
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "cuda"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk"),
    ],
)
def test_errors_of_torch_and_of_the_machine_get_their_names(tmp_path: Path, error: Exception, cause: str) -> None:
    def work() -> str:
        raise error

    with Writer(tmp_path / "events.jsonl") as log:
        assert door.guarded(log, work) == 1
    assert problem(list(Reader(tmp_path / "events.jsonl").read()))[0] == cause


def test_four_bits_without_their_package_are_refused_with_a_way_out(tmp_path: Path) -> None:
    cause, _text, advice = problem(run(tiny.prepare(tmp_path, method="qlora")))
    assert (cause, "method=lora" in advice) == ("method", True)


def test_an_adapter_on_a_base_in_four_bits_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = third_party.wheel("bitsandbytes", "bitsandbytes==0.50.2")
    monkeypatch.setenv("PYTHONPATH", str(place))
    models.make("llama", tmp_path / "base")
    settings: dict[str, Any] = {"base": "../base", "method": "qlora", "steps": 6, "learning_rate": 0.02}
    folder = tiny.prepare(tmp_path / "run", **settings)
    training.start(folder)
    told = list(training.follow(folder, every=0.05))
    assert told[-1].fields == {"state": "succeeded"}, (told[-2], (folder / "worker.log").read_text()[-2000:])
    before, after = (e.fields["loss"] for e in told if e.kind == "validation")
    assert after < before
