"""In a real terminal: nothing hostile reaches it, a hang-up loses nothing, a crash leaves one line."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from core.workspace import chats
from core.workspace.opening import open_workspace
from tests.hostile import MARKERS
from tests.tui.hosts import many, workspace_with
from tests.tui.terminal import hostile_workspace, terminal, without_own


def test_the_hostile_chat_reaches_no_terminal(tmp_path: Path) -> None:
    hostile_workspace(tmp_path / "w")
    trap = tmp_path / "\x1b]52;c;aGk=\x07[red].txt"
    trap.write_bytes(b"\x9b2J\x00")
    with terminal(tmp_path / "w") as made:
        made.until("messages")
        made.type("jjj")
        made.type("\x10")  # the palette, with every title in it
        made.type("\x1b[B\x1b[B")
        made.type("\x1b", 0.3)
        made.type("?")
        made.type("\x1b", 0.3)
        made.type("g\r")  # the long chat, page by page
        for _page in range(6):
            made.type("\x1b[5~")
        for _message in range(16):  # messages, whole
            os.write(made.descriptor, b"\r")
            made.until("╭")
            os.write(made.descriptor, b"q")
            made.until_gone("╭")
            os.write(made.descriptor, b"jjj")
        made.type("1i")
        made.type(f"\x1b[200~{tmp_path}/\x1b[201~")
        made.type("\t")  # a hostile file name is completed, and
        made.type("\r")  # said to be unusable
        made.type("\x1b", 0.3)
        made.type("\x1b[<0;20;8M\x1b[<0;20;8m")  # a click on text that asks for one
        made.until("q quit")
        assert not [marker for marker in MARKERS if marker in without_own(made.raw)]
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_hang_up_ends_it_and_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(100))).close()
    with terminal(tmp_path / "w") as made:
        made.until("100 messages")
        os.kill(made.pid, number)
        assert os.waitstatus_to_exitcode(made.ended()) == 128 + number
        assert b"\x1b[?1049l" in made.raw  # the terminal was given back
    with open_workspace(tmp_path / "w") as workspace:
        assert [row.messages for row in chats.listing(workspace)] == [100]


def test_a_crash_leaves_one_line_and_a_private_log_without_chats(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(5))).close()
    broken = """
def broken(self):
    secret = "mi secreto"
    raise KeyError(secret)
tui.app.Workbench.action_how_to_quit = broken
"""
    with terminal(tmp_path / "w", broken) as made:
        made.until("5 messages")
        made.type("\x03")
        assert os.waitstatus_to_exitcode(made.ended()) == 1
        left = made.raw.split(b"\x1b[?1049l")[-1].decode()
    assert "KeyError" in left
    assert "secreto" not in left
    assert "Traceback" not in left
    log = tmp_path / "w" / "logs" / "errors.log"
    assert "KeyError" in log.read_text()
    assert "secreto" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_flood_of_keys_is_painted_once(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(3000))).close()
    with terminal(tmp_path / "w") as made:
        made.until("3,000 messages")
        made.type("\r")
        made.type("g")
        made.until("mensaje 0")
        before = len(made.raw)
        made.type("j" * 300, 0.5)
        made.until("mensaje 300")
        assert len(made.raw) - before < 300 * 210  # each by itself would be 210 bytes, and 30 pages besides


def test_a_move_to_the_other_pane_repaints_two_rows(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(3000))).close()
    with terminal(tmp_path / "w") as made:
        made.until("3,000 messages")
        made.type("\r")
        made.until("mensaje 2999")
        made.type("\t", 0.5)
        before = len(made.raw)
        for _there_and_back in range(2):
            made.type("\t", 0.5)
        assert 0 < len(made.raw) - before < 2 * 600  # the whole screen is 10 KB
