"""Forgetting reaches what runs said of a person: what samples were asked with, in the log and in the store."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.problem import Misuse
from core.store import events as stored_events
from core.store import runs as stored_runs
from core.training import History, process
from core.training.events import FILE, Reader, Writer
from core.workspace import datasets, people, run_words, runs
from core.workspace.opening import Workspace

THEIRS = "un secreto de Tomi que la muestra preguntó"


def a_run(workspace: Workspace, dataset: str = "uno") -> Path:
    """A run on a dataset as it lies there, without the training."""
    datasets.build(workspace, dataset)
    folder = workspace.folder / "runs" / "r1"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text("{}\n", encoding="utf-8")
    made = datasets.named(workspace, dataset)
    with workspace.store.write() as change:
        stored_runs.create(change, stored_runs.StoredRun("r1", made.id, "local", "mini", "running", "runs/r1"))
    with Writer(folder / FILE) as log:
        log.write("state", state="running")
        log.write("sample", step=0, prompt=THEIRS, reply="ni idea", real="dale")
        log.write("step", step=1, steps=2, loss=1.0)
        log.write("sample", step=1, prompt="¿«kind»:«sample»?", reply=THEIRS + " 😂", real=None)
    return folder


def ended(folder: Path) -> None:
    with Writer(folder / FILE, same_attempt=True) as log:
        log.write("end", state="paused")


def test_samples_lose_their_words_and_every_line_its_place(workspace: Workspace) -> None:
    folder = a_run(workspace)
    ended(folder)
    runs.listing(workspace)  # the store has them too
    before = (folder / FILE).read_bytes()
    reader = Reader(folder / FILE)
    assert len([*reader.read()]) == 5
    assert people.forget(workspace, "Tomi").runs == ("r1",)
    after = (folder / FILE).read_bytes()
    assert THEIRS.encode() not in after
    assert [len(line) for line in after.splitlines()] == [len(line) for line in before.splitlines()]
    told = History(folder / FILE).page(1, 10)
    assert [(one.seq, one.kind) for one in told] == [
        (1, "state"), (2, "sample"), (3, "step"), (4, "sample"), (5, "end")
    ]  # fmt: skip
    assert [one.fields for one in told if one.kind == "sample"] == [{"step": 0}, {"step": 1}]
    assert "taken out" in run_words.event("sample", told[1].fields)
    with Writer(folder / FILE) as log:
        log.write("log", text="goes on")
    assert [event.kind for event in reader.read()] == ["log"], "who read up to there goes on from there"
    kept = stored_events.of_kind(workspace.store, "r1", "sample")
    assert [json.loads(one.body) for one in kept] == [{"step": 0}, {"step": 1}]
    workspace.close()
    raw = b"".join(file.read_bytes() for file in workspace.folder.glob("sinsonte.db*"))
    assert THEIRS.encode() not in raw


def test_events_stay_unchangeable_for_everything_else(workspace: Workspace) -> None:
    ended(a_run(workspace))
    runs.listing(workspace)
    people.forget(workspace, "Tomi")
    with pytest.raises(Exception, match="only ever added"), workspace.store.write() as change:
        change.execute("UPDATE events SET body = '{}' WHERE run_id = 'r1'")


def test_a_run_that_is_learning_from_them_is_stopped_first(workspace: Workspace) -> None:
    folder = a_run(workspace)
    process.write(folder, process.of(os.getpid()))  # this very process plays the worker
    with pytest.raises(Misuse, match="run r1 is learning from their words"):
        people.forget(workspace, "Tomi")
    assert any(row.name == "Tomi" for row in people.listing(workspace)), "nothing was taken out"
