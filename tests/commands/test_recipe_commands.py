"""The command-line twins of the recipe screen: presets, versions, what it gives, and its examples."""

from __future__ import annotations

import json
from pathlib import Path

from core.workspace import preview, recipe, versions
from core.workspace.opening import open_workspace
from tests.commands.test_verbs import Run, filled, rows, run

__all__ = ["filled", "run"]


def test_presets_are_shown_and_taken(run: Run, filled: Path) -> None:
    told = {row["preset"]: row for row in rows(run, "recipe", "preset")}
    assert set(told) == {"whatsapp", "csv", "course"}
    assert told["csv"]["changes"]["buffer_unit"] == ["turns", "exchanges"]
    code, out, _err = run("recipe", "preset")
    assert code == 0
    assert 'buffer_unit: "turns" → "exchanges"' in out
    (now,) = rows(run, "recipe", "preset", "csv")
    assert (now["buffer_unit"], now["persona"]) == ("exchanges", "Nico")
    code, _out, err = run("recipe", "preset", "nada")
    assert code == 2
    assert "whatsapp" in err


def test_versions_are_saved_listed_compared_and_brought_back(run: Run, filled: Path) -> None:
    code, _out, err = run("recipe", "revert")
    assert code == 1
    assert "nothing was saved" in err
    assert "Nothing was saved yet" in run("recipe", "versions")[2]
    assert rows(run, "recipe", "save", "corta")[0]["version"] == 1
    run("recipe", "set", "burst_window=10m")
    assert rows(run, "recipe", "diff") == [{"burst_window": ["1h", "10m"]}]
    assert 'burst_window: "1h" → "10m"' in run("recipe", "diff")[1]
    assert "version 2" in run("recipe", "save")[2]
    assert "Nothing differs" in run("recipe", "diff")[2]
    assert [(row["version"], row["here"]) for row in rows(run, "recipe", "versions")] == [(2, True), (1, False)]
    assert "corta" in run("recipe", "versions")[1]
    assert "Back to “corta”, version 1." in run("recipe", "revert", "corta", "1")[2]
    assert rows(run, "recipe", "revert")[0]["version"] == 2
    with open_workspace(filled) as workspace:
        assert versions.changes(workspace) == {}


def test_the_shape_is_that_of_the_screen(run: Run, filled: Path) -> None:
    (told,) = rows(run, "recipe", "shape")
    with open_workspace(filled) as workspace:
        counted = recipe.exact_counters(workspace)
        shape = preview.shape(workspace)
    assert shape is not None
    assert told["train"]["examples"] == counted.train
    assert told["tokens"]["median"] == shape.tokens.median
    assert [tuple(month) for month in told["months"]] == list(shape.months)
    code, out, _err = run("recipe", "shape")
    assert code == 0
    assert f"half ≤ {shape.turns.median}" in out
    run("recipe", "set", "persona=Lía", "min_reply_chars=9000")
    code, _out, err = run("recipe", "shape")
    assert code == 1
    assert "no examples" in err


def test_examples_are_printed_as_they_are_trained(run: Run, filled: Path) -> None:
    told = rows(run, "recipe", "examples", "--from", "2", "--limit", "2")
    assert [one["n"] for one in told] == [1, 2]
    assert any(piece["sort"] == "trained" for piece in told[0]["learnt"]["pieces"])
    code, out, _err = run("recipe", "examples", "--limit", "1")
    assert code == 0
    trained = out.split("⟦")[1].split("⟧")[0]
    assert trained.startswith("jaja")
    assert json.loads(run("--json", "recipe", "preview")[1])["examples"] == told[0]["count"]
