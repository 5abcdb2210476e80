"""A server that sends without end: what is read ahead is bounded, a reply without an end is left, nothing hangs."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import zlib
from pathlib import Path

import pytest

from core import endpoints
from core.chatting import bounds, doors
from core.chatting.client import Client, Patience
from core.chatting.thinking import Thinking
from core.settings import Endpoint
from tests.endpoints import raw
from tests.endpoints.raw import Act

HOLA = [{"role": "user", "content": "hola"}]


class Flood:
    """Events without end, and how much of them was taken."""

    def __init__(self, **delta: str) -> None:
        event = json.dumps({"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self._event = f"data: {event}\n\n".encode()
        self.sent = 0
        self.left = threading.Event()

    def act(self, line: socket.socket) -> None:
        raw.stream()(line)
        with contextlib.suppress(OSError):
            while True:
                line.sendall(self._event)
                self.sent += 1
        self.left.set()


def client_of(url: str) -> Client:
    return Client(doors.of_profile(endpoints.profile_for(Endpoint("lab", url)), Patience(tries=1)))


def test_a_server_that_floods_waits_for_a_reader_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "AHEAD", 500)
    flood = Flood(content="palabra " * 200)
    with raw.serving(flood.act) as server, client_of(server.url) as client, client.stream("m", HOLA) as stream:
        sent = -1
        while not sent or flood.sent != sent:  # until no more goes through: the connection is full
            sent = flood.sent
            threading.Event().wait(0.5)
        pieces = stream.drain()
        assert 500 < len(pieces) <= 502
        while len(pieces) < 2_000:  # and it goes on as soon as somebody reads
            pieces += stream.drain(wait=None)
        stream.stop()
        assert flood.left.wait(60)
    assert flood.sent > sent


@pytest.mark.parametrize("delta", [{"content": "otra vez "}, {"content": "\n"}, {"reasoning_content": "mmm "}])
def test_a_reply_without_an_end_is_left_and_what_came_is_kept(
    monkeypatch: pytest.MonkeyPatch, delta: dict[str, str]
) -> None:
    monkeypatch.setattr(bounds, "MOST", 1 << 20)
    flood = Flood(**delta)
    with raw.serving(flood.act) as server, client_of(server.url) as client:
        reply = client.ask("m", HOLA)
        assert flood.left.wait(60), "the server is left"
    assert reply.trouble
    assert (reply.trouble.kind, reply.trouble.can_go_on) == ("cut_off", True)
    assert "no end" in reply.trouble.what
    kept = reply.text + reply.alternatives[0].thought
    assert len(kept) > 4_000
    assert set(kept.split()) <= {"otra", "vez", "mmm"}


def endless(kind: str, *first: bytes, status: str = "200 OK", more: bytes = b"") -> Act:
    """A body that goes on and on after its beginning."""

    def act(line: socket.socket) -> None:
        line.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n".encode() + more + b"\r\n")
        with contextlib.suppress(OSError):
            for one in first:
                line.sendall(one)
            while True:
                line.sendall(b"a" * 65_536)

    return act


PACKED = zlib.compress(b"a" * (64 << 20), 9, wbits=31)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (endless("text/event-stream", b'data: {"choices": [{"index": 0, "delta": {"content": "'), "malformed"),
        (endless("text/event-stream", b"data: 1\ndata: 2\n"), "malformed"),
        (endless("application/json", b'{"choices": ['), "malformed"),
        (endless("application/json", b'{"error": "', status="400 Bad Request"), "malformed"),
        (endless("text/event-stream", PACKED, more=b"Content-Encoding: gzip\r\n"), "malformed"),
    ],
    ids=["a line", "an event", "a body", "an error", "packed"],
)
def test_what_never_ends_is_no_reply(act: Act, kind: str) -> None:
    before = peak()
    with raw.serving(act) as server, client_of(server.url) as client:
        reply = client.ask("m", HOLA)
    assert reply.trouble
    assert reply.trouble.kind == kind
    assert peak() - before < 8 * bounds.LARGEST


def peak() -> int:
    """The most memory that this process ever had, in bytes."""
    told = Path("/proc/self/status").read_text().partition("VmHWM:")[2]
    return int(told.split()[0]) << 10


def test_empty_lines_without_end_are_not_held_back_as_if_a_thought_could_still_begin() -> None:
    thinking = Thinking()
    shown = [thinking.add("\n" * 100) for _one in range(100)]
    assert not any(shown[:40])
    assert all(shown[41:])
    assert thinking.thought == ""
