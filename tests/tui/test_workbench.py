"""Each act of the workbench, by keys alone, on a real workspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.problem import Problem
from core.workspace import chats
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import a_conversation, an_export, many, screen_text, speak_spanish, until, workspace_with
from tui.app import Workbench
from tui.widgets.row_list import RowList


@asynccontextmanager
async def opened(workspace: Workspace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            while app.counters is None:
                await pilot.pause(0.02)
            yield pilot
    finally:
        workspace.close()


async def type_path(pilot: Pilot[int], path: Path | str) -> None:
    """Open the field and put a path in it, as pasting does."""
    await pilot.press("i")
    await pilot.pause()
    field = pilot.app.screen.query_one(Input)
    field.value = str(path)
    field.cursor_position = len(field.value)


def rows_of(pilot: Pilot[int]) -> RowList[object]:
    return pilot.app.screen.query_one("#messages", RowList)


async def test_a_first_start_says_what_to_do(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        text = await until(pilot, "There are no chats yet.")
        assert "import the sample chats" in text
        assert "import a chat that you exported" in text
        assert "⏎ open" not in text  # there is nothing to open


async def test_the_sample_chats_come_with_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [an_export(tmp_path, name="uno.txt"), an_export(tmp_path, 9, name="dos.txt")]
    monkeypatch.setattr("core.workspace.chats.sample_files", lambda: files)
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await until(pilot, "There are no chats yet.")
        await pilot.press("s")
        await until(pilot, "Whose voice is to be learnt?")
        await pilot.press(*"vera", "enter")
        text = await until(pilot, "The voice to learn: Vera Ríos.")
        assert "Nico, Vera Ríos" in text


async def test_a_chat_is_imported_by_typing_its_path(tmp_path: Path) -> None:
    file = an_export(tmp_path)
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await type_path(pilot, tmp_path / "Chat de")
        await pilot.press("tab")
        assert file.name[-12:] in await until(pilot, file.name[-12:])
        await pilot.press("enter")
        text = await until(pilot, "6 new messages.")
        assert "date order: dmy" in text  # the report comes by itself
        await pilot.press("enter")
        await until(pilot, "Whose voice is to be learnt?")
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("enter")
        assert "¿cómo va?" in await until(pilot, "¿cómo va?")


async def test_a_path_that_is_not_there_is_said_and_can_be_corrected(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await pilot.press("i", *"/no/such", "enter")
        await until(pilot, "There is no such file.")
        await pilot.press("escape")
        await until(pilot, "There are no chats yet.")


async def test_a_file_that_cannot_be_read_is_one_line_and_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\x00\x01\x02\x1b]52;c;aGk=\x07" * 50)
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await type_path(pilot, tmp_path / "x.txt")
        await pilot.press("enter")
        text = await until(pilot, " ● ")
        assert "There are no chats yet." in text
        await pilot.press("j")
        assert " ● " not in screen_text(pilot.app)  # a key takes the notice away


async def test_an_import_answers_keys_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from core.workspace import chats

    going, go_on = threading.Event(), threading.Event()
    real = chats.import_file

    def slow(*given: object, **options: object) -> object:
        going.set()
        go_on.wait(10)
        return real(*given, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(chats, "import_file", slow)
    file = an_export(tmp_path, 50)
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await type_path(pilot, file)
        await pilot.press("enter")
        await asyncio.to_thread(going.wait, 10)
        await pilot.press("question_mark")
        assert "stop the import" in await until(pilot, "chats.stop_import")
        await pilot.press("escape", "escape")
        go_on.set()
        text = await until(pilot, "Stopped")
        assert "There are no chats yet." in text


async def test_a_chat_opens_at_its_end_and_shows_days_turns_and_kinds(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", a_conversation())), (100, 40)) as pilot:
        await until(pilot, "Nico")
        await pilot.press("enter")
        text = await until(pilot, "‹call›")
        assert "Sunday 15 Jun 2025" in text
        assert "Monday 16 Jun 2025" in text
        assert "5 hours later" in text
        assert "‹media›" in text
        assert "<Multimedia" not in text
        assert "‹deleted›" in text
        assert "(edited)" in text
        assert "↪ mirá" in text
        lines = text.splitlines()
        first = next(line for line in lines if "│ hola" in line)
        second = next(line for line in lines if "│ ¿venís mañana?" in line)
        assert "Vera Ríos" in first
        assert "Vera Ríos" not in second  # the turn goes on


async def test_arrows_and_letters_move_alike(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", many(3000)))) as pilot:
        await until(pilot, "Nico")
        await pilot.press("enter")
        await until(pilot, "mensaje 2999")
        for keys, cursor in (
            (("g",), 0), (("j", "down"), 2), (("k", "up"), 0), (("end",), 2999), (("home",), 0), (("G",), 2999),
        ):  # fmt: skip
            await pilot.press(*keys)
            await pilot.pause()
            assert rows_of(pilot).cursor == cursor
        await pilot.press("g", "pagedown", "pagedown", "pageup", "pageup")
        await pilot.pause()
        assert rows_of(pilot).cursor == 0


async def test_a_message_is_read_whole_and_left(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", a_conversation()))) as pilot:
        await until(pilot, "Nico")
        await pilot.press("enter", "k", "enter")
        text = await until(pilot, "Monday 16 Jun 2025, 16:06:40")
        assert text.count("la receta") >= 2
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, "1 chat ·")


async def test_conversations_are_jumped_to(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", a_conversation()))) as pilot:
        await until(pilot, "Nico")
        await pilot.press("enter", "g", "n")
        await pilot.pause()
        assert rows_of(pilot).cursor == 6
        await pilot.press("p")
        await pilot.pause()
        assert rows_of(pilot).cursor == 0


async def test_number_keys_lead_to_the_screens(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", a_conversation()))) as pilot:
        await pilot.press("2")
        await until(pilot, "Llamada perdida")
        await pilot.press("1")
        await until(pilot, "From – to")


async def test_the_messages_without_a_chat_say_where_to_go(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await pilot.press("2")
        seen = await until(pilot, "No chat is open.")
        assert "Reading" not in seen, "there is nothing to wait for"


async def test_the_palette_knows_the_state(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Facultad", many(5)), ("Nico", many(3)))) as pilot:
        await until(pilot, "Facultad")
        await pilot.press("ctrl+p")
        text = await until(pilot, "Open: Facultad")
        assert "sample chats" not in text  # there are chats
        assert "Next conversation" not in text  # another screen's
        await pilot.press(*"facul")
        await until(pilot, "facul")
        await pilot.press("enter")
        await until(pilot, "mensaje 4")
        await pilot.press("ctrl+p")
        assert "Next conversation" in await until(pilot, "Next conversation")
        await pilot.press(*"zzzz")
        await until(pilot, "Nothing matches.")
        await pilot.press("enter")
        await until(pilot, "mensaje 4")


async def test_the_keys_shown_are_those_that_work_here(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", a_conversation()))) as pilot:
        await until(pilot, "Nico")
        await pilot.press("2", "question_mark")
        text = await until(pilot, "messages.next")
        assert "chats.import" not in text
        await pilot.press("escape", "1", "question_mark")
        text = await until(pilot, "chats.import")
        assert "messages.next" not in text


@pytest.mark.parametrize("keys", [("2", "enter"), ("3", "r"), ("1", "X"), ("2", "asterisk", "d")])
async def test_the_keys_of_a_dialog_are_explained_where_no_field_takes_the_sign(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", many(60)))) as pilot:
        await until(pilot, "Nico")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        for _turn in range(100):
            if pilot.app.screen.is_modal:
                break
            await pilot.pause(0.05)
        dialog = pilot.app.screen
        assert dialog.is_modal
        await pilot.press("question_mark")
        if dialog.query(Input):
            assert pilot.app.screen is dialog
            assert dialog.query_one(Input).value == "?"
            return
        text = await until(pilot, "names to bind them anew by")
        assert "dialog.back" in text or "list.down" in text
        await pilot.press("question_mark")
        await pilot.pause()
        assert pilot.app.screen is dialog


async def test_keys_are_bound_anew_by_the_settings(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", many(50)))
    workspace.settings = replace(workspace.settings, keys={"list.first": "0", "app.quit": "x"})
    async with opened(workspace) as pilot:
        await until(pilot, "x quit")
        await pilot.press("enter")
        await until(pilot, "mensaje 49")
        await pilot.press("0")
        await pilot.pause()
        assert rows_of(pilot).cursor == 0
        await pilot.press("q")
        await pilot.pause()
        assert pilot.app.is_running


async def test_what_another_process_imports_appears(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", many(5)))) as pilot:
        await until(pilot, "Nico")

        def elsewhere() -> None:
            workspace_with(tmp_path / "w", ("Facultad", many(7))).close()

        await asyncio.to_thread(elsewhere)
        text = await until(pilot, "Facultad")
        assert "2 chats" in text
        assert "12 messages" in await until(pilot, "12 messages")


async def test_the_counters_stay_in_sight_on_every_screen(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", many(1234)))) as pilot:
        for key in ("1", "2"):
            await pilot.press(key)
            text = await until(pilot, "1,234 messages   ")
            assert "0 running" in text.splitlines()[-1]


async def test_q_quits_and_ctrl_c_says_so(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, "q quits")
        await pilot.press("q")
        await pilot.pause()
        assert not pilot.app.is_running
        assert pilot.app.return_code == 0


async def test_a_problem_is_one_line_with_advice(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.say_problem(Problem("the disk\nis full.", where="\x1b[2Jw", advice="Free some space."))
        text = await until(pilot, "Free some space.")
        assert "␛[2Jw: the disk␤is full. Free some space." in text


async def test_textuals_notices_are_ours(tmp_path: Path) -> None:
    async with opened(open_workspace(tmp_path / "w")) as pilot:
        pilot.app.notify("[@click=app.quit]tocar[/] [/nope]")
        await until(pilot, "[@click=app.quit]tocar[/] [/nope]")


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light", "nord", "no-such-theme"])
async def test_every_theme_shows_the_same_words(tmp_path: Path, theme: str) -> None:
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    workspace.settings = replace(workspace.settings, theme=theme)
    async with opened(workspace) as pilot:
        await pilot.press("2")
        await until(pilot, "‹call›")


async def test_the_colours_that_were_chosen_are_those_of_the_next_start(tmp_path: Path) -> None:
    from core import settings

    async with opened(open_workspace(tmp_path / "w", settings.load())) as pilot:
        await pilot.press("ctrl+p", *"ansi-light", "enter")
        await pilot.pause()
        assert pilot.app.theme == "ansi-light"
        for place in "12345687":  # and they change on every screen, with what stands on it
            await pilot.press(place)
            for theme in ("sinsonte", "ansi-dark", "ansi-light"):
                pilot.app.theme = theme
                await pilot.pause()
        await pilot.press("escape", "1")
        await until(pilot, "There are no chats yet.")
    async with opened(open_workspace(tmp_path / "w", settings.load())) as pilot:
        assert pilot.app.theme == "ansi-light"


async def test_a_notice_that_is_longer_than_its_line_is_there_whole(tmp_path: Path) -> None:
    async with opened(workspace_with(tmp_path / "w", ("Nico", many(400)))) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await pilot.press("2")
        await until(pilot, "mensaje 399")
        words = " ".join(f"palabra{n}" for n in range(30))
        before = screen_text(app).splitlines()
        app.say_problem(Problem(words))
        text = await until(pilot, "palabra29")
        assert all(word in text for word in words.split())
        assert text.splitlines()[:16] == before[:16]  # nothing moved for it
        await pilot.press("k")
        await pilot.pause()
        assert "palabra" not in screen_text(app)


async def test_no_color_leaves_no_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(workspace_with(tmp_path / "w", ("Nico", a_conversation()))) as pilot:
        await until(pilot, "Nico")
        strips = pilot.app.screen._compositor.render_strips(pilot.app.size)  # pyright: ignore[reportPrivateUsage]
        inks = {
            colour.name
            for strip in strips
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None
        }
        assert inks <= {"default"}


async def test_nothing_moves_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_TTY", "/dev/pts/9")
    workspace = open_workspace(tmp_path / "w")
    assert Workbench(workspace, workspace.settings).animation_level == "none"
    workspace.close()


async def test_the_screens_speak_spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_spanish(monkeypatch)
    async with opened(workspace_with(tmp_path / "w", ("Nico", many(1234)))) as pilot:
        await until(pilot, "1\u00a0234 mensajes")
        await pilot.press("question_mark")
        await until(pilot, "fila siguiente")


async def test_an_error_that_nobody_foresaw_in_an_import_is_a_line_without_content_and_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = chats.import_file

    def broken(*_given: object, **_options: object) -> object:
        raise KeyError("mi secreto")

    monkeypatch.setattr("core.workspace.chats.import_file", broken)
    async with opened(open_workspace(tmp_path / "w"), (120, 40)) as pilot:
        await until(pilot, "There are no chats yet.")
        await type_path(pilot, an_export(tmp_path))
        await pilot.press("enter")
        text = await until(pilot, "the import ended: an error that we did not foresee: KeyError")
        assert "secreto" not in text
        monkeypatch.setattr("core.workspace.chats.import_file", real)
        await type_path(pilot, an_export(tmp_path))
        await pilot.press("enter")
        await until(pilot, "6 new messages.")
    log = (tmp_path / "w" / "logs" / "errors.log").read_text()
    assert "KeyError" in log
    assert "secreto" not in log
