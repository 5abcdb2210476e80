"""The follower: every event once and in order, one job whatever happens, and each failure waited out or told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from core.training import events
from core.training.backends.openai import listener, results, wanted
from core.training.backends.openai.follower import STATUS, Stopped
from core.training.states import State
from tests.cloud import server
from tests.cloud.conftest import Run
from tests.cloud.world import World

RunAt = Callable[..., Run]


def everything_once(run: Run, world: World) -> None:
    """The log has the provider's events, all of them, in its order, none twice; and its own numbers have no hole."""
    job = wanted.reached(run.folder).job
    assert run.remote == [event["id"] for event in world.events[job]]
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))
    points = [(event.kind, event.fields["step"]) for event in run.events if event.kind in ("step", "validation")]
    assert len(points) == len(set(points))


def test_a_whole_life(run_at: RunAt, provider: server.Provider) -> None:
    run = run_at(held_out=3, suffix="nico", seed=7)
    assert run.follow() is State.SUCCEEDED
    everything_once(run, provider.world)
    assert len(provider.world.jobs) == 1
    job = provider.world.jobs["ftjob-0001"]
    assert (job["seed"], job["suffix"], job["metadata"]["sinsonte_run"]) == (7, "nico", run.folder.name)
    assert provider.world.contents[job["training_file"]] == (run.folder / "train.jsonl").read_bytes()
    assert provider.world.contents[job["validation_file"]] == (run.folder / "validation.jsonl").read_bytes()
    assert [one["loss"] for one in run.told("step")] == [1.0, 0.5, 0.3333]
    assert [one["step"] for one in run.told("checkpoint")] == [1, 2, 3]
    assert run.told("summary")[0]["model"] == "ft:lab-base:org-tests:nico:0001"
    assert [one["state"] for one in run.told("state")] == ["queued", "running"]
    assert run.told("end") == [{"state": "succeeded"}]
    assert (run.folder / "results.csv").read_bytes().startswith(b"step,train_loss")


def test_following_again_what_has_ended_changes_nothing(run_at: RunAt, provider: server.Provider) -> None:
    run = run_at()
    run.follow()
    before, asked = run.events, len(provider.asked)
    assert run.follow() is State.SUCCEEDED
    assert (run.events, len(provider.asked)) == (before, asked)


FAULTS: dict[str, server.Fault] = {
    "a limit with Retry-After": server.failing(429, "slow down", "rate_limit_exceeded", Retry_After="7"),
    "500": server.failing(500),
    "reset": server.reset,
    "lost answer": server.done_then_reset,
    "silence": server.stalling,
    "cut JSON": server.saying(b'{"object": "list", "data": [{', "application/json"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_can_be_waited_out_is_waited_out_wherever_it_strikes(
    run_at: RunAt, provider: server.Provider, fault: server.Fault
) -> None:
    run = run_at()
    times = 1 if fault is server.stalling else 3  # a silence costs the second that the client allows
    for method, path in (
        ("POST", r"/files$"),
        ("POST", r"/jobs$"),
        ("GET", r"/jobs/ftjob-\d+$"),
        ("GET", r"/events"),
        ("GET", r"/checkpoints"),
    ):
        provider.fault(method, path, fault, times)
    assert run.follow() is State.SUCCEEDED
    # An answer that was lost is found at the next look, so what makes something is never asked for again.
    left = {one[0] for one in provider.faults}
    assert left == ({"POST"} if fault is server.done_then_reset else set()), "each of them struck"
    everything_once(run, provider.world)
    assert len(provider.world.jobs) == 1
    assert sum(file["purpose"] == "fine-tune" for file in provider.world.files.values()) == 1
    warned = [one for one in run.told("log") if one["level"] == "warning" and "remote" not in one]
    # One event an outage, however long it is. Between two tries to create, the look for the job is answered.
    assert len(warned) <= 4 + times
    if fault is FAULTS["a limit with Retry-After"]:
        assert {one["seconds"] for one in warned} == {7.0}


@pytest.mark.parametrize("act", [server.doubled, server.shuffled, server.as_events])
def test_pages_that_repeat_reorder_or_come_as_a_stream_lose_and_double_nothing(
    run_at: RunAt, provider: server.Provider, act: server.Fault
) -> None:
    run = run_at()
    provider.fault("GET", r"/events", act, 1000)
    assert run.follow() is State.SUCCEEDED
    everything_once(run, provider.world)


class Killed(BaseException):
    """What a kill is to the code under it: nothing after it runs."""


@pytest.mark.parametrize("torn", [False, True], ids=["between two lines", "in the middle of a line"])
def test_killed_at_any_line_and_started_again_it_loses_and_doubles_nothing(
    run_at: RunAt, provider: server.Provider, monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    run = run_at(held_out=2)
    written = events.Writer.write
    left = [0]

    def write(self: events.Writer, kind: str, **fields: Any) -> events.Event:
        left[0] -= 1
        if left[0] < 0:
            if torn:
                with self.path.open("ab") as log:
                    log.write(b'{"attempt":1,"seq":99,"kind":"st')
            raise Killed
        return written(self, kind, **fields)

    monkeypatch.setattr(events.Writer, "write", write)
    lives = 0
    while True:
        lives += 1
        left[0] = 1 + lives % 3
        try:
            state = run.follow()
        except Killed:
            continue
        break
    assert state is State.SUCCEEDED and lives > 8
    everything_once(run, provider.world)
    assert len(provider.world.jobs) == 1
    assert sum(file["purpose"] == "fine-tune" for file in provider.world.files.values()) == 2


def test_a_job_whose_answer_was_lost_is_found_even_where_no_note_is_kept(
    run_at: RunAt, provider: server.Provider
) -> None:
    run = run_at("nebius")
    provider.fault("POST", r"/jobs$", server.done_then_reset)
    assert run.follow() is State.SUCCEEDED
    assert len(provider.world.jobs) == 1


def test_a_thousand_events_are_walked_back_to_what_is_known(run_at: RunAt, provider: server.Provider) -> None:
    run = run_at()
    with pytest.raises(Stopped):
        run.follow(stop=lambda: bool(provider.world.jobs))
    for n in range(1000):
        provider.world.say("ftjob-0001", f"word {n}")
    assert run.follow() is State.SUCCEEDED
    everything_once(run, provider.world)


def test_states_that_nobody_knows_are_going_on(run_at: RunAt, provider: server.Provider) -> None:
    provider.world.plan = ("pending", "notRunning", "warming_up", "running", "evaluating", "running", "succeeded")
    run = run_at()
    assert run.follow() is State.SUCCEEDED
    assert [one["said"] for one in run.told("state")][-3:] == ["running", "evaluating", "running"]
    assert {one["state"] for one in run.told("state")} == {"queued", "running"}


def test_a_pause_is_told_and_followed_on(run_at: RunAt, provider: server.Provider) -> None:
    provider.world.plan = ("queued", "running", "paused")  # the world does not move a job that rests
    run = run_at()
    rests = iter(range(2000))

    def wake() -> bool:
        if next(rests) == 12:
            provider.world.stop_job("ftjob-0001", "resume")
        return False

    assert run.follow(poked=wake) is State.SUCCEEDED
    states = [one["state"] for one in run.told("state")]
    assert states[states.index("paused") + 1] in ("queued", "running")


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (server.failing(429, "no money", "insufficient_quota"), "quota", "--on local"),
        (server.failing(401, "bad key", "invalid_api_key"), "key", "config key lab"),
        (server.failing(400, "n_epochs is odd", "invalid"), "refused", "Correct"),
        (server.failing(422, "n_epochs is odd", "invalid"), "invalid", "Correct"),
        (server.saying(b"<html>"), "not-json", "/v1"),
    ],
)
def test_what_waiting_cannot_mend_ends_the_run_before_there_is_a_job(
    run_at: RunAt, provider: server.Provider, fault: server.Fault, kind: str, says: str
) -> None:
    run = run_at()
    provider.fault("POST", r"/jobs$", fault, 100)
    assert run.follow() is State.FAILED
    problem = run.told("problem")[0]
    assert problem["cause"] == kind and says in problem["advice"]
    assert len(provider.requests("POST", r"/jobs$")) == 1, "asked for once and no more"
    assert not provider.world.jobs


def test_a_key_that_goes_while_a_job_runs_stops_the_following_and_not_the_run(
    run_at: RunAt, provider: server.Provider
) -> None:
    run = run_at()
    provider.fault("GET", r"/events", server.failing(401, "gone", "invalid_api_key"))
    assert run.follow() is not State.FAILED
    assert json.loads((run.folder / STATUS).read_text())["cause"] == "halted"
    assert not run.told("end")
    assert run.follow() is State.SUCCEEDED
    everything_once(run, provider.world)


def test_an_organisation_that_may_no_longer_tune_is_told_so(run_at: RunAt, provider: server.Provider) -> None:
    provider.world.may_tune = False
    run = run_at("oai")
    assert run.follow() is State.FAILED
    problem = run.told("problem")[0]
    assert "2027-01-06" in problem["advice"] and "--on local" in problem["advice"]


def test_a_refused_line_is_named_as_ours(run_at: RunAt, provider: server.Provider) -> None:
    run = run_at(examples=6)
    lines = (run.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    lines[3] = json.dumps({"messages": [{"role": "user", "content": "REFUSE-ME"}]})
    (run.folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (run.folder / "examples.json").write_text(
        json.dumps({"train": [[10 * n, n] for n in range(6)], "validation": []}), encoding="utf-8"
    )
    assert run.follow() is State.FAILED
    problem = run.told("problem")[0]
    assert (problem["line"], problem["example"], problem["conversation"]) == (4, 30, 3)
    assert "example 30 of dataset “d”" in problem["advice"]


def test_a_job_that_fails_after_its_training_says_what_it_cost(run_at: RunAt, provider: server.Provider) -> None:
    provider.world.fail_after_training = True
    run = run_at()
    assert run.follow() is State.FAILED
    problem = run.told("problem")[0]
    assert "refusals_v3" in problem["text"]
    assert "4321" in problem["advice"] and "--on local" in problem["advice"]
    assert len(run.told("step")) == 3, "what it had learnt is kept"
    everything_once(run, provider.world)


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize(
    "columns",
    [
        ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"),
        ("step", "training_loss", "training_token_accuracy", "validation_loss", "x"),
    ],
)
def test_results_become_curves_whatever_their_columns_are_called(
    run_at: RunAt, provider: server.Provider, coded: bool, columns: tuple[str, ...]
) -> None:
    provider.world.plan = ("queued", "succeeded")  # without a metrics event
    provider.world.results_base64, provider.world.results_columns = coded, columns
    run = run_at()
    run.follow()
    assert [(one["step"], one["loss"]) for one in run.told("step")] == [(1, 1.0), (2, 0.5), (3, 0.3333)]
    assert [one["step"] for one in run.told("validation")] == [1, 3]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"<html>", b"step\n", b"a,b\n1,2\n", b"step,loss\nx,nan\n1,inf\n"]
)
def test_a_results_file_that_is_none_gives_no_points(content: bytes) -> None:
    assert results.points(content) == []


def test_a_server_without_a_cursor_is_not_walked_for_ever() -> None:
    entries = [{"id": f"e{n}", "created_at": n, "message": "m"} for n in (3, 2, 1)]
    assert [one["id"] for one in listener.fresh(lambda _cursor: (entries, True), set())] == ["e1", "e2", "e3"]
    nameless = [{"created_at": n, "message": f"m{n}"} for n in (2, 1)]
    assert len(listener.fresh(lambda _cursor: (nameless, True), set())) == 2
    known = {listener.name_of(one) for one in nameless}
    assert listener.fresh(lambda _cursor: (nameless, True), known) == []


def test_the_countdown_stands_in_the_status(run_at: RunAt, provider: server.Provider) -> None:
    run = run_at()
    provider.fault("GET", r"/events", server.failing(500, "melting"), 2)
    seen: list[str] = []
    run.look = lambda: seen.append((run.folder / STATUS).read_text(encoding="utf-8"))
    run.follow()
    assert any("melting" in one and '"cause": "server"' in one for one in seen)
    assert "melting" not in (run.folder / STATUS).read_text(encoding="utf-8")


def test_a_key_is_in_nothing_that_is_written(run_at: RunAt, provider: server.Provider) -> None:
    run = run_at()
    provider.fault("GET", r"/events", server.failing(500, f"cannot use {server.KEY}"))
    provider.fault("GET", r"/content$", server.failing(403, f"not with {server.KEY}"))
    run.follow()
    written = b"".join(path.read_bytes() for path in run.folder.iterdir())
    assert server.KEY.encode() not in written
    assert any(one["authorization"].endswith(server.KEY) for one in provider.headers)
