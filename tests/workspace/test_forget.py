"""Forgetting takes a person's words out of everything that we hold, and says what it cannot reach."""

from __future__ import annotations

from pathlib import Path

from core.workspace import chats, curation, datasets, people
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


def test_a_later_import_leaves_them_out(workspace: Workspace, tmp_path: Path) -> None:
    people.forget(workspace, "Tomi")
    again = chats.import_file(workspace, tmp_path / "Chat de WhatsApp con Tomi.txt")
    assert again.added == 0
    assert {row.name for row in people.listing(workspace)} == {"Nico", "Lía"}


def test_looking_changes_nothing(workspace: Workspace) -> None:
    before = [row.uid for row in chats.messages(workspace)]
    assert people.would_forget(workspace, "Tomi").messages == 24
    assert [row.uid for row in chats.messages(workspace)] == before
