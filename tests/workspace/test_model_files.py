"""What a tuned model can be turned into: a card from its lineage, a GGUF file where llama.cpp's converter is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.chat import Consent
from core.problem import Problem
from core.store import models as stored
from core.store import runs as stored_runs
from core.workspace import gguf, models, people
from core.workspace.opening import Workspace
from tests import tiny

pytestmark = pytest.mark.timeout(600)

# A stand-in for the script of llama.cpp, with its command line: it looks at the folder and writes a file.
CONVERTER = """
import argparse, json, pathlib
words = argparse.ArgumentParser()
words.add_argument("model", type=pathlib.Path)
words.add_argument("--outfile", type=pathlib.Path)
words.add_argument("--outtype", choices=["f32", "f16", "bf16", "q8_0", "auto"])
told = words.parse_args()
config = json.loads((told.model / "config.json").read_text())
assert not (told.model / "adapter_config.json").exists(), "it cannot read adapters"
assert (told.model / "model.safetensors").is_file() and (told.model / "tokenizer.json").is_file()
told.outfile.write_bytes(b"GGUF" + config["model_type"].encode() + told.outtype.encode())
"""


@pytest.fixture
def rita(workspace: Workspace) -> Workspace:
    """A workspace that knows the session's tuned model."""
    import shutil

    run = workspace.folder / "runs" / "one"
    shutil.copytree(tiny.tuned().run, run)
    details = json.loads((run / "adapter" / "sinsonte.json").read_text())
    with workspace.store.write() as change:
        made = stored_runs.StoredRun(
            id="one", dataset_id=None, backend="local", base=str(tiny.tiny().base), state="succeeded", folder="runs/one",
            options="{}", model="rita",
        )  # fmt: skip
        stored_runs.create(change, made)
        stored.add(
            change,
            stored.StoredModel(
                name="rita", kind="adapter", base=str(tiny.tiny().base), base_sha256=details["base_sha256"],
                run_id="one", folder="runs/one/adapter", details=json.dumps(details),
            ),
        )  # fmt: skip
    return workspace


def test_without_the_converter_it_says_what_is_missing(rita: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    with pytest.raises(Problem, match="convert_hf_to_gguf") as caught:
        gguf.write(rita, "rita")
    assert "LLAMA_CPP" in caught.value.advice


def test_the_converter_gets_a_whole_model_and_its_file_is_whole(
    rita: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "llama.cpp"
    place.mkdir()
    (place / "convert_hf_to_gguf.py").write_text(CONVERTER, encoding="utf-8")
    monkeypatch.setenv("LLAMA_CPP", str(place))
    file = gguf.write(rita, "rita", number="q8_0")
    assert file.read_bytes() == b"GGUFllamaq8_0"
    with pytest.raises(Problem, match="already"):
        gguf.write(rita, "rita")
    (place / "convert_hf_to_gguf.py").write_text("raise SystemExit('this family is not known')", encoding="utf-8")
    with pytest.raises(Problem, match="this family is not known"):
        gguf.write(rita, "rita", tmp_path / "other.gguf")
    assert [one.name for one in tmp_path.iterdir() if "gguf" in one.name] == []


# What llama.cpp's own script (of October 2026) said last, of models that were made here.
@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            'NotImplementedError("BPE pre-tokenizer was not recognized - update get_vocab_base_pre()")',
            "knows those of published models",
        ),
        ("ValueError: Error: Missing /tmp/w/rita/tokenizer.model", "wants the file tokenizer.model"),
        ("ModuleNotFoundError: No module named 'sentencepiece'", "lacks the package sentencepiece"),
        ("ERROR:hf-to-gguf:Model BartForCausalLM is not supported", "does not know this family"),
    ],
)
def test_why_the_converter_gave_nothing_is_said_in_plain_words(
    rita: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, meant: str
) -> None:
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path))
    monkeypatch.setattr("core.training.merge", lambda *_given: 0.0)  # its own tests are above
    (tmp_path / "convert_hf_to_gguf.py").write_text(f"import sys; sys.exit({said!r})", encoding="utf-8")
    with pytest.raises(Problem, match=meant) as caught:
        gguf.write(rita, "rita")
    assert caught.value.advice


def test_the_card_tells_lineage_and_consent_and_no_word_of_a_chat(rita: Workspace) -> None:
    people.set_consent(rita, "Lía", Consent.GIVEN)
    card = models.card(rita, "rita").read_text(encoding="utf-8")
    assert models.named(rita, "rita").base_sha256 in card
    assert "Lía: given" in card
    assert "lora, r=4" in card
    said = [
        m["content"] for m in json.loads((tiny.tuned().run / "train.jsonl").read_text().splitlines()[0])["messages"]
    ]
    assert not any(words in card for words in said)
