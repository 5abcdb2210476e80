"""Checkpoints: a list of their own by command and by key, and each of them can be asked and compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from core import settings
from core.training.states import State
from core.workspace import checkpoints, cloud, datasets, final_page, runs, talking
from core.workspace.opening import open_workspace
from tests.cloud import server
from tests.cloud.conftest import Here, Run, Say, opened
from tests.tui.hosts import many, until, workspace_with
from tests.tui.runs import a_run, learn

FINAL = "lab:ft:lab-base:org-tests::0001"
FIRST = f"{FINAL}:ckpt-step-1"


def a_tuned_run(folder: Path, here: Here, **options: str) -> str:
    """A workspace with a dataset of a chat, and a run at a provider that has succeeded."""
    workspace_with(folder, ("Nico", many(300))).close()
    with open_workspace(folder, settings.load()) as workspace:
        given = {"persona": "Nico", "buffer_size": 3, "near_duplicates": "keep", "system_prompt": "Sos {persona}."}
        datasets.build(workspace, "d", {**given, "validation": 0})
        run = cloud.start(workspace, final_page.plan(workspace, "d", "lab", "lab-base", options))
        assert here(run.folder) is State.SUCCEEDED
        assert runs.named(workspace, run.id).model == FINAL  # whoever looks at a run takes in what it has told
        return run.id


def test_the_command_lists_them_with_their_metrics_and_names(
    workspace_folder: Path, here: Here, say: Say, provider: server.Provider
) -> None:
    run = a_tuned_run(workspace_folder, here)
    code, out, _err = say("--json", "train", "checkpoints", run)
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(one["step"], one["model"], one["final"]) for one in told] == [
        (1, FIRST, False), (2, f"{FINAL}:ckpt-step-2", False), (3, FINAL, True),
    ]  # fmt: skip
    assert [one["metrics"] for one in told] == [one["metrics"] for one in provider.world.checkpoints["ftjob-0001"]], (
        "as the provider gives them"
    )
    code, out, err = say("train", "checkpoints", run)
    lines = out.splitlines()[1:]
    assert [line.split()[:4] for line in lines] == [
        ["1", "1.0000", "1.5000", FIRST],
        ["2", "0.5000", "0.7500", f"{FINAL}:ckpt-step-2"],
        ["3", "0.3333", "0.5000", FINAL],
    ]
    assert f"sinsonte ask {FIRST}" in err
    with open_workspace(workspace_folder, settings.load()) as workspace:
        assert [row.as_json() for row in checkpoints.of_run(workspace, run)] == told


def test_each_is_asked_as_the_run_was_trained_and_compared(
    workspace_folder: Path, here: Here, say: Say, provider: server.Provider
) -> None:
    a_tuned_run(workspace_folder, here)
    code, out, _err = say("ask", FIRST, "¿y?")
    assert code == 0 and provider.reply in out
    asked = provider.requests("POST", "/chat/completions$")[-1]
    assert asked["model"] == FIRST.removeprefix("lab:")
    assert asked["messages"][0] == {"role": "system", "content": "Sos Nico."}, "its own system prompt"
    with open_workspace(workspace_folder, settings.load()) as workspace:
        first, final = (talking.speaker_named(workspace, name) for name in (FIRST, FINAL))
    assert (first.dataset, first.turns, first.separator) == (final.dataset, final.turns, final.separator)
    code, out, _err = say("--json", "compare", FIRST, FINAL, "¿y?", "--temperatures", "1")
    assert code == 0 and [json.loads(line)["asked"] for line in out.splitlines()] == [FIRST, FINAL]


def test_one_of_an_older_form_is_asked_with_its_prompt_and_stop(
    workspace_folder: Path, here: Here, say: Say, provider: server.Provider
) -> None:
    settings.change("endpoints.lab.abilities", "fine-tune, files, checkpoints, chat, completions, prompt-completion")
    a_tuned_run(workspace_folder, here, format="prompt-completion")
    for name in (FIRST, FINAL):
        assert say("ask", name, "¿y?")[0] == 0
    first, final = provider.requests("POST", "/completions$")[-2:]
    assert first["prompt"] == final["prompt"] and first["stop"] == final["stop"] and first["stop"]


async def test_a_key_lists_them_and_two_talk_side_by_side(workspace_folder: Path, here: Here) -> None:
    a_tuned_run(workspace_folder, here)
    async with opened(workspace_folder) as pilot:
        await pilot.press("5")
        await until(pilot, "1 run")
        await pilot.press("enter")
        await until(pilot, "step 3/3")
        await pilot.press("C")
        text = await until(pilot, "Checkpoints of run")
        lines = text.splitlines()
        (at,) = [n for n, line in enumerate(lines) if "1.5000" in line]
        assert "1.0000" in lines[at] and FIRST in lines[at + 1], "the whole name, since its end tells most"
        await pilot.press("g", "c")
        text = await until(pilot, "Say something to")
        assert pilot.app.current_mode == "talk"
        (heads,) = [line.split("○")[1:] for line in text.splitlines() if "○" in line]
        assert [head.strip() for head in heads] == [FIRST, FINAL]
        await pilot.press("escape", "5")
        await until(pilot, "step 3/3")
        await pilot.press("C")
        await until(pilot, "Checkpoints of run")
        await pilot.press("g", "j", "enter")
        text = await until(pilot, "Say something to")
        assert pilot.app.current_mode == "talk"
        assert [line.split("○")[1].split()[0] for line in text.splitlines() if "○" in line] == [f"{FINAL}:ckpt-step-2"]


def test_what_a_job_has_learnt_so_far_can_be_asked_while_it_rests(
    run_at: Callable[..., Run], provider: server.Provider
) -> None:
    provider.world.plan = ("queued", "running", "running")
    run = run_at()
    looks = iter(range(1000))

    def wake() -> bool:
        look = next(looks)
        if look == 8:
            provider.world.stop_job("ftjob-0001", "pause")
        if look == 16:
            provider.world.stop_job("ftjob-0001", "cancel")
        return False

    assert run.follow(poked=wake) is State.CANCELLED
    (checkpoint,) = run.told("checkpoint")
    rested = next(event.seq for event in run.events if event.fields.get("state") == "paused")
    ended = next(event.seq for event in run.events if event.kind == "end")
    (told,) = [event.seq for event in run.events if event.kind == "checkpoint"]
    assert rested < told < ended
    assert checkpoint["model"] in provider.world.models


def test_a_local_run_lists_those_that_it_keeps(workspace_folder: Path, say: Say) -> None:
    with open_workspace(workspace_folder) as workspace:
        folder = a_run(workspace, "1124-0900-aaaa")
        learn(folder, 200, 200, "cancelled")
        runs.refresh(workspace, "1124-0900-aaaa")
    code, out, _err = say("--json", "train", "checkpoints", "1124-0900-aaaa")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [(one["step"], one["model"]) for one in told] == [(100, None), (200, None)]
    assert all(one["metrics"]["validation_loss"] > 0 for one in told)
