"""What is typed ahead of a slow line is answered key by key: each finds what the one before it brought."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.workspace import curation
from core.workspace.opening import open_workspace
from tests.tui.hosts import many, workspace_with
from tests.tui.terminal import terminal
from tui.typed import TypedParser


def keys(typed: str) -> list[str]:
    """What a terminal's characters are read as."""
    parser = TypedParser()
    found = [*parser.feed(typed), *parser.feed("")]
    return [event.key for event in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("\x1bd", ["escape", "d"]),
        ("\x1bD", ["escape", "D"]),
        ("\x1b\r", ["escape", "enter"]),
        ("\x1b?", ["escape", "question_mark"]),
        ("\x1bjjd", ["escape", "j", "j", "d"]),
        ("\x1b2d", ["escape", "2", "d"]),
        ("\x1b-", ["escape", "minus"]),
        ("\x1bf", ["escape", "f"]),
        ("\x1bb", ["escape", "b"]),
        ("\x1b\x7f", ["escape", "backspace"]),
        ("\x1b\x1b", ["escape", "escape"]),
        ("\x1b[A", ["up"]),
        ("\x1bOB", ["down"]),
        ("\x1b[6~", ["pagedown"]),
        ("ñ", ["ñ"]),
    ],
)
def test_a_key_that_comes_with_esc_is_esc_and_that_key(typed: str, read: list[str]) -> None:
    assert keys(typed) == read


# Keys that come all at once, and the acts that they are.
AT_ONCE = [
    ("/dame+d\r\x1b", []),  # words that are looked for are no acts
    ("jd?ddd\x1bd", ["drop 1 message", "drop 1 message"]),
    ("tdd+\r+", ["keep 1 message", "tag 1 message “dd+”"]),
    ("eddd\rd", ["drop 1 message", "edit 1 message"]),
    ("w3\r:dddd\x1bu", []),
    ("fby nico\rd\x1bd", ["drop 1 message", "drop 1 message"]),
    ("D2025\r1Xdd\x1b2d", ["drop 1 message"]),
    ("e\x1b[200~dd\x1b[201~\r", ["edit 1 message"]),
    ("3\rdd\x1b2d", ["drop 1 message"]),
    ("/zzz\r\x1bfby nico\r", []),  # the f that came with esc opens the filter, and the name is no act
    ("7dd+\x1b2d", ["drop 1 message"]),
]


@pytest.mark.parametrize(("typed", "acts"), AT_ONCE, ids=[repr(typed) for typed, _acts in AT_ONCE])
def test_keys_that_come_all_at_once_are_those_of_somebody_who_waits(
    typed: str, acts: list[str], tmp_path: Path
) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(40))).close()
    with terminal(tmp_path / "w") as made:
        made.until("40 messages")
        made.type("\r")
        made.until("mensaje 39")
        os.write(made.descriptor, b"g" + typed.encode() + b"1q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
    with open_workspace(tmp_path / "w") as workspace:
        assert [act.label for act in curation.history(workspace) if not act.undone] == acts


def test_bytes_that_are_no_text_end_nothing(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(40))).close()
    with terminal(tmp_path / "w") as made:
        made.until("40 messages")
        os.write(made.descriptor, b"\xf1\xff\xc3")
        made.type("\r")
        made.until("mensaje 39")
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
