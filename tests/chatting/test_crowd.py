"""Many at once, and what goes wrong between server and client: 50 clients, a server killed in mid-answer, a client that
leaves in mid-answer, a port in use, somebody without the key. Nothing hangs and no process is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import httpx2
import pytest

from core.chatting import doors, serving
from core.chatting.client import Client
from core.chatting.manner import Manner
from core.chatting.replies import Reply
from core.training.backends import local
from tests import tiny
from tests.chatting.logits import off_by

pytestmark = pytest.mark.timeout(400)

STILL = Manner(temperature=0, max_tokens=16, logprobs=5)
SAME = 1e-4  # of a log-probability: what the order of sums may change; voices differ by whole units
ENDLESS = Manner(temperature=2.0, max_tokens=400, n=16)
CLIENTS = 50
KEY = "una clave de dieciséis"


def question(number: int) -> list[dict[str, str]]:
    thing = ("pan", "mate", "gato", "tren", "libro")[number % 5]
    return [{"role": "user", "content": f"¿Qué me cuentas del {thing}?"}]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:  # short enough for a socket
        yield Path(place)
        serving.stop_servers(Path(place))


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def another_adapter(folder: Path) -> Path:
    """An adapter of the same base that says other things: the tuned one's with its sign turned."""
    from safetensors.torch import load_file, save_file

    made = Path(shutil.copytree(tiny.tuned().adapter, folder / "another"))
    weights = load_file(made / "adapter_model.safetensors")
    turned = {name: -one if "lora_B" in name else one for name, one in weights.items()}
    save_file(turned, made / "adapter_model.safetensors", {"format": "pt"})
    return made


def test_fifty_at_once_each_get_the_logits_of_their_own_model_asked_alone(folder: Path) -> None:
    adapters = {"rita": tiny.tuned().adapter, "otra": another_adapter(folder)}
    server = serving.start(folder, tiny.tuned().base, adapters)
    voices = ("mini", *adapters)
    with Client(doors.of_server(server)) as one:
        alone = {(name, n): one.ask(name, question(n), STILL) for name in voices for n in range(5)}
    for name, other in combinations(voices, 2):
        assert all(off_by(alone[name, n], alone[other, n]) > 10 * SAME for n in range(5)), "what is told apart differs"
    before = resident(server.process.pid)
    gate = threading.Barrier(CLIENTS)

    def ask(number: int) -> Reply:
        with Client(doors.of_server(server)) as client:
            gate.wait(60)
            return client.ask(voices[number % 3], question(number), STILL)

    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(ask, range(CLIENTS)))
    assert {reply.trouble.kind for reply in replies if reply.trouble} <= {"cut_off"}
    assert [reply.model for reply in replies] == [voices[n % 3] for n in range(CLIENTS)]
    assert max(off_by(alone[voices[n % 3], n % 5], reply) for n, reply in enumerate(replies)) <= SAME
    assert resident(server.process.pid) - before < 300 << 20, "only so many caches at once"


def test_a_server_killed_in_mid_answer_is_told_and_the_next_question_gets_a_new_one(folder: Path) -> None:
    server = serving.start(folder, tiny.tuned().base)
    with Client(doors.of_server(server)) as client:
        stream = client.stream("mini", question(0), ENDLESS)
        next(iter(stream))
        os.kill(server.process.pid, signal.SIGKILL)
        reply = stream.whole()
        assert reply.trouble
        assert (reply.trouble.kind, reply.trouble.can_go_on) == ("broken", True)
        assert reply.text or len(reply.alternatives) > 1
        away = client.ask("mini", question(0), STILL)
        assert away.trouble
        assert away.trouble.kind == "unreachable"
    again = serving.start(folder, tiny.tuned().base)
    assert again.process != server.process
    with Client(doors.of_server(again)) as client:
        assert client.ask("mini", question(0), STILL).text


def test_one_who_leaves_in_mid_answer_is_written_for_no_more(folder: Path) -> None:
    server = serving.start(folder, tiny.tuned().base, idle=0.3)
    with Client(doors.of_server(server)) as client:
        stream = client.stream("mini", question(0), ENDLESS)
        next(iter(stream))
        stream.stop()
    # Were it still writing, it would not be idle; the test's own limit says so when it never stops.
    while server.process.alive():
        threading.Event().wait(0.05)
    assert not server.socket.exists()


@pytest.fixture
def on_a_port(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    key = folder / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    words = local.command(
        "serve", "--port", "0", "--key-file", str(key), "--base", str(tiny.tuned().base), "--name", "mini", "--plain"
    )
    server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=local.environment(), cwd=folder)
    assert server.stderr
    said = server.stderr.readline()
    assert "http://127.0.0.1:" in said, said
    yield said[said.index("http://") : said.index("/v1") + 3], server
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 0


def test_a_port_is_for_those_with_the_key_and_taken_once(
    on_a_port: tuple[str, subprocess.Popen[str]], folder: Path
) -> None:
    url, server = on_a_port
    port = int(url.rpartition(":")[2].removesuffix("/v1"))
    for key in (None, "wrong", "una clave de dieciseis"):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        for path in ("/models", "/chat/completions", "/load_lora_adapter"):
            ask = httpx2.get if path == "/models" else httpx2.post
            assert ask(url + path, headers=headers, trust_env=False).status_code == 401
    right = {b"Authorization": b"Bearer " + KEY.encode()}
    told = httpx2.get(f"{url}/models", headers=right, trust_env=False)
    assert [one["id"] for one in told.json()["data"]] == ["mini"]
    adapter = {"lora_name": "rita", "lora_path": str(tiny.tuned().adapter)}
    refused = httpx2.post(f"{url}/load_lora_adapter", json=adapter, headers=right, trust_env=False)
    assert refused.status_code == 403, "files are named over the socket only"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((_another_address(), port), timeout=5).close()
    words = local.command(
        "serve", "--port", str(port), "--key-file", str(folder / "key"), "--base", str(tiny.tuned().base), "--plain"
    )
    second = subprocess.run(words, env=local.environment(), cwd=folder, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"Port {port} is in use." in second.stderr
    assert server.poll() is None, "the first goes on"


def _another_address() -> str:
    """Another address of this machine than the loopback one that is served; all of 127/8 is this machine's."""
    return "127.0.0.2"


def test_a_key_that_others_can_read_is_no_key(folder: Path) -> None:
    key = folder / "key"
    key.write_text(KEY)
    key.chmod(0o644)
    words = local.command("serve", "--port", "0", "--key-file", str(key), "--base", str(tiny.tuned().base), "--plain")
    told = subprocess.run(words, env=local.environment(), cwd=folder, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "can be read by others" in told.stderr
