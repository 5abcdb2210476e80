"""The tests' own provider: the fine-tuning part of the protocol on the loopback address, with every failure on demand.

    with server.running() as provider:
        provider.url, provider.world, provider.asked
        provider.fault("POST", r"/fine_tuning/jobs$", server.done_then_reset)

`tests/cloud/test_contract.py` holds what it says against OpenAI's published document. A fault is an act of
tests/endpoints/raw.py, or one of those below, for the next request that fits (or the next `times`).
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.cloud import dialects
from tests.cloud.world import Refusal, World

KEY = "sk-sentinel-NeverSeenAnywhere-0123456789"
Fault = Callable[["Handler"], bool]  # True: the request is done with


def done_then_reset(handler: Handler) -> bool:
    """What was asked for happens, and its answer is lost."""
    handler.act()
    handler.reset()
    return True


def reset(handler: Handler) -> bool:
    """Nothing happens, and the connection breaks."""
    handler.reset()
    return True


def failing(status: int, message: str = "trouble", code: str = "", **headers: str) -> Fault:
    """An error, as the protocol writes it."""

    def fault(handler: Handler) -> bool:
        body = {"error": {"message": message, "type": code or "server_error", "code": code or None, "param": None}}
        handler.answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def saying(body: bytes, kind: str = "text/html", status: int = 200) -> Fault:
    """Other bytes than expected."""

    def fault(handler: Handler) -> bool:
        handler.raw(status, body, kind)
        return True

    return fault


def stalling(handler: Handler) -> bool:
    """No answer until the client has gone."""
    handler.connection.settimeout(30)
    with contextlib.suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True
    return True


def as_events(handler: Handler) -> bool:
    """The answer as server-sent events, where JSON was due: some servers do that to lists."""
    status, body = handler.outcome()
    lines = "".join(f"data: {json.dumps(one)}\n\n" for one in body["data"]) + "data: [DONE]\n\n"
    handler.raw(status, lines.encode(), "text/event-stream")
    return True


def doubled(handler: Handler) -> bool:
    """Every entry of a list twice."""
    status, body = handler.outcome()
    handler.answer(status, {**body, "data": [one for one in body["data"] for _twice in (1, 2)]})
    return True


def shuffled(handler: Handler) -> bool:
    """A list in another order than promised."""
    status, body = handler.outcome()
    handler.answer(status, {**body, "data": body["data"][1::2] + body["data"][::2]})
    return True


@dataclass
class Provider:
    """The running server."""

    url: str
    world: World
    asked: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])  # method, path, JSON or size
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    faults: list[list[Any]] = field(default_factory=list[list[Any]])
    reply: str = "che, re lindo"
    usage: dict[str, Any] = field(
        default_factory=lambda: {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    )
    key: str = KEY

    def at(self, dialect: str) -> str:
        """The address at which a dialect is spoken, and no other."""
        return self.url.removesuffix("/v1") + f"/{dialect}/v1"

    def fault(self, method: str, path: str, act: Fault, times: int = 1) -> None:
        """Let the next requests that fit fail so."""
        self.faults.append([method, re.compile(path), act, times])

    def requests(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests that fit, in order."""
        return [body for one, where, body in self.asked if one == method and re.search(path, where)]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    provider: Provider

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that it overrides
        pass

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle_one_request()
            return
        self.close_connection = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        provider = self.provider
        place = urlsplit(self.path)
        head, _slash, rest = unquote(place.path).removeprefix("/").partition("/")
        self.dialect = head if head in dialects.DIALECTS else dialects.ANY
        self.route = "/" + (rest if self.dialect else unquote(place.path).removeprefix("/")).removeprefix("v1/")
        self.query = {key: values[-1] for key, values in parse_qs(place.query).items()}
        self.body = self._read_body()
        told = self.body.get("json", {"bytes": self.body.get("size", 0)})
        with provider.world.lock:
            provider.asked.append((self.command, self.path, told))
            provider.headers.append({name.lower(): value for name, value in self.headers.items()})
            fault = next((one for one in provider.faults if one[0] == self.command and one[1].search(self.path)), None)
            if fault:
                fault[3] -= 1
                if fault[3] <= 0:
                    provider.faults.remove(fault)
        if fault and fault[2](self):
            return
        self.act(answer=True)

    def outcome(self) -> tuple[int, Any]:
        """What is answered when nothing is wrong."""
        if self.headers.get("Authorization") != f"Bearer {self.provider.key}":
            said = f"Incorrect API key provided: {self.headers.get('Authorization', '')[-40:]}"
            return 401, {"error": {"message": said, "type": "x", "code": "invalid_api_key", "param": None}}
        try:
            with self.provider.world.lock:
                return 200, route(self)
        except Refusal as refusal:
            return refusal.status, refusal.body

    def act(self, answer: bool = False) -> None:
        """Do what was asked, and say so or not."""
        status, body = self.outcome()
        if not answer:
            return
        if isinstance(body, bytes):
            self.raw(status, body, "application/octet-stream")
        elif isinstance(body, list):
            data = "".join(f"data: {one}\n\n" for one in body)
            self.raw(status, data.encode(), "text/event-stream")
        else:
            self.answer(status, body)

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.raw(status, json.dumps(body).encode(), "application/json", headers)

    def raw(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def reset(self) -> None:
        """RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _read_body(self) -> dict[str, Any]:
        kind = self.headers.get("Content-Type", "")
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b"".join(iter(self._chunk, b""))
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if kind.startswith("multipart/"):
            return {"parts": _parts(data, kind.partition("boundary=")[2].strip('"').encode()), "size": len(data)}
        if not data:
            return {"json": None}
        try:
            return {"json": json.loads(data)}
        except ValueError:
            return {"json": None, "size": len(data)}

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data


def _parts(data: bytes, boundary: bytes) -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    for part in data.split(b"--" + boundary)[1:-1]:
        head, _mark, body = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        found[name[1].decode() if name else ""] = (file[1].decode() if file else "", body.removesuffix(b"\r\n"))
    return found


def route(one: Handler) -> Any:
    """The answer to one request."""
    from tests.cloud import routes

    for method, pattern, act in routes.ROUTES:
        found = re.fullmatch(pattern, one.route)
        if found and method == one.command:
            return act(one, *found.groups())
    raise Refusal(404, f"Invalid URL ({one.command} {one.route})", "unknown_url")


@contextmanager
def running(world: World | None = None) -> Iterator[Provider]:
    """A provider for as long as the block lasts."""
    made = world or World()
    provider = Provider("", made)
    handler = type("Bound", (Handler,), {"provider": provider})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    provider.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)
