"""Curating in a real terminal: hostile chats through every screen and dialog, kills in the middle, two at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import chats, curation
from core.workspace.opening import open_workspace
from tests.hostile import MARKERS
from tests.tui.hosts import many, workspace_with
from tests.tui.terminal import ROOT, hostile_workspace, terminal, without_own

ESC = "\x1b"


def test_the_hostile_chat_is_curated_and_reaches_no_terminal(tmp_path: Path) -> None:
    hostile_workspace(tmp_path / "w")
    trap = tmp_path / "descargas"
    trap.mkdir()
    for name in ("\x1b]52;c;aGk=\x07[red].txt", "\x9b2J WhatsApp.txt", "\u202egpj.txt", "[@click=app.quit]chat.zip"):
        (trap / name).write_text("\x1b[2J nada \x9b")
    with terminal(tmp_path / "w") as made:
        made.until("messages")
        made.type("G\r", 0.4)  # the long chat
        made.type("g")
        for keys in ("d", "+", "jjj", " ", "v", "jjjjj", "v", "T", ESC, "=", "u", "U"):
            made.type(keys, 0.3 if keys == ESC else 0.1)
        made.type("t")
        made.type("\x1b[200~\x1b]52;c;aGk=\x07[red]raro\x1b[201~", 0.3)  # a tag that means harm, pasted
        made.type("\r", 0.3)
        made.type("T", 0.3)
        made.type(ESC, 0.3)
        made.type("f", 0.3)  # names and tags to choose from
        made.type("\x1b[6~\x1b[6~", 0.2)
        made.type(ESC, 0.3)
        made.type("/", 0.2)
        made.type("titulo", 0.4)
        made.type("\r", 0.3)
        made.type("jjk", 0.2)
        made.type("\t", 0.2)
        made.type(ESC, 0.3)
        for _message in range(10):  # each opened in the field, begun to be edited, left, and gone from
            made.type("e", 0.3)
            made.type("x", 0.2)
            made.type(ESC, 0.4)
            made.type("jj", 0.1)
        made.type("\t", 0.2)
        made.type("jjjj", 0.3)
        made.type("d", 0.2)
        made.type(ESC, 0.3)
        made.type("1", 0.3)
        made.type("X", 0.3)  # a title that means harm in a question
        made.type(ESC, 0.3)
        made.type("p", 0.4)  # names
        made.type("jcjcv", 0.3)
        made.type("X", 0.4)
        made.type(ESC, 0.3)
        made.type(" k", 0.2)
        made.type("J", 0.3)
        made.type("y", 0.4)
        made.type("S", 0.3)
        made.type(ESC, 0.4)
        made.type("p", 0.3)
        made.type("i", 0.3)
        made.type(f"\x1b[200~{trap}/\x1b[201~", 0.4)
        made.type("\x1b[B\x1b[B", 0.2)
        made.type("\r", 0.6)  # a file that is no export: its name stands in the notice
        made.type(ESC, 0.4)
        made.type("r", 0.3)
        made.type(ESC, 0.4)
        assert not [marker for marker in MARKERS if marker in without_own(made.raw)]
        made.type("1q", 0.3)
        assert os.waitstatus_to_exitcode(made.ended()) == 0
    with open_workspace(tmp_path / "w") as workspace:
        assert curation.history(workspace)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_the_end_in_the_middle_of_an_edit_loses_no_decision_and_no_word(tmp_path: Path, number: signal.Signals) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(300))).close()
    with terminal(tmp_path / "w") as made:
        made.until("300 messages")
        made.type("\r", 0.5)
        made.type("g")
        made.type("d")
        made.until("drop 1 message")
        made.type("e", 0.3)
        made.type(" y más")
        made.until("y más")
        if number == signal.SIGKILL:
            made.type("", 0.8)  # half a second after the last key the draft is kept
        os.kill(made.pid, number)
        made.ended()
    with open_workspace(tmp_path / "w") as workspace:
        assert [act.label for act in curation.history(workspace)] == ["drop 1 message"]
        row = chats.transcript(workspace, 1).rows(1, 1)[0]
        assert curation.draft_of(workspace, row.uid) == "mensaje 1 y más"


_DECIDER = """
import sys
from pathlib import Path
from core.workspace import chats, curation
from core.workspace.opening import open_workspace
with open_workspace(Path(sys.argv[1])) as workspace:
    first = int(sys.argv[2])
    for place in range(first, first + 60):
        curation.decide_at(workspace, 1, [place], "drop")
"""


def test_two_at_once_lose_no_decision_and_see_each_other(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(300))).close()
    with terminal(tmp_path / "w") as made:
        made.until("300 messages")
        made.type("\r", 0.5)
        made.type("g")
        others = [
            subprocess.Popen([sys.executable, "-c", _DECIDER, str(tmp_path / "w"), str(first)], cwd=ROOT)
            for first in (100, 200)
        ]
        for _key in range(40):  # pressed while two others write
            os.write(made.descriptor, b"d")
            made.read(0.02)
        assert [other.wait(60) for other in others] == [0, 0]
        with open_workspace(tmp_path / "w") as watching:
            for _look in range(150):  # the keys that still wait are answered in their own time
                made.read(0.2)
                if len(curation.history(watching, 1000)) == 160:
                    break
        made.type("D", 0.3)
        made.type("2025\r", 0.3)
        made.type("jjjjjjjjjj" * 10, 0.5)
        made.until("- 16:13")  # what another process dropped, seen here: message 100
        made.type("q")
        made.ended()
    with open_workspace(tmp_path / "w") as workspace:
        dropped = {row.place for row in chats.transcript(workspace, 1).rows(0, 300) if row.said.state == "drop"}
        assert dropped == {*range(40), *range(100, 160), *range(200, 260)}
        assert len(curation.history(workspace, 1000)) == 160
