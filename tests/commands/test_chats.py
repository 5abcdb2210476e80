"""`chats delete` asks and keeps a copy; the filters of `messages` give what the conversations screen finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.workspace import chats, curation, finding, upkeep
from core.workspace.finding import Filter
from core.workspace.opening import open_workspace
from tests.commands.test_verbs import Run, filled, rows, run

__all__ = ["filled", "run"]


def test_a_chat_is_deleted_when_that_was_agreed_to_and_a_copy_has_it(run: Run, filled: Path) -> None:
    before = rows(run, "chats")
    (messages,) = [row["messages"] for row in before if row["title"] == "Tomi"]
    (told,) = rows(run, "chats", "delete", "Tomi", "--dry-run")
    assert (told["done"], told["messages"], told["backup"]) == (False, messages, None)
    assert run("chats", "delete", "Tomi")[0] == 3  # nobody was there to be asked
    assert rows(run, "chats") == before
    (told,) = rows(run, "chats", "delete", "Tomi", "--yes")
    assert told["done"] is True
    assert [row["title"] for row in rows(run, "chats")] == ["Lía"]
    assert run("chats", "delete", "Tomi", "--yes")[0] == 2
    assert told["backup"] in [str(copy) for copy in upkeep.backups(filled)] or Path(told["backup"]).exists()
    upkeep.restore(filled, Path(told["backup"]).name)
    assert rows(run, "chats") == before


ASKED = [
    (["--author", "Nico"], Filter(author="Nico")),
    (["--decision", "dropped"], Filter(decision="dropped")),
    (["--decision", "undecided"], Filter(decision="undecided")),
    (["--tag", "dulce"], Filter(tag="dulce")),
    (["--longer", "20"], Filter(longer=20)),
    (["--shorter", "20"], Filter(shorter=20)),
    (["--from", "2025-01-02"], Filter(since="2025-01-02")),
    (["--to", "2025"], Filter(until="2025")),
    (["--rule", "empty"], Filter(rule="empty")),
    (["--private", "email"], Filter(private="email")),
    (["--query", "torta"], Filter(query="torta")),
    (["--query", "torta", "--longer", "5", "--decision", "undecided"], Filter("torta", longer=5, decision="undecided")),
]


@pytest.mark.parametrize(("words", "wanted"), ASKED, ids=[" ".join(words) for words, _wanted in ASKED])
def test_a_filter_gives_what_the_screen_finds(run: Run, filled: Path, words: list[str], wanted: Filter) -> None:
    with open_workspace(filled) as workspace:
        (chat,) = [row.id for row in chats.listing(workspace) if row.title == "Lía"]
        curation.decide_at(workspace, chat, range(0, 40, 3), "drop")
        curation.decide_at(workspace, chat, [1, 2], "tag", "dulce")
        curation.decide_at(workspace, chat, [5], "edit", "escribile a lia@example.org")
        transcript = chats.transcript(workspace, chat)
        places = finding.places(workspace, chat, wanted).tolist()
        shown = [row.uid for row in transcript.at(places)]
    assert [row["id"] for row in rows(run, "messages", "--chat", "Lía", "--limit", "500", *words)] == shown
    if "rule" not in " ".join(words):
        assert shown, "a filter that finds nothing proves nothing"


def test_a_filter_that_is_none_is_said(run: Run, filled: Path) -> None:
    code, _out, err = run("messages", "--decision", "forgotten")
    assert code == 2
    assert "dropped" in err
    assert run("messages", "--from", "2025-02-30")[0] == 2
