"""Until when models answer, what they leave behind, and the old forms of prompts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from core import endpoints, settings
from core.commands import main
from core.counting.prices import load
from core.dataset import legacy
from core.dataset.foreign import check_file
from core.endpoints import retirement
from core.problem import Problem
from core.settings import Endpoint
from core.store import models as stored
from core.workspace import models, rehoming, talking
from core.workspace.opening import Workspace, open_workspace
from tests import tiny
from tests.cloud import server
from tests.cloud.conftest import write_lines


@pytest.fixture
def workspace(workspace_folder: Path, provider: server.Provider) -> Iterator[Workspace]:
    with open_workspace(workspace_folder, settings.load()) as opened:
        yield opened


def enter(workspace: Workspace, name: str, **details: object) -> None:
    """A remote model in the list."""
    with workspace.store.write() as change:
        stored.add(change, stored.StoredModel(name, "remote", "lab:lab-base", details=json.dumps(details)))


@pytest.mark.parametrize(
    ("kind", "model", "told", "day"),
    [
        ("openai", "ft:gpt-4.1-mini-2025-04-14:org::1", "", "2027-01-14"),
        ("openai", "gpt-4o-mini", "", "2027-01-14"),
        ("openai", "gpt-4o-mini", "2027-03-01", "2027-03-01"),
        ("openai", "gpt-4o-mini", "soon", "2027-01-14"),
        ("azure", "gpt-4.1-2025-04-14.ft-0a1b", "", "2027-10-14"),
        ("azure", "gpt-4o-2024-08-06", "", "2027-10-01"),
        ("custom", "gpt-4o-mini", "", None),
        ("openai", "something-else", "", None),
    ],
)
def test_the_end_of_a_model(kind: str, model: str, told: str, day: str | None) -> None:
    profile = endpoints.profile_for(Endpoint("x", "http://127.0.0.1:1", kind))
    end = retirement.end_of(profile, model, load(), told)
    assert (end.day.isoformat() if end else None) == day


def test_a_countdown_counts_down() -> None:
    end = retirement.End(date(2027, 1, 14), "list")
    assert end.said(date(2026, 11, 24)) == "answers for 51 more days, until 2027-01-14"
    assert end.said(date(2027, 1, 13)) == "answers for 1 more day, until 2027-01-14"
    assert end.said(date(2027, 1, 14)) == "stops answering today"
    assert end.said(date(2027, 1, 15)) == "stopped answering on 2027-01-14"


def test_lists_say_until_when_a_remote_model_answers(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    enter(workspace, "oai:ft:gpt-4.1-mini-2025-04-14:org::1")
    enter(workspace, "gone:ft:gpt-4.1-mini-2025-04-14:org::1")
    for words in (("models", "list"), ("models", "show", "oai:ft:gpt-4.1-mini-2025-04-14:org::1")):
        assert main(list(words)) == 0
        assert "until 2027-01-14" in capsys.readouterr().out
    assert models.named(workspace, "gone:ft:gpt-4.1-mini-2025-04-14:org::1").ends == ""


def test_the_examples_come_from_the_file_that_the_job_used(
    workspace: Workspace, provider: server.Provider, tmp_path: Path
) -> None:
    write_lines(tmp_path / "t.jsonl", 20)
    world = provider.world
    world.plan = ("succeeded",)
    file = world.add_file("t.jsonl", (tmp_path / "t.jsonl").read_bytes(), "fine-tune")
    job = world.create_job({"model": "lab-base", "training_file": file["id"]})
    world.stages[job["id"]] = ["succeeded"]
    world.advance(job["id"])
    model = f"lab:{job['fine_tuned_model']}"
    at = rehoming.home(workspace, model)
    assert (at.source, at.made) == ("provider", True)
    again = rehoming.home(workspace, model, tmp_path / "t.jsonl")
    assert (again.dataset, again.made) == (at.dataset, False), "the same examples are one dataset"
    with pytest.raises(Problem, match="--from FILE"):
        rehoming.home(workspace, "lab:ft:nobody")


def test_replies_are_kept_go_on_where_they_stopped_and_outlive_the_model(
    workspace: Workspace, provider: server.Provider, tmp_path: Path
) -> None:
    write_lines(tmp_path / "t.jsonl", 30)
    provider.world.add_model("ft:lab", "org-tests")
    at = rehoming.home(workspace, "lab:ft:lab", tmp_path / "t.jsonl")
    provider.fault("POST", "/chat", server.failing(400, "no"))
    with pytest.raises(Problem, match="does not answer"):
        rehoming.keep_replies(workspace, "lab:ft:lab", at.dataset)
    rehoming.keep_replies(workspace, "lab:ft:lab", at.dataset)
    kept = rehoming.kept(workspace, "lab:ft:lab")
    assert [(one.example, one.real, one.reply.strip()) for one in kept] == [
        (n, f"che, {n}", "che, re lindo") for n in (27, 28, 29)
    ]
    asked = len(provider.requests("POST", "/chat"))
    rehoming.keep_replies(workspace, "lab:ft:lab", at.dataset)
    assert len(provider.requests("POST", "/chat")) == asked, "what is kept is not asked for again"
    del provider.world.models["ft:lab"]
    pairs = rehoming.compared(workspace, "lab:ft:lab", "lab:lab-base", at.dataset)
    assert [(one.real, one.remote.strip()) for one in pairs] == [(f"che, {n}", "che, re lindo") for n in (27, 28, 29)]


def test_a_successor_is_trained_here_and_compared(
    workspace: Workspace, provider: server.Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(tmp_path / "t.jsonl", 30)
    provider.world.add_model("ft:lab", "org-tests")
    base = str(tiny.tiny().base)
    words = ["models", "rehome", "lab:ft:lab", "--from", str(tmp_path / "t.jsonl"), "--base", base, "--keep-replies"]
    assert main(["--json", *words, "steps=4", "lora_rank=4", "threads=1", "validate_every=4"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["source"] == "file" and told["replies"] == 3
    assert models.named(workspace, told["successor"]).dataset == told["dataset"]
    assert [(one["real"], one["remote"].strip()) for one in told["pairs"]] == [
        (f"che, {n}", "che, re lindo") for n in (27, 28, 29)
    ]
    talking.stop_servers(workspace)


@pytest.mark.parametrize(
    ("pairs", "codes"),
    [
        ([("a ->", " b END"), ("c ->", " d END")], set[str]()),
        ([("a ->", " b END"), ("c", " d END")], {"separator"}),
        ([("a -> b ->", " b END"), ("c ->", " d END")], {"separator inside"}),
        ([("a ->", "b END"), ("c ->", " d END")], {"leading space"}),
        ([("a ->", " b"), ("c ->", " d")], {"stop"}),
        ([("", " b END"), ("", " d END")], set[str]()),
        ([], set[str]()),
    ],
)
def test_the_old_advice_as_checks(pairs: list[tuple[str, str]], codes: set[str], tmp_path: Path) -> None:
    told = [(n, prompt, completion) for n, (prompt, completion) in enumerate(pairs, 1)]
    assert {one.code for one in legacy.advice(told)} == codes
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in pairs), encoding="utf-8")
    found = {one.code for one in check_file(file).findings}
    assert found & {"separator", "separator inside", "leading space", "stop"} == codes
