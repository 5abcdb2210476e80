"""What is counted beside the workbench is what is counted here, and what becomes of the process that does it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.problem import Problem
from core.workspace import chats, counting, datasets, recipe
from core.workspace import precedence as precedence_module
from core.workspace.counting import Counting
from core.workspace.opening import Cancelled, Workspace
from core.workspace.precedence import Precedence


def unheard(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def is_there(pid: int) -> bool:
    """Whether the process lives; one that has ended and was not looked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    waited = threading.Event()
    for _turn in range(500):
        if not is_there(pid):
            return True
        waited.wait(0.02)
    return False


@pytest.fixture
def beside(workspace: Workspace) -> Iterator[Counting]:
    """Counts of a workspace of which every number is many."""
    recipe.change(workspace, {"persona": "Nico", "model": "gpt-4.1-mini"})
    made = Counting(workspace, many=1)
    yield made
    made.close()


def test_the_answers_are_those_of_this_process(workspace: Workspace, beside: Counting) -> None:
    here = Counting(workspace)
    assert beside.counters() == here.counters()
    assert not beside.counters().exact
    assert beside.rules() == here.rules()
    told: list[tuple[int, int]] = []
    exact = beside.whole_counters(lambda done, total: told.append((done, total)))
    assert exact == here.whole_counters(unheard)
    assert exact.exact
    assert told
    assert beside.exact_saved_counters(unheard) == here.exact_saved_counters(unheard)
    assert beside.saved_counters() == here.saved_counters()
    assert beside.shape() == here.shape()
    assert beside.example(3) == here.example(3)
    beside.count_private(unheard)
    here.count_private(unheard)
    assert beside.rules() == here.rules()
    assert beside.check_recipe(unheard) == here.check_recipe(unheard)
    assert beside.pid not in (0, os.getpid())
    assert here.pid == 0


def test_what_it_builds_is_here_and_what_changes_here_is_seen_there(workspace: Workspace, beside: Counting) -> None:
    made = beside.build("uno", unheard)
    assert datasets.named(workspace, "uno") == made
    assert beside.frozen_shape("uno", unheard) == Counting(workspace).frozen_shape("uno", unheard)
    assert beside.frozen_example("uno", 0) == Counting(workspace).frozen_example("uno", 0)
    assert beside.check_dataset("uno", unheard).examples == made.train + made.validation
    tokens = beside.tokens_to_train("uno", "gpt-4.1-mini", "openai")
    assert (len(tokens.train), len(tokens.validation)) == (made.train, made.validation)
    assert tokens == Counting(workspace).tokens_to_train("uno", "gpt-4.1-mini", "openai")
    recipe.change(workspace, {"min_reply_chars": 40})
    assert beside.counters().examples < made.train + made.validation


def test_a_problem_of_its_is_ours(workspace: Workspace, beside: Counting) -> None:
    with pytest.raises(Problem) as raised:
        beside.frozen_shape("nothing of this name", unheard)
    with pytest.raises(Problem) as here:
        Counting(workspace).frozen_shape("nothing of this name", unheard)
    assert str(raised.value) == str(here.value)
    assert raised.value.exit_code == here.value.exit_code


def test_who_does_not_want_it_any_more_is_not_kept_waiting(beside: Counting) -> None:
    def unwanted(_done: int, _total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        beside.exact_counters(unwanted)
    assert beside.exact_counters(unheard).exact


def test_the_first_counters_tell_how_far_the_reading_is_and_may_be_stopped(beside: Counting) -> None:
    def unwanted(_done: int, _total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        beside.counters(unwanted)
    told: list[tuple[int, int]] = []
    here = beside.counters(lambda done, total: told.append((done, total)))
    assert here.examples
    assert all(0 <= done <= total for done, total in told)


def test_reading_is_told_message_by_message(workspace: Workspace) -> None:
    told: list[tuple[int, int]] = []
    recipe.change(workspace, {"persona": "Nico", "model": "gpt-4.1-mini"})
    counters = recipe.counters(workspace, lambda done, total: told.append((done, total)))
    count = sum(row.messages for row in chats.listing(workspace))
    assert told == sorted(told)
    assert {total for _done, total in told} == {3 * count}
    assert {count, 2 * count} <= {done for done, _total in told}  # all columns, all texts; then the rules
    told.clear()
    assert recipe.counters(workspace, lambda done, total: told.append((done, total))) == counters
    assert not told


def test_many_threads_ask_at_once(workspace: Workspace, beside: Counting) -> None:
    wanted = [Counting(workspace).example(n) for n in range(12)]
    got: dict[int, object] = {}
    threads = [threading.Thread(target=lambda n=n: got.setdefault(n, beside.example(n))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [got.get(n) for n in range(12)] == wanted


def counting_all(workspace: Workspace, precedence: Precedence) -> threading.Thread:
    """A thread that counts all tokens and gives way."""
    recipe.change(workspace, {"persona": "Nico", "model": "gpt-4.1-mini"})
    given = (workspace, "recipe.exact_counters", (), unheard, precedence)
    return threading.Thread(target=counting.do, args=given, daemon=True)


def test_a_long_count_stands_still_while_something_goes_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence_module, "_AT_MOST", 60)
    precedence = Precedence()
    thread = counting_all(workspace, precedence)
    with precedence.first():
        thread.start()
        thread.join(1)
        assert thread.is_alive()
        # Both have their turn: what goes first is answered meanwhile.
        assert counting.do(workspace, "recipe.counters", (), unheard, precedence).examples
        assert thread.is_alive()
    thread.join(60)
    assert not thread.is_alive()
    assert recipe.exact_totals(workspace) is not None


def test_a_long_count_goes_on_when_what_goes_first_never_ends(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence_module, "_AT_MOST", 0.001)
    precedence = Precedence()
    thread = counting_all(workspace, precedence)
    with precedence.first():
        thread.start()
        thread.join(60)
        assert not thread.is_alive()


def test_killed_it_is_started_again(beside: Counting) -> None:
    before = beside.counters()
    first = beside.pid
    os.kill(first, signal.SIGKILL)
    assert is_gone(first)
    assert beside.counters() == before
    assert beside.pid != first


def test_unasked_it_ends_and_comes_back(workspace: Workspace) -> None:
    made = Counting(workspace, many=1, idle=0.05)
    before = made.counters()
    assert is_gone(made.pid)
    assert made.counters() == before
    made.close()


def test_it_waits_as_long_as_it_is_told_to(workspace: Workspace) -> None:
    made = Counting(workspace, many=1, idle=600)
    assert made.is_cold()
    made.counters()
    assert not made.is_cold()
    made.wait_for(0.05)
    assert is_gone(made.pid)
    made.close()


def test_it_ends_with_whoever_asked_however_that_ended(workspace: Workspace) -> None:
    asking = (
        "import sys, os, signal; from pathlib import Path; from core.workspace.opening import open_workspace;"
        "from core.workspace.counting import Counting; c = Counting(open_workspace(Path(sys.argv[1])), many=1);"
        "c.counters(); print(c.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(counting.__file__).parent.parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", asking, str(workspace.folder)], capture_output=True, text=True, cwd=root, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert is_gone(int(ended.stdout))


def test_closed_it_is_gone(workspace: Workspace) -> None:
    made = Counting(workspace, many=1)
    made.counters()
    pid = made.pid
    made.close()
    assert not is_there(pid)


def test_nothing_but_its_verbs_is_done(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match=r"datasets\.delete"):
        counting.do(workspace, "datasets.delete", ("uno",), None, Precedence())


def test_with_few_messages_no_process_is_started(workspace: Workspace) -> None:
    made = Counting(workspace)
    made.counters()
    assert made.pid == 0


def test_it_sees_no_key(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_API_KEY", "sk-not-for-it")
    made = Counting(workspace, many=1)
    made.counters()
    assert b"sk-not-for-it" not in Path(f"/proc/{made.pid}/environ").read_bytes()
    made.close()
