"""What we send and what our own provider answers, held against OpenAI's published document; and a whole life at a
server of others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import endpoints
from core.endpoints import account
from core.settings import Endpoint
from core.training.backends.openai import upload, wanted
from core.training.backends.openai.follower import Stopped
from core.training.states import State
from tests.cloud import others, server
from tests.cloud.conftest import Run, write_lines

RunAt = Callable[..., Run]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenAI's document."""
    return others.document(tmp_path_factory.mktemp("spec"))


@pytest.fixture
def contract(document: Path, provider: server.Provider, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of prism before our provider, and its log."""
    log = tmp_path / "prism.log"
    with others.prism("proxy", document, provider.url, log=log) as url:
        yield url, log


def at(url: str, tmp_path: Path, kind: str = "openai", **options: Any) -> Run:
    """A run folder at an address."""
    folder = tmp_path / "life"
    folder.mkdir()
    profile = endpoints.profile_for(Endpoint("there", url, kind, "LAB_KEY"))
    given = {"run": folder.name, "model": "gpt-4.1-mini-2025-04-14", "dataset": "d"}
    wanted.write(folder, wanted.from_options(options, profile, **given))
    write_lines(folder / "train.jsonl", 12)
    write_lines(folder / "validation.jsonl", 3, first=12)
    run = Run(folder, profile, endpoints.open_client(profile))
    rests = iter(range(400))

    def look() -> None:
        next(rests)  # a server that only ever refuses ends the test

    run.look = look
    return run


def test_a_whole_life_fits_the_document_both_ways(
    contract: tuple[str, Path], provider: server.Provider, tmp_path: Path
) -> None:
    url, _log = contract
    run = at(url, tmp_path, suffix="nico", seed=7, epochs=2)
    with run.client:
        assert run.follow() is State.SUCCEEDED
    assert run.remote == [event["id"] for event in provider.world.events["ftjob-0001"]]
    # A violation comes back as an error. The document has JSON where a file's content comes, and everybody answers with
    # bytes: prism lets none through, and that is all that it objected to.
    objected = [event for event in run.events if event.kind == "log" and "not valid" in event.fields["text"]]
    assert min(one.seq for one in objected) > max(one.seq for one in run.events if one.kind == "checkpoint")


def test_every_other_call_fits_the_document_too(
    contract: tuple[str, Path], provider: server.Provider, tmp_path: Path
) -> None:
    url, _log = contract
    profile = endpoints.profile_for(Endpoint("there", url, "openai", "LAB_KEY"))
    small = dataclasses.replace(profile, file_limit=100, part_size=200)
    write_lines(tmp_path / "train.jsonl", 12)
    job = provider.world.create_job(
        {"model": "lab-base", "training_file": provider.world.add_file("f", b"{}", "fine-tune")["id"]}
    )
    with endpoints.open_client(profile) as client:
        upload.bring(client, small, tmp_path / "train.jsonl", "in-parts.jsonl", lambda _done, _all: None)
        for what in account.KINDS:
            assert account.listed(client, profile, what)
        with endpoints.Beside() as beside:  # what the workbench asks by
            asked = beside.provider(profile)
            assert [asked.listed(what) for what in account.KINDS] == [
                account.listed(client, profile, what) for what in account.KINDS
            ]
            assert asked.model("lab-base")["id"] == "lab-base"
        client.fine_tuning.jobs.cancel(job["id"])
        provider.world.add_model("ft:lab-base:org::1", "org-tests")
        for thing in (account.Thing("files", "file-0001"), account.Thing("models", "ft:lab-base:org::1")):
            account.delete(client, profile, thing)
        # That all of this was let through means something: a state beyond the document's list is not.
        job["status"] = "paused"
        with pytest.raises(endpoints.Failure, match="not valid"), endpoints.explained(profile):
            client.fine_tuning.jobs.retrieve(job["id"])


def test_requests_are_valid_to_a_mock_made_of_the_document(
    document: Path, provider: server.Provider, tmp_path: Path
) -> None:
    with others.prism("mock", document, log=tmp_path / "prism.log") as url:
        for name, options in (("supervised", {"learning_rate": "0.5"}), ("dpo", {"method": "dpo", "beta": "0.2"})):
            (tmp_path / name).mkdir()
            run = at(url, tmp_path / name, suffix="nico", seed=7, **options)
            looks = iter(range(12))

            def over(run: Run = run, looks: Iterator[int] = looks) -> bool:
                return bool(wanted.reached(run.folder).job) and next(looks, None) is None

            with run.client as client:
                with pytest.raises(Stopped):
                    run.follow(stop=over)
                job = wanted.reached(run.folder).job
                assert job and not run.told("problem")
                assert [one["state"] for one in run.told("state")] == ["queued"]
                client.fine_tuning.jobs.pause(job)
                client.fine_tuning.jobs.resume(job)
                # That all of this passed means something: what the document does not allow is refused.
                told: Any = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}
                with pytest.raises(endpoints.Failure, match="HTTP 422"), endpoints.explained(run.profile):
                    client.fine_tuning.jobs.create(model="m", training_file="f", method=told)


@pytest.mark.parametrize("flags", [(), ("--chaos-drop", "0.2", "--chaos-malformed", "0.2")], ids=["calm", "chaos"])
def test_a_whole_life_at_aimock(provider: server.Provider, tmp_path: Path, flags: tuple[str, ...]) -> None:
    with others.aimock(*flags, log=tmp_path / "aimock.log") as url:
        run = at(url, tmp_path, kind="custom", suffix="nico")
        with run.client:
            assert run.follow() is State.SUCCEEDED
            if not flags:
                jobs = run.client.fine_tuning.jobs.list().data
                assert len(jobs) == 1
                events = [one.id for one in run.client.fine_tuning.jobs.list_events(jobs[0].id, limit=100)]
                assert run.remote == events[::-1]
    assert len(run.remote) == len(set(run.remote)) >= 4
    assert run.told("summary")[0]["model"].startswith("ft:")
