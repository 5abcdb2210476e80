"""Names that mean harm, on the screens of datasets, models and accounts and in all their dialogs, in a real terminal.

A dataset is named by whoever wrote the script that built it, a model by whoever tuned it, and a provider names its files
and words its refusals as it likes. (Chats and their names: test_curating_terminal.py; logs: test_runs_terminal.py.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from core.store import models, recipes
from tests.cloud import server
from tests.cloud.world import World
from tests.hostile import HOSTILE, MARKERS
from tests.tui.hosts import a_conversation, workspace_with
from tests.tui.talks import with_dataset
from tests.tui.terminal import Terminal, terminal, without_own

ESC = "\x1b"
NAMES = [one for one in HOSTILE if len(one) < 1000 and not any(0xD800 <= ord(sign) <= 0xDFFF for sign in one)][:16]


def dialogs(made: Terminal, *keys: str) -> None:
    """Open a dialog by each of these keys, see it painted, and leave it."""
    for key in keys:
        made.type(key, 0.02)
        made.until("╭")
        made.type(ESC, 0.02)
        made.until_gone("╭")


def notices(made: Terminal, *keys: str) -> None:
    """Press keys that only make a notice, and see each painted."""
    for key in keys:
        made.type(key, 0.02)
        made.until(" ● ")


def harmless(made: Terminal) -> None:
    """Nothing that means harm was sent, and what would have meant it was shown."""
    assert "título ajeno".encode() in made.raw
    assert not [marker for marker in MARKERS if marker in without_own(made.raw)]


def leave(made: Terminal) -> None:
    made.type("1q")
    assert os.waitstatus_to_exitcode(made.ended()) == 0


def test_hostile_names_of_datasets_reach_no_terminal(tmp_path: Path) -> None:
    with workspace_with(tmp_path / "w", ("Nico", a_conversation())) as workspace:
        for name in NAMES:
            with_dataset(workspace, name)
            with workspace.store.write() as change:
                recipes.save(change, name, json.dumps({"persona": name}), "0" * 16)
    with terminal(tmp_path / "w") as made:
        made.until("Nico")
        made.type("4")
        made.until(f"{len(NAMES)} datasets")
        for _name in NAMES:
            dialogs(made, "c", "x")  # what a check finds under its name, and its name in a question
            made.type("j", 0.02)
        dialogs(made, "\r", "d", "\x10", "?")
        made.type("d\x1b[B\r", 0.3)  # compared with another one
        made.type(ESC, 0.2)
        made.type("wj\r", 0.3)
        made.type(ESC, 0.2)
        made.type("3", 0.3)
        made.type("V", 0.3)  # the names of versions
        made.type("\x1b[6~", 0.2)
        made.type("\r", 0.3)
        made.type(ESC, 0.3)
        made.type("5n\r", 0.4)  # which dataset to learn from
        made.type("\x1b[6~", 0.2)
        made.type("\r", 0.3)
        made.type(ESC, 0.3)
        harmless(made)
        leave(made)
    assert not (tmp_path / "w" / "logs").exists()


def test_hostile_names_of_models_reach_no_terminal(tmp_path: Path) -> None:
    with workspace_with(tmp_path / "w", ("Nico", a_conversation())) as workspace, workspace.store.write() as change:
        for number, name in enumerate(NAMES):
            models.add(change, models.StoredModel(name, ("adapter", "remote", "base")[number % 3], name, name))
    with terminal(tmp_path / "w") as made:
        made.until("Nico")
        made.type("6")
        made.until(f"{len(NAMES)} models")
        for _name in NAMES:
            made.type("c", 0.1)
            made.type("e", 0.1)
            dialogs(made, "D")
            made.type("m", 0.1)
            made.type(ESC, 0.15)
            made.type("j", 0.02)
        made.type("\x10", 0.3)
        made.type("\x1b[6~", 0.2)
        made.type(ESC, 0.3)
        made.type("t", 0.4)  # a talk with one, its name in the heading
        made.until("A new talk")
        made.type(ESC, 0.5)
        dialogs(made, "m")
        harmless(made)
        leave(made)
    assert not (tmp_path / "w" / "logs").exists()


@contextmanager
def refusing() -> Iterator[str]:
    """A server that answers everything with an error in hostile words, each time others."""
    asked = iter(NAMES * 100)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            words = next(asked)
            body = json.dumps({"error": {"message": words, "code": words, "type": words}}).encode()
            self.send_response(403)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/v1"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def test_what_a_hostile_account_holds_and_says_reaches_no_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    for name in NAMES:
        world.add_file(name, b"x" * 100, "fine-tune")
        world.add_model(f"ft:{name}", name)
    world.create_job({"model": "lab-base", "training_file": "file-0001", "suffix": "x"})
    job = next(iter(world.jobs.values()))
    job["model"] = job["fine_tuned_model"] = NAMES[0]
    job["status"] = NAMES[4]
    workspace_with(tmp_path / "w", ("Nico", a_conversation())).close()
    config = tmp_path / "config.toml"
    monkeypatch.setenv("SINSONTE_CONFIG", str(config))
    with server.running(world) as running, refusing() as wicked:
        monkeypatch.setenv("LAB_KEY", running.key)
        config.write_text(
            f'[endpoints.lab]\nbase_url = "{running.url}"\napi_key_env = "LAB_KEY"\n'
            f'[endpoints.malo]\nbase_url = "{wicked}"\napi_key_env = "LAB_KEY"\n',
            encoding="utf-8",
        )
        with terminal(tmp_path / "w") as made:
            made.until("Nico")
            made.type("8")
            made.until(f"{len(NAMES)} things")
            for _file in NAMES:
                dialogs(made, "d")
                made.type("j", 0.02)
            dialogs(made, "/", "\x10", "?")
            made.type("mkmd", 0.1)  # how many are to go
            made.until("Type how many")
            made.type(ESC, 0.2)
            made.type("t", 0.1)
            made.until("models at lab")
            for _model in NAMES:
                dialogs(made, "d")
                made.type("j", 0.02)
            made.type("t", 0.1)
            made.until("ftjob-0001")
            notices(made, "d")
            made.type("t", 0.1)
            made.until("limits at lab")
            made.type("p", 0.1)  # the one that refuses
            made.until("at malo")
            for _kind in NAMES:
                made.type("t", 0.1)
                made.until(" ● ")
            harmless(made)
            leave(made)
    assert not (tmp_path / "w" / "logs").exists()
