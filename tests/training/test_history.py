"""The log as a screen reads it: the end at once, any page, one kind, a word, a curve."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.training.events import Writer
from core.training.history import History, of_kinds, with_words


def line(seq: int, kind: str = "step", **fields: object) -> str:
    return json.dumps(
        {"attempt": 1, "seq": seq, "at": 1.0, "kind": kind, **fields}, ensure_ascii=False, separators=(",", ":")
    )


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A log of some megabytes: several pieces, lines of uneven length, torn lines, a few rare events."""
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for seq in range(1, 60_001):
            if seq % 20_000 == 7:
                file.write(line(seq, "sample", step=seq, prompt="¿?", reply='Ándale "kind":"validation" \n') + "\n")
            elif seq % 10_000 == 0:
                file.write(line(seq, "validation", step=seq, loss=60_000 / seq) + "\n")
            else:
                file.write(line(seq, step=seq, loss=1 / seq, filler="x" * (seq % 90)) + "\n")
            if seq % 7_000 == 0:
                file.write('{"attempt":1,"seq":9\n')  # a kill tore it
        file.write('{"attempt":1,"seq":60001,"at":1.0,"ki')  # and this one is being written
    return History(path)


def test_the_end_is_there_without_reading_the_rest(long: History) -> None:
    assert long.count() == 60_000
    assert [event.seq for event in long.tail(2000)][-3:] == [59_998, 59_999, 60_000]


@pytest.mark.parametrize("first", [1, 2, 13_999, 14_000, 14_001, 30_000, 59_990])
def test_any_page_is_found(long: History, first: int) -> None:
    assert [event.seq for event in long.page(first, 8)] == list(range(first, min(first + 8, 60_001)))


def test_a_page_past_the_end_is_empty(long: History) -> None:
    assert long.page(60_001, 5) == []
    assert [event.seq for event in long.page(-3, 2)] == [1, 2]


def test_backwards_meets_every_event_once(long: History) -> None:
    assert [event.seq for event in long.backwards()] == list(range(60_000, 0, -1))


def test_one_kind_and_what_a_text_says_of_kinds_is_only_text(long: History) -> None:
    assert [event.seq for event in long.backwards(of_kinds("validation"))] == [60_000 - n * 10_000 for n in range(6)]
    assert [event.seq for event in long.backwards(of_kinds("sample", "end"))] == [40_007, 20_007, 7]


def test_words_are_found_in_any_case_and_as_they_are_shown(long: History) -> None:
    assert [event.seq for event in long.backwards(with_words("ándale"))] == [40_007, 20_007, 7]
    assert [event.seq for event in long.backwards(with_words('"kind":"val'))] == [40_007, 20_007, 7]


def test_looking_back_gives_up_where_told(long: History) -> None:
    assert list(long.backwards(of_kinds("sample"), most=100_000)) == []


def test_a_curve_of_a_long_log_is_looked_at_here_and_there(long: History) -> None:
    steps = [event.fields["step"] for event in long.sampled(of_kinds("step"), 200)]
    assert 150 < len(steps) <= 200
    assert steps == sorted(steps)
    assert steps[0] < 400
    assert steps[-1] > 59_000


def test_a_short_log_is_read_whole(tmp_path: Path) -> None:
    with Writer(tmp_path / "events.jsonl") as log:
        for step in range(30):
            log.write("step", step=step)
    log_of = History(tmp_path / "events.jsonl")
    assert len(log_of.sampled(of_kinds("step"), 200)) == 30
    assert [event.seq for event in log_of.page(5, 100)] == list(range(5, 31))


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    nothing = History(tmp_path / "events.jsonl")
    assert (nothing.count(), nothing.page(1, 9), nothing.tail(), list(nothing.backwards())) == (0, [], [], [])
    assert nothing.sampled(of_kinds("step"), 5) == []


def test_rubbish_ends(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\x00" * 3_000_000 + b"\n" + b"[" * 200_000 + b"\n")
    assert History(path).count() == 0
    assert History(path).page(5, 5) == []
    assert History(path).sampled(of_kinds("step"), 5) == []
