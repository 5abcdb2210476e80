"""The engine's other verbs, and a server on a port, in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from core import training
from core.engine import __main__ as door
from core.engine import loading, server
from core.engine.machine import this_machine
from core.engine.server import application, open_house, open_socket
from core.problem import Problem
from tests import tiny

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine


def verb(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    door.main(list(words))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_preview_shows_every_token_and_what_is_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    told = verb(capsys, "preview", str(tiny.tuned().run), "--example", "1")[0]
    (row,) = told["rows"]
    assert sum(one["trained"] for one in row) == told["trained_tokens"]
    learnt = "".join(one["text"] for one in row if one["trained"])
    assert learnt.endswith("<|im_end|>")
    assert "¿" not in learnt, "questions are not learnt"
    assert verb(capsys, "preview", str(tiny.tuned().run), "--example", "4000")[0]["cause"] == "data"


def test_a_merged_model_stands_alone_and_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = tiny.tuned()
    words = ["merge", "--base", str(done.base), "--adapter", str(done.adapter), "--to", str(tmp_path / "merged")]
    told = verb(capsys, *words)
    assert told[-1]["kind"] == "end"
    assert told[-2]["difference"] < 1e-3
    merged = loading.find_base(str(tmp_path / "merged"))
    assert loading.load_model(merged, this_machine(threads=1))
    assert training.lineage(tmp_path / "merged")["merged"] is True
    assert verb(capsys, *words)[0]["cause"] == "exists"


def test_the_card_tells_where_a_model_comes_from_and_nothing_that_was_said(tmp_path: Path) -> None:
    done = tiny.tuned()
    run = Path(shutil.copytree(done.run, tmp_path / "run"))
    text = training.write_card(run, name="rita-1", dataset="chats of June").read_text()
    plan = next(event.fields for event in done.events if event.kind == "plan")
    assert text.startswith("# rita-1\n")
    assert str(plan["base_sha256"]) in text
    assert "chats of June" in text
    assert "gato" not in text
    assert str(tmp_path) not in text
    (run / "events.jsonl").write_text("")
    with pytest.raises(Problem):
        training.card(run, name="x")


@pytest.fixture(scope="module")
def house() -> server.House:
    return open_house(str(tiny.tuned().base), "base", {"rita": tiny.tuned().adapter}, threads=1)


def test_on_a_port_nothing_is_told_without_the_key(house: server.House) -> None:
    with TestClient(application(house, "a key of sixteen characters")) as web:
        ask = {"model": "base", "messages": [{"role": "user", "content": "hola"}], "max_tokens": 2}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
            assert web.get("/v1/models", headers=headers).status_code == 401
            assert web.post("/v1/chat/completions", json=ask, headers=headers).status_code == 401
        right = {"Authorization": "Bearer a key of sixteen characters"}
        assert web.post("/v1/chat/completions", json=ask, headers=right).status_code == 200
        assert web.get("/v1/models", headers=right).json()["data"][1]["id"] == "rita"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b'"x"', b"\xff"])
def test_a_body_that_is_no_request_is_refused_politely(house: server.House, body: bytes) -> None:
    with TestClient(application(house)) as web:
        told = web.post("/v1/chat/completions", content=body)
        assert told.status_code == 400
        assert told.json()["error"]["code"] == "invalid_json"


def test_a_body_too_large_is_refused(house: server.House) -> None:
    with TestClient(application(house)) as web:
        assert web.post("/v1/completions", content=b" " * (9 << 20)).status_code == 413


def test_the_base_speaks_as_the_clean_base_though_adapters_are_on(house: server.House) -> None:
    import torch

    base = loading.find_base(str(tiny.tuned().base))
    clean = loading.load_model(base, this_machine(threads=1)).eval()
    ids = torch.tensor([[5, 9, 14, 20]])
    with torch.inference_mode():
        tuned = house.speak_as(house.voices["rita"])(input_ids=ids).logits
        off = house.speak_as(house.voices["base"])(input_ids=ids).logits
        assert torch.equal(off, clean(input_ids=ids).logits)
        assert not torch.equal(off, tuned)


def test_a_port_without_a_key_is_not_opened(capsys: pytest.CaptureFixture[str]) -> None:
    told = verb(capsys, "serve", "--port", "0", "--base", str(tiny.tiny().base))
    assert told[0]["cause"] == "key"


def test_a_socket_in_a_folder_that_others_can_write_is_not_opened(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    with pytest.raises(Problem, match="others"):
        open_socket(loose / "s.sock")
    (tmp_path / "x").mkdir(mode=0o700)
    (tmp_path / "x" / "s.sock").write_text("not a socket")
    with pytest.raises(Problem):
        open_socket(tmp_path / "x" / "s.sock")
    assert (tmp_path / "x" / "s.sock").read_text() == "not a socket"
