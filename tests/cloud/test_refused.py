"""A line that a provider refuses leads to its conversation, by a key and by the command's twin."""

from __future__ import annotations

import json
from pathlib import Path

from core import settings
from core.chat import Kind, Message
from core.training.states import State
from core.workspace import cloud, datasets, final_page, runs
from core.workspace.opening import open_workspace
from tests.cloud.conftest import Here, Say, opened, write_lines
from tests.tui.hosts import START, many, screen_text, until, workspace_with
from tui.app import Workbench


def a_refused_run(folder: Path, here: Here) -> tuple[str, str]:
    """A workspace whose dataset has one reply that the provider will not take, and the run that failed of it."""
    said = many(300)
    said[180] = Message("Nico", START + 180 * 40, Kind.TEXT, "esto es REFUSE-ME, che", 0, 181)
    workspace_with(folder, ("Nico", said)).close()
    with open_workspace(folder, settings.load()) as workspace:
        datasets.build(
            workspace, "d", {"persona": "Nico", "buffer_size": 2, "near_duplicates": "keep", "validation": 0}
        )
        run = cloud.start(workspace, final_page.plan(workspace, "d", "lab", "lab-base"))
        assert here(run.folder) is State.FAILED
        assert runs.named(workspace, run.id).state == "failed"
        (at,) = [
            one.lines[-1].messages[0] for one in datasets.examples(workspace, "d") if "REFUSE" in one.lines[-1].text
        ]
        return run.id, at


async def test_a_key_opens_the_conversation_of_a_refused_line(workspace_folder: Path, here: Here) -> None:
    a_refused_run(workspace_folder, here)
    async with opened(workspace_folder) as pilot:
        await pilot.press("5")
        await until(pilot, "1 run")
        await pilot.press("enter")
        await until(pilot, "the refused conversation")
        await pilot.press("o")
        text = await until(pilot, "REFUSE-ME, che")
        assert pilot.app.current_mode == "messages"
        (line,) = [line for line in text.splitlines() if "REFUSE-ME, che" in line]
        assert "▌" in line, "the cursor stands on the reply"


def test_the_twin_names_the_messages_and_they_can_be_dropped(workspace_folder: Path, here: Here, say: Say) -> None:
    run, reply = a_refused_run(workspace_folder, here)
    code, out, _err = say("--json", "train", "show", run)
    told = json.loads(out)
    assert code == 0 and f"train show {run}" in told["advice"]
    assert told["refused"]["message"] == reply and reply in told["refused"]["messages"]
    assert (told["refused"]["side"], told["refused"]["dataset"]) == ("train", "d")
    code, out, _err = say("train", "show", run)
    assert all(one in out for one in told["refused"]["messages"])
    _code, listed, _err = say("--json", "messages", "--query", "REFUSE")
    assert json.loads(listed)["id"] == reply
    assert say("curate", "drop", reply)[0] == 0


async def test_an_example_of_a_file_leads_nowhere_and_says_so(
    workspace_folder: Path, here: Here, say: Say, tmp_path: Path
) -> None:
    file = tmp_path / "foreign.jsonl"
    write_lines(file, 20)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[6] = json.dumps(
        {"messages": [{"role": "user", "content": "y"}, {"role": "assistant", "content": "REFUSE-ME"}]}
    )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert say("train", "start", str(file), "--on", "lab", "--model", "lab-base", "--yes")[0] == 0
    workspace = open_workspace(workspace_folder, settings.load())
    app = Workbench(workspace, workspace.settings)
    try:
        (run,) = runs.listing(workspace)
        assert here(run.folder) is State.FAILED
        assert "line 7 of the file foreign.jsonl" in runs.named(workspace, run.id).now.advice
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("5")
            await until(pilot, "1 run")
            await pilot.press("enter")
            await until(pilot, "foreign.jsonl")
            await pilot.press("o")
            await pilot.pause()
            assert "the refused conversation" not in screen_text(app), "there is none to open"
    finally:
        workspace.close()
