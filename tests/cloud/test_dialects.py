"""A whole life in each provider's dialect, at a server that takes that dialect and no other; and one of preferences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import endpoints, settings
from core.problem import Problem
from core.settings import Endpoint
from core.training.events import FILE, Writer
from core.training.states import State
from core.workspace import cloud, corrections, final_page, models, rehoming, run_logs, runs, talking
from core.workspace.opening import Workspace, open_workspace
from tests.cloud import dialects, server
from tests.cloud.conftest import Here, Say, write_lines
from tests.cloud.world import Refusal
from tests.tui.runs import is_alive
from tests.workspace.test_corrections import correct

USUAL: dict[str, Any] = {"model": "lab-base", "training_file": "file-0001"}


@pytest.fixture
def workspace(workspace_folder: Path, provider: server.Provider, tmp_path: Path) -> Iterator[Workspace]:
    write_lines(tmp_path / "talk.jsonl", 40)
    with open_workspace(workspace_folder, settings.load()) as opened:
        assert rehoming.home(opened, "lab:x", tmp_path / "talk.jsonl").dataset == "talk"
        yield opened


@pytest.mark.parametrize(
    ("dialect", "body", "param"),
    [
        ("azure", {"method": {"type": "supervised"}}, "trainingType"),
        ("azure", {"trainingType": "Standard", "suffix": "a.b"}, "suffix"),
        ("azure", {"trainingType": "Standard", "suffix": "x" * 19}, "suffix"),
        ("azure", {"trainingType": "Standard", "method": {"type": "dpo"}}, "method"),
        ("oai", {"trainingType": "Standard"}, "trainingType"),
        ("oai", {"hyperparameters": {"n_epochs": 2}}, "hyperparameters"),
        ("nebius", {}, "hyperparameters"),
        ("nebius", {"method": {"type": "supervised"}, "hyperparameters": {}}, "method"),
        ("nebius", {"hyperparameters": {"n_epochs": "auto"}}, "n_epochs"),
        ("nebius", {"hyperparameters": {"learning_rate_multiplier": 2.0}}, "learning_rate_multiplier"),
        ("nebius", {"hyperparameters": {}, "metadata": {"a": "b"}}, "metadata"),
    ],
)
def test_the_tests_own_server_refuses_another_dialect(dialect: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        dialects.check_job(dialect, {**USUAL, **body})
    assert refused.value.body["error"]["param"] == param


def test_an_address_speaks_its_own_dialect_alone(provider: server.Provider, tmp_path: Path) -> None:
    """What is told apart below is told apart by the server, not by the tests' memory of it."""
    (tmp_path / "f.jsonl").write_bytes(b'{"messages": []}\n')
    for dialect, refused in (("azure", True), ("nebius", False), ("oai", False)):
        profile = endpoints.profile_for(Endpoint("x", provider.at(dialect), "custom", "LAB_KEY"))
        with endpoints.open_client(profile) as client:
            try:
                with endpoints.explained(profile):
                    client.files.create(file=("f.jsonl", (tmp_path / "f.jsonl").read_bytes()), purpose="fine-tune")
            except Problem as problem:
                assert refused and "byte-order mark" in str(problem)
            else:
                assert not refused


LIVES: dict[str, tuple[dict[str, str], str]] = {
    "oai": ({"learning_rate": "0.5", "suffix": "nico.v2", "seed": "7"}, "ft:lab-base:org-tests:nico.v2:0001"),
    "azure": ({"learning_rate": "0.5", "suffix": "nico", "seed": "7"}, "lab-base.ft-0001-nico"),
    "nebius": ({"learning_rate": "2e-5", "suffix": "nico", "seed": "7"}, "ft:lab-base:org-tests:nico:0001"),
}


@pytest.mark.parametrize("profile", LIVES)
def test_a_whole_life_in_a_dialect(
    workspace: Workspace, provider: server.Provider, here: Here, say: Say, profile: str
) -> None:
    options, made = LIVES[profile]
    provider.world.plan = ("pending", "notRunning", "running", "running", "running", "succeeded")
    page = final_page.plan(workspace, "talk", profile, "lab-base", {"epochs": "2", **options})
    run = cloud.start(workspace, page)
    assert here(run.folder) is State.SUCCEEDED
    assert runs.named(workspace, run.id).model == f"{profile}:{made}"
    (job,) = provider.world.jobs.values()
    asked = provider.requests("POST", r"/jobs$")[0]
    # What stands on the wire, key for key: nothing that another provider wants is sent along.
    common = {"model", "training_file", "validation_file", "suffix", "seed"}
    if profile == "nebius":
        assert set(asked) == common | {"hyperparameters"}
        assert asked["hyperparameters"] == {"n_epochs": 2, "learning_rate_multiplier": 2e-5, "lora": True}
    else:
        assert set(asked) == common | {"method", "metadata"} | ({"trainingType"} if profile == "azure" else set())
        figures = {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": 0.5}
        assert asked["method"] == {"type": "supervised", "supervised": {"hyperparameters": figures}}
        assert asked.get("trainingType") == ("Standard" if profile == "azure" else None)
        assert asked["metadata"]["sinsonte_run"] == run.id
    for side in ("training_file", "validation_file"):
        assert provider.world.contents[job[side]].startswith(b"\xef\xbb\xbf") == (profile == "azure")
    told = [event.body["remote"] for event in runs.follow(workspace, run.id) if event.kind == "log"]
    assert told == [event["id"] for event in provider.world.events[job["id"]]]
    code, out, _err = say("--json", "train", "checkpoints", run.id)
    assert code == 0 and [json.loads(line)["step"] for line in out.splitlines()] == [1, 2, 3]
    code, out, err = say("ask", f"{profile}:{made}", "¿y?")
    if profile == "oai":
        assert code == 0 and provider.reply in out
    else:
        assert code == 1 and "must be deployed at the provider, by its own means" in err
        assert any("deployed at the provider" in one for one in page.warnings), "it was said before money was spent"


def test_nebius_is_never_asked_to_pause(workspace: Workspace, provider: server.Provider, here: Here, say: Say) -> None:
    provider.world.plan = ("running",) * 5
    run = cloud.start(workspace, final_page.plan(workspace, "talk", "nebius", "lab-base"))
    (run.folder / "reached.json").write_text(
        '{"training_file": "a", "validation_file": "", "job": "ftjob-1", "asked": true}', encoding="utf-8"
    )
    is_alive(run.folder)
    with Writer(run.folder / FILE, same_attempt=True) as log:
        log.write("state", state="running")
    row = runs.look(workspace, run.id)
    assert (row.state, row.now.pausable) == ("running", False), "the screen offers no key for it"
    code, _out, err = say("train", "pause", run.id)
    assert code == 1 and err and not provider.requests("POST", r"/pause$")


def test_a_whole_life_of_preferences_from_what_was_corrected(
    workspace: Workspace, provider: server.Provider, here: Here, say: Say
) -> None:
    for n in range(24):
        correct(workspace, f"che, {n}", asked=f"¿y {n}?", answered=f"Estimado, {n}")
    words = ("train", "start", "corrections", "--on", "lab", "--model", "lab-base", "method=dpo", "beta=0.2", "--yes")
    code, out, err = say("--json", *words)
    assert code == 0, err
    run = json.loads(out.splitlines()[-1])["id"]
    row = runs.named(workspace, run)
    assert here(row.folder) is State.SUCCEEDED
    row = runs.named(workspace, run)
    assert (row.dataset, row.learns) == ("", "corrections")
    # The form of the published format: an input, a preferred and a rejected output, and nothing besides.
    (job,) = provider.world.jobs.values()
    train, held = (provider.world.contents[job[side]].splitlines() for side in ("training_file", "validation_file"))
    assert len(train) + len(held) == 24 and held
    pairs = [json.loads(line) for line in train]
    assert all(set(one) == {"input", "preferred_output", "non_preferred_output"} for one in pairs)
    assert pairs[0]["preferred_output"] == [{"role": "assistant", "content": "che, 0"}]
    assert pairs[0]["non_preferred_output"] == [{"role": "assistant", "content": "Estimado, 0"}]
    assert pairs[0]["input"]["messages"][-1] == {"role": "user", "content": "¿y 0?"}
    asked = provider.requests("POST", r"/jobs$")[0]["method"]
    figures = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto", "beta": 0.2}
    assert asked == {"type": "dpo", "dpo": {"hyperparameters": figures}}
    # Its events, its curves and its model are those of any run.
    told = list(runs.follow(workspace, run))
    assert [one.body["remote"] for one in told if one.kind == "log"] == [
        one["id"] for one in provider.world.events[job["id"]]
    ]
    curves = run_logs.Curves(row)
    curves.grow()
    assert list(curves["loss"].values) == [1.0, 0.5, 0.3333]
    assert list(curves["validation"].values) == [1.5, 0.75, 0.5]
    assert row.model == f"lab:{job['fine_tuned_model']}"
    assert row.model is not None and models.named(workspace, row.model).run == run
    with talking.open_speaker(workspace, row.model) as speaker:
        assert speaker.ask([{"role": "user", "content": "¿y?"}]).text.strip() == provider.reply


def test_preferences_that_nobody_made_or_may_use_are_told(workspace: Workspace, say: Say) -> None:
    words = ("train", "start", "corrections", "--on", "lab", "--model", "lab-base", "method=dpo", "--yes")
    code, _out, err = say(*words)
    assert code == 1 and "there are no corrections yet" in err
    assert not corrections.listing(workspace) and not runs.listing(workspace)


@pytest.mark.parametrize("line", ['{"messages": []}', '{"input": {"messages": []}}', "nonsense"])
def test_a_file_of_no_pairs_is_refused_before_it_is_uploaded(
    workspace: Workspace, provider: server.Provider, say: Say, tmp_path: Path, line: str
) -> None:
    (tmp_path / "p.jsonl").write_text(line + "\n", encoding="utf-8")
    code, _out, err = say(
        "train", "start", str(tmp_path / "p.jsonl"), "--on", "lab", "--model", "lab-base", "method=dpo", "--yes"
    )
    assert code == 1 and "p.jsonl:1" in err and not provider.world.files
