"""The account's screen in a real terminal: what it takes to ask a provider is in a process beside, and goes with it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings
from tests.cloud import server
from tests.tui.hosts import many, workspace_with
from tests.tui.terminal import Terminal, terminal
from tests.workspace.test_counting import is_gone

PACKAGE = "pydantic_core"  # a library that is there where the protocol's package is loaded


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Provider]:
    """An account with a file."""
    with server.running() as running:
        running.world.add_file("train.jsonl", b"x" * 3000, "fine-tune")
        monkeypatch.setenv("LAB_KEY", running.key)
        file = settings.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'[endpoints.lab]\nbase_url = "{running.url}"\napi_key_env = "LAB_KEY"\n', encoding="utf-8")
        yield running


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()  # a child is listed with the thread that started it
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def has_package(pid: int) -> bool:
    return PACKAGE in Path(f"/proc/{pid}/maps").read_text()


@pytest.fixture
def asking(tmp_path: Path, provider: server.Provider) -> Iterator[tuple[Terminal, int]]:
    """The account's screen with its answer, and the process that asked."""
    workspace_with(tmp_path / "w", ("Nico", many(100))).close()
    with terminal(tmp_path / "w") as made:
        made.until("100 messages")
        made.type("8")
        made.until("train.jsonl")
        (beside,) = children(made.pid)
        yield made, beside


def test_the_workbench_has_no_part_of_what_asks(asking: tuple[Terminal, int]) -> None:
    made, beside = asking
    assert has_package(beside), "this is how the package is known"
    made.type("d")
    made.until("for good?")
    made.type("y")
    made.until("1 removed")
    assert not has_package(made.pid)


def test_it_ends_when_another_place_is_shown(asking: tuple[Terminal, int]) -> None:
    made, beside = asking
    made.type("1")
    made.until("Nico")
    assert is_gone(beside)
    made.type("8r")  # and another is there when it is wanted
    made.until_gone("Asking the provider")
    made.until("train.jsonl")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_it_ends_with_the_workbench_however_that_ends(
    asking: tuple[Terminal, int], provider: server.Provider, number: signal.Signals
) -> None:
    made, beside = asking
    held = threading.Event()

    def late(_handler: server.Handler) -> bool:
        held.wait(30)
        return True

    provider.fault("GET", r"/models", late)
    made.type("t")
    made.until("Asking the provider")
    os.kill(made.pid, number)
    made.ended()
    assert is_gone(beside)
    held.set()


def test_it_ends_when_one_quits(asking: tuple[Terminal, int]) -> None:
    made, beside = asking
    made.type("q")
    assert os.waitstatus_to_exitcode(made.ended()) == 0
    assert is_gone(beside)
