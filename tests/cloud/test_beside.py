"""What is asked from a process beside is what is asked here; what becomes of that process; and who sees the key."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import endpoints, language, settings
from core.endpoints import Beside, Failure, Profile
from core.endpoints.account import KINDS, Thing
from core.endpoints.asking import Move, Provider
from core.problem import Misuse, Problem
from core.workspace.account import Patience
from tests.cloud import server
from tests.workspace.test_counting import is_gone, is_there

KEY = "sk-lab-Zq7Wm2Xv9Tn4Rb8Kc1"


def there(name: str = "lab") -> Profile:
    return endpoints.profile_of(settings.load(), name)


@pytest.fixture
def beside(tmp_path: Path, provider: server.Provider) -> Iterator[Beside]:
    """Asks an account with something of each kind in it."""
    world = provider.world
    for n in range(45):
        world.add_file(f"«ñ»-{n}.jsonl", b"x" * n, "fine-tune")
    world.add_model("ft:lab-base:org-tests:nico:0001", "org-tests")
    world.shutdown["lab-base"] = "2099-03-01"
    world.plan = ("running",) * 100
    world.create_job({"model": "lab-base", "training_file": "file-0001", "metadata": {"sinsonte_run": "r"}})
    made = Beside(tmp_path / "logs")
    yield made
    made.leave()


@pytest.fixture
def held(provider: server.Provider) -> Iterator[threading.Event]:
    """A server that answers nothing, neither a list nor a deletion, until this is set."""
    go_on = threading.Event()

    def late(_handler: server.Handler) -> bool:
        go_on.wait(30)
        return False

    provider.fault("GET", r"/files$", late)
    provider.fault("DELETE", r"/files/", late)
    yield go_on
    go_on.set()


def until_asked(provider: server.Provider, method: str) -> None:
    waited = threading.Event()
    for _turn in range(1000):
        if any(one[0] == method for one in provider.asked):
            return
        waited.wait(0.02)
    raise AssertionError("nothing was asked")


def test_the_answers_are_those_of_this_process(beside: Beside) -> None:
    profile = there()
    with endpoints.here(profile) as here:
        from_beside = beside.provider(profile)
        for what in KINDS:
            assert from_beside.listed(what, "sinsonte_run") == here.listed(what, "sinsonte_run")
        assert len(from_beside.listed("files")) == 45
        assert from_beside.limits() == here.limits()
        assert from_beside.model("lab-base") == here.model("lab-base")


def test_what_it_is_asked_to_do_is_done(beside: Beside, provider: server.Provider) -> None:
    asked = beside.provider(there())
    asked.delete(Thing("files", "file-0002"))
    assert "file-0002" not in provider.world.files
    moves: tuple[tuple[Move, str], ...] = (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled"))
    for move, state in moves:
        asked.move("ftjob-0001", move)
        assert provider.world.jobs["ftjob-0001"]["status"] == state


FAULTS: dict[str, server.Fault] = {
    "a wrong key": server.failing(401, "no", "invalid_api_key"),
    "too many": server.failing(429, "slow", "rate_limit_exceeded", Retry_After="7"),
    "no money": server.failing(429, "pay", "insufficient_quota"),
    "a fault": server.failing(500, "oh"),
    "a page": server.saying(b"<html>Hola</html>"),
    "half an answer": server.saying(b'{"data": [', "application/json"),
    "a break": server.reset,
}


@pytest.mark.parametrize("spoken", ["en", "es"])
def test_its_failures_are_those_of_this_process(beside: Beside, provider: server.Provider, spoken: str) -> None:
    language.choose(spoken)

    def failure(asked: Provider) -> dict[str, object]:
        with pytest.raises(Failure) as caught:
            asked.listed("files")
        return {name: getattr(caught.value, name) for name in (*Failure.SAYS, "silent")}

    with endpoints.here(there()) as here:
        for name, fault in FAULTS.items():
            provider.fault("GET", r"/files", fault, times=2)
            told = failure(beside.provider(there()))
            assert told == failure(here), name
            assert told["what"] and told["where"] == "lab"


def test_what_the_endpoint_cannot_do_and_a_key_that_is_nowhere(
    beside: Beside, provider: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem) as caught:
        beside.provider(there("azure")).delete(Thing("models", "ft:x"))
    with pytest.raises(Misuse) as here, endpoints.here(there("azure")) as asked:
        asked.delete(Thing("models", "ft:x"))
    assert str(caught.value) == str(here.value) and caught.value.exit_code == 2
    beside.leave()
    monkeypatch.delenv("LAB_KEY")
    with pytest.raises(Problem, match="no API key for endpoint “oai”"):
        beside.provider(there("oai")).listed("files")
    assert not provider.requests("GET", "/files")


def test_a_key_that_was_mended_is_used_by_the_next_question(
    beside: Beside, provider: server.Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text("wrong", encoding="utf-8")
    monkeypatch.delenv("LAB_KEY")
    monkeypatch.setenv("LAB_KEY_FILE", str(file))
    with pytest.raises(Failure, match="does not accept the key"):
        beside.provider(there()).listed("files")
    file.write_text(provider.key, encoding="utf-8")
    assert len(beside.provider(there()).listed("files")) == 45


def test_many_threads_ask_at_once_and_get_their_own(beside: Beside, provider: server.Provider) -> None:
    asked = beside.provider(there())
    names = ["lab-base", "ft:lab-base:org-tests:nico:0001"] * 6
    got: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda n=n, name=name: got.setdefault(n, str(asked.model(name)["id"])))
        for n, name in enumerate(names)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert [got.get(n) for n in range(12)] == names
    assert len(beside.pids) == 1


def test_killed_in_the_middle_it_is_told_and_started_again(
    beside: Beside, provider: server.Provider, held: threading.Event
) -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            beside.provider(there()).listed("files")
        except Failure as failure:
            caught.append(failure)

    asking = threading.Thread(target=ask)
    asking.start()
    until_asked(provider, "GET")
    (first,) = beside.pids
    os.kill(first, signal.SIGKILL)
    asking.join(30)
    (failure,) = caught
    assert isinstance(failure, Failure) and (failure.kind, failure.retry) == ("gone", True)
    assert "ended unexpectedly" in str(failure)
    held.set()
    assert len(beside.provider(there()).listed("files")) == 45
    assert beside.pids != [first]


def test_who_waits_patiently_does_not_notice_that_it_was_killed(beside: Beside, provider: server.Provider) -> None:
    beside.provider(there()).limits()
    waits: list[float] = []
    profile = there()

    def killing() -> list[Thing]:
        if not waits:
            os.kill(beside.pids[0], signal.SIGSTOP)  # so that the question is surely not answered
            threading.Timer(0.1, os.kill, (beside.pids[0], signal.SIGKILL)).start()
        return beside.provider(profile).listed("files")

    patience = Patience(lambda left, _failure, _attempt: waits.append(left))
    assert len(patience.ask(killing, profile)) == 45
    assert waits


def test_unasked_it_ends_and_comes_back(provider: server.Provider) -> None:
    made = Beside(idle=0.05)
    asked = made.provider(there())
    before = asked.listed("models")
    (first,) = made.pids or [0]
    assert not first or is_gone(first)
    assert made.pids == []
    assert asked.listed("models") == before
    made.leave()


def test_left_in_the_middle_of_a_list_it_ends(beside: Beside, provider: server.Provider, held: threading.Event) -> None:
    def ask() -> None:
        with pytest.raises(Failure, match="ended unexpectedly"):
            beside.provider(there()).listed("files")

    asking = threading.Thread(target=ask)
    asking.start()
    until_asked(provider, "GET")
    (pid,) = beside.pids
    beside.leave()
    assert is_gone(pid)
    asking.join(30)
    assert not asking.is_alive()


def test_left_in_the_middle_of_a_deletion_it_ends_with_it(
    beside: Beside, provider: server.Provider, held: threading.Event
) -> None:
    asking = threading.Thread(target=lambda: beside.provider(there()).delete(Thing("files", "file-0003")))
    asking.start()
    until_asked(provider, "DELETE")
    (pid,) = beside.pids
    beside.leave()
    assert beside.pids == [], "it takes no more questions"
    asking.join(0.3)
    assert asking.is_alive() and is_there(pid), "and tells what came of this one"
    held.set()
    asking.join(30)
    assert not asking.is_alive() and is_gone(pid)
    assert "file-0003" not in provider.world.files


ASKING = """
import os, signal, sys, threading
from core import endpoints, settings
beside = endpoints.Beside()
profile = endpoints.profile_of(settings.load(), "lab")
beside.provider(profile).limits()
print(beside.pids[0], flush=True)
threading.Thread(target=lambda: beside.provider(profile).listed("files"), daemon=True).start()
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_whoever_asked_though_a_server_is_silent(provider: server.Provider, held: threading.Event) -> None:
    root = Path(endpoints.__file__).parent.parent.parent
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert asking.stdin is not None and asking.stdout is not None
    with asking.stdin as end, asking.stdout as said:
        pid = int(said.readline())
        until_asked(provider, "GET")
        assert is_there(pid)
        end.write("now\n")
        end.flush()
        assert asking.wait(30) == -signal.SIGKILL
        assert is_gone(pid)


def test_the_key_of_its_endpoint_reaches_it_and_no_other(
    beside: Beside, provider: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.key = KEY
    monkeypatch.setenv("LAB_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-of-another")
    assert len(beside.provider(there()).listed("files")) == 45
    (pid,) = beside.pids
    seen = Path(f"/proc/{pid}/environ").read_bytes()
    assert KEY.encode() in seen and b"sk-of-another" not in seen
    assert KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert KEY.encode() in repr(provider.headers).encode()


def test_another_endpoint_has_a_process_of_its_own(beside: Beside, provider: server.Provider) -> None:
    beside.provider(there()).listed("models")
    (first,) = beside.pids
    beside.provider(there("oai")).listed("models")
    (second,) = beside.pids
    assert first != second and is_gone(first)


def test_a_busy_one_goes_on_while_another_endpoint_is_asked(
    beside: Beside, provider: server.Provider, held: threading.Event
) -> None:
    got: list[int] = []
    asking = threading.Thread(target=lambda: got.append(len(beside.provider(there()).listed("files"))))
    asking.start()
    until_asked(provider, "GET")
    beside.provider(there("oai")).listed("models")
    assert len(beside.pids) == 2
    held.set()
    asking.join(30)
    assert got == [45]


def test_what_is_printed_in_it_is_no_answer(
    beside: Beside, provider: server.Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = "import logging, os, sys\nos.write(1, b'Hola\\n')\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stdout)\n"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(site, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    assert len(beside.provider(there()).listed("files")) == 45


def test_nothing_but_its_verbs_is_done(beside: Beside, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="LookupError"):
        beside._ask(there(), "rmtree", {"path": "/"})  # pyright: ignore[reportPrivateUsage]
    assert b"LookupError" in (tmp_path / "logs" / "errors.log").read_bytes()
