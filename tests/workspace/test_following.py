"""Runs are followed from anywhere by many at once: each sees every event once, and none of them holds the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from core.store import events
from core.training.events import FILE, Reader
from core.workspace import runs
from core.workspace.opening import open_workspace
from tests.tui.runs import a_run, learn, obedient

ROOT = Path(__file__).parent.parent.parent


def command(workspace: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SINSONTE_WORKSPACE": str(workspace)}
    return subprocess.Popen(
        [sys.executable, "-m", "core.commands", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def test_many_follow_one_run_and_leaving_it_leaves_it_alone(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    folder = a_run(workspace)
    worker = obedient(folder)
    try:
        seen: list[int] = []
        followers = [command(workspace.folder, "--json", "train", "follow", folder.name) for _n in range(3)]
        for one in followers:
            assert one.stdout is not None
            json.loads(one.stdout.readline())  # it follows
        leaver, *stayers = followers
        leaver.send_signal(signal.SIGINT)
        assert leaver.wait() == 130
        assert worker.poll() is None, "ctrl-C ends the following, not the run"
        runs.pause(workspace, folder.name)
        told = [event.seq for event in Reader(folder / FILE).read()]
        for one in stayers:
            rest, _errors = one.communicate()
            assert one.returncode == 0, "it ends when the run has"
            seen = [json.loads(line)["seq"] for line in rest.splitlines()]
            assert seen == list(range(2, seen[-1] + 1)), "each once, in order"
        assert worker.wait() == 0
        told = [event.seq for event in Reader(folder / FILE).read()]
        assert told == list(range(1, len(told) + 1))
        assert seen[-1] == told[-1]
    finally:
        worker.kill()
        worker.wait()
        workspace.close()


def test_processes_that_take_in_at_once_take_each_event_in_once(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    folder = a_run(workspace)
    worker = obedient(folder)
    try:
        for _round in range(2):
            takers = [command(workspace.folder, "train", "list") for _n in range(3)]
            runs.take_in(workspace)
            assert [one.wait() for one in takers] == [0, 0, 0]
            for one in takers:
                one.communicate()
        runs.pause(workspace, folder.name)
        assert worker.wait() == 0
        runs.take_in(workspace)
        stored = [event.seq for event in events.since(workspace.store, folder.name)]
        assert stored == [event.seq for event in Reader(folder / FILE).read()]
        assert runs.named(workspace, folder.name).state == "paused"
    finally:
        worker.kill()
        worker.wait()
        workspace.close()


def test_what_no_database_takes_is_left_out_of_an_event_and_nothing_else_is(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    folder = a_run(workspace)
    lines = [
        '{"attempt":1,"seq":1,"at":1,"kind":"step","step":1,"loss":1e999,"more":[NaN,{"x":-Infinity}],"s":"\\ud83d"}',
        '{"attempt":1,"seq":99999999999999999999,"at":1,"kind":"step"}',
        '{"attempt":1,"seq":2,"at":1e999,"kind":"step"}',
        '{"attempt":1,"seq":3,"at":2,"kind":"\\ud83d","text":"sí"}',
    ]
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    runs.take_in(workspace)
    first, last = events.since(workspace.store, folder.name)
    assert json.loads(first.body) == {"step": 1, "loss": None, "more": [None, {"x": None}], "s": "?"}
    assert (last.seq, last.kind, json.loads(last.body)) == (3, "?", {"text": "sí"})
    workspace.close()


def test_a_place_that_cannot_be_read_hides_no_other_run(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    learn(a_run(workspace, "1124-0900-aaaa"), 3, 3, "paused")
    broken = a_run(workspace, "1124-1000-bbbb")
    (broken / "place.json").write_text("{")
    rows = {row.id: row for row in runs.listing(workspace)}
    assert rows["1124-0900-aaaa"].state == "paused"
    assert "place.json" in rows["1124-1000-bbbb"].now.problem
    workspace.close()
