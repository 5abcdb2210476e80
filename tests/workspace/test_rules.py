"""Rules and masks as switches of the recipe, with what each touches."""

from __future__ import annotations

import pytest

from core.problem import Misuse
from core.workspace import checks, recipe, rules
from core.workspace.opening import Workspace


def named(workspace: Workspace, name: str) -> rules.SwitchRow:
    return next(row for row in rules.rows(workspace) if row.name == name)


def test_every_rule_and_every_mask_is_there_with_its_count(workspace: Workspace) -> None:
    assert named(workspace, "phone").count is None
    seen: list[int] = []
    rules.count_private(workspace, lambda done, _all: seen.append(done))
    assert seen[0] == 0
    told = checks.private_things(workspace)
    for row in rules.rows(workspace):
        assert row.meaning
        if row.private:
            assert row.count == told.get(row.name, 0)
    assert {row.name: row.count for row in rules.rows(workspace) if not row.private} == {
        row.name: row.count for row in checks.rules(workspace)
    }


def test_switching_changes_the_parameter_behind_it(workspace: Workspace) -> None:
    assert not rules.switch(workspace, "media").drop_media
    assert rules.switch(workspace, "media").drop_media
    assert "phone" not in rules.switch(workspace, "phone").mask
    assert rules.switch(workspace, "url").mask[-2:] == ("url", "secret")  # in the table's order
    for name in ("empty", "short", "pattern", "nonsense"):
        with pytest.raises(Misuse):
            rules.switch(workspace, name)


@pytest.mark.parametrize(
    ("before", "name", "after"),
    [
        ("keep", "bare_links", "bare"), ("bare", "bare_links", "keep"), ("any", "bare_links", "keep"),
        ("keep", "links", "any"), ("bare", "links", "any"), ("any", "links", "bare"),
    ],
)  # fmt: skip
def test_the_two_rules_about_links_are_one_choice(workspace: Workspace, before: str, name: str, after: str) -> None:
    recipe.change(workspace, {"drop_links": before})
    assert rules.switch(workspace, name).drop_links == after
