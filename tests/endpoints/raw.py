"""A server that says exactly the bytes that a test wants, right or wrong, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Act = Callable[[socket.socket], None]


def answer(status: str, body: bytes | dict[str, Any], *headers: str, kind: str = "application/json") -> Act:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(data)}",
        "Connection: close",
        *headers,
    ]
    return lambda line: line.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + data)


def error(status: str, message: str, code: str = "", *headers: str) -> Act:
    """An error as the protocol writes it."""
    return answer(status, {"error": {"message": message, "type": code, "code": code, "param": None}}, *headers)


def reset(line: socket.socket) -> None:
    """RST instead of an answer."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wait(line: socket.socket) -> None:
    """Nothing, until the client has given up and gone."""
    line.recv(1)


def stream(*chunks: str, then: Act | None = None) -> Act:
    """Server-sent events, and then whatever else."""

    def act(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for chunk in chunks:
            line.sendall(f"data: {chunk}\n\n".encode())
        if then:
            then(line)

    return act


class Raw:
    """The running server: `url`, and `asked`, the requests in order."""

    def __init__(self, acts: list[Act]) -> None:
        self.asked: list[bytes] = []
        self._acts = acts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _address = self._listener.accept()
            except OSError:
                return
            with line:
                self.asked.append(_request(line))
                act = self._acts[min(len(self.asked), len(self._acts)) - 1]
                act(line)

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _request(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = line.recv(65536)
        if not more:
            return data
        data += more
    head, _mark, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(one.split(b":")[1]) for one in head.split(b"\r\n") if one.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        more = line.recv(65536)
        if not more:
            break
        body += more
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(*acts: Act) -> Iterator[Raw]:
    """A server that does these acts, one a request, the last for all that follow."""
    server = Raw(list(acts))
    try:
        yield server
    finally:
        server.close()
