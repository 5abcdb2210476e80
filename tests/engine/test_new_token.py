"""The separator of messages as a token of its own, in models that do not know it."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.engine import loading, merge
from core.engine.machine import this_machine
from core.engine.problems import ModelProblem
from core.engine.voices import open_house
from core.training.events import Printer
from tests import tiny
from tests.engine import models
from tests.engine.attempts import run

pytestmark = pytest.mark.timeout(400)
TAG = "<|parte|>"


@pytest.mark.parametrize(("family", "tied"), [("llama", False), ("gpt2", True), ("qwen3", True)])
def test_it_is_learnt_saved_with_the_adapter_and_there_again_when_loaded(
    tmp_path: Path, family: str, tied: bool
) -> None:
    models.make(family, tmp_path / "base", tie_word_embeddings=tied)
    folder = tiny.prepare(tmp_path / "run", base="../base", separator=TAG, steps=6, learning_rate=0.02)
    for name in ("train.jsonl", "validation.jsonl"):
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8").replace(tiny.SEPARATOR, TAG), encoding="utf-8")
    told = run(folder)
    assert told[-1].fields == {"state": "succeeded"}, told[-2]

    base = loading.find_base(str(tmp_path / "base"))
    plain = loading.load_tokenizer(base.folder, label="base")
    words = loading.load_tokenizer(folder / "adapter", label="adapter")
    assert len(plain(TAG)["input_ids"]) > 1
    (number,) = words(TAG, add_special_tokens=False)["input_ids"]
    assert words.decode([number], skip_special_tokens=True) == TAG, "it is said, so it is shown"
    assert number == len(plain)
    saved = load_file(folder / "adapter" / "adapter_model.safetensors")
    rows = [value for key, value in saved.items() if "trainable_tokens" in key]
    assert [tuple(row.shape) for row in rows] == [(1, 32)] * (1 if tied else 2), "a row, not the whole table"

    machine = this_machine(precision="fp32", threads=1)
    clean = loading.load_model(base, machine).eval()
    ids = torch.tensor([words(f"hola{TAG}che", add_special_tokens=False)["input_ids"]])
    known = ids[:, :1]
    before = clean(input_ids=known).logits
    model = loading.put_on(loading.load_model(base, machine), folder / "adapter", "tuned")
    assert model.get_input_embeddings().weight.shape[0] == number + 1
    with model.disable_adapter():
        off = model(input_ids=known).logits[..., : before.shape[-1]]
    assert torch.allclose(off, before, atol=1e-5), "the base is still the base"
    tuned = model(input_ids=ids).logits

    lost = Path(shutil.copytree(folder / "adapter", tmp_path / "lost"))
    for file in lost.glob("tokenizer*"):
        file.unlink()  # the base's own would then part no message at all, without a word
    with pytest.raises(ModelProblem, match="separator") as caught:
        open_house(str(tmp_path / "base"), "base", {"lost": lost}, threads=1)
    assert caught.value.cause == "separator-changed"

    both = loading.put_on(model, folder / "adapter", "again")  # as a server does, which keeps several on one base
    both.set_adapter("again")
    assert torch.allclose(both(input_ids=ids).logits, tuned, atol=1e-5)

    merge.merge(str(tmp_path / "base"), folder / "adapter", tmp_path / "merged", Printer(io.StringIO()))
    merged = loading.load_model(loading.find_base(str(tmp_path / "merged")), machine).eval()
    assert torch.allclose(merged(input_ids=ids).logits, tuned, atol=1e-4)
    assert not torch.allclose(
        merged.get_input_embeddings().weight[number], clean.get_input_embeddings().weight.mean(0), atol=1e-6
    )


def test_a_token_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tiny.prepare(tmp_path / "run", separator=tiny.SEPARATOR, steps=2)
    assert run(folder)[-1].fields == {"state": "succeeded"}
    told = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert told["trainable_token_indices"] is None
