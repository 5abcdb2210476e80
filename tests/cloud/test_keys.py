"""A run at a provider by keys: paused, resumed and cancelled on its screen, its results as curves, and until when what it
is made of answers, wherever that is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings
from core.store import models as stored
from core.training.states import State
from core.workspace import cloud, final_page, rehoming, runs
from core.workspace.opening import Workspace, open_workspace
from tests.cloud import server
from tests.cloud.conftest import Here, Say, opened, write_lines
from tests.cloud.test_runs import start, workspace
from tests.tui.hosts import until
from tui.widgets.plot import Plot

__all__ = ["workspace"]  # the fixture of test_runs, which lets no follower outlive a test
TUNED = "oai:ft:gpt-4.1-mini-2025-04-14:org-tests::1"


async def test_paused_resumed_and_cancelled_by_keys(
    workspace: Workspace, provider: server.Provider, say: Say, workspace_folder: Path
) -> None:
    provider.world.plan = ("running",) * 100_000
    run = start(say)
    async with opened(workspace_folder) as pilot:
        await pilot.press("5")
        await until(pilot, "1 run · 1 under way")
        await pilot.press("enter")
        await until(pilot, "p pause")
        await pilot.press("p")
        await until(pilot, "The provider keeps it as it stands")
        await pilot.press("enter")
        await until(pilot, "lab was asked")
        await until(pilot, "checkpoint at step")
        assert provider.world.jobs["ftjob-0001"]["status"] == "paused"
        provider.world.stages["ftjob-0001"] = ["running"] * 100_000
        await pilot.press("C")
        await until(pilot, "Checkpoints of run")  # what it has learnt so far
        await pilot.press("escape", "r")
        await until(pilot, "The provider goes on with it")
        await pilot.press("enter")
        await until(pilot, "  running  ")
        assert provider.world.jobs["ftjob-0001"]["status"] in ("queued", "running")
        await pilot.press("x")
        await until(pilot, "for good? What it has trained")
        await pilot.press("enter")
        text = await until(pilot, "The job has been cancelled")
        text = await until(pilot, "cancelled  ")
        assert provider.world.jobs["ftjob-0001"]["status"] == "cancelled"
        for _turn in range(30):
            await pilot.pause(0.05)
        assert "r resume" not in text and "p pause" not in text, "what has ended there cannot be gone on with"
    row = runs.named(workspace, run)
    assert (row.state, row.now.resumable) == ("cancelled", False)
    code, _out, err = say("train", "resume", run)
    assert code == 1 and "cannot be resumed" in err
    asked = [path for method, path, _body in provider.asked if method == "POST" and "/ftjob-" in path]
    assert [path.rpartition("/")[2] for path in asked] == ["pause", "resume", "cancel"]


COLUMNS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "OpenAI's": (False, ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")),
    "in base64": (True, ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")),
    "another's": (False, ("Step", "training_loss", "validation_loss")),
    "without steps": (True, ("train_loss", "valid_loss")),
}


@pytest.mark.parametrize(("coded", "columns"), COLUMNS.values(), ids=COLUMNS.keys())
async def test_a_results_file_is_the_curves_of_the_screen(
    workspace: Workspace, provider: server.Provider, here: Here, coded: bool, columns: tuple[str, ...]
) -> None:
    world = provider.world
    world.plan = ("queued", "succeeded")  # without a metrics event: only the file tells
    world.results_base64, world.results_columns, world.result_rows = coded, columns, 40
    run = cloud.start(workspace, final_page.plan(workspace, "talk", "lab", "lab-base"))
    assert here(run.folder) is State.SUCCEEDED
    async with opened(workspace.folder) as pilot:
        await pilot.press("5")
        await until(pilot, "1 run")
        await pilot.press("enter")
        text = await until(pilot, "loss 0.0250")
        assert "held-out" in text and "●" in text, "the held-out points are marked on the curve"
        plot = pilot.app.screen.query_one(Plot)
        drawn = [line for line in text.splitlines()[5 : 5 + plot.size.height] if any("⠀" < one <= "⣿" for one in line)]
        assert len(drawn) > 4, "a curve that falls is drawn over several lines"


@pytest.fixture
def named(workspace_folder: Path, provider: server.Provider, here: Here, tmp_path: Path) -> Iterator[str]:
    """A workspace with a tuned model at OpenAI, and a run at a server that names the last day of its base itself."""
    provider.world.shutdown["lab-base"] = "2099-03-01"
    provider.world.add_model("lab-base", "openai")
    provider.world.add_model(TUNED.partition(":")[2], "org-tests")
    write_lines(tmp_path / "talk.jsonl", 40)
    with open_workspace(workspace_folder, settings.load()) as one:
        rehoming.home(one, "lab:x", tmp_path / "talk.jsonl")
        run = cloud.start(one, final_page.plan(one, "talk", "lab", "lab-base"))
        assert here(run.folder) is State.SUCCEEDED
        assert runs.named(one, run.id).model
        with one.store.write() as change:
            stored.add(change, stored.StoredModel(TUNED, "remote", "oai:gpt-4.1-mini-2025-04-14"))
    yield run.id


def test_every_command_that_names_a_model_says_until_when_it_answers(
    named: str, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    for words in (
        ("models", "list"), ("models", "show", TUNED), ("ask", TUNED, "¿y?"), ("account", "oai", "models"),
        ("compare", TUNED, "lab:lab-base", "¿y?", "--temperatures", "1"), ("account", "oai", "limits"),
        ("train", "start", "talk", "--on", "oai", "--model", "gpt-4.1-mini-2025-04-14", "--dry-run"), ("chat", TUNED),
    ):  # fmt: skip
        with (tmp_path / "empty").open(encoding="utf-8") as file:
            monkeypatch.setattr("sys.stdin", file)
            _code, out, err = say(*words)
        assert "until 2027-01-14" in out + err, words
    for words in (("train", "list"), ("train", "show", named), ("train", "checkpoints", named), ("models", "list")):
        assert "until 2099-03-01" in say(*words)[1], words
        told = [json.loads(line) for line in say("--json", *words)[1].splitlines()]
        assert any("2099-03-01" in str(one["ends"]) for one in told), words


async def test_every_screen_that_names_a_model_says_until_when_it_answers(named: str, workspace_folder: Path) -> None:
    async with opened(workspace_folder) as pilot:
        await pilot.press("5")
        await until(pilot, "days left  talk")
        await pilot.press("enter")
        await until(pilot, "until 2099-03-01")
        await pilot.press("C")
        await until(pilot, "Checkpoints of run")
        await until(pilot, "until 2099-03-01")
        await pilot.press("escape", "6")
        await until(pilot, "until 2027-01-14")
        await pilot.press("7")
        text = await until(pilot, "Say something to")
        assert "until 2027-01-14" in text, "over the talk itself"
        await pilot.press("escape", "m")
        await until(pilot, "no price of it is known" if "lab" in text else "until 2027-01-14")
        await pilot.press("escape")
