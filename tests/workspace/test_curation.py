"""Decisions: said of messages, undone and redone across restarts, whatever the windows."""

from __future__ import annotations

import random

import pytest

from core.dataset.material import Decision, kept, scan
from core.problem import Misuse
from core.workspace import chats, curation, material, recipe
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


def test_decisions_followed_act_by_act_are_those_that_the_store_tells(workspace: Workspace) -> None:
    dice = random.Random(seed := random.randrange(1 << 32))
    some = [row.uid for row in chats.messages(workspace)][:12]
    now = recipe.current(workspace)
    with open_workspace(workspace.folder, workspace.settings) as other:
        for step in range(120):
            place = dice.choice((workspace, other))  # two processes, of which either may not have looked for a while
            match dice.randrange(4):
                case 0:
                    curation.undo(place)
                case 1:
                    curation.redo(place)
                case _:
                    what = dice.choice(curation.WORDS)
                    value = {"edit": dice.choice(("otra cosa", "imagen omitida")), "tag": "a", "untag": "a"}.get(
                        what, "0"
                    )
                    curation.decide(place, what, dice.sample(some, dice.randint(1, 4)), value)
            if dice.randrange(3):
                continue
            for looking in (workspace, other):
                found = material.of(looking)
                told = {uid: one for uid, one in curation.standing(looking).items() if one != Decision()}
                assert {found.uids[row]: one for row, one in found.decided.items()} == told, (seed, step)
                hits = scan(found, now)
                assert material.hits(looking, now).tolist() == hits.tolist(), (seed, step)
                with open_workspace(workspace.folder, workspace.settings) as anew:
                    fresh = material.of(anew)
                assert fresh.columns.lengths.tolist() == found.columns.lengths.tolist(), (seed, step)
                assert kept(fresh, now).kept.tolist() == kept(found, now, hits).kept.tolist(), (seed, step)


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
