"""Runs at a provider by the command line: the page before money is spent, a follower that is a process of its own, and
the model that comes of it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings
from core.training import process
from core.training.backends.openai import starting
from core.training.states import State
from core.workspace import cloud, datasets, final_page, models, rehoming, runs, talking
from core.workspace.opening import Workspace, open_workspace
from tests.cloud import server
from tests.cloud.conftest import Here, Say, write_lines
from tests.tui.hosts import many, workspace_with


@pytest.fixture
def workspace(workspace_folder: Path, provider: server.Provider, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with a dataset “talk”; no follower of it outlives the test."""
    write_lines(tmp_path / "talk.jsonl", 40)
    with open_workspace(workspace_folder, settings.load()) as opened:
        assert rehoming.home(opened, "lab:x", tmp_path / "talk.jsonl").dataset == "talk"
        yield opened
    for folder in (workspace_folder / "runs").glob("*"):
        for _look in range(100 if (folder / starting.STARTED).exists() else 0):
            if process.read(folder) is not None:
                break
            time.sleep(0.05)  # it was started a moment ago, and has not said yet who it is
        follower = process.read(folder)
        if follower is not None:
            follower.signal(signal.SIGKILL)


def start(say: Say, *more: str, profile: str = "lab") -> str:
    words = ("--json", "train", "start", "talk", "--on", profile, "--model", "lab-base", "poll=0.02", "--yes", *more)
    code, out, err = say(*words)
    assert code == 0, err
    return str(json.loads(out.splitlines()[0])["id"])


def test_a_run_from_its_start_to_a_model_that_answers(
    workspace: Workspace, provider: server.Provider, say: Say, workspace_folder: Path
) -> None:
    run = start(say, "suffix=nico")
    code, out, _err = say("--json", "train", "follow", run)
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert [one["remote"] for one in events if one["kind"] == "log"] == [
        one["id"] for one in provider.world.events["ftjob-0001"]
    ]
    row = runs.named(workspace, run)
    assert (row.state, row.backend, row.base, row.step, row.steps) == ("succeeded", "lab", "lab:lab-base", 3, 3)
    name = "lab:ft:lab-base:org-tests:nico:0001"
    assert row.model == name
    model = models.named(workspace, name)
    assert (model.kind, model.dataset, model.run) == ("remote", "talk", run)
    assert [one["step"] for one in model.details["checkpoints"]] == [1, 2, 3]
    code, out, _err = say("ask", name, "¿y?")
    assert code == 0 and "che, re lindo" in out
    # The key went to the provider, and nowhere else.
    assert all(server.KEY.encode() not in file.read_bytes() for file in workspace_folder.rglob("*") if file.is_file())
    assert any(one["authorization"].endswith(server.KEY) for one in provider.headers)


def test_a_follower_that_is_killed_is_started_again_by_whoever_looks(
    workspace: Workspace, provider: server.Provider, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "AGAIN", 0.0)
    provider.world.plan = ("running",) * 40 + ("succeeded",)
    run = start(say)
    folder = runs.named(workspace, run).folder
    killed = 0
    for event in runs.follow(workspace, run):
        follower = process.read(folder)
        if event.kind == "step" and event.body["step"] in (10, 20) and follower is not None:
            killed += follower.signal(signal.SIGKILL)
    assert killed == 2
    told = list(runs.follow(workspace, run))
    assert [one.seq for one in told] == list(range(1, len(told) + 1))
    remote = [one.body["remote"] for one in told if "remote" in one.body and one.kind == "log"]
    assert remote == [one["id"] for one in provider.world.events["ftjob-0001"]]
    assert runs.named(workspace, run).state == "succeeded"
    assert len(provider.world.jobs) == 1
    stored = workspace.store.read("SELECT count(*), count(DISTINCT seq) FROM events WHERE run_id = ?", (run,))
    assert stored == [(len(told), len(told))]


def until(workspace: Workspace, run: str, state: str) -> None:
    """Follow the run's words until it stands so."""
    for event in runs.follow(workspace, run):
        if event.kind in ("state", "end") and event.body.get("state") == state:
            return
    raise AssertionError(f"never {state}")


def test_pause_resume_and_cancel_are_asked_of_the_provider(
    workspace: Workspace, provider: server.Provider, say: Say
) -> None:
    provider.world.plan = ("running",) * 100_000
    run = start(say)
    until(workspace, run, "running")
    assert runs.look(workspace, run).now.pausable
    assert say("train", "pause", run)[0] == 0
    until(workspace, run, "paused")
    assert provider.world.jobs["ftjob-0001"]["status"] == "paused"
    assert runs.named(workspace, run).state == "paused"
    provider.world.stages["ftjob-0001"] = ["running"] * 100_000
    assert say("train", "resume", run)[0] == 0
    assert provider.world.jobs["ftjob-0001"]["status"] in ("queued", "running")
    assert say("train", "cancel", run)[0] == 0
    until(workspace, run, "cancelled")
    assert runs.named(workspace, run).state == "cancelled"
    code, _out, err = say("train", "cancel", run)
    assert code != 0 and "cancelled" in err


def test_what_the_provider_refuses_to_pause_is_told(workspace: Workspace, provider: server.Provider, say: Say) -> None:
    provider.world.plan = ("running",) * 100_000
    run = start(say)
    until(workspace, run, "running")
    provider.fault("POST", r"/pause$", server.failing(400, "jobs of this kind cannot be paused"))
    code, _out, err = say("train", "pause", run)
    assert code == 1 and "cannot be paused" in err
    assert say("train", "cancel", run)[0] == 0


def test_a_key_that_is_gone_stops_the_following_and_resume_takes_it_up(
    workspace: Workspace, provider: server.Provider, say: Say
) -> None:
    provider.world.plan = ("running", "running", "succeeded")
    provider.fault("GET", r"/jobs/ftjob-0001$", server.failing(401, "revoked", "invalid_api_key"))
    run = start(say)
    code, out, _err = say("train", "follow", run)
    assert code == 1 and "train resume" in out
    assert provider.world.jobs["ftjob-0001"]["status"] == "running"
    assert say("train", "resume", run)[0] == 0
    assert say("train", "follow", run)[0] == 0
    assert len(provider.world.jobs) == 1


def test_the_page_tells_what_it_costs_until_when_and_uploads_nothing(
    workspace: Workspace, provider: server.Provider, say: Say
) -> None:
    words = ("train", "start", "talk", "--on", "oai", "--model", "gpt-4.1-mini-2025-04-14")
    code, out, err = say("--json", *words, "--dry-run")
    page = json.loads(out)
    assert code == 0 and (page["train"], page["validation"], page["epochs"]) == (36, 4, 3)
    assert page["total_tokens"] == 3 * page["tokens"] > 0
    assert "2027-01-14" in page["ends"] and page["last_job"] == "2027-01-06"
    assert "2026-11-20" in err, "the price says its day"
    assert float(page["money"]) == pytest.approx(page["total_tokens"] * 5 / 1e6)
    code, _out, err = say(*words)
    assert code == 3 and "nothing was uploaded" in err
    assert not provider.world.files


@pytest.mark.parametrize(
    ("limit", "profile", "words"),
    [("0", "oai", "USD"), ("5", "oai", "yes"), ("5", "azure", "gpt-4.1-mini-2025-04-14"), ("5", "lab", "yes")],
    ids=["above the limit its sum", "below it a yes", "of unknown price its name", "a server of one's own a yes"],
)
def test_what_may_cost_more_is_agreed_to_by_typing(
    workspace: Workspace, provider: server.Provider, limit: str, profile: str, words: str
) -> None:
    settings.change("confirm_above", limit)
    with open_workspace(workspace.folder, settings.load()) as opened:
        page = final_page.plan(opened, "talk", profile, "gpt-4.1-mini-2025-04-14", {"epochs": "2"})
    assert page.confirm.startswith(words)


@pytest.mark.parametrize(
    ("profile", "pairs", "code", "named"),
    [
        ("lab", ("epochs=99",), 2, "epochs"),
        ("lab", ("method=magic",), 2, "method"),
        ("lab", ("beta=0.1",), 2, "beta"),
        ("lab", ("method=dpo",), 2, "corrections export"),
        ("azure", ("suffix=a.b",), 2, "suffix"),
        ("azure", ("suffix=abcdefghijklmnopqrstu",), 2, "suffix"),
        ("nebius", ("method=dpo",), 2, "abilities"),
        ("lab", ("format=prompt-completion",), 2, "abilities"),
        ("lab", ("learning=1",), 2, "learning"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_begun(
    workspace: Workspace,
    provider: server.Provider,
    say: Say,
    profile: str,
    pairs: tuple[str, ...],
    code: int,
    named: str,
) -> None:
    told, _out, err = say("train", "start", "talk", "--on", profile, "--model", "lab-base", *pairs, "--yes")
    assert told == code and named in err
    assert not provider.world.files and not runs.listing(workspace)


def test_an_old_form_is_trained_asked_and_stopped_alike(
    workspace: Workspace, provider: server.Provider, here: Here
) -> None:
    """With the separator and the stop of its own examples."""
    settings.change("endpoints.lab.abilities", "fine-tune, files, metadata, chat, completions, prompt-completion")
    folder = workspace.folder.with_name("old")
    workspace_with(folder, ("Nico", many(300))).close()
    with open_workspace(folder, settings.load()) as opened:
        values = {"persona": "Nico", "prompt_style": "arrow", "buffer_size": 1, "buffer_unit": "exchanges"}
        datasets.build(opened, "old", {**values, "near_duplicates": "keep", "validation": 0})
        page = final_page.plan(opened, "old", "lab", "lab-base", {"format": "prompt-completion"})
        run = cloud.start(opened, page)
        assert here(run.folder) is State.SUCCEEDED
        name = runs.named(opened, run.id).model
        assert name is not None
        line = json.loads((run.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])
        assert line["prompt"].endswith(" ->") and line["completion"].endswith("\n")
        with talking.open_speaker(opened, name) as speaker:
            reply = speaker.ask([*speaker.opening(), {"role": "user", "content": "¿y?"}])
    asked = provider.requests("POST", r"/completions$")[-1]
    assert asked["prompt"].endswith("¿y? ->") and asked["stop"] == ["\n"]
    assert reply.text.strip() == "che, re lindo"


def test_preferences_from_a_file(
    workspace: Workspace, provider: server.Provider, say: Say, tmp_path: Path, here: Here
) -> None:
    file = tmp_path / "pairs.jsonl"
    pair = {
        "input": {"messages": [{"role": "user", "content": "¿y?"}]},
        "preferred_output": [{"role": "assistant", "content": "che"}],
        "non_preferred_output": [{"role": "assistant", "content": "estimado"}],
    }
    file.write_text((json.dumps(pair) + "\n") * 12, encoding="utf-8")
    words = ("train", "start", str(file), "--on", "lab", "--model", "lab-base", "method=dpo", "--yes")
    assert say(*words)[0] == 0
    assert here(runs.listing(workspace)[0].folder) is State.SUCCEEDED
    asked = provider.requests("POST", r"/jobs$")[-1]["method"]
    assert asked["type"] == "dpo" and asked["dpo"]["hyperparameters"]["beta"] == "auto"
    file.write_text('{"messages": []}\n', encoding="utf-8")
    code, _out, err = say(*words)
    assert code == 1 and "pairs.jsonl:1" in err


def test_a_server_without_a_key_is_not_begun_with(
    workspace: Workspace, provider: server.Provider, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_KEY")
    code, _out, err = say("train", "start", "talk", "--on", "lab", "--model", "lab-base", "--yes")
    assert code == 1 and "config key lab" in err
    assert not runs.listing(workspace)
