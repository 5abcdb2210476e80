"""What the tests of the chat screen share: a workspace with a tiny tuned model, and replies without any model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from core.chat import Example, Line, Role, Side
from core.settings import Endpoint, Settings
from core.workspace.opening import Workspace
from tests import tiny
from tests.tui.hosts import a_conversation, workspace_with

CHAT = {
    "persona": "Nico",
    "separator": tiny.SEPARATOR,
    "system_prompt": "",
}
Chunk = dict[str, object] | bytes | None  # a piece of JSON, raw bytes, or: break the connection off


def with_dataset(workspace: Workspace, name: str = "demo") -> int:
    """A frozen dataset with two held-out replies of Nico."""
    from core.dataset.recipe import Recipe
    from core.store import datasets

    def example(asked: str, reply: str) -> Example:
        lines = (Line(Role.USER, asked, name="Vera"), Line(Role.ASSISTANT, reply, True, name="Nico"))
        return Example(lines, 1, Side.VALIDATION)

    recipe = Recipe.from_dict(CHAT)
    with workspace.store.write() as change:
        number = datasets.create(change, name, json.dumps(recipe.to_dict()), recipe.hash)
        examples = [
            example("¿Qué me cuentas del gato?", f"che, el gato duerme{tiny.SEPARATOR}todo el día"),
            example("¿Vienes mañana?", "dale, a las nueve"),
        ]
        datasets.add_examples(change, number, examples)
        datasets.finish(change, number, "d", "{}")
    return number


def tuned_workspace(folder: Path) -> Workspace:
    """A workspace whose model “rita” is the session's tiny one; `mini` has to be pointed to `tiny.tuned().base`."""
    from core.store import models

    workspace = workspace_with(folder, ("Nico", a_conversation()))
    dataset = with_dataset(workspace)
    with workspace.store.write() as change:
        models.add(
            change,
            models.StoredModel("rita", "adapter", "mini", dataset_id=dataset, folder=str(tiny.tuned().adapter)),
        )
    return workspace


def delta(text: str, finish: str | None = None, index: int = 0, **more: object) -> dict[str, object]:
    """A piece of a streamed reply."""
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish, **more}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


@contextmanager
def answering(reply: Callable[[dict[str, object]], Iterator[Chunk]]) -> Iterator[str]:
    """A server on the loopback address that streams what `reply` gives for each request; yields its base_url."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            pieces = reply(asked)
            for chunk in pieces:
                if chunk is None:
                    self.wfile.flush()
                    self.connection.close()
                    return
                body = chunk if isinstance(chunk, bytes) else b"data: " + json.dumps(chunk).encode() + b"\n\n"
                try:
                    self.wfile.write(body)
                    self.wfile.flush()
                except OSError:
                    pieces.close()  # type: ignore[attr-defined]  # the reader went away
                    return
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_endpoint(base_url: str, folder: Path) -> Settings:
    """Settings that know the server as “lab”."""
    return Settings(folder / "none.toml", endpoints={"lab": Endpoint("lab", base_url, kind="custom")})
