"""Decisions: said of messages, undone and redone across restarts, whatever the windows."""

from __future__ import annotations

import pytest

from core.problem import Misuse
from core.workspace import chats, curation, recipe
from core.workspace.opening import Workspace, open_workspace


def uids(workspace: Workspace, count: int) -> list[str]:
    return [row.uid for row in chats.messages(workspace) if row.mine][:count]


def test_undo_and_redo_outlive_the_program(workspace: Workspace) -> None:
    some = uids(workspace, 3)
    curation.decide(workspace, "drop", some)
    curation.decide(workspace, "tag", some[:1], "gracioso")
    curation.decide(workspace, "edit", some[1:2], "otra cosa")
    with open_workspace(workspace.folder, workspace.settings) as later:
        assert [act.label for act in curation.history(later)] == [
            "edit 1 message",
            "tag 1 message “gracioso”",
            "drop 3 messages",
        ]
        for _n in range(3):
            assert curation.undo(later) is not None
        assert curation.undo(later) is None
        assert curation.standing(later) == {}
        for _n in range(3):
            assert curation.redo(later) is not None
        assert curation.redo(later) is None
    standing = curation.standing(workspace)
    assert standing[some[0]].state == "drop"
    assert standing[some[0]].tags == frozenset({"gracioso"})
    assert standing[some[1]].text == "otra cosa"


def test_a_new_decision_puts_what_was_undone_out_of_reach(workspace: Workspace) -> None:
    some = uids(workspace, 2)
    curation.decide(workspace, "drop", some[:1])
    curation.undo(workspace)
    curation.decide(workspace, "drop", some[1:])
    assert curation.redo(workspace) is None


@pytest.mark.parametrize("window", ["1s", "10m", "5h"])
def test_decisions_stand_whatever_the_windows(workspace: Workspace, window: str) -> None:
    some = uids(workspace, 5)
    curation.decide(workspace, "drop", some)
    recipe.change(workspace, {"burst_window": window, "conversation_gap": window})
    made = recipe.planned(workspace, recipe.current(workspace))
    used = {uid for example in made for line in example.lines for uid in line.messages}
    assert used.isdisjoint(some)


@pytest.mark.parametrize(
    ("what", "uids_", "value"),
    [
        ("burn", ["0" * 20], ""),
        ("drop", ["xyz"], ""),
        ("drop", ["0" * 20], ""),
        ("tag", None, "  "),
        ("weight", None, "-1"),
        ("weight", None, "101"),
        ("edit", None, ""),
    ],
)
def test_what_makes_no_sense_is_a_misuse(workspace: Workspace, what: str, uids_: list[str] | None, value: str) -> None:
    with pytest.raises(Misuse):
        curation.decide(workspace, what, uids_ if uids_ is not None else uids(workspace, 1), value)
    assert curation.history(workspace) == []


def test_an_edit_is_named_without_its_words(workspace: Workspace) -> None:
    act = curation.decide(workspace, "edit", uids(workspace, 1), "palabras privadas")
    assert "privadas" not in act.label
