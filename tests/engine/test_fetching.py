"""A base model is fetched from the hub when that was allowed, and not otherwise: what is needed, once, until told."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import training
from core.engine import fetching, loading
from core.engine.problems import ModelProblem
from core.training import process
from core.training.events import Event
from core.training.states import State
from tests import tiny
from tests.engine.attempts import problem
from tests.engine.hub import COMMIT, Hub, hub

pytestmark = pytest.mark.timeout(300)
NAME = "acme/little"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the tiny base, with what real models bring along besides."""
    folder = tmp_path / "hub" / NAME
    shutil.copytree(tiny.tiny().base, folder)
    for name in (
        "pytorch_model.bin",
        "consolidated.safetensors",
        "README.md",
        "onnx/model.onnx",
        "original/x.safetensors",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x" * 1000)
    with hub(tmp_path / "hub") as told:
        monkeypatch.setenv("HF_ENDPOINT", told.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        yield told


def _train(folder: Path, **settings: object) -> list[Event]:
    tiny.prepare(folder, base=NAME, steps=2, **settings)
    training.start(folder)
    return list(training.follow(folder, every=0.05))


def _until(what: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def _fetches_in(folder: Path) -> list[int]:
    """Processes that download for the run in this folder."""
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words, here = (place / "cmdline").read_bytes().split(b"\0"), (place / "cwd").resolve()
        except OSError:
            continue
        if b"fetch" in words and here == folder.resolve():
            found.append(int(place.name))
    return found


def test_what_a_model_is_opened_from_is_fetched_once_and_found_without_a_network_later(
    there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_for_gated_models")
    told = _train(tmp_path / "run", allow_download=True)
    assert told[-1].fields == {"state": "succeeded"}
    wanted = {one.name for one in tiny.tiny().base.iterdir()}
    assert sorted(there.files()) == sorted(wanted), "each once, and nothing in another format"
    assert there.tokens == {"Bearer hf_for_gated_models"}
    assert all(one.split()[1].startswith(("/api/models/acme/little", "/acme/little/")) for one in there.asked)
    there.asked.clear()
    again = _train(tmp_path / "again")
    assert again[-1].fields == {"state": "succeeded"}
    assert there.asked == []
    plan = [next(event.fields for event in one if event.kind == "plan") for one in (told, again)]
    assert plan[0]["base_sha256"] == plan[1]["base_sha256"]


def test_nothing_is_asked_of_the_hub_unless_that_was_allowed(there: Hub, tmp_path: Path) -> None:
    cause, text, advice = problem(_train(tmp_path / "run"))
    assert (cause, NAME in text, "allow_download=yes" in advice) == ("model-folder", True, True)
    assert there.asked == []


def test_a_run_can_be_paused_while_its_base_comes(there: Hub, tmp_path: Path) -> None:
    there.pause = 0.5
    folder = tmp_path / "run"
    tiny.prepare(folder, base=NAME, steps=2, allow_download=True)
    training.start(folder)
    log = folder / "events.jsonl"
    _until(lambda: log.exists() and "Downloading acme/little: " in log.read_text())
    assert len(_fetches_in(folder)) == 1
    training.pause(folder)
    told = list(training.follow(folder, every=0.05))
    assert told[-1].fields == {"state": "paused"}
    said = [str(event.fields.get("text")) for event in told]
    assert any(re.fullmatch(r"Downloading acme/little: \d MB of 2 MB", one) for one in said), said
    assert _fetches_in(folder) == []
    there.pause = 0.0
    training.resume(folder)
    assert list(training.follow(folder, every=0.05))[-1].fields == {"state": "succeeded"}


def test_of_a_download_that_was_ended_the_whole_files_stay_and_no_part(
    there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    weights = random.Random(1).randbytes(25_000_000)  # the hub's client writes ten megabytes at a time
    (there.models / NAME / "model.safetensors").write_bytes(weights)
    there.pause = 0.01
    kept = tmp_path / "home" / "hub" / "models--acme--little"
    with pytest.raises(fetching.Stopped):
        fetching.fetch(
            NAME, _Kept([]), lambda: any(one.stat().st_size > 5e6 for one in kept.glob("blobs/*.incomplete"))
        )
    assert list(kept.glob("blobs/*.incomplete")) == []
    old, new = kept / "blobs" / "a.1.incomplete", kept / "blobs" / "b.1.incomplete"
    for part in (old, new):
        part.write_bytes(b"x")
    os.utime(old, (1e9, 1e9))
    there.pause = 0.0
    there.asked.clear()
    fetching.fetch(NAME, _Kept([]), lambda: False)
    assert there.files() == ["model.safetensors"]
    assert (kept / "snapshots" / COMMIT / "model.safetensors").read_bytes() == weights
    assert (old.exists(), new.exists()) == (False, True), "one that was killed left it; another may still write to it"


def test_a_worker_that_is_killed_takes_its_download_with_it(there: Hub, tmp_path: Path) -> None:
    there.pause = 0.1
    folder = tmp_path / "run"
    tiny.prepare(folder, base=NAME, steps=2, allow_download=True)
    training.start(folder)
    _until(lambda: "model.safetensors" in there.files())
    assert len(_fetches_in(folder)) == 1
    worker = process.read(folder)
    assert worker is not None
    assert worker.signal(signal.SIGKILL)
    _until(lambda: not _fetches_in(folder))
    there.pause = 0.0
    _until(lambda: training.state(folder).state is State.FAILED)
    training.resume(folder)
    assert list(training.follow(folder, every=0.05))[-1].fields == {"state": "succeeded"}


@pytest.mark.parametrize(
    ("named", "cause", "words"),
    [
        ("acme/none", "download", "no model of this name"), (f"{NAME}@v9", "download", "no such revision"),
        ("acme/no model", "download", "no name at the hub"), ("acme/pickled", "weights-pickle", "can run code"),
        ("acme/empty", "model-folder", "no config.json"), ("acme/bare", "weights-missing", "no safetensors"),
    ],
)  # fmt: skip
def test_what_cannot_be_fetched_is_said_before_a_byte_is_fetched(
    named: str, cause: str, words: str, there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, files in {"pickled": ("config.json", "pytorch_model.bin"), "empty": (), "bare": ("config.json",)}.items():
        (there.models / "acme" / name).mkdir()
        for file in files:
            (there.models / "acme" / name / file).write_bytes(b"{}")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    log: list[str] = []
    with pytest.raises(ModelProblem, match=words) as raised:
        fetching.fetch(named, _Kept(log), lambda: False)
    assert (raised.value.cause, raised.value.where) == (cause, named)
    assert raised.value.advice
    assert (there.files(), log) == ([], [])


def test_a_model_behind_terms_and_a_hub_that_is_gone(
    there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    there.gated = True
    with pytest.raises(ModelProblem, match="terms to be accepted"):
        fetching.fetch(NAME, _Kept([]), lambda: False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelProblem, match="does not answer"):
        fetching.fetch(NAME, _Kept([]), lambda: False)


def test_a_disk_without_room_is_told_before_the_download(
    there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _place: SimpleNamespace(free=1_000_000))
    with pytest.raises(ModelProblem, match="takes 2 MB, and the disk of the model cache has 1 MB") as raised:
        fetching._room(NAME, tmp_path / "not" / "there", 1_900_000)
    assert (raised.value.cause, "HF_HOME" in raised.value.advice) == ("disk", True)
    fetching._room(NAME, tmp_path, 0)  # all of it is there already


def test_a_revision_is_pinned_behind_an_at(there: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    assert not loading.is_here(f"{NAME}@{COMMIT}", tmp_path)
    fetching.fetch(f"{NAME}@{COMMIT}", _Kept([]), lambda: False)
    assert loading.is_here(f"{NAME}@{COMMIT}", tmp_path)
    found = loading.find_base(f"{NAME}@{COMMIT}")
    assert (found.name, found.folder.name) == (f"{NAME}@{COMMIT}", COMMIT)


def test_weights_in_two_forms_are_one_base(tmp_path: Path) -> None:
    shutil.copytree(tiny.tiny().base, tmp_path / "base")
    before = loading.find_base(str(tmp_path / "base")).sha256
    (tmp_path / "base" / "consolidated.safetensors").write_bytes(b"x")
    assert loading.find_base(str(tmp_path / "base")).sha256 == before


class _Kept:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, kind: str, **fields: object) -> Event:
        self._lines.append(str(fields))
        return Event(1, 1, 0.0, kind, fields)
