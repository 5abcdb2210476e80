"""A model that says hostile things to ask, compare and chat: a terminal gets nothing raw, a pipe gets it exactly in JSON."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core import settings
from tests.endpoints import raw
from tests.hostile import HOSTILE, MARKERS

ROOT = Path(__file__).parent.parent.parent
TEXT = "a" + "".join(one for one in HOSTILE if len(one) < 100_000) + "b"
LONG = "y" * 300_000  # a line without an end


def chunk(text: str, finish: str | None = None, index: int = 0) -> str:
    logprobs = {"content": [{"token": text, "logprob": -0.5, "top_logprobs": [{"token": text, "logprob": -0.5}]}]}
    choice = {"index": index, "delta": {"content": text}, "logprobs": logprobs, "finish_reason": finish}
    return json.dumps({"id": "x", "model": TEXT, "choices": [choice]})


REPLY = raw.stream(chunk(TEXT), chunk(LONG, "stop"), chunk(TEXT, "stop", 1), "[DONE]")
REFUSAL = raw.error("400 Bad Request", TEXT, TEXT)
WORDS = [
    ["ask", "lab:m", "hola"],
    ["ask", "lab:m", "hola", "--logprobs", "1"],
    ["ask", "lab:m", "hola", "--n", "2"],
    ["compare", "lab:m", "lab:n", "hola", "--temperatures", "1"],
    ["chat", "lab:m"],
]


def lab(server: raw.Raw) -> dict[str, str]:
    settings.change("endpoints.lab.base_url", server.url)
    return {**os.environ, "TERM": "xterm-256color"}


def on_a_terminal(words: list[str], around: dict[str, str]) -> tuple[int, bytes]:
    """What a terminal gets, to the byte; Ctrl+D ends what it asks for."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "core.commands", *words]
    with subprocess.Popen(command, cwd=ROOT, env=around, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        if words[0] == "chat":
            os.write(ours, b"hola\n\x04")
        got = bytearray()
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 65_536):
                got += part
        code = running.wait(60)
    os.close(ours)
    return code, bytes(got)


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_nothing_of_it_reaches_a_terminal_raw(workspace_folder: Path, words: list[str]) -> None:
    with raw.serving(REPLY) as server:
        code, got = on_a_terminal(words, lab(server))
    assert code == 0, got[-2000:]
    assert "␛" in got.decode(), "it was shown, and made harmless"
    assert [mark for mark in MARKERS if mark in got] == []
    with raw.serving(REFUSAL) as server:
        code, got = on_a_terminal(words[:3], lab(server))
    assert [mark for mark in MARKERS if mark in got] == []


@pytest.mark.parametrize("words", WORDS[1:], ids=" ".join)
def test_in_json_it_is_exact_and_harmless_on_a_terminal_too(workspace_folder: Path, words: list[str]) -> None:
    with raw.serving(REPLY) as server:
        command = [sys.executable, "-m", "core.commands", "--json", *words]
        told = subprocess.run(command, cwd=ROOT, env=lab(server), input=b"hola\n", capture_output=True, check=False)
    assert (told.returncode, told.stderr) == (0, b"")
    for line in told.stdout.decode().splitlines():
        assert json.loads(line)["text"] == TEXT + LONG
    assert [mark for mark in MARKERS if mark in told.stdout] == []


def test_a_flood_is_left_by_who_is_left_and_costs_little_memory(workspace_folder: Path) -> None:
    def flood(line: socket.socket) -> None:
        event = f"data: {chunk('otra vez, ' * 50)}\n\n".encode()
        with contextlib.suppress(OSError):
            while True:
                line.sendall(event)

    with raw.serving(raw.stream(then=flood)) as server:
        command = [sys.executable, "-m", "core.commands", "ask", "lab:m", "hola"]
        with subprocess.Popen(command, cwd=ROOT, env=lab(server), stdout=subprocess.PIPE) as asking:
            assert asking.stdout
            for _line in range(200):
                assert len(asking.stdout.read(50_000)) == 50_000
            told = Path(f"/proc/{asking.pid}/status").read_text().partition("VmHWM:")[2]
            asking.stdout.close()
            assert asking.wait(60) == 0
    assert int(told.split()[0]) < 400_000, "kB"
