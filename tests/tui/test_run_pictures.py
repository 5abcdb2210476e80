"""What the screens of runs and models look like, at two sizes and in both languages; how they are drawn anew is said in
test_pictures.py."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest

from core.chat import Consent
from core.store import models
from core.training.events import FILE, Writer
from core.workspace import datasets, people
from core.workspace.evaluations import PerplexityReport
from core.workspace.opening import Workspace
from tests.tui.hosts import a_conversation, screen_text, speak_spanish, until, workspace_with
from tests.tui.pictures_table import belongs
from tests.tui.runs import a_run, is_alive, learn
from tests.tui.test_pictures import COUNTED, SIZES, compare
from tui.app import Workbench

# name -> keys that lead there, and text that shows that it is there, in either language
SCREENS = {
    "runs": (("5",), ("120/400", "200/200")),
    "run": (("5", "G", "enter"), ("nah, tranqui", "●")),
    "run_pause": (("5", "g", "enter", "p"), ("1124-1000-bbbb?", "1124-1000-bbbb?")),
    "runs_compared": (("5", "m", "j", "m", "c"), ("learning_rate=0.005", "┤", "⏎")),
    "run_start": (("5", "n"), ("lora_rank", "lora_rank")),
    "run_checkpoints": (("5", "g", "enter", "C"), ("1124-1000-bbbb", "esc ")),
    "model_merge": (("6", "j", "m"), ("nico", "esc ")),
    "model_gguf": (("6", "j", "w"), ("GGUF", "esc ")),
    "model_delete": (("6", "j", "D"), ("nico", "esc ")),
    "run_event": (("5", "g", "enter", "k", "enter"), ("15:1", "eta_seconds")),
    "model_card": (("6", "j", "c"), ("nico", "| mini")),
    "models": (("6",), ("lab:ft-1", "2.11")),
}
REPORT = PerplexityReport(
    "nico", "mini", "uno", 11.38, 2.11, 12.0, 2.2, 1.297, 0.399, 0.81, 0.79, 0.84, 77, 135, 2947, 0.0
)


def filled(folder: Path) -> Workspace:
    workspace = workspace_with(folder, ("Nico", a_conversation()))
    datasets.build(workspace, "uno", {"persona": "Nico", "validation": "0", "near_duplicates": "keep"})
    learn(a_run(workspace, "1124-0900-aaaa", learning_rate=0.005), 200, 200, "cancelled")
    live = a_run(workspace, "1124-1000-bbbb", learning_rate=0.0002)
    learn(live, 120, 400)
    is_alive(live)
    with workspace.store.write() as change:
        models.add(change, models.StoredModel("nico", "adapter", "mini", "f3fe46eac5efa45f", folder="/home/vera/nico"))
        models.add(change, models.StoredModel("lab:ft-1", "remote", "gpt-4.1-nano"))
    reports = workspace.folder / "evaluations" / "nico"
    reports.mkdir(parents=True)
    (reports / "report.json").write_text(json.dumps(REPORT.as_json()))
    return workspace


def with_a_card(workspace: Workspace) -> None:
    """The model comes from a run of a dataset, and of three people two were asked."""
    folder = a_run(workspace, "1123-0800-cccc", learning_rate=0.005)
    learn(folder, 200, 200)
    (folder / "adapter").mkdir()
    with Writer(folder / FILE, same_attempt=True) as log:
        log.write("summary", step=200, tokens=120_000, trained_tokens=30_000)
        log.write("end", state="succeeded")
    (dataset,) = datasets.listing(workspace)
    with workspace.store.write() as change:
        change.execute("UPDATE runs SET state = 'succeeded', model = 'nico', dataset_id = ?", (dataset.id,))
        change.execute("UPDATE models SET run_id = ?, dataset_id = ? WHERE name = 'nico'", (folder.name, dataset.id))
    people.set_consent(workspace, "Nico", Consent.GIVEN)


@pytest.mark.parametrize("spanish", [False, True], ids=["en", "es"])
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_looks_as_before(
    name: str, size: tuple[int, int], spanish: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(1_750_000_000)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("core.training.events.time.time", lambda: next(clock) * 1.0)
    workspace = filled(tmp_path / "w")
    if name == "model_card":
        with_a_card(workspace)
    monkeypatch.undo()
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("SINSONTE_CONFIG", str(tmp_path / "none.toml"))
    if spanish:
        speak_spanish(monkeypatch)
    app = Workbench(workspace, workspace.settings)
    keys, words = SCREENS[name]
    async with app.run_test(size=size) as pilot:
        app.count_again = lambda: None  # type: ignore[method-assign,assignment]
        app.take_in_runs = lambda: None  # type: ignore[method-assign,assignment]
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            if key == "5":
                await until(pilot, "120/400")
            elif key == "enter":
                await until(pilot, "●")
            elif key == "n":
                await until(pilot, "lora_rank")
        app._take_counters(COUNTED)  # pyright: ignore[reportPrivateUsage]
        for word in words:
            await until(pilot, word)
        for screen in app.screen_stack:
            for bar in screen.query("#places"):
                bar._workspace = "/home/vera/sinsonte"  # type: ignore[attr-defined]
                bar.refresh()
        await pilot.pause()
        belongs(name, app.screen)
        seen = screen_text(app) + "\n"
    workspace.close()
    time.tzset()
    compare(name, size, spanish, seen)
