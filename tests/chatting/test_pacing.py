"""Bubbles at a person's pace: what is learnt from times, and what of a reply is to be seen when."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from core.chat import Kind, Mark, Message
from core.chatting.pacing import LONGEST, Pace, Reveal, pace_of, without_beginning
from core.grouping import columns_of

MARK = "<|msg_sep|>"
PEOPLE = {"Nico": 1, "Vera": 2}


def learnt(times: list[tuple[str, int]], marks: int = 0) -> Pace:
    chat = [Message(author, at, Kind.TEXT, "hola", marks) for author, at in times]
    columns = columns_of([chat], PEOPLE)
    return pace_of([(columns.times, columns.authors, columns.marks)], 1, 180)


def test_the_waits_are_those_of_the_chat() -> None:
    times = [("Nico", 0)]
    for gap in (2, 3, 5, 8, 13, 4, 6, 7, 9, 3):
        times.append(("Nico", times[-1][1] + gap))
    pace = learnt(times)
    assert pace.gaps == tuple(sorted(pace.gaps))
    assert 2 <= pace.gaps[0] <= pace.gaps[-1] <= 13


def test_what_is_between_turns_or_people_or_without_times_is_no_wait() -> None:
    long = [("Nico", n * 3600) for n in range(20)]
    others = [("Nico" if n % 2 else "Vera", n * 5) for n in range(40)]
    assert learnt(long).gaps == learnt(others).gaps == ()
    assert learnt([("Nico", n * 5) for n in range(20)], Mark.UNTIMED).gaps == ()
    assert learnt([("Nico", 0)]).gaps == ()


def test_an_export_without_seconds_still_tells_the_mean() -> None:
    true = [7 * n for n in range(400)]  # a message every seven seconds, written as minutes
    pace = learnt([("Nico", at // 60 * 60) for at in true])
    mean = sum(pace.gaps) / len(pace.gaps)
    assert math.isclose(mean, 7, rel_tol=0.1)


def test_bubbles_come_one_after_the_other_and_all_at_once_without_a_pace() -> None:
    text = MARK.join(("che", "el gato", "re lindo"))
    reveal = Reveal(MARK, Pace((3.0,)))
    assert reveal.at(text, True, 0.0) == (["che"], True)
    assert reveal.at(text, True, 2.9) == (["che"], True)
    assert reveal.at(text, True, 3.0) == (["che", "el gato"], True)
    assert not reveal.finished(text)
    assert reveal.at(text, True, 6.0) == (["che", "el gato", "re lindo"], False)
    assert reveal.finished(text)
    assert Reveal(MARK).at(text, False, 0.0) == (["che", "el gato", "re lindo"], False)


def test_half_a_separator_is_not_shown_while_it_may_become_one() -> None:
    assert Reveal(MARK).at("che <|msg_", False, 0.0) == (["che"], False)
    assert Reveal(MARK).at("che <|msg_", True, 0.0) == (["che <|msg_"], False)
    assert without_beginning("a < b", MARK) == "a < b"
    assert without_beginning("a", "") == "a"


@given(st.lists(st.text(alphabet="ab ", max_size=6), max_size=5), st.integers(1, 4))
def test_a_reply_as_it_comes_shows_no_half_of_a_separator_and_ends_whole(parts: list[str], step: int) -> None:
    text = MARK.join(parts)
    reveal = Reveal(MARK)
    for size in range(0, len(text), step):
        shown, _waits = reveal.at(text[:size], False, 0.0)
        assert not any(one.endswith(MARK[:half]) for one in shown for half in range(1, len(MARK)) if one)
    assert reveal.at(text, True, 0.0)[0] == Reveal(MARK).at(text, True, 0.0)[0]


@given(st.text(), st.integers(0, 9))
def test_a_wait_is_never_longer_than_anybody_watches(text: str, number: int) -> None:
    pace = Pace((1.0, 500.0))
    assert 0 <= pace.before(number, text) <= LONGEST
    assert pace.before(number, text) == pace.before(number, text)
