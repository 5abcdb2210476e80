"""vLLM in the place of our server: what it is started with, and our side of the talk with a strict stand-in for it. The
real one needs a GPU and was never run here."""

from __future__ import annotations

import itertools
import json
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from core.chatting import doors, serving, vllm
from core.chatting.client import Client
from core.chatting.manner import Manner
from core.problem import Problem


def test_it_serves_base_and_adapters_on_our_socket(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 100}))
    words = vllm.command("/models/base", "mini", {"nico": str(tmp_path)}, Path("/run/s.sock"))
    told = dict(itertools.pairwise(words))
    assert words[words.index("serve") + 1] == "/models/base"
    assert (told["--uds"], told["--served-model-name"]) == ("/run/s.sock", "mini")
    assert json.loads(told["--lora-modules"]) == {"name": "nico", "path": str(tmp_path)}
    assert told["--max-lora-rank"] == "128", "the smallest that it takes and that holds them"
    assert "--enable-lora" in words
    assert "--port" not in words, "nothing is opened to the network"
    bare = vllm.command("base", "base", {}, Path("s"))
    assert "--lora-modules" not in bare
    assert dict(itertools.pairwise(bare))["--max-lora-rank"] == "64", "adapters may come later"


def test_it_sees_no_keys_and_may_take_adapters_while_it_runs() -> None:
    around = vllm.environment({"OPENAI_API_KEY": "sk-1", "PATH": "/bin"})
    assert "OPENAI_API_KEY" not in around
    assert around["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"


STAND_IN = Path(__file__).parent / "stand_in"
HOLA = [{"role": "user", "content": "hola"}]


def adapter(folder: Path, rank: int = 8) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))
    return folder


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for servers on a machine that has, to all that we look at, a GPU and vLLM."""
    around = vllm.environment()
    monkeypatch.setattr(vllm, "_NVIDIA", Path("/proc/self/stat"))
    monkeypatch.setattr(vllm, "environment", lambda: around | {"PYTHONPATH": str(STAND_IN)})
    monkeypatch.syspath_prepend(STAND_IN)
    assert vllm.is_here()
    with tempfile.TemporaryDirectory() as place:  # short enough for a socket
        yield Path(place)
        serving.stop_servers(Path(place))


def test_our_client_talks_to_base_and_adapters_behind_the_same_socket(folder: Path) -> None:
    base = folder / "base"
    base.mkdir()
    server = serving.start(folder, base, {"nico": adapter(folder / "a")})
    assert not stat.S_IMODE(server.socket.stat().st_mode) & 0o077, "its socket is its owner's alone"
    with Client(doors.of_server(server)) as client:
        for name in ("base", "nico"):
            reply = client.ask(name, HOLA, Manner(temperature=0.7, top_k=20, repetition_penalty=1.1, max_tokens=9))
            assert (reply.text, reply.trouble, reply.reply_tokens) == (f"{name} oyó: hola", None, 3)
            assert reply.figures.exact
        several = client.ask("nico", HOLA, Manner(n=3, seed=1))
        assert [one.text for one in several.alternatives] == ["nico oyó: hola"] * 3
        on = client.ask("nico", [*HOLA, {"role": "assistant", "content": "che"}], going_on=True)
        assert (on.trouble, on.text) == (None, "nico oyó: che")
        nobody = client.ask("nobody", HOLA).trouble
        assert nobody
        assert nobody.kind == "refused"
        raw = client.stream("base", (), Manner(max_tokens=5), prompt="hola").whole()
        assert (raw.text, raw.trouble) == ("base oyó: hola", None)


def test_adapters_come_and_go_while_it_runs_by_its_own_requests(folder: Path) -> None:
    base = folder / "base"
    base.mkdir()
    first = serving.start(folder, base, {"nico": adapter(folder / "a")})
    more = serving.start(folder, base, {"rita": adapter(folder / "b")})
    again = serving.start(folder, base, {"nico": adapter(folder / "c")})
    assert first.process == more.process == again.process
    assert again.adapters == {"rita": str(folder / "b"), "nico": str(folder / "c")}
    transport = httpx2.HTTPTransport(uds=str(first.socket))
    with httpx2.Client(transport=transport, trust_env=False) as web:
        told = web.get("http://sinsonte.invalid/v1/models").json()["data"]
    assert {one["id"]: one["root"] for one in told} == {"base": str(base), **again.adapters}
    with pytest.raises(Problem, match="No adapter found"):
        serving.start(folder, base, {"nobody": folder})
    with pytest.raises(Problem, match="max_lora_rank 64"):
        serving.start(folder, base, {"wide": adapter(folder / "d", 256)})
    assert serving.start(folder, base).process == first.process, "the others go on"
