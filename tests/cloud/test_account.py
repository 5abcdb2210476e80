"""What lies at a provider: seen with what this workspace knows of it, and removed only after it was looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings
from core.commands import main
from core.endpoints.waiting import call
from core.problem import Misuse, Refused
from core.workspace import account
from core.workspace.account import Filter
from core.workspace.opening import Workspace, open_workspace
from tests.cloud import server

DAY = 86_400


@pytest.fixture
def workspace(workspace_folder: Path, provider: server.Provider) -> Iterator[Workspace]:
    with open_workspace(workspace_folder, settings.load()) as opened:
        yield opened


@pytest.fixture
def full(provider: server.Provider) -> server.Provider:
    """An account with something in it."""
    world = provider.world
    for n in range(5):
        world.add_file(f"old-{n}.jsonl", b"x" * (n + 1), "fine-tune")
    world.add_file("answers.csv", b"1,2", "fine-tune-results")
    world.add_model("ft:lab-base:org-tests:nico:0001", "org-tests")
    world.create_job({"model": "lab-base", "training_file": "file-0001", "metadata": {"sinsonte_run": "gone"}})
    return provider


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    told = capsys.readouterr()
    return code, told.out, told.err


def test_files_models_and_jobs_are_listed_alike_by_verb_and_command(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    for what, count in (("files", 6), ("models", 3), ("jobs", 1)):
        rows = account.things(workspace, "lab", what)
        assert len(rows) == count
        code, out, _err = run(capsys, "--json", "account", "lab", what)
        assert code == 0
        assert [json.loads(line) for line in out.splitlines()] == [row.as_json() for row in rows]
        code, out, _err = run(capsys, "account", "lab", what)
        assert all(row.thing.id in out for row in rows)


def test_pages_are_walked_to_their_end(workspace: Workspace, provider: server.Provider) -> None:
    for n in range(45):
        provider.world.create_job(
            {"model": "lab-base", "training_file": provider.world.add_file(f"f{n}", b"", "fine-tune")["id"]}
        )
    assert len(account.things(workspace, "lab", "jobs")) == 45


def test_nothing_is_removed_without_saying_which(workspace: Workspace, full: server.Provider) -> None:
    rows = account.things(workspace, "lab", "files")
    with pytest.raises(Misuse, match="which"):
        account.chosen(rows, Filter())
    with pytest.raises(Misuse, match="no file-9999"):
        account.chosen(rows, Filter(("file-9999",)))
    models = account.things(workspace, "oai", "models")
    with pytest.raises(Refused, match="provider's own"):
        account.chosen(models, Filter(("gpt-4.1-mini-2025-04-14",)))
    assert [row.thing.id for row in account.chosen(models, Filter(named="*"))] == ["ft:lab-base:org-tests:nico:0001"]


@pytest.mark.parametrize(
    ("which", "names"),
    [
        (Filter(named="old-*"), {f"old-{n}.jsonl" for n in range(5)}),
        (Filter(purpose="fine-tune-results"), {"answers.csv"}),
        (Filter(older_than=10**6), set[str]()),
        (Filter(named="old-1*", unknown=True), {"old-1.jsonl"}),
    ],
)
def test_a_filter_narrows(workspace: Workspace, full: server.Provider, which: Filter, names: set[str]) -> None:
    assert {row.thing.name for row in account.chosen(account.things(workspace, "lab", "files"), which)} == names


def test_many_are_removed_only_by_their_number_and_it_is_written_down(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("account", "lab", "files", "delete", "--named", "old-*")
    code, out, err = run(capsys, *words, "--dry-run")
    assert code == 0 and "5 would be removed" in err and out.count("old-") == 5
    for refused in ((), ("--yes",), ("--count", "4")):
        code, _out, err = run(capsys, *words, *refused)
        assert code == 3, err
    assert len(full.world.files) == 6, "nothing was removed"
    code, _out, err = run(capsys, *words, "--count", "5")
    assert (code, set(full.world.files)) == (0, {"file-0006"})
    code, out, _err = run(capsys, "--json", "account", "lab", "removed")
    assert sorted(json.loads(line)["name"] for line in out.splitlines()) == [f"old-{n}.jsonl" for n in range(5)]
    with pytest.raises(Exception, match="only ever added"), workspace.store.write() as change:
        change.execute("DELETE FROM removals")


def test_one_is_removed_with_a_yes_and_a_lost_answer_is_looked_up(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    full.fault("DELETE", r"/files/", server.done_then_reset)
    code, _out, _err = run(capsys, "account", "lab", "files", "delete", "file-0002", "--yes")
    assert code == 0 and "file-0002" not in full.world.files
    assert [row.remote_id for row in account.removed(workspace)] == ["file-0002"]


def test_a_removal_that_fails_is_told_and_the_rest_goes_on(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    full.fault("DELETE", r"/files/file-0003", server.failing(400, "it is in use"))
    code, _out, err = run(capsys, "account", "lab", "files", "delete", "file-0002", "file-0003", "--count", "2")
    assert code == 1 and "file-0003" in err and "it is in use" in err
    assert "file-0003" in full.world.files and "file-0002" not in full.world.files


def test_jobs_are_not_deleted_by_this_protocol(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _out, err = run(capsys, "account", "lab", "jobs", "delete", "ftjob-0001")
    assert code == 2 and "train cancel" in err


def test_limits_tell_what_the_server_says_and_what_ends(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    full.world.shutdown["lab-later"] = "2099-01-01"
    full.world.add_model("lab-later", "org-tests")
    code, out, _err = run(capsys, "account", "oai", "limits")
    assert code == 0
    assert "65536" in out and "2027-01-06" in out and "lab-later" in out and "2099-01-01" in out
    full.fault("GET", r"/model_limits", server.failing(404, "no such address"))
    code, out, _err = run(capsys, "account", "oai", "limits")
    assert code == 0 and "does not say" in out


def test_a_hostile_name_reaches_no_terminal(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    full.world.add_file("\x1b[2Jboo\u202e", b"", "fine-tune")
    _code, out, _err = run(capsys, "account", "lab", "files")
    assert "\x1b" not in out and "\u202e" not in out and "boo" in out


def test_a_profile_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], workspace: Workspace) -> None:
    code, _out, err = run(capsys, "account", "nobody", "files")
    assert code == 2 and "lab" in err


def test_a_wait_is_told_once_and_the_interrupt_key_ends_it(
    workspace: Workspace, full: server.Provider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full.fault("GET", r"/files", server.failing(429, "slow", "rate_limit_exceeded", Retry_After="90"))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("core.endpoints.waiting.call.__kwdefaults__", {**(call.__kwdefaults__ or {}), "sleep": sleep})
    code, out, err = run(capsys, "account", "lab", "files")
    assert (code, out) == (130, "") and slept == [1.0, 1.0, 1.0]
    assert err.count("Next try in") == 1 and "90 s" in err and "fewer requests" in err
    assert len(full.requests("GET", "/files")) == 1
