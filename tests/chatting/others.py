"""Model servers of others, each on the loopback address for as long as a test needs it: llmock, which breaks what it
sends and then judges the client; aimock; and `transformers serve` on a model folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import third_party

LLMOCK = "llmock==0.2.2"
AIMOCK = ("@copilotkit/aimock", "1.43.0")
FASTAPI = "fastapi==0.121.0"  # the one thing that `transformers serve` needs beside what we have


@contextmanager
def llmock(log: Path) -> Generator[str]:
    """The judge: POST /_llmock/scenario, GET /_llmock/verdict. The address is without /v1."""
    python = third_party.pypi("llmock", LLMOCK)
    port = free_port()
    words = [str(python.parent / "llmock"), "serve", "-h", "127.0.0.1", "-p", str(port), "--response-style", "static"]
    words += ["--stream-chunk-delay-ms", "5"]  # so that a long reply lasts long enough to be left in the middle
    with _running(words, port, log):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def aimock(log: Path) -> Generator[str]:
    """aimock with its own example answers."""
    folder = third_party.npm(*AIMOCK) / "@copilotkit/aimock"
    port = free_port()
    fixture = folder / "fixtures/example-greeting.json"
    words = [str(third_party.node()), str(folder / "dist/cli.js"), "-p", str(port), "-f", str(fixture)]
    with _running(words, port, log):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def transformers_serve(model: Path, log: Path) -> Generator[str]:
    """The server that comes with transformers, on one model folder."""
    python = third_party.pypi("fastapi", FASTAPI)
    theirs = next((python.parent.parent / "lib").glob("python3*")) / "site-packages"
    port = free_port()
    start = "from transformers.cli.transformers import main; main()"
    words = [sys.executable, "-c", start, "serve", str(model), "--host", "127.0.0.1", "--port", str(port)]
    around = {
        "PYTHONPATH": str(theirs),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(log.parent),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    with _running([*words, "--device", "cpu"], port, log, around):
        yield f"http://127.0.0.1:{port}/v1"


def free_port() -> int:
    """One that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _running(words: list[str], port: int, log: Path, around: Mapping[str, str] | None = None) -> Generator[None]:
    with log.open("wb") as said:
        server = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **(around or {})}
        )
    try:
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    raise AssertionError(f"{words[:3]} did not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(30)
