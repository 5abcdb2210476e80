"""What may be opened: safetensors and nothing that runs code; and an adapter only on its own base."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from core.engine import loading, mini
from core.engine.loading import ModelProblem
from core.engine.machine import this_machine
from core.training.events import Printer
from tests import tiny
from tests.engine import models

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine


class Bomb:
    """A pickle that would leave a trace if it were opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.trace,)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.tiny().base, tmp_path / "model"))


def cause(folder: Path) -> str:
    with pytest.raises(ModelProblem) as caught:
        loading.load_model(loading.find_base(str(folder)), this_machine(threads=1))
    assert caught.value.advice
    return caught.value.cause


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_pickles_are_refused_unopened(copy: Path, tmp_path: Path, name: str) -> None:
    (copy / "model.safetensors").unlink()
    torch.save({"x": Bomb(tmp_path / "trace")}, copy / name)
    assert cause(copy) == "weights-pickle"
    assert not (tmp_path / "trace").exists()


def test_a_pickle_beside_safetensors_is_not_looked_at(copy: Path, tmp_path: Path) -> None:
    torch.save({"x": Bomb(tmp_path / "trace")}, copy / "pytorch_model.bin")
    assert loading.load_model(loading.find_base(str(copy)), this_machine(threads=1))
    assert not (tmp_path / "trace").exists()


def test_code_in_a_model_folder_is_never_run(copy: Path, tmp_path: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "sly", "auto_map": {"AutoConfig": "sly.C", "AutoModelForCausalLM": "sly.M"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "sly.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'trace')!r}).touch()\n")
    assert cause(copy) == "model-folder"
    assert not (tmp_path / "trace").exists()


def test_half_a_model_is_not_filled_up_with_noise(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    weights.pop("model.layers.1.mlp.down_proj.weight")
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert cause(copy) == "weights-missing"


def test_damaged_or_foreign_folders_are_told_apart(copy: Path, tmp_path: Path) -> None:
    assert cause(tmp_path) == "model-folder"
    assert cause(Path("no/such/model")) == "model-folder"
    assert cause(tiny.tuned().adapter) == "model-folder"
    (copy / "model.safetensors").write_bytes(b"\xff" * 100)
    assert cause(copy) == "model-folder"
    (copy / "model.safetensors").unlink()
    assert cause(copy) == "weights-missing"


def test_an_adapter_goes_on_its_own_base_only_and_never_chooses_one(copy: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    adapter = Path(shutil.copytree(tiny.tuned().adapter, tmp_path / "adapter"))
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "somebody/elsewhere"
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    base = loading.find_base(str(copy))
    loading.check_adapter(adapter, base)
    model = loading.put_on(loading.load_model(base, this_machine(threads=1)), adapter, "own")
    assert model.peft_config["own"].base_model_name_or_path != "somebody/elsewhere"

    weights = load_file(copy / "model.safetensors")
    weights["model.norm.weight"] += 0.01
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelProblem) as caught:
        loading.check_adapter(adapter, loading.find_base(str(copy)))
    assert caught.value.cause == "base-changed"

    (adapter / "adapter_model.safetensors").unlink()
    torch.save({}, adapter / "adapter_model.bin")
    with pytest.raises(ModelProblem) as caught:
        loading.check_adapter(adapter, base)
    assert caught.value.cause == "weights-pickle"


def test_the_mini_model_comes_out_the_same_to_the_byte(tmp_path: Path) -> None:
    import io

    for name in ("one", "two"):
        mini.build(tiny.tiny().corpus, tmp_path / name, Printer(io.StringIO()), steps=3, threads=1)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("text", ["", "{", '{"voice": "x"}', '{"messages": [{"role": "user"}]}'])
def test_a_corpus_that_is_none_is_a_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.jsonl").write_text(text + "\n")
    with pytest.raises(ModelProblem):
        mini.read_corpus(tmp_path / "c.jsonl")


def test_a_whole_model_is_written_with_what_other_programs_look_for(tmp_path: Path) -> None:
    """llama.cpp's converter reads n_ctx and SentencePiece's file; transformers 5 writes neither."""
    folder = models.make("gpt2", tmp_path / "base")
    (folder / "tokenizer.model").write_bytes(b"pieces")
    base = loading.find_base(str(folder))
    model = loading.load_model(base, this_machine(precision="fp32", threads=1))
    loading.save_whole(model, loading.load_tokenizer(folder, label="gpt2"), base, tmp_path / "whole")
    assert json.loads((tmp_path / "whole" / "config.json").read_bytes())["n_ctx"] == 512
    assert (tmp_path / "whole" / "tokenizer.model").read_bytes() == b"pieces"
