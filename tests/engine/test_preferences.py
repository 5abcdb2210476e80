"""Preference tuning: pairs of replies, measured from where the model stood, resumable like any other run."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from core.engine import loading
from core.engine.machine import this_machine
from core.engine.masking import Masker
from core.engine.objectives import Pairs
from core.engine.packing import Layout
from core.engine.pairs import mask_pairs, read_pairs
from core.engine.stepping import Stepper, summed_losses
from core.engine.together import Together
from tests import tiny
from tests.engine import models
from tests.engine.attempts import problem, run, sha

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine
THINGS = ("pan", "mate", "gato", "tren", "libro", "queso")


def pair(number: int, rejected: str = "El {} está muy bien.") -> dict[str, Any]:
    thing = THINGS[number % len(THINGS)]
    return {
        "input": {"messages": [{"role": "user", "content": f"¿Qué me cuentas del {thing}? {number}"}]},
        "preferred_output": [{"role": "assistant", "content": f"che, el {thing} está re lindo"}],
        "non_preferred_output": [{"role": "assistant", "content": rejected.format(thing)}],
    }


def prepare(folder: Path, **settings: Any) -> Path:
    tiny.prepare(folder, **({"method": "dpo", "learning_rate": 2e-3, "beta": 0.3, "batch_size": 4} | settings))
    for name, numbers in (("train", range(12)), ("validation", range(100, 106))):
        lines = [json.dumps(pair(number), ensure_ascii=False) for number in numbers]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_it_learns_to_prefer_and_a_pause_at_any_step_changes_nothing(tmp_path: Path) -> None:
    told = run(prepare(tmp_path / "whole"))
    assert told[-1].fields == {"state": "succeeded"}, told[-2]
    first, *_rest, last = [e.fields for e in told if e.kind == "validation"]
    assert first["loss"] == pytest.approx(0.693147, abs=1e-5), "before the first step neither is preferred"
    assert (first["margin"], "perplexity" in first) == (0.0, False)
    assert last["loss"] < first["loss"]
    assert last["accuracy"] == 1.0
    steps = [e.fields for e in told if e.kind == "step"]
    assert steps[-1]["margin"] > 0
    assert 0 <= steps[-1]["accuracy"] <= 1
    assert {e.fields["real"] for e in told if e.kind == "sample"} <= {f"che, el {t} está re lindo" for t in THINGS}
    other = prepare(tmp_path / "other")
    calls = itertools.count()
    assert run(other, lambda: "pause" if next(calls) == 5 else "")[-1].fields == {"state": "paused"}
    assert run(other)[-1].fields == {"state": "succeeded"}
    assert sha(other) == sha(tmp_path / "whole")


def test_a_tuned_model_is_taken_further_and_what_it_was_is_the_reference(tmp_path: Path) -> None:
    folder = prepare(tmp_path, adapter="start", lora_dropout=0.0, steps=4)
    shutil.copytree(tiny.tuned().adapter, folder / "start")
    told = run(folder)
    assert told[-1].fields == {"state": "succeeded"}, told[-2]
    assert next(e.fields for e in told if e.kind == "validation")["margin"] == 0.0
    assert sha(folder) != sha(tiny.tuned().run)
    loading.check_adapter(folder / "adapter", loading.find_base(str(tiny.tiny().base)))
    # Its first sample is the tuned model's answer, not the base's.
    assert "😂<|msg_sep|>" in " ".join(e.fields["reply"] for e in told if e.kind == "sample" and e.fields["step"] == 0)


def test_the_loss_is_that_of_the_paper_and_pieces_add_up(tmp_path: Path) -> None:
    """Computed anew, a reply at a time, with nothing packed: −log σ(β((c − r) − (c₀ − r₀)))."""
    words = models.tokenizer()
    prepare(tmp_path)
    masked = mask_pairs(Masker(words, context=512), read_pairs(tmp_path / "train.jsonl"))
    machine = this_machine(precision="fp32", threads=1)
    base = loading.find_base(str(tiny.tiny().base))
    tuned = loading.put_on(loading.load_model(base, machine), tiny.tuned().adapter, "default", learning=True)
    alone = Layout("alone", 512, 0)
    after = summed_losses(tuned, masked.rows, alone, half=False)
    with tuned.disable_adapter():
        before = summed_losses(tuned, masked.rows, alone, half=False)
    expected = 0.0
    for at in range(0, len(after), 2):
        chosen, rejected = before[at] - after[at], before[at + 1] - after[at + 1]
        expected += -torch.nn.functional.logsigmoid(torch.tensor(0.3 * (chosen - rejected))).item()
    groups = [[0, 1], [2, 3, 4], [5], list(range(6, 12))]
    for at_once, layout in ((4, Layout("mask", 512, 0)), (1, Layout("mask", 512, 0)), (3, alone)):
        objective = Pairs(masked, masked, 0.3)
        with tuned.disable_adapter():  # the reference is the base: its adapter is off
            objective.take_reference(tuned, layout, 512, Together(), half=False, measures_half=False)
        stepper = Stepper(
            tuned, rate=0.0, steps=9, warmup=0, cosine=False, weight_decay=0.0, clip=0.0, half=False, layout=layout,
            seed=0, bins_at_once=at_once, objective=objective,
        )  # fmt: skip
        told = stepper.step(masked.rows, groups)
        assert told.loss == pytest.approx(expected / 12, rel=1e-4)
        assert told.sums[0] >= 11, "the tuned model says che"


def test_a_line_that_is_no_pair_is_named_and_equal_replies_teach_nothing(tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    (folder / "train.jsonl").write_text(json.dumps(pair(1, "che, el {} está re lindo")) + "\n")
    cause, text, _advice = problem(run(folder))
    assert (cause, "two different replies" in text) == ("no-trained-tokens", True)
    (folder / "train.jsonl").write_text(json.dumps(pair(1)) + '\n{"messages": []}\n')
    cause, text, _advice = problem(run(folder))
    assert (cause, "train.jsonl:2" in text) == ("data", True)


def test_what_is_too_long_is_shortened_on_both_sides_alike(tmp_path: Path) -> None:
    words = models.tokenizer()
    told = pair(1)
    told["input"]["messages"] = [{"role": "user", "content": "palabra " * 60}, *told["input"]["messages"]]
    (tmp_path / "p.jsonl").write_text(json.dumps(told))
    masked = mask_pairs(Masker(words, context=120, too_long="shorten"), read_pairs(tmp_path / "p.jsonl"))
    chosen, rejected = masked.rows
    start = chosen.trained.index(True)
    assert (masked.shortened, chosen.ids[:start]) == (1, rejected.ids[: rejected.trained.index(True)])
    assert mask_pairs(Masker(words, context=120, too_long="drop"), read_pairs(tmp_path / "p.jsonl")).dropped == 1
