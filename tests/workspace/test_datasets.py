"""From the recipe to frozen examples and files, and back to the messages they came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.chat import Consent, Role
from core.problem import Misuse, Problem, Refused
from core.workspace import chats, curation, datasets, people, recipe
from core.workspace.opening import Cancelled, Workspace


def test_a_dataset_keeps_what_the_recipe_gave(workspace: Workspace) -> None:
    made = datasets.build(workspace, "uno")
    counted = recipe.preview(workspace, {})
    assert (made.train, made.validation) == (counted.train, counted.validation)
    assert made.train > 50
    assert made.validation > 0
    examples = list(datasets.examples(workspace, "uno"))
    assert len(examples) == made.train + made.validation
    uids = {row.uid for row in chats.messages(workspace)}
    for example in examples:
        assert example.lines[-1].role is Role.ASSISTANT
        assert example.lines[-1].trained
        assert {uid for line in example.lines for uid in line.messages} <= uids


def test_frozen_is_frozen(workspace: Workspace) -> None:
    before = [example.as_json() for example in datasets.examples(workspace, datasets.build(workspace, "uno").name)]
    recipe.change(workspace, {"buffer_size": 1, "separator": "tag"})
    victim = next(row.uid for row in chats.messages(workspace) if row.mine)
    curation.decide(workspace, "drop", [victim])
    assert [example.as_json() for example in datasets.examples(workspace, "uno")] == before
    again = datasets.build(workspace, "dos")
    assert again.digest != datasets.named(workspace, "uno").digest
    assert all(victim not in line.messages for one in datasets.examples(workspace, "dos") for line in one.lines)


def test_the_same_material_and_recipe_give_the_same_digest(workspace: Workspace) -> None:
    assert datasets.build(workspace, "uno").digest == datasets.build(workspace, "dos").digest


def test_a_name_is_given_once_and_must_be_one(workspace: Workspace) -> None:
    datasets.build(workspace, "uno")
    with pytest.raises(Problem, match="uno"):
        datasets.build(workspace, "uno")
    for name in ("", "../x", "a/b", "a\nb"):
        with pytest.raises(Misuse):
            datasets.build(workspace, name)
    with pytest.raises(Misuse, match="uno"):
        datasets.named(workspace, "tres")


def test_build_anew_reuses_what_still_holds(workspace: Workspace) -> None:
    assert datasets.build_anew(workspace, "demo").name == "demo"
    assert datasets.build_anew(workspace, "demo").name == "demo"
    recipe.change(workspace, {"buffer_size": 2})
    assert datasets.build_anew(workspace, "demo").name == "demo-2"


def test_who_refused_is_in_no_example(workspace: Workspace) -> None:
    people.set_consent(workspace, "Tomi", Consent.REFUSED, "Nico")
    datasets.build(workspace, "uno")
    authors = {row.uid: row.author for row in chats.messages(workspace)}
    used = {authors[uid] for one in datasets.examples(workspace, "uno") for line in one.lines for uid in line.messages}
    assert used == {"Nico", "Lía"}


def test_files_are_written_whole_and_never_over_others(workspace: Workspace, tmp_path: Path) -> None:
    made = datasets.build(workspace, "uno")
    out = tmp_path / "out"
    written = datasets.export(workspace, "uno", "openai", out)
    assert {one.path.name: one.examples for one in written} == {
        "train.jsonl": made.train,
        "validation.jsonl": made.validation,
    }
    rows = [json.loads(line) for line in (out / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
    with pytest.raises(Refused):
        datasets.export(workspace, "uno", "openai", out)
    datasets.export(workspace, "uno", "openai", out, force=True)


def test_counters_are_quick_first_and_then_exact(workspace: Workspace) -> None:
    recipe.change(workspace, {"model": "gpt-4o-mini"})
    quick = recipe.counters(workspace)
    assert not quick.exact
    exact = recipe.exact_counters(workspace)
    assert exact.exact
    assert exact.tokens is not None
    assert recipe.counters(workspace) == exact
    assert (quick.turns, quick.conversations) == (exact.turns, exact.conversations)
    recipe.change(workspace, {"burst_window": "1m"})
    assert not recipe.counters(workspace).exact


def test_counters_without_a_persona_count_messages(empty: Workspace, export: Path) -> None:
    chats.import_file(empty, export)
    assert recipe.counters(empty).messages == 201


def test_no_examples_says_so(workspace: Workspace) -> None:
    with pytest.raises(Problem):
        datasets.build(workspace, "uno", {"min_reply_chars": 5000})
    assert datasets.listing(workspace) == []


def test_a_build_tells_how_far_it_is_and_leaves_nothing_when_it_is_stopped(workspace: Workspace) -> None:
    seen: list[tuple[int, int]] = []
    made = datasets.build(workspace, "uno", progress=lambda done, planned: seen.append((done, planned)))
    assert seen[-1][0] == made.train + made.validation
    assert seen[-1][1] >= seen[-1][0]

    def stop(_done: int, _planned: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        datasets.build(workspace, "dos", progress=stop)
    assert [row.name for row in datasets.listing(workspace)] == ["uno"]
    assert workspace.store.read("SELECT count(*) FROM datasets")[0][0] == 1
    assert workspace.store.read("SELECT count(*) FROM examples")[0][0] == made.train + made.validation


def test_what_is_promised_while_a_dataset_is_built_is_kept(workspace: Workspace) -> None:
    def refuse(_done: int, _planned: int) -> None:
        people.set_consent(workspace, "Tomi", Consent.REFUSED, "Nico")

    with pytest.raises(Problem, match="consent changed"):
        datasets.build(workspace, "uno", progress=refuse)
    assert datasets.listing(workspace) == []


def test_decisions_are_made_while_a_dataset_is_built(workspace: Workspace) -> None:
    victim = next(row.uid for row in chats.messages(workspace) if row.mine)

    def decide(_done: int, _planned: int) -> None:
        curation.decide(workspace, "drop", [victim])

    made = datasets.build(workspace, "uno", progress=decide)
    assert any(victim in line.messages for one in datasets.examples(workspace, made.name) for line in one.lines)


def test_what_a_killed_build_left_is_cleared_away(workspace: Workspace) -> None:
    from core.store import datasets as stored

    with workspace.store.write() as change:
        left = stored.begin(change, "{}", "x")
        change.execute("UPDATE datasets SET created_at = created_at - 3600 WHERE id = ?", (left,))
    assert datasets.listing(workspace) == []
    datasets.build(workspace, "uno")
    assert workspace.store.read("SELECT count(*) FROM datasets")[0][0] == 1
