"""Importing with the picker and the report, and people: every act by keys, and what the commands say afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.chat import Consent, Kind, Message
from core.workspace import chats, people, recipe, upkeep
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import START, a_conversation, an_export, many, screen_text, until, workspace_with
from tests.tui.test_workbench import opened, type_path
from tui.screens.picker import entries


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    folder = tmp_path / "descargas"
    (folder / "fotos").mkdir(parents=True)
    an_export(folder)
    (folder / "apuntes.md").write_text("nada")
    (folder / "notas.txt").write_text("nada")
    (folder / ".oculto.txt").write_text("nada")
    an_export(folder / "fotos", name="_chat.txt")
    return folder


def test_likely_exports_stand_first(downloads: Path) -> None:
    names = [one.name for one in entries(downloads)]
    assert names == ["Chat de WhatsApp con Nico.txt", "notas.txt", "fotos", "apuntes.md"]


async def picking(pilot: Pilot[int], folder: Path) -> None:
    await pilot.press("i")
    await pilot.pause()
    await pilot.press(*f"{folder}/")
    await pilot.pause()
    await pilot.press("enter")  # a folder's path opens it
    await pilot.pause()


async def test_a_file_is_found_by_going_through_folders_and_typing(tmp_path: Path, downloads: Path) -> None:
    async with opened(open_workspace(tmp_path / "w"), (100, 30)) as pilot:
        await picking(pilot, downloads)
        text = await until(pilot, "notas.txt")
        assert ".oculto" not in text
        await pilot.press(*"fot", "enter")
        text = await until(pilot, "_chat.txt")
        assert "notas.txt" not in text
        await pilot.press("backspace")
        await until(pilot, "notas.txt")
        await pilot.press("down", "up", *"nico", "enter")
        await until(pilot, "6 new messages.")


async def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.screens import picker

    def refused(folder: Path) -> list[object]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(picker, "entries", refused)
    async with opened(open_workspace(tmp_path / "w"), (100, 30)) as pilot:
        await pilot.press("i")
        await until(pilot, "Permission denied")


async def test_an_order_of_dates_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "Chat de WhatsApp con Nico.txt"
    file.write_text("1/2/25, 10:00 - Nico: hola\n2/3/25, 10:01 - Vera: ¿qué tal?\n", encoding="utf-8")
    async with opened(open_workspace(tmp_path / "w"), (100, 30)) as pilot:
        await type_path(pilot, file)
        await pilot.press("enter")
        text = await until(pilot, "Which is right?")
        assert "day, month, year: 2025-02-01" in text
        assert "month, day, year: 2025-01-02" in text
        await pilot.press("down", "enter")
        text = await until(pilot, "2 new messages.")
        assert "from 2025-01-02 to 2025-02-03" in text


async def test_the_report_has_the_lines_that_were_not_understood_and_comes_again(tmp_path: Path) -> None:
    file = an_export(tmp_path)
    file.write_text("lo de antes\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    async with opened(open_workspace(tmp_path / "w"), (100, 36)) as pilot:
        await type_path(pilot, file)
        await pilot.press("enter")
        text = await until(pilot, "line 1:")
        assert "lo de antes" in text
        await pilot.press("escape")
        await until(pilot, "Whose voice")
        await pilot.press("escape", "j")
        await until(pilot, "r import report")
        await pilot.press("r")
        again = await until(pilot, "line 1:")
        printed = chats.import_file(open_workspace(tmp_path / "v"), file, dry_run=True).as_text()
        for line in printed[1:-1]:
            assert line.split("(")[0].strip()[:40] in again


async def test_the_voice_is_chosen_after_the_first_import(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    async with opened(workspace, (100, 30)) as pilot:
        await type_path(pilot, an_export(tmp_path))
        await pilot.press("enter")
        await until(pilot, "6 new messages.")
        await pilot.press("escape")
        await until(pilot, "Whose voice is to be learnt?")
        await pilot.press(*"vera", "enter")
        await until(pilot, "The voice to learn: Vera Ríos.")
        assert recipe.current(workspace).persona == "Vera Ríos"
        await type_path(pilot, an_export(tmp_path, 9))
        await pilot.press("enter")
        await until(pilot, "3 new messages.")
        await pilot.press("escape")
        await pilot.pause()
        assert "Whose voice" not in screen_text(pilot.app)  # it is known


def with_people(folder: Path) -> Workspace:
    more = [Message("Nicolás", START + n * 60, Kind.TEXT, f"soy yo {n}", 0, n + 1) for n in range(30)]
    return workspace_with(folder / "w", ("Nico", a_conversation()), ("Otro", more))


async def at_people(pilot: Pilot[int]) -> None:
    await until(pilot, "Otro")
    await pilot.press("p")
    await until(pilot, "3 people, 0 asked")


async def test_names_are_joined_and_split_again(tmp_path: Path) -> None:
    workspace = with_people(tmp_path)
    async with opened(workspace, (100, 30)) as pilot:
        await at_people(pilot)
        await pilot.press("J")
        await until(pilot, "Mark the names")
        await pilot.press("g", "j", "space", "g", "J")
        await until(pilot, "Are “Nico” and “Nicolás” one person?")
        await pilot.press("y")
        await until(pilot, "also Nico")
        assert [row.name for row in people.listing(workspace)] == ["Nicolás", "Vera Ríos"]
        await pilot.press("S", "enter")
        await until(pilot, "“Nico” is a person of their own again.")
        assert {row.name for row in people.listing(workspace)} == {"Nicolás", "Vera Ríos", "Nico"}
        await pilot.press("S")
        await until(pilot, "No other name was joined")


async def test_consent_goes_round_and_the_voice_is_chosen(tmp_path: Path) -> None:
    workspace = with_people(tmp_path)
    async with opened(workspace, (100, 30)) as pilot:
        await at_people(pilot)
        for state in (Consent.GIVEN, Consent.REFUSED, Consent.UNKNOWN, Consent.GIVEN):
            await pilot.press("c")
            await pilot.pause()
            assert people.listing(workspace)[0].consent is state
        assert "3 people, 1 asked" in screen_text(pilot.app)
        await pilot.press("v")
        await until(pilot, "← the voice to learn")
        assert recipe.current(workspace).persona == "Nicolás"
        await pilot.press("enter")
        await until(pilot, "Forget Nicolás")  # what can be done with this person, to choose from
        await pilot.press("escape", "escape")
        await until(pilot, "From – to")


async def test_a_person_is_forgotten_by_typing_the_name(tmp_path: Path) -> None:
    workspace = with_people(tmp_path)
    async with opened(workspace, (100, 30)) as pilot:
        await at_people(pilot)
        await pilot.press("X")
        await until(pilot, "Forget “Nicolás” with 30 messages?")
        await pilot.press(*"nicolas", "enter")
        await until(pilot, "That is not the name.")
        pilot.app.screen.query_one(Input).value = "Nicolás"
        await pilot.press("enter")
        await until(pilot, "“Nicolás” is forgotten.")
        assert {row.name for row in people.listing(workspace)} == {"Vera Ríos", "Nico"}


async def test_a_chat_is_deleted_by_typing_its_name_and_a_backup_has_it(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Facultad", many(50)), ("Nico", a_conversation()))
    async with opened(workspace, (100, 30)) as pilot:
        await until(pilot, "Facultad")
        await pilot.press("G", "X")
        await until(pilot, "Delete “Facultad” with its 50 messages?")
        await pilot.press(*"Facultad", "enter")
        text = await until(pilot, "Everything is still in")
        assert "1 chat · 10 messages" in text
    (copy,) = upkeep.backups(tmp_path / "w")
    upkeep.restore(tmp_path / "w", copy.name)
    with open_workspace(tmp_path / "w") as back:
        assert [row.messages for row in chats.listing(back)] == [10, 50]


async def test_what_the_people_screen_shows_is_what_the_command_prints(tmp_path: Path) -> None:
    workspace = with_people(tmp_path)
    async with opened(workspace, (100, 30)) as pilot:
        await at_people(pilot)
        text = screen_text(pilot.app)
        for row in people.listing(workspace):
            line = next(line for line in text.splitlines() if line.rstrip().endswith(row.name))
            assert line.split()[-len(row.name.split()) - 3 :][0] == str(row.messages)
