"""What else keys do on the screens of runs and models: curves, checkpoints, going on, the refused conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.store import models
from core.workspace import chats
from core.workspace.checkpoints import CheckpointRow
from core.workspace.findings import Fault
from core.workspace.opening import Workspace, open_workspace
from core.workspace.refused import RefusedLine
from tests.tui.hosts import a_conversation, screen_text, until, workspace_with
from tests.tui.runs import a_run, learn
from tests.tui.test_moves import kind, pressed
from tests.tui.test_runs import opened, two_runs
from tui.app import Workbench
from tui.screens.conversations.screen import ConversationsScreen
from tui.screens.runs.checkpoints import CheckpointsDialog
from tui.screens.talk.screen import TalkScreen


async def test_curves_of_a_run_and_of_several_are_turned_by_a_key_and_left(tmp_path: Path) -> None:
    async with opened(two_runs(tmp_path / "w")) as pilot:
        await until(pilot, "under way")
        await pressed(pilot, "g", "enter")
        await until(pilot, "loss: training")
        await pressed(pilot, "c")
        await until(pilot, "learning rate")
        await pressed(pilot, "escape")
        await until(pilot, "2 runs")
        await pressed(pilot, "m", "down", "m", "c")
        await until(pilot, "held-out loss")
        await pressed(pilot, "c")
        await until(pilot, "training loss")
        await pressed(pilot, "escape")
        assert kind(pilot) == "RunsScreen"


async def test_checkpoints_are_listed_and_an_event_is_read_and_both_are_left(tmp_path: Path) -> None:
    async with opened(two_runs(tmp_path / "w")) as pilot:
        await until(pilot, "under way")
        await pressed(pilot, "g", "enter")
        await until(pilot, "step 120/400")
        await pressed(pilot, "C")
        await until(pilot, "Checkpoints of run 1124-1000-bbbb")
        await pressed(pilot, "escape")
        assert kind(pilot) == "RunScreen"
        await pressed(pilot, "enter")
        assert kind(pilot) == "TextDialog"
        await pressed(pilot, "escape")
        assert kind(pilot) == "RunScreen"


async def test_a_checkpoint_is_put_beside_the_runs_model(tmp_path: Path) -> None:
    rows = [CheckpointRow(20, {"train_loss": 0.5}, "lab:ft-1:step-20"), CheckpointRow(40, {}, "lab:ft-1", final=True)]
    chosen: list[object] = []
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        pilot.app.push_screen(CheckpointsDialog(rows, "lab:ft-1", "1124-1000-bbbb"), chosen.append)
        await until(pilot, "c beside the run's model")
        await pressed(pilot, "c")
        assert chosen == [("lab:ft-1:step-20", "lab:ft-1")]


async def test_a_run_that_was_cancelled_goes_on_after_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("core.workspace.runs.resume", lambda _workspace, run: asked.append(run))  # it would train
    async with opened(two_runs(tmp_path / "w")) as pilot:
        await until(pilot, "under way")
        await pressed(pilot, "G", "enter")
        await until(pilot, "r resume")
        await pressed(pilot, "r")
        await until(pilot, "Resume run 1124-0900-aaaa?")
        assert asked == []
        await pressed(pilot, "y")
        await until(pilot, "It goes on.")
        assert asked == ["1124-0900-aaaa"]


async def test_the_conversation_that_a_provider_refused_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    uid = chats.transcript(workspace, 1).rows(3, 1)[0].uid
    line = RefusedLine("train", 7, "uno", 1, Fault(7, uid, 1, 0, "¡dale!"), (uid,))
    monkeypatch.setattr("core.workspace.refused.of_run", lambda _workspace, _row: line)
    learn(a_run(workspace), 5, 20, "failed")
    async with opened(workspace) as pilot:
        await until(pilot, "1 run")
        await pressed(pilot, "enter")
        await until(pilot, "o the refused conversation")
        await pressed(pilot, "o")
        await until(pilot, "¡dale!")
        assert isinstance(screen := pilot.app.screen, ConversationsScreen)
        assert screen.messages.cursor == 3


async def test_the_form_of_a_run_is_left_without_a_run(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await until(pilot, "No runs yet")
        await pressed(pilot, "n")
        await until(pilot, "Start a run")
        await pressed(pilot, "escape")
        await until(pilot, "No runs yet")
        assert kind(pilot) == "RunsScreen"


def with_models(folder: Path) -> Workspace:
    workspace = open_workspace(folder / "w")
    with workspace.store.write() as change:
        models.add(change, models.StoredModel("lab:ft-1", "remote", "gpt"))
    return workspace


async def test_a_model_is_talked_to(tmp_path: Path) -> None:
    async with opened(with_models(tmp_path)) as pilot:
        await pressed(pilot, "6")
        await until(pilot, "lab:ft-1")
        await pressed(pilot, "t")
        await until(pilot, "A new talk")
        assert isinstance(screen := pilot.app.screen, TalkScreen)
        assert screen.talk.models == ("lab:ft-1",)


async def test_what_long_work_says_moves_no_row(tmp_path: Path) -> None:
    from core.safe_text import SafeText
    from tui.work import Work

    async with opened(two_runs(tmp_path / "w"), (80, 24)) as pilot:
        before = await until(pilot, "under way")
        app = pilot.app
        assert isinstance(app, Workbench)
        work = Work("build", SafeText("haciendo"), lambda _one: None, done=25, total=100)
        app.show_work(work)
        during = await until(pilot, "25 %  haciendo")
        differ = [n for n, (a, b) in enumerate(zip(before.split("\n"), during.split("\n"), strict=True)) if a != b]
        assert differ == [1]
        app.show_work(None)
        await pilot.pause()
        assert screen_text(app).split("\n")[1] == ""


async def test_a_narrow_line_keeps_examples_money_and_what_runs(tmp_path: Path) -> None:
    from tests.tui.test_pictures import COUNTED

    async with opened(two_runs(tmp_path / "w"), (44, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.count_again = lambda: None  # type: ignore[method-assign,assignment]
        app._take_counters(COUNTED)  # pyright: ignore[reportPrivateUsage]
        line = (await until(pilot, "$12.34")).splitlines()[-1]
        assert line.split() == ["≈23,411", "ex.", "≈$12.34", "1", "running"]
