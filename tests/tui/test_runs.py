"""The screens of runs, by keys alone: what they show is what the log and the twins say, and looking changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.commands import main
from core.training.events import FILE, Writer
from core.workspace import runs as verbs
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import screen_text, until
from tests.tui.runs import a_run, is_alive, learn, obedient
from tui.app import Workbench
from tui.widgets.plot import Plot, Series, range_of
from tui.widgets.row_list import RowList


@asynccontextmanager
async def opened(workspace: Workspace, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.press("5")
            yield pilot
    finally:
        workspace.close()


def two_runs(folder: Path) -> Workspace:
    workspace = open_workspace(folder)
    learn(a_run(workspace, "1124-0900-aaaa", learning_rate=0.005), 200, 200, "cancelled")
    live = a_run(workspace, "1124-1000-bbbb", learning_rate=0.0002)
    learn(live, 120, 400)
    is_alive(live)
    return workspace


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_the_list_says_how_each_run_stands(tmp_path: Path) -> None:
    async with opened(two_runs(tmp_path / "w")) as pilot:
        text = await until(pilot, "2 runs · 1 under way")
        (running,) = [line for line in text.splitlines() if "1124-1000-bbbb" in line]
        assert running.split()[1:6] == ["running", "1124-1000-bbbb", "120/400", "0.9413", "1.4388"]
        (over,) = [line for line in text.splitlines() if "1124-0900-aaaa" in line]
        assert "cancelled" in over


async def test_the_figures_are_those_of_the_twin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(two_runs(tmp_path / "w")) as pilot:
        await until(pilot, "under way")
        assert main(["--workspace", str(tmp_path / "w"), "train", "list", "--json"]) == 0
        told = {row["id"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
        text = screen_text(pilot.app)
        for name, row in told.items():
            (line,) = [line for line in text.splitlines() if name in line]
            for figure in (f"{row['step']}/{row['steps']}", f"{row['loss']:.4f}", f"{row['validation_loss']:.4f}"):
                assert figure in line


async def test_a_run_is_shown_live_and_looking_at_it_changes_nothing(tmp_path: Path) -> None:
    workspace = two_runs(tmp_path / "w")
    log = workspace.folder / "runs/1124-1000-bbbb" / FILE
    async with opened(workspace) as pilot:
        await until(pilot, "under way")
        before = sha(log)
        await pilot.press("g", "enter")
        text = await until(pilot, "step 120/400")
        assert "loss 0.9413" in text
        assert "held-out 1.4388 (best 1.4388)" in text
        assert "●" in text, "the validations are marked on the curve"
        assert sha(log) == before
        with Writer(log, same_attempt=True) as writer:
            writer.write("step", step=121, steps=400, loss=0.7777, eta_seconds=60.0)
            writer.write("log", level="info", text="una nota")
        text = await until(pilot, "una nota")
        assert "loss 0.7777" in text
        assert "1 min 00 s left" in text
        before = sha(log)
        await pilot.press("escape")
        await until(pilot, "2 runs")
        assert sha(log) == before
        assert verbs.look(workspace, "1124-1000-bbbb").state == "running"


async def test_the_log_is_filtered_searched_and_held(tmp_path: Path) -> None:
    workspace = two_runs(tmp_path / "w")
    log = workspace.folder / "runs/1124-1000-bbbb" / FILE
    async with opened(workspace) as pilot:
        await until(pilot, "under way")
        await pilot.press("g", "enter")
        await until(pilot, "Log: everything")
        await pilot.press("f", "f")
        text = await until(pilot, "nah, tranqui")
        assert "Log: samples" in text
        assert "checkpoint at" not in text
        await pilot.press("f", "f", "f", "f")
        await until(pilot, "Log: everything")
        await pilot.press("slash")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "TRANQUI"
        await pilot.press("enter")
        await until(pilot, "“TRANQUI”")
        rows: RowList[object] = pilot.app.screen.query_one("#log", RowList)
        while rows.count != 1:
            await pilot.pause(0.05)
        await pilot.press("z")
        await until(pilot, "held")
        with Writer(log, same_attempt=True) as writer:
            writer.write("sample", step=121, prompt="¿y?", reply="tranqui dos", real="nada, che")
        screen = pilot.app.screen
        seen = verbs.look(workspace, "1124-1000-bbbb").now.seq
        while screen.row.now.seq < seen:  # type: ignore[attr-defined]
            await pilot.pause(0.05)
        assert "tranqui dos" not in screen_text(pilot.app)
        await pilot.press("z")
        await until(pilot, "tranqui dos")


async def test_an_event_is_read_whole(tmp_path: Path) -> None:
    async with opened(two_runs(tmp_path / "w")) as pilot:
        await until(pilot, "under way")
        await pilot.press("g", "enter")
        await until(pilot, "step 120/400")
        await pilot.press("f", "f")
        await until(pilot, "tranqui")
        await pilot.press("enter")
        text = await until(pilot, "prompt: ¿venís mañana?")
        assert "step: 100" in text


async def test_a_run_is_paused_by_key_and_only_after_a_yes(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    folder = a_run(workspace)
    worker = obedient(folder)
    try:
        async with opened(workspace) as pilot:
            await until(pilot, "1 under way")
            await pilot.press("enter")
            await until(pilot, "p pause")
            await pilot.press("p")
            await until(pilot, "Pause run 1124-0900-aaaa?")
            await pilot.press("escape")
            await pilot.pause(0.3)
            assert worker.poll() is None
            await pilot.press("p")
            await until(pilot, "Pause run 1124-0900-aaaa?")
            await pilot.press("enter")
            await until(pilot, "  paused  ━")
            assert worker.wait() == 0
            assert verbs.look(workspace, "1124-0900-aaaa").state == "paused"
            await pilot.press("x")
            await until(pilot, "Cancel run")
            await pilot.press("y")
            await until(pilot, "  cancelled  ━")
    finally:
        worker.kill()
        worker.wait()


async def test_runs_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(two_runs(tmp_path / "w")) as pilot:
        await until(pilot, "under way")
        await pilot.press("m", "down", "m", "c")
        text = await until(pilot, "Comparing runs")
        text = await until(pilot, "learning_rate=")
        assert "held-out loss" in text
        names = ["1124-0900-aaaa", "1124-1000-bbbb"]
        assert main(["--workspace", str(tmp_path / "w"), "train", "compare", "--json", *names]) == 0
        for row in map(json.loads, capsys.readouterr().out.splitlines()):
            (line,) = [line for line in text.splitlines() if row["id"] in line]
            assert f"{row['best_validation_loss']:.4f}" in line
            assert f"learning_rate={row['differs']['learning_rate']}" in line
        await pilot.press("down", "enter")
        await until(pilot, "tokens/s")  # of its log
        assert type(pilot.app.screen).__name__ == "RunScreen"
        assert f"Run {names[0]}" in screen_text(pilot.app)  # the second, as they were marked
        await pilot.press("escape")
        await until(pilot, "Comparing runs")


def test_the_axes_have_round_bounds_around_every_point() -> None:
    found = range_of([Series([0, 90], [0.3, 4.4], lambda p: p.text)], 100, 12)
    assert found is not None
    assert (found.low, found.high, found.tick, found.end) == (0.0, 5.0, 1.0, 100)
    assert range_of([], 100, 12) is None
    flat = range_of([Series([0], [2.0], lambda p: p.text)], 0, 12)
    assert flat is not None
    assert flat.low < 2.0 < flat.high
    assert flat.end >= 1


async def test_a_curve_that_grows_repaints_little(tmp_path: Path) -> None:
    workspace = two_runs(tmp_path / "w")
    async with opened(workspace) as pilot:
        await until(pilot, "under way")
        await pilot.press("g", "enter")
        await until(pilot, "step 120/400")
        plot = pilot.app.screen.query_one(Plot)
        regions: list[object] = []
        plot.refresh = lambda *given, **_options: regions.extend(given) or plot  # type: ignore[method-assign,assignment]
        log = workspace.folder / "runs/1124-1000-bbbb" / FILE
        with Writer(log, same_attempt=True) as writer:
            writer.write("step", step=124, steps=400, loss=0.9)
        await until(pilot, "step 124/400")
        assert 0 < sum(region.width for region in regions) < 40, regions  # type: ignore[attr-defined]


async def test_where_logging_out_would_end_the_run_the_form_says_so_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.backends.logout.ends_workers", lambda: True)
    workspace = two_runs(tmp_path / "w")
    async with opened(workspace) as pilot:
        await until(pilot, "under way")
        await pilot.press("n")
        await until(pilot, "Start a run")
        screen = pilot.app.screen
        screen._field("dataset").value = "uno"  # type: ignore[attr-defined]
        screen.action_start()  # type: ignore[attr-defined]
        text = await until(pilot, "KillUserProcesses")
        for way in ("enable-linger", "systemd-run", "--on", "slurm"):  # each a word: lines break anywhere
            assert way in text, text
        await pilot.press("escape")
        assert len(verbs.listing(workspace)) == 2
