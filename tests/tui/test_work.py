"""Long work: how long it will still take, one of a name at a time, and what becomes of one that breaks."""

from __future__ import annotations

import pytest

from core.safe_text import SafeText
from core.workspace.opening import Cancelled
from tui.work import Work, guessed, name_of, time_left


def test_a_time_left_is_guessed_once_there_is_something_to_guess_from() -> None:
    assert guessed(0.5, 10, 100) is None
    assert guessed(10, 0, 100) is None
    assert guessed(10, 25, 100) == 30
    assert guessed(10, 120, 100) == 0  # more than was foreseen


@pytest.mark.parametrize(("seconds", "words"), [(7.4, "7 s left"), (600, "10 min left"), (7200, "2 h left")])
def test_it_is_told_in_words(seconds: float, words: str) -> None:
    assert time_left(seconds) == words


def test_stopped_work_ends_at_its_next_word() -> None:
    told: list[int] = []
    work = Work("build", SafeText("x"), lambda one: told.append(one.done))
    work.progress(1, 10)
    work.progress(2, 10)  # too soon to be said again
    assert told == [1]
    assert not work.cancelled()
    work.stopped = True
    with pytest.raises(Cancelled):
        work.progress(3, 10)


def test_workers_are_called_by_what_they_do() -> None:
    assert name_of("counters") == "counting"
    assert name_of("something else") == "something else"
