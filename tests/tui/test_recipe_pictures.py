"""What the recipe and datasets screens look like, at two sizes and in both languages, as text that a review can read.

`SINSONTE_PICTURES=1 pytest tests/tui/test_recipe_pictures.py` draws them anew. Each run of the workbench gives all of
its pictures, since importing and counting is what costs.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.workspace import datasets, recipe, versions
from tests.tui.hosts import screen_text, speak_spanish, until
from tests.tui.pictures_table import belongs
from tests.tui.test_recipe_screen import a_workspace, counted
from tui.app import Workbench

PICTURES = Path(__file__).parent / "pictures"
DRAW = bool(os.environ.get("SINSONTE_PICTURES"))
# name -> keys that lead there from the one before, and text that shows that it is there
WALK = (
    ("recipe", ("3",), "burst_window|persona"),
    ("recipe_view", ("v",), "▃|▁|example 1|ejemplo 1"),
    ("recipe_value", ("enter",), "esc "),
    ("recipe_example", ("escape", "e"), "y cop"),
    ("recipe_rules", ("escape", "r"), "deleted"),
    ("recipe_presets", ("escape", "p", "j"), "exchanges"),
    ("recipe_versions", ("escape", "V"), "1h"),
    ("recipe_build", ("escape", "b"), "esc "),
    ("datasets", ("escape", "4"), "█"),
    ("dataset_findings", ("c",), "segundo:"),
    ("dataset_formats", ("escape", "w"), "sharegpt"),
    ("dataset_others", ("escape", "d"), "segundo"),
    ("datasets_compared", ("enter",), "+"),
    ("dataset_check", ("escape", "j", "c"), "primero:"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


async def settled(pilot: Pilot[int], words: str) -> str:
    """The screen once one of the words is on it and nothing changes any more."""
    before = ""
    for _turn in range(400):
        await pilot.pause(0.03)
        now = screen_text(pilot.app)
        drawn = not any(line.strip() == "…" for line in now.splitlines())  # the plots of a dataset are there
        if now == before and drawn and any(word in now for word in words.split("|")):
            return now + "\n"
        before = now
    raise AssertionError(f"“{words}” never came; the screen is:\n{before}")


@pytest.mark.parametrize("spanish", [False, True], ids=["en", "es"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_screens_look_as_before(
    size: tuple[int, int], spanish: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spanish:
        speak_spanish(monkeypatch)
    workspace = a_workspace(tmp_path)
    recipe.change(workspace, {"model": "gpt-4.1-mini"})
    versions.save(workspace, "corta")
    datasets.build(workspace, "primero")
    datasets.build(workspace, "segundo", {"max_turns": 2, "validation": 0.5})
    with workspace.store.write() as change:
        change.execute("UPDATE datasets SET created_at = 1781298660 + 3600 * (name = 'segundo')")
        change.execute("UPDATE recipes SET created_at = 1781298660")
    recipe.change(workspace, {"burst_window": "10m", "validation": 0.2})
    app = Workbench(workspace, workspace.settings)
    wrong: list[str] = []
    async with app.run_test(size=size) as pilot:
        await until(pilot, "200")
        for name, keys, words in WALK:
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            if name == "recipe":
                await counted(pilot)
            # Without the bar of places: every new screen would change all of these.
            seen = (await settled(pilot, words)).split("\n", 1)[1]
            belongs(name, app.screen)
            file = PICTURES / f"{name}_{size[0]}x{size[1]}_{'es' if spanish else 'en'}.txt"
            if DRAW:
                file.write_text(seen, encoding="utf-8")
            if seen != file.read_text(encoding="utf-8"):
                wrong.append(f"{file.name} looks different; SINSONTE_PICTURES=1 draws it anew:\n{seen}")
    workspace.close()
    assert wrong == []
