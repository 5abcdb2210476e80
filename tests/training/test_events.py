"""The event log: nothing is lost, nothing is told twice, and a torn line harms nobody."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.problem import Problem
from core.training.events import Reader, Writer, parse


def test_events_come_back_as_they_were_written_and_count_on_over_attempts(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Writer(path) as log:
        log.write("state", state="running")
        log.write("step", step=1, loss=2.5)
    with Writer(path) as log:
        log.write("step", step=2, loss=math.nan)
    told = list(Reader(path).read())
    assert [(e.attempt, e.seq, e.kind) for e in told] == [(1, 1, "state"), (1, 2, "step"), (2, 3, "step")]
    assert told[1].fields == {"step": 1, "loss": 2.5}
    assert told[2].fields["loss"] is None, "JSON has no NaN"
    assert all("NaN" not in line for line in path.read_text().splitlines())


def test_there_is_one_writer_at_a_time(tmp_path: Path) -> None:
    with Writer(tmp_path / "events.jsonl"), pytest.raises(Problem, match="Another process"):
        Writer(tmp_path / "events.jsonl")
    with Writer(tmp_path / "events.jsonl") as log:
        assert log.write("log", text="free again").seq == 1


def test_a_line_torn_by_a_kill_is_closed_by_the_next_writer_and_skipped_by_readers(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Writer(path) as log:
        log.write("step", step=1)
    with path.open("ab") as file:
        file.write(b'{"attempt":1,"seq":2,"at":1.0,"ki')
    reader = Reader(path)
    assert [e.seq for e in reader.read()] == [1]
    with Writer(path) as log:
        log.write("step", step=2)
    assert [(e.attempt, e.seq) for e in reader.read()] == [(2, 2)]


@given(st.lists(st.text(max_size=20), max_size=8), st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_reading_in_any_pieces_gives_every_event_once(texts: list[str], pieces: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        whole, growing = Path(place) / "whole.jsonl", Path(place) / "growing.jsonl"
        with Writer(whole) as log:
            for text in texts:
                log.write("log", text=text)
        data = whole.read_bytes()
        reader, seen, at = Reader(growing), list[str](), 0
        for size in [*pieces, len(data)]:
            with growing.open("ab") as file:
                file.write(data[at : at + size])
            at += size
            seen += [str(e.fields["text"]) for e in reader.read()]
        assert seen == [t.encode("utf-8", "replace").decode() for t in texts]


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[1]", b"null", b"[" * 100_000, b'{"attempt":"1","seq":1,"at":1,"kind":"x"}', b"\xff\xfe", b"NaN"],
)
def test_what_is_no_event_is_none(line: bytes) -> None:
    assert parse(line) is None


def test_a_reader_starts_over_when_another_file_took_the_place(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Writer(path) as log:
        log.write("log", text="a long first line that moves the offset")
    reader = Reader(path)
    assert len(list(reader.read())) == 1
    path.write_text(json.dumps({"attempt": 1, "seq": 1, "at": 0, "kind": "log"}) + "\n")
    assert len(list(reader.read())) == 1
