"""Forgetting takes a person's words out of everything that we hold, and says what it cannot reach."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.chat import Consent
from core.cleaning.traces import Traces
from core.problem import Problem
from core.store import models as stored_models
from core.store import runs as stored_runs
from core.workspace import beginning, chats, corrections, curation, datasets, models, people, rehoming, transcripts
from core.workspace.opening import Workspace

SENTINEL = "Tomi: Nico, ¿cómo va"


def test_nothing_of_a_forgotten_person_is_left_in_the_file(workspace: Workspace) -> None:
    datasets.build(workspace, "uno")
    theirs = [row.uid for row in chats.messages(workspace) if row.author == "Tomi"]
    curation.decide(workspace, "edit", theirs[:1], "palabras de Tomi cambiadas")
    told = people.forget(workspace, "Tomi")
    assert told.messages == len(theirs) == 24
    assert told.datasets == ("uno",)
    assert [row.name for row in people.listing(workspace)] == ["Nico", "Lía"]
    assert all(row.author != "Tomi" for row in chats.messages(workspace))
    left = {uid for one in datasets.examples(workspace, "uno") for line in one.lines for uid in line.messages}
    assert left.isdisjoint(theirs)
    assert left
    assert datasets.named(workspace, "uno").tainted
    workspace.close()
    raw = b"".join(file.read_bytes() for file in workspace.folder.glob("sinsonte.db*"))
    assert b"palabras de Tomi" not in raw
    assert b"con Tomi?" not in raw


def test_copies_for_measuring_and_kept_replies_go(workspace: Workspace) -> None:
    row = datasets.build(workspace, "uno")
    with workspace.store.write() as change:
        stored_models.add(change, stored_models.StoredModel("voz", "adapter", "mini", dataset_id=row.id))
    measured = [workspace.folder / "evaluations" / "voz" / side for side in ("train.jsonl", "validation.jsonl")]
    report = workspace.folder / "evaluations" / "voz" / "report.json"
    kept = rehoming.reference_file(workspace, "voz")
    for file in (*measured, kept, report):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("palabras de Tomi" * (file is not report), encoding="utf-8")
    people.forget(workspace, "Tomi")
    assert not any(file.exists() for file in (*measured, kept))
    assert report.exists()


def test_a_later_import_leaves_them_out(workspace: Workspace, tmp_path: Path) -> None:
    people.forget(workspace, "Tomi")
    again = chats.import_file(workspace, tmp_path / "Chat de WhatsApp con Tomi.txt")
    assert again.added == 0
    assert {row.name for row in people.listing(workspace)} == {"Nico", "Lía"}


def test_looking_changes_nothing(workspace: Workspace) -> None:
    before = [row.uid for row in chats.messages(workspace)]
    assert people.would_forget(workspace, "Tomi").messages == 24
    assert [row.uid for row in chats.messages(workspace)] == before


def _corrected(
    workspace: Workspace, asked: str, said: str = "ni idea", better: str = "todo en orden"
) -> tuple[int, int]:
    """A talk with one reply, which was corrected: the numbers of the talk and of the correction."""
    talk = transcripts.start(workspace, ["uno"])
    (lane,) = transcripts.ask_in(workspace, talk, asked)
    reply = transcripts.put(workspace, talk, lane.leaf, transcripts.ASSISTANT, said, model="uno")
    return talk, corrections.correct(workspace, talk, reply, better)[0]


def _model(workspace: Workspace, name: str, run: str, mark: str, *, start: str = "") -> None:
    """What stands in the store after a training on pairs; the training itself has its own tests."""
    folder = workspace.folder / "runs" / run
    if start:
        (folder / "start").mkdir(parents=True)
        (folder / "start" / "sinsonte.json").write_text(json.dumps({"fingerprint": start}), encoding="utf-8")
    with workspace.store.write() as change:
        stored_runs.create(change, stored_runs.StoredRun(run, None, "local", "mini", "succeeded", f"runs/{run}"))
        details = json.dumps({"fingerprint": mark})
        stored_models.add(change, stored_models.StoredModel(name, "adapter", "mini", run_id=run, details=details))


def test_corrections_with_their_words_go_and_what_was_trained_on_them_is_marked(workspace: Workspace) -> None:
    theirs = next(row.text for row in chats.messages(workspace) if row.author == "Tomi")
    mine = next(row.text for row in chats.messages(workspace) if row.author == "Lía")
    asked_theirs, in_prompt = _corrected(workspace, f"Una vez me dijo: {theirs} Y yo, nada.")
    _talk, in_reply = _corrected(workspace, "¿Cómo va?", said=theirs)
    _talk, of_another = _corrected(workspace, mine)
    # A run's pairs are the same lines.
    corrections.export(workspace, corrections.PREFERENCE, workspace.folder / "runs" / "r1" / "train.jsonl")
    _model(workspace, "corrected", "r1", "m1")
    _model(workspace, "further", "r2", "m2", start="m1")
    _model(workspace, "apart", "r3", "m3", start="m9")

    told = people.would_forget(workspace, "Tomi")
    assert told.corrections == (in_prompt, in_reply)
    assert told.talks == (asked_theirs, asked_theirs + 1)
    assert told.runs == ("r1",)
    assert told.models == ("corrected", "further")
    assert len(corrections.listing(workspace)) == 3, "looking changes nothing"

    people.forget(workspace, "Tomi")
    assert [row.id for row in corrections.listing(workspace)] == [of_another]
    assert {row.name: row.tainted for row in models.listing(workspace)} == {
        "corrected": True,
        "further": True,
        "apart": False,
    }
    assert not (workspace.folder / "runs" / "r1" / "train.jsonl").exists()
    assert any(theirs in said.text for said in transcripts.tree(workspace, asked_theirs).by_id.values()), (
        "told, and left"
    )


def test_words_are_found_as_datasets_have_them(workspace: Workspace) -> None:
    """A curator's edit, and a turn of several messages, are what a talk was asked with."""
    uid = next(row.uid for row in chats.messages(workspace) if row.author == "Tomi")
    curation.decide(workspace, "edit", [uid], "el texto que puso quien cura el chat")
    datasets.build(workspace, "uno")
    _talk, number = _corrected(workspace, "el texto que puso quien cura el chat")
    assert people.would_forget(workspace, "Tomi").corrections == (number,)


def test_examples_that_datasets_made_of_such_corrections_go_too(workspace: Workspace) -> None:
    theirs = next(row.text for row in chats.messages(workspace) if row.author == "Tomi")
    _talk, number = _corrected(workspace, f"Una vez me dijo: {theirs} Y yo, nada.", better="ahí anda, che")
    datasets.build(workspace, "uno")
    uid = corrections.listing(workspace)[0].uid

    def held() -> bool:
        return any(uid in line.messages for one in datasets.examples(workspace, "uno") for line in one.lines)

    assert held()
    assert people.would_forget(workspace, "Tomi").corrections == (number,)
    people.forget(workspace, "Tomi")
    assert not held()
    assert corrections.listing(workspace) == []


def test_pairs_are_learnt_within_consent(workspace: Workspace) -> None:
    row = next(row for row in chats.messages(workspace) if row.author == "Tomi")
    talk = transcripts.start(workspace, ["uno"])
    (lane,) = transcripts.ask_in(workspace, talk, "con otras palabras", (row.uid,))
    reply = transcripts.put(workspace, talk, lane.leaf, transcripts.ASSISTANT, "ni idea", model="uno")
    corrections.correct(workspace, talk, reply, "todo en orden")
    assert len(corrections.allowed(workspace, corrections.listing(workspace), require_consent=False)) == 1
    people.set_consent(workspace, "Tomi", Consent.REFUSED)
    with pytest.raises(Problem, match="did not agree"):
        beginning.beginning(workspace, "corrections", "mini", {"method": "dpo"})
    assert people.would_forget(workspace, "Tomi").corrections == (1,), "by the messages it was taken from"


def test_what_everybody_says_is_nobody_s_and_short_words_must_stand_alone() -> None:
    traces = Traces(["dale", "nos vemos el martes en la plaza"])
    assert traces.within("dale")
    assert traces.within("bueno<|msg_sep|> dale ")
    assert not traces.within("dale que llegamos")
    assert traces.within("dijo «nos vemos el martes en la plaza» y se fue")
    assert not traces.within("nos vemos el martes en la plaz")
    assert not Traces(["", "  "])


def test_a_text_that_another_wrote_too_gives_no_correction_away(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "Chat de WhatsApp con Beto.txt"
    file.write_text(
        "23/03/27, 09:00 - Nico: ¿vamos?\n23/03/27, 09:01 - Beto: dale\n23/03/27, 09:02 - Nico: dale\n",
        encoding="utf-8",
    )
    chats.import_file(workspace, file)
    _corrected(workspace, "dale")
    assert people.would_forget(workspace, "Beto").corrections == ()
