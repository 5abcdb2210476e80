"""Whoever knows where he goes types the screen's number and the next keys at once: they act on the rows of that screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual import events

from core.store import models
from core.workspace import datasets
from core.workspace.opening import Workspace
from tests.tui.hosts import a_conversation, many, until, workspace_with
from tests.tui.runs import a_run, is_alive, learn
from tests.tui.terminal import terminal
from tui.app import Workbench

# Keys that come together, and words that show what they did; the second row everywhere, so that j has to have acted.
AT_ONCE = {
    "chats": ("21j\r", "40 messages · "),
    "messages": ("2k\r", "20:41:00"),
    "recipe": ("3j\r", "require_consent:"),
    "datasets": ("4jx", "Delete “primero”"),
    "runs": ("5j\r", "Run 1124-0900-aaaa"),
    "runs, back and again": ("5j\r\x1bk\r", "Run 1124-1000-bbbb"),
    "models": ("6kjm", "Write nico and its base"),
    "talk": ("7hola", "hola"),
}
NAMES = {"\r": "enter", "\x1b": "escape"}


def filled(folder: Path) -> Workspace:
    """Two of everything that is listed."""
    workspace = workspace_with(folder, ("Nico", a_conversation()[:9]), ("Facultad", many(40)))
    for name in ("primero", "segundo"):
        datasets.build(workspace, name, {"persona": "Nico", "validation": "0", "near_duplicates": "keep"})
    learn(a_run(workspace, "1124-0900-aaaa"), 200, 200, "cancelled")
    live = a_run(workspace, "1124-1000-bbbb")
    learn(live, 120, 400)
    is_alive(live)
    for name in ("nico", "rita"):
        with workspace.store.write() as change:
            models.add(change, models.StoredModel(name, "adapter", "mini", folder=str(folder / name)))
    return workspace


@pytest.mark.parametrize("name", AT_ONCE)
async def test_keys_that_come_with_the_number_act_on_the_rows_of_its_screen(name: str, tmp_path: Path) -> None:
    typed, words = AT_ONCE[name]
    workspace = filled(tmp_path / "w")
    app = Workbench(workspace, workspace.settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, "2 chats")
        for one in typed:
            app.post_message(events.Key(NAMES.get(one, one), one))
        await until(pilot, words)
    workspace.close()


def test_they_do_so_in_a_terminal(tmp_path: Path) -> None:
    filled(tmp_path / "w").close()
    for typed, words in AT_ONCE.values():
        with terminal(tmp_path / "w") as made:
            made.until("2 chats")
            os.write(made.descriptor, typed.encode())
            made.until(words)
