"""Talks and corrections on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.commands import main
from core.workspace import corrections, transcripts
from core.workspace.opening import open_workspace
from tests.workspace.test_transcripts import a_talk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one talk of two models, and a correction."""
    monkeypatch.setenv("SINSONTE_WORKSPACE", str(tmp_path / "w"))
    with open_workspace(tmp_path / "w") as workspace:
        talk = a_talk(workspace)
        leaf = transcripts.numbered(workspace, talk).lanes[0].leaf
        assert leaf is not None
        corrections.correct(workspace, talk, leaf, "che, el tren va lento\x1b[2J", 0)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_talks_are_listed_shown_found_written_and_read_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcripts", "list", "--json"]) == 0
    (row,) = told(capsys)
    assert (row["id"], row["models"], row["messages"]) == (1, ["base", "rita"], 8)
    assert main(["transcripts", "show", "1", "--json"]) == 0
    assert len(told(capsys)) == 8
    assert main(["transcripts", "show", "1"]) == 0
    shown = capsys.readouterr().out
    assert "rita: re lindo" in shown
    assert "\x1b" not in shown
    assert main(["transcripts", "search", "lindo", "--json"]) == 0
    assert [one["model"] for one in told(capsys)] == ["rita"]
    file = folder / "t.jsonl"
    assert main(["transcripts", "export", "1", "--as", "jsonl", "--to", str(file)]) == 0
    assert main(["transcripts", "export", "1", "--as", "jsonl", "--to", str(file)]) == 1
    assert main(["transcripts", "import", str(file)]) == 0
    capsys.readouterr()
    assert main(["transcripts", "import", str(file), "--as", "chat", "--json"]) == 0
    assert told(capsys) == [{"chats": [1, 2]}]
    assert main(["transcripts", "delete", "1"]) == 3
    assert main(["transcripts", "delete", "1", "--yes"]) == 0
    assert main(["transcripts", "show", "1"]) == 2
    capsys.readouterr()
    assert main(["corrections", "list", "--json"]) == 0
    assert [one["talk"] for one in told(capsys)] == [None]


def test_corrections_are_pairs_for_the_next_training(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corrections", "export"]) == 0
    (pair,) = told(capsys)
    assert set(pair) == {"input", "preferred_output", "non_preferred_output"}
    assert main(["corrections", "export", str(folder / "p.jsonl"), "--as", "openai"]) == 0
    assert json.loads((folder / "p.jsonl").read_text())["messages"][-1]["role"] == "assistant"
    assert main(["corrections", "delete", "9", "--yes"]) == 2
    assert main(["corrections", "delete", "1"]) == 3
    assert main(["corrections", "delete", "1", "--yes"]) == 0
    capsys.readouterr()
    assert main(["corrections", "list"]) == 0
    assert "che" not in capsys.readouterr().out
