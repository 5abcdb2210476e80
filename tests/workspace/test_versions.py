"""Saved recipes: versions, what changed since, going back; presets."""

from __future__ import annotations

import pytest

from core.dataset.recipe import PRESETS
from core.problem import Misuse, Problem
from core.workspace import recipe, versions
from core.workspace.opening import Workspace


def test_saving_makes_versions_and_none_is_made_twice(workspace: Workspace) -> None:
    assert versions.last(workspace) is None
    assert versions.changes(workspace) == {}
    first = versions.save(workspace, "corta")
    assert (first.name, first.version) == ("corta", 1)
    assert versions.save(workspace).version == 1
    recipe.change(workspace, {"burst_window": "30m", "buffer_size": 2})
    assert versions.changes(workspace) == {"burst_window": ("1h", "30m"), "buffer_size": (4, 2)}
    assert versions.save(workspace).version == 2
    assert versions.changes(workspace) == {}
    assert [(row.name, row.version, row.here) for row in versions.listing(workspace)] == [
        ("corta", 2, True), ("corta", 1, False),
    ]  # fmt: skip


def test_one_goes_back_to_the_last_save_or_to_any(workspace: Workspace) -> None:
    with pytest.raises(Problem, match="nothing was saved"):
        versions.revert(workspace)
    versions.save(workspace, "uno")
    recipe.change(workspace, {"max_turns": 20})
    versions.save(workspace, "dos")
    recipe.change(workspace, {"max_turns": 5})
    assert versions.revert(workspace).name == "dos"
    assert recipe.current(workspace).max_turns == 20
    versions.take(workspace, "uno", 1)
    assert recipe.current(workspace).max_turns == 60
    assert versions.name(workspace) == "uno"
    with pytest.raises(Misuse, match="tres"):
        versions.take(workspace, "tres")
    with pytest.raises(Misuse, match="version 9"):
        versions.take(workspace, "uno", 9)
    with pytest.raises(Misuse):
        versions.save(workspace, "a\nb")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_changes_all_but_who_and_with_what(workspace: Workspace, name: str) -> None:
    recipe.change(workspace, {"model": "gpt-4.1-mini", "mask": "phone", "max_turns": 7})
    told = next(row for row in versions.presets(workspace) if row.name == name)
    before = recipe.current(workspace)
    now = versions.preset(workspace, name)
    assert recipe.current(workspace) == now
    assert before.diff(now) == dict(told.changes)
    assert (now.persona, now.model, now.mask) == ("Nico", "gpt-4.1-mini", ("phone",))
    assert now.max_turns != 7
    wanted = {key: value for key, value in PRESETS[name][1].items() if not isinstance(value, str)}
    assert {key: getattr(now, key) for key in wanted} == wanted


def test_what_was_saved_is_counted_like_what_is_now(workspace: Workspace) -> None:
    versions.save(workspace, "uno")
    exact = recipe.exact_counters(workspace)
    assert recipe.exact_saved_counters(workspace) == exact
    recipe.change(workspace, {"conversation_gap": "5m"})
    assert recipe.exact_saved_counters(workspace).examples == exact.examples
    assert recipe.exact_counters(workspace).examples < exact.examples
    assert recipe.saved_counters(workspace).tokens == exact.tokens


def test_an_estimate_is_put_right_by_the_last_exact_count(workspace: Workspace) -> None:
    exact = recipe.exact_counters(workspace)
    recipe.change(workspace, {"max_turns": 59})  # another recipe that gives the same
    guess = recipe.counters(workspace)
    assert guess.train is None
    assert not guess.exact
    assert (guess.examples, guess.tokens) == (exact.examples, exact.tokens)
