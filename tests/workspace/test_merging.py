"""Two phones, one conversation: exports of both sides become one chat, in the order in which things were said."""

from __future__ import annotations

import json
from pathlib import Path

from core.store import backups
from core.workspace import chats, people, recipe
from core.workspace.opening import Workspace
from tests.workspace.conftest import export_with


def written(tmp_path: Path, name: str, text: str) -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_other_sides_export_adds_only_what_is_new(empty: Workspace, tmp_path: Path) -> None:
    ours = export_with(30)
    chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con Lía.txt", ours))
    before = {row.uid for row in chats.messages(empty)}
    # On her phone he is "Nico Gómez 🎸" and she has her own name; her export is longer, and holds what he deleted.
    theirs = export_with(35).replace(" - Nico: ", " - Nico Gómez 🎸: ").replace(" - Lía: ", " - Lía Suárez: ")
    lines = theirs.split("\n")
    lines.insert(8, lines[7].partition(" - ")[0] + " - Nico Gómez 🎸: esto lo borré después")
    report = chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con Nico Gómez.txt", "\n".join(lines)))
    assert len(chats.listing(empty)) == 1
    assert (report.added, report.already_there) == (26, 151)
    assert {row.name for row in people.listing(empty)} == {"Nico", "Lía"}
    rows = list(chats.messages(empty))
    assert before < {row.uid for row in rows}
    at = next(n for n, row in enumerate(rows) if row.text == "esto lo borré después")
    assert rows[at].author == "Nico"
    assert (rows[at - 1].text, rows[at + 1].text) == (lines[7].partition(": ")[2], lines[9].partition(": ")[2])


def test_a_persona_named_as_the_other_phone_has_it_is_the_person_of_the_chat_that_was_there(
    empty: Workspace, tmp_path: Path
) -> None:
    chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con Lía.txt", export_with(30)))
    theirs = export_with(35).replace(" - Nico: ", " - Nico Gómez: ").replace(" - Lía: ", " - L: ")
    report = chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con N.txt", theirs), me="Nico Gómez")
    assert recipe.current(empty).persona == "Nico"
    assert report.as_json()["joined"] == [{"chat": "Lía", "people": {"Nico Gómez": "Nico", "L": "Lía"}}]
    said = "\n".join(report.as_text())
    assert "it tells the chat “Lía”, which was here already: Nico Gómez = Nico, L = Lía" in said


def test_importing_it_again_adds_nothing(empty: Workspace, tmp_path: Path) -> None:
    chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con Lía.txt", export_with(30)))
    theirs = written(tmp_path, "Chat de WhatsApp con Nico.txt", export_with(35).replace(" - Nico: ", " - N: "))
    chats.import_file(empty, theirs)
    again = chats.import_file(empty, theirs)
    assert (again.added, again.already_there) == (0, 176)
    assert len(chats.listing(empty)) == 1


def test_chats_that_only_share_small_talk_stay_apart(empty: Workspace, tmp_path: Path) -> None:
    def small_talk(name: str, shift: int) -> str:
        lines: list[str] = []
        for n in range(300):
            said = "jaja dale" if n % 9 == 0 else f"tema {n * shift} de {name}"
            lines.append(f"{n % 28 + 1:02d}/05/25, 21:{n % 60:02d} - {name}: {said}\n")
        return "".join(lines)

    chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con Ana.txt", small_talk("Ana", 3)))
    chats.import_file(empty, written(tmp_path, "Chat de WhatsApp con Beto.txt", small_talk("Beto", 5)))
    assert len(chats.listing(empty)) == 2


def _minutes(count: int, start: int = 0, said: str = "sí {n}") -> str:
    """A chat of one message a minute."""
    rows = (
        f"{25 + n // 1440}/12/2023, {n // 60 % 24:02}:{n % 60:02} - {('Ana', 'Beto')[n % 2]}: {said.format(n=n)}\n"
        for n in range(start, start + count)
    )
    return "".join(rows)


def test_a_longer_export_under_another_name_is_the_chat_though_all_its_messages_are_short(
    empty: Workspace, tmp_path: Path
) -> None:
    chats.import_file(empty, written(tmp_path, "viejo.txt", _minutes(30)))
    report = chats.import_file(empty, written(tmp_path, "nuevo.txt", _minutes(40)))
    assert (report.added, report.already_there) == (10, 30)
    assert len(chats.listing(empty)) == 1


def test_two_exports_of_which_one_goes_on_where_the_other_ends_are_one_chat(empty: Workspace, tmp_path: Path) -> None:
    said = "una frase larga, la número {n}"
    chats.import_file(empty, written(tmp_path, "viejo.txt", _minutes(4000, 0, said)))
    report = chats.import_file(empty, written(tmp_path, "nuevo.txt", _minutes(4000, 3960, said)))  # one in a hundred
    assert (report.added, report.already_there) == (3960, 40)
    assert len(chats.listing(empty)) == 1


def test_chats_of_one_file_are_never_taken_for_each_other(empty: Workspace, tmp_path: Path) -> None:
    told = [
        {
            "id": n, "type": "message", "date": "2024-01-01T10:00:00", "date_unixtime": str(1704103200 + n * 60),
            "from": "Ana", "from_id": "user1", "text": f"lo mismo a todos, parte {n}",
        }
        for n in range(20)
    ]  # fmt: skip
    lists = [{"name": name, "type": "personal_chat", "id": at, "messages": told} for at, name in enumerate("XYZ", 1)]
    account = json.dumps({"about": "", "chats": {"list": lists}})
    report = chats.import_file(empty, written(tmp_path, "result.json", account))
    assert report.added == 60
    assert [row.messages for row in chats.listing(empty)] == [20, 20, 20]
    assert backups.check(empty.store) == []  # each message stands in the search index once
    assert len(list(chats.messages(empty, query="parte 7"))) == 3
    again = chats.import_file(empty, tmp_path / "result.json")
    assert (again.added, again.already_there) == (0, 60)
