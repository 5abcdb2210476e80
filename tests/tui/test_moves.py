"""The small acts of lists, dialogs and the chat screen, by keys: where the cursor goes, and what a key leads back to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.safe_text import SafeText
from core.workspace import datasets, recipe, transcripts
from core.workspace.opening import Workspace
from core.workspace.talking import Token
from tests.tui.hosts import a_conversation, many, screen_text, until, workspace_with
from tests.tui.talking import echo, reading, screen_of, talking, with_server
from tests.tui.test_conversations import found
from tests.tui.test_conversations import reading as reading_chat
from tests.tui.test_workbench import opened
from tui.screens.ask import AskDialog
from tui.screens.confirm import ConfirmDialog
from tui.screens.conversations.screen import ConversationsScreen
from tui.screens.talk.composer import Composer
from tui.screens.talk.tokens import Tokens, TokensDialog
from tui.widgets.row_list import RowList


def cursor(pilot: Pilot[int]) -> int:
    """Where the list of the dialog on top has its cursor."""
    return pilot.app.screen.query_one(RowList).cursor


def kind(pilot: Pilot[int]) -> str:
    """The class of the screen on top."""
    return type(pilot.app.screen).__name__


async def pressed(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def test_a_question_and_a_field_are_left_by_a_key(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    answers: list[object] = []
    async with opened(workspace) as pilot:
        await until(pilot, "1 chat")
        pilot.app.push_screen(ConfirmDialog(SafeText("¿Sí?")), answers.append)
        pilot.app.push_screen(AskDialog(SafeText("¿Cuánto?"), "1"), answers.append)
        await until(pilot, "¿Cuánto?")
        await pressed(pilot, "escape", "escape")
        assert answers == [None, False]


async def test_the_palette_moves_by_rows_and_pages(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", *[(f"Chat {n:02}", a_conversation()) for n in range(40)])
    async with opened(workspace) as pilot:
        await until(pilot, "40 chats")
        await pressed(pilot, "colon", "down", "down", "up")
        assert cursor(pilot) == 1
        await pressed(pilot, "pagedown", "pagedown")
        assert cursor(pilot) > 12
        await pressed(pilot, "pageup", "pageup", "pageup")
        assert cursor(pilot) == 0


async def test_the_picker_moves_by_pages(tmp_path: Path) -> None:
    folder = tmp_path / "descargas"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n:02}.txt").touch()
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    async with opened(workspace) as pilot:
        await until(pilot, "1 chat")
        await pressed(pilot, "i", *f"{folder}/", "enter")
        await until(pilot, "00.txt")
        await pressed(pilot, "down", "down", "up")
        assert cursor(pilot) == 1
        await pressed(pilot, "up", "pagedown")
        assert cursor(pilot) > 5
        await pressed(pilot, "pageup")
        assert cursor(pilot) == 0


async def test_earlier_talks_are_gone_through_by_rows_and_pages_and_left(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    for _n in range(40):
        transcripts.start(workspace, ["mini"], title="sobre la torta")
    async with talking(workspace, (80, 24)) as pilot:
        await reading(pilot, "o")
        await until(pilot, "40 talks")
        await pressed(pilot, "down", "down", "up")
        assert cursor(pilot) == 1
        await pressed(pilot, "pagedown")
        assert cursor(pilot) > 5
        await pressed(pilot, "pageup", "pageup")
        assert cursor(pilot) == 0
        await pressed(pilot, "escape")
        assert kind(pilot) == "TalkScreen"


async def test_what_was_typed_to_search_leads_to_what_was_found(tmp_path: Path) -> None:
    async with reading_chat(tmp_path, 300) as (pilot, screen, _workspace):
        await pressed(pilot, "slash", *"mensaje 12")
        await found(pilot, screen, 11)
        assert not screen.listed.has_focus
        await pressed(pilot, "down")
        assert screen.listed.has_focus
        assert not screen.field.display


def two_datasets(folder: Path) -> Workspace:
    workspace = workspace_with(folder / "w", ("Nico", many(120)))
    values = {"persona": "Nico", "validation": "0", "near_duplicates": "keep", "without_context": "keep"}
    datasets.build(workspace, "uno", values)
    datasets.build(workspace, "dos", {**values, "buffer_size": 2})
    return workspace


async def test_choices_comparisons_and_findings_are_left_by_a_key(tmp_path: Path) -> None:
    async with opened(two_datasets(tmp_path), (100, 30)) as pilot:
        await pressed(pilot, "4")
        await until(pilot, "2 datasets")
        await pressed(pilot, "d")
        await until(pilot, "esc back")
        assert kind(pilot) == "ChooseDialog"
        await pressed(pilot, "escape")
        assert kind(pilot) == "DatasetsScreen"
        await pressed(pilot, "d", "enter")
        await until(pilot, "buffer_size")
        assert kind(pilot) == "ComparisonDialog"
        await pressed(pilot, "escape")
        assert kind(pilot) == "DatasetsScreen"
        await pressed(pilot, "c")
        for _turn in range(200):
            await pilot.pause(0.03)
            if kind(pilot) == "FindingsDialog":
                break
        await pressed(pilot, "escape")
        assert kind(pilot) == "DatasetsScreen"


async def test_the_recipe_is_copied_and_its_example_leads_to_its_conversation(tmp_path: Path) -> None:
    workspace = two_datasets(tmp_path)
    recipe.change(workspace, {"persona": "Nico", "validation": "0", "near_duplicates": "keep"})
    async with opened(workspace, (120, 40)) as pilot:
        await pressed(pilot, "3")
        await until(pilot, "example 1 of")
        await pressed(pilot, "y")
        await until(pilot, "Copy the recipe:")
        await pressed(pilot, "down", "enter")
        await until(pilot, "esc back")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "receta.json")
        await pressed(pilot, "enter")
        await until(pilot, "receta.json")
        assert "Nico" in (tmp_path / "receta.json").read_text()
        await pressed(pilot, "o")
        await until(pilot, "mensaje 0")
        assert isinstance(pilot.app.screen, ConversationsScreen)


TOKENS = [Token(f"p{n} ", -0.01 if n % 7 else -3.0, ()) for n in range(40)]


async def test_tokens_are_gone_through_one_by_one_and_by_tens(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    async with opened(workspace) as pilot:
        pilot.app.push_screen(TokensDialog(TOKENS))
        await until(pilot, "40 tokens")
        at = pilot.app.screen.query_one(Tokens)
        seen: list[int] = []
        for key in ("right", "right", "left", "down", "down", "up", "n"):
            await pressed(pilot, key)
            seen.append(at.cursor)
        assert seen == [1, 2, 1, 11, 21, 11, 14]
        assert "“p14 ”" in screen_text(pilot.app)
        await pressed(pilot, "escape")
        assert kind(pilot) == "LibraryScreen"


def a_long_talk(workspace: Workspace, folder: Path) -> int:
    said = [
        {
            "id": n + 1,
            "parent": n or None,
            "role": ("user", "assistant")[n % 2],
            "text": f"dicho {n}",
            "model": "mini",
            "at": 1.0,
        }
        for n in range(30)
    ]
    ours = {"title": "dichos", "system": "", "manner": {}, "lanes": [{"model": "mini", "leaf": 30}], "said": said}
    (folder / "talk.jsonl").write_text(json.dumps({"sinsonte": ours}))
    return transcripts.read_in(workspace, folder / "talk.jsonl")[0]


async def test_a_talk_is_read_by_messages_and_pages(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    talk = a_long_talk(workspace, tmp_path)
    async with talking(workspace, (80, 24)) as pilot:
        screen = screen_of(pilot)
        screen.open_talk(talk)
        await until(pilot, "dicho 29")
        view = screen.view(0)
        await reading(pilot, "g")
        await until(pilot, "dicho 0")
        seen = [view.cursor]
        for key in ("down", "down", "up", "G", "up", "pageup", "pagedown", "end"):
            await pressed(pilot, key)
            seen.append(view.cursor)
        assert seen[:6] == [0, 1, 2, 1, 29, 28]
        assert seen[6] < 28 < seen[8]
        assert seen[7] > seen[6]


async def test_the_field_of_a_talk_loses_a_word_and_is_come_back_to(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    async with talking(workspace) as pilot:
        field = screen_of(pilot).query_one(Composer)
        field.take("hola mundo")
        await pressed(pilot, "ctrl+w")
        assert field.text == "hola "
        await pressed(pilot, "escape")
        assert not field.has_focus
        await reading(pilot, "i")
        assert field.has_focus


async def test_a_talk_is_given_another_model(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await reading(pilot, "m")
        await until(pilot, "mini")
        await pressed(pilot, *"mini", "enter")
        assert screen_of(pilot).talk.models == ("mini",)


@pytest.mark.parametrize("size", [(80, 24), (100, 30)])
async def test_the_key_to_all_keys_is_in_sight_where_there_are_many(tmp_path: Path, size: tuple[int, int]) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    async with opened(workspace, size) as pilot:
        await until(pilot, "1 chat")
        for key in ("p", "2", "3", "4", "5"):
            await pressed(pilot, key)
            assert "? keys" in screen_text(pilot.app).splitlines()[-2]
