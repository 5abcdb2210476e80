"""Each figure of screens 1 to 4 is what its command prints: read off the screen, asked of the command.

Runs and models have their own (tests/tui/test_runs.py), and so has the account; the recipe's counters are recomputed in
tests/tui/test_figures_from_files.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import commands
from core.workspace import datasets, recipe
from core.workspace.opening import Workspace
from tests.tui.hosts import screen_text, until
from tests.tui.test_recipe_screen import a_workspace, counted, opened
from tui.screens.recipe.rules import RulesDialog
from tui.widgets.row_list import RowList

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = a_workspace(tmp_path)
    recipe.change(made, {"model": "gpt-4.1-mini", "validation": 0.2})
    return made


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The lines that a command prints, asked for as a script asks."""

    def run(*words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert commands.main(["--workspace", str(tmp_path / "w"), "--json", *words]) in (0, 1)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def figures(text: str, pattern: str) -> list[int]:
    """The numbers that a pattern finds on the screen."""
    found = re.search(pattern, text)
    assert found is not None, f"{pattern} is not in\n{text}"
    return [int(one.replace(",", "")) for one in found.groups()]


async def test_chats_people_and_conversations(workspace: Workspace, ask: Ask) -> None:
    async with opened(workspace) as pilot:
        await pilot.press("1")
        text = await until(pilot, "From – to")
        assert figures(text, r"(\d+) chat · ([\d,]+) messages") == [1, 201]
        assert figures(text, r"2025 +([\d,]+)  whatsapp") == [201]
        await pilot.press("p")
        text = await until(pilot, "not asked")
        people = {name: figures(text, rf"asked +([\d,]+)  1 chat +{name}")[0] for name in ("Nico", "Lía")}
        await pilot.press("1")
        await until(pilot, "From – to")
        await pilot.press("enter")
        await until(pilot, "┃")
        await pilot.press("g", "d", "d")
        await until(pilot, "Saved: drop")
        text = await until(pilot, "*  1 Jan 2025")
        await pilot.press("slash", *"asado", "enter")
        found = figures(await until(pilot, "“asado”:"), r"“asado”: (\d+) messages")[0]
    shown = [
        (bool(sign.strip()), when, int(count))
        for sign, when, count in re.findall(r"(?m)^▌?[ ●]?(.) +(\d+ \w{3} 2025 \d\d:\d\d) +(\d+)  ", text)
    ]
    (chat,) = ask("chats")
    assert (chat["messages"], sorted(chat["participants"])) == (201, sorted(people))
    assert {row["name"]: row["messages"] for row in ask("participants")} == people
    rows = ask("messages", "--conversations")
    assert sum(row["messages"] for row in rows) == 201
    assert rows[0]["dropped"] == 2
    told = [(row["decided"] > 0, row["started_at"][11:16], row["messages"]) for row in rows]
    # The list has forty lines at most; it is at the top, where the decisions were made.
    assert [(sign, when[-5:], count) for sign, when, count in shown] == told[: len(shown)]
    assert len(shown) > 20
    assert len(ask("messages", "--query", "asado")) == found


async def test_the_recipes_plots_split_and_examples(workspace: Workspace, ask: Ask) -> None:
    async with opened(workspace) as pilot:
        text = await counted(pilot)
    (shape,) = ask("recipe", "shape")
    spreads = re.search(r"half ≤ (\d+), 95 % ≤ (\d+) +half ≤ (\d+), 95 % ≤ (\d+)", text)
    assert spreads is not None
    assert [int(one) for one in spreads.groups()] == [
        shape[of][which] for of in ("turns", "tokens") for which in ("median", "high")
    ]
    assert figures(text, r"to train on +1 Jan.* (\d+) conversations") == [shape["train"]["conversations"]]
    assert figures(text, r"held out +\d+ \w+ 2025.* (\d+) conversations") == [shape["validation"]["conversations"]]
    assert figures(text, r"left unused between them: 3 h; (\d+) examples") == [shape["purged"]]
    assert shape["gap"] == 3 * 3600
    assert (shape["months"][0][0], shape["months"][-1][0]) == ("2025-01", "2025-02")
    (told,) = ask("recipe", "examples", "--limit", "1")
    assert figures(text, r"example (\d+) of (\d+) ·") == [told["n"] + 1, told["count"]]
    assert figures(text, r"(?m) (\d+) tokens *$") == [told["learnt"]["tokens"]]
    (preview,) = ask("recipe", "preview")
    assert preview["cost"][:20] in text


async def test_the_rules_and_what_they_touch(workspace: Workspace, ask: Ask) -> None:
    async with opened(workspace) as pilot:
        await pilot.press("r")
        await until(pilot, "are kept")
        dialog = pilot.app.screen
        assert isinstance(dialog, RulesDialog)
        row_list: RowList[Any] = dialog.query_one("#rules", RowList)
        shown: dict[str, tuple[bool, int | None]] = {}
        for _turn in range(200):
            shown = {row.name: (row.on, row.count) for n in range(row_list.count) if (row := row_list.at(n))}
            if None not in {count for _on, count in shown.values()}:
                break
            await pilot.pause(0.02)
        kept = figures(screen_text(pilot.app), r"([\d,]+) messages are kept")
    (preview,) = ask("recipe", "preview")
    assert kept == [preview["messages"]]
    rules = {row["rule"]: (row["on"], row["count"]) for row in ask("recipe", "rules")}
    assert {name: shown[name] for name in rules} == rules
    private = ask("recipe", "privacy")[0]
    assert {name: shown[name][1] for name in shown if name not in rules} == {
        name: private.get(name, 0) for name in shown if name not in rules
    }


async def test_datasets_their_tokens_findings_and_differences(workspace: Workspace, ask: Ask) -> None:
    datasets.build(workspace, "uno")
    datasets.build(workspace, "dos", {"min_reply_chars": 45})
    async with opened(workspace) as pilot:
        await pilot.press("4")
        text = await until(pilot, "half ≤")
        await pilot.press("c")
        checked = await until(pilot, "to be trained on")
        await pilot.press("escape")
        await pilot.press("d", "enter")
        compared = await until(pilot, "the same")
    rows = {row["name"]: row for row in ask("dataset", "list")}
    for name, row in rows.items():
        assert figures(text, rf"(\d+) \+ (\d+) +{name}") == [row["train"], row["validation"]]
    (check,) = ask("dataset", "check", "dos")
    assert figures(text, r"half ≤ (\d+), 95 % ≤ (\d+) +half") == [check["percentiles"][key] for key in ("50", "95")]
    assert figures(checked, r"dos: (\d+) examples") == [check["examples"]]
    assert all(one["text"][:40] in checked for one in check["findings"])
    (diff,) = ask("dataset", "diff", "dos", "uno")
    assert figures(compared, r"(\d+) the same") == [diff["same"]]
    assert figures(compared, r"(?s)(\d+) only in “dos”.*?(\d+) only in “uno”.*?(\d+) on the other") == [
        len(diff[key]) for key in ("removed", "added", "moved")
    ]
