"""A model hub on a loopback address, as its own client (huggingface_hub) asks one: models as folders.

It keeps what it was asked. The real one was never asked by these tests; that its client is content with this one, over
every request that our downloads make, is the check.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

COMMIT = "c0ffee" + "0" * 34
_PIECE = 1 << 16


@dataclass
class Hub:
    """Where it listens, and what it does."""

    address: str
    models: Path  # organisation/model folders
    pause: float = 0.0  # seconds between two pieces of weights
    gated: bool = False
    asked: list[str] = field(default_factory=list[str])  # "GET /path range=..."
    tokens: set[str] = field(default_factory=set[str])

    def files(self) -> list[str]:
        """The names of the files that were fetched, in part or whole."""
        return [one.split()[1].rsplit("/", 1)[1] for one in self.asked if one.startswith("GET") and "/resolve/" in one]


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[Hub]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass

    def _answer(self) -> None:
        hub = self.hub
        asked_range = self.headers.get("Range", "")
        hub.asked.append(f"{self.command} {self.path} {asked_range}".strip())
        hub.tokens.add(self.headers.get("Authorization", ""))
        path = self.path.partition("?")[0].strip("/").split("/")
        if path[:2] == ["api", "models"]:
            self._about(hub.models / path[2] / path[3], path[4:])
        elif path[2:3] == ["resolve"]:
            self._file(hub.models / path[0] / path[1] / "/".join(path[4:]))
        else:
            self._say(404, b"")

    def _about(self, folder: Path, more: list[str]) -> None:
        if not folder.is_dir():
            self._say(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif more[:1] == ["revision"] and more[1] not in ("main", COMMIT):
            self._say(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            files = [
                (str(one.relative_to(folder)), one.read_bytes()) for one in sorted(folder.rglob("*")) if one.is_file()
            ]
            if more[:1] == ["tree"]:
                told: object = [
                    {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                    for name, data in files
                ]
            else:
                siblings = [{"rfilename": name, "size": len(data)} for name, data in files]
                told = {"id": f"{folder.parent.name}/{folder.name}", "sha": COMMIT, "siblings": siblings}
            self._say(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _file(self, file: Path) -> None:
        if self.hub.gated:
            self._say(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
            return
        if not file.is_file():
            self._say(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        data = file.read_bytes()
        heads = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if asked := self.headers.get("Range"):
            first = int(asked.removeprefix("bytes=").partition("-")[0])
            heads["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self._say(206, data[first:], heads)
        else:
            self._say(200, data, heads)

    def _say(self, status: int, data: bytes, heads: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(heads or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            for at in range(0, len(data), _PIECE):
                try:
                    self.wfile.write(data[at : at + _PIECE])
                except ConnectionError:
                    return
                time.sleep(self.hub.pause if self.path.endswith(".safetensors") else 0)


@contextmanager
def hub(models: Path) -> Iterator[Hub]:
    """A hub with these models."""
    told = Hub("", models)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (_Asked,), {"hub": told}))
    told.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
