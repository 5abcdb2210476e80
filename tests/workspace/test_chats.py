"""Imports are whole or not at all, twice is once, and what was imported is found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.chat import Kind, local_iso
from core.problem import Misuse, Problem
from core.workspace import chats, people, recipe
from core.workspace.opening import Workspace
from tests.workspace.conftest import export_with


def test_an_import_tells_what_it_added(empty: Workspace, export: Path) -> None:
    report = chats.import_file(empty, export)
    assert (report.messages, report.added, report.already_there) == (201, 201, 0)
    assert report.kinds[Kind.SYSTEM] == 1
    assert set(report.participants) == {"Lía", "Nico"}


def test_the_same_export_twice_adds_nothing(empty: Workspace, export: Path) -> None:
    chats.import_file(empty, export)
    before = [row.uid for row in chats.messages(empty)]
    again = chats.import_file(empty, export)
    assert (again.added, again.already_there) == (0, 201)
    assert [row.uid for row in chats.messages(empty)] == before


def test_a_longer_export_adds_only_what_is_new(empty: Workspace, export: Path) -> None:
    chats.import_file(empty, export)
    before = {row.uid for row in chats.messages(empty)}
    export.write_text(export_with(50), encoding="utf-8")
    longer = chats.import_file(empty, export)
    assert (longer.added, longer.already_there) == (50, 201)
    assert len(chats.listing(empty)) == 1
    assert before < {row.uid for row in chats.messages(empty)}


def test_a_dry_run_writes_nothing(empty: Workspace, export: Path) -> None:
    report = chats.import_file(empty, export, dry_run=True)
    assert report.messages == 201
    assert chats.listing(empty) == []


def test_me_that_matches_nobody_lists_the_names_and_writes_nothing(empty: Workspace, export: Path) -> None:
    with pytest.raises(Misuse, match="Lía"):
        chats.import_file(empty, export, me="Nicolás")
    assert chats.listing(empty) == []


def test_a_cancelled_import_leaves_nothing(empty: Workspace, export: Path) -> None:
    with pytest.raises(chats.Cancelled):
        chats.import_file(empty, export, cancelled=lambda: True)
    assert chats.listing(empty) == []
    assert chats.import_file(empty, export).added == 201


def test_lists_and_transcripts(workspace: Workspace) -> None:
    rows = chats.listing(workspace)
    assert [(row.title, row.messages) for row in rows] == [("Tomi", 61), ("Lía", 201)]
    assert rows[1].first is not None
    assert local_iso(rows[1].first).startswith("2025-01-01") or local_iso(rows[1].first).startswith("2025-03-01")
    transcript = chats.transcript(workspace, rows[1].id)
    assert transcript.count() == 201
    whole = transcript.rows(0, 300)
    paged = [row for first in range(0, 201, 7) for row in transcript.rows(first, 7)]
    assert paged == whole
    nico = [row for row in whole if row.mine]
    assert {row.author for row in nico} == {"Nico"}
    # The second message of a burst goes on with the turn of the first.
    assert sum(row.turn_starts for row in nico) == 80
    assert sum(row.conversation_starts for row in whole) == 41


def test_search_finds_words_without_their_accents(workspace: Workspace) -> None:
    found = list(chats.messages(workspace, query="manana"))
    assert len(found) == 52
    lia = chats.chat_named(workspace, "lía")
    assert len(list(chats.messages(workspace, chat=lia.id, query="mañana"))) == 40
    assert len(list(chats.messages(workspace, query="mañana", limit=3))) == 3
    assert list(chats.messages(workspace, query='zzz" OR *')) == []


def test_a_chat_that_is_not_there_is_a_misuse(workspace: Workspace) -> None:
    with pytest.raises(Misuse, match="chats"):
        chats.chat_named(workspace, "nadie")
    with pytest.raises(Problem):
        chats.transcript(workspace, 999)


def test_the_owner_is_suggested_until_somebody_is_chosen(empty: Workspace, export: Path, tmp_path: Path) -> None:
    chats.import_file(empty, export)
    second = tmp_path / "Chat de WhatsApp con Tomi.txt"
    second.write_text(export_with(3, "Tomi"), encoding="utf-8")
    chats.import_file(empty, second)
    assert "Nico" in chats.owner_suggestion(empty)
    recipe.change(empty, {"persona": "Nico"})
    assert chats.owner_suggestion(empty) == ""


def test_joined_names_are_one_person(workspace: Workspace) -> None:
    people.join(workspace, "Lía", "Tomi")
    rows = {row.name: row for row in people.listing(workspace)}
    assert set(rows) == {"Nico", "Lía"}
    assert set(rows["Lía"].names) == {"Lía", "Tomi"}
    assert {row.author for row in chats.messages(workspace) if row.author} == {"Nico", "Lía"}
    with pytest.raises(Misuse):
        people.join(workspace, "Lía", "Tomi")
    with pytest.raises(Misuse, match="Nico"):
        people.named(workspace, "Niko")
