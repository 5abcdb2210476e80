"""The README's promise: one command does the whole job, on the real parts, and what it leaves can be looked at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from core.chatting import serving
from core.training import process
from core.workspace import talking
from core.workspace.opening import open_workspace

ROOT = Path(__file__).parent.parent.parent


def sinsonte(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "core.commands", *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def told(*words: str) -> list[dict[str, Any]]:
    """The JSON lines of a command that succeeds."""
    done = sinsonte("--json", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(900)
def test_the_whole_job(workspace_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-clave-centinela-0002")
    # A server that an open workbench talks with, of another base; what it is does not matter, only that it stays.
    busy = subprocess.Popen(["sleep", "900"])
    place = workspace_folder / talking.SERVERS / "another"
    place.mkdir(parents=True)
    record = {"socket": str(place / "s"), "process": asdict(process.of(busy.pid)), "base": "another"}
    (place / serving.FILE).write_text(json.dumps({**record, "base_name": "another", "adapters": {}}))
    place.parent.chmod(0o700)
    stages = told("demo")
    with open_workspace(workspace_folder) as workspace:
        assert talking.servers(workspace) == {process.of(busy.pid)}, "it stopped what it started, and nothing else"
    busy.kill()
    busy.wait()
    shutil.rmtree(place)
    by_stage = {one["stage"]: one for one in stages}
    assert list(dict.fromkeys(one["stage"] for one in stages)) == [
        "import", "group", "dataset", "train", "event", "evaluate", "reply", "done",
    ]  # fmt: skip

    imported = by_stage["import"]
    assert imported["messages"] == imported["added"] > 5000
    assert imported["unread"] == []
    made = by_stage["dataset"]
    assert made["train"] > 1000
    assert made["validation"] > 100

    events = [one for one in stages if one["stage"] == "event"]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "end"
    assert events[-1]["state"] == "succeeded"

    measured = by_stage["evaluate"]
    assert measured["tuned_pooled"] < measured["base_pooled"]
    assert measured["less_low"] > 0, "the tuned model is better beyond chance"
    assert measured["base_difference"] == 0, "the adapter turned off is the clean base"
    assert by_stage["reply"]["base"].strip()
    assert by_stage["reply"]["tuned"].strip()

    (run,) = told("train", "list")
    assert (run["state"], run["step"], run["attempt"]) == ("succeeded", run["steps"], 1)
    assert (Path(run["folder"]) / "adapter" / "adapter_model.safetensors").is_file()
    followed = told("train", "follow", run["id"])
    assert [one["seq"] for one in followed] == [one["seq"] for one in events]
    (model,) = told("models", "list")
    assert model["name"] == by_stage["done"]["model"] == run["model"]
    (reply,) = told("ask", model["name"], "¿Jugamos?", "--seed", "1")
    assert reply["text"].strip()
    again = told("ask", model["name"], "¿Jugamos?", "--seed", "1")[0]
    assert again["text"] == reply["text"]
    told("train", "preview", made["name"])
    with open_workspace(workspace_folder) as workspace:
        assert talking.stop_servers(workspace), "asking left its server running, for the next question"

    # A moved workspace works as it did: every path in it is relative.
    moved = workspace_folder.with_name("moved")
    workspace_folder.rename(moved)
    monkeypatch.setenv("SINSONTE_WORKSPACE", str(moved))
    assert told("models", "list")[0]["folder"].startswith(str(moved))
    for file in moved.rglob("*"):
        if file.is_file():
            assert b"clave-centinela" not in file.read_bytes(), f"a key in {file.name}"
            assert file.stat().st_mode & 0o077 == 0, f"{file.name} can be read by others"
