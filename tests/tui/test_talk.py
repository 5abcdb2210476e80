"""What is said on the chat screen and what is answered, by keys alone: sending, other replies, branches, bubbles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.workspace import transcripts
from tests.tui.hosts import screen_text, until
from tests.tui.talking import (
    echo,
    quiet,
    reading,
    screen_of,
    texts,
    type_in,
    with_server,
    workspace_of,
)
from tests.tui.talks import Chunk, delta
from tui.screens.talk.composer import Composer


async def test_what_is_said_is_answered_and_kept(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await until(pilot, "Say something to lab:m.")
        await type_in(pilot, "¿qué tal?")
        await until(pilot, "oí: ¿qué tal?")
        await quiet(pilot)
        text = screen_text(pilot.app)
        assert "4 tokens" in text
        assert pilot.app.screen.query_one(Composer).text == ""
        workspace = workspace_of(pilot)
        (row,) = transcripts.listing(workspace)
        assert row.title == "¿qué tal?"
        said = list(transcripts.tree(workspace, row.id).by_id.values())
        assert [(one.role, one.text.strip(), one.finish) for one in said] == [
            ("user", "¿qué tal?", ""),
            ("assistant", "oí: ¿qué tal?", "stop"),
        ]
        assert (said[1].prompt_tokens, said[1].reply_tokens) == (9, 4)


async def test_a_newline_by_ctrl_j_or_a_backslash_and_enter_sends(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await pilot.press(*"uno", "ctrl+j", *"dos", "backslash", "enter", *"tres")
        assert pilot.app.screen.query_one(Composer).text == "uno\ndos\ntres"
        await pilot.press("enter")
        await quiet(pilot)
        assert texts(pilot)[0] == "uno\ndos\ntres"


async def test_another_reply_stands_beside_the_first_and_one_can_go_back(tmp_path: Path) -> None:
    count = iter(range(9))

    def counting(_asked: dict[str, object]) -> Iterator[Chunk]:
        yield delta(f"respuesta {next(count)}")
        yield delta("", "stop")

    async with with_server(tmp_path, counting) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "respuesta 0")
        await quiet(pilot)
        await reading(pilot, "r")
        text = await until(pilot, "respuesta 1")
        assert "respuesta 0" not in text
        await quiet(pilot)
        await reading(pilot, "left")
        text = await until(pilot, "‹ 1/2 ›")
        assert "respuesta 0" in text
        # What is said now goes on from the reply that is shown.
        await type_in(pilot, "sigo")
        await until(pilot, "respuesta 2")
        await quiet(pilot)
        assert texts(pilot) == ["hola", "respuesta 0", "sigo", "respuesta 2"]


async def test_three_more_at_once_each_a_reply_of_its_own(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "a")
        await quiet(pilot)
        await until(pilot, "‹ 2/4 ›")
        await reading(pilot, "right", "right")
        await until(pilot, "oí: hola2")


async def test_an_edited_question_is_a_branch_and_the_first_wording_stays(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "¿vienes?")
        await quiet(pilot)
        await reading(pilot, "home", "e")
        await until(pilot, "⏎ asks this in its place")
        assert screen_of(pilot).query_one(Composer).text == "¿vienes?"
        await type_in(pilot, "¿venís mañana?")
        await until(pilot, "oí: ¿venís mañana?")
        await quiet(pilot)
        await reading(pilot, "home", "left")
        await until(pilot, "oí: ¿vienes?")
        assert len(screen_of(pilot).talk.tree) == 4


async def test_a_message_taller_than_the_screen_is_read_page_by_page(tmp_path: Path) -> None:
    def long(_asked: dict[str, object]) -> Iterator[Chunk]:
        for number in range(300):
            yield delta(f"línea {number}.\n")
        yield delta("fin", "stop")

    async with with_server(tmp_path, long, (80, 24)) as pilot:
        await type_in(pilot, "hola")
        text = await until(pilot, "fin")
        await quiet(pilot)
        assert "línea 0." not in text
        await reading(pilot, "pageup")
        text = screen_text(pilot.app)
        assert "┃ fin" not in text
        await reading(pilot, "home")
        text = await until(pilot, "línea 0.")
        assert "hola" in text
        seen = -1
        for _page in range(60):
            numbers = [int(line.split("línea ")[1].split(".")[0]) for line in text.splitlines() if "línea " in line]
            assert not numbers or numbers[0] <= seen + 1, "no line is passed over"
            seen = max([seen, *numbers])
            if "┃ fin" in text:
                break
            await pilot.press("pagedown")
            await pilot.pause()
            text = screen_text(pilot.app)
        assert seen == 299


async def test_esc_leaves_an_edit_and_nothing_has_changed(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "home", "e", "escape")
        await quiet(pilot)
        assert screen_of(pilot).query_one(Composer).text == ""
        assert len(screen_of(pilot).talk.tree) == 2


async def test_bubbles_come_apart_at_the_separator_at_the_pace_of_the_chats(tmp_path: Path) -> None:
    from core.workspace.pacing import Pace

    def bubbling(_asked: dict[str, object]) -> Iterator[Chunk]:
        for piece in ("che<|ms", "g_sep|>el gato", "<|msg_sep|>re lindo"):
            yield delta(piece)
        yield delta("", "stop")

    async with with_server(tmp_path, bubbling) as pilot:
        from core.workspace import recipe

        recipe.change(workspace_of(pilot), {"separator": "<|msg_sep|>"})
        screen_of(pilot)._live.pace = Pace((0.3,))  # pyright: ignore[reportPrivateUsage]
        await type_in(pilot, "hola")
        text = await until(pilot, "┃ che")
        assert "re lindo" not in text
        assert "┃ …" in text
        text = await until(pilot, "┃ re lindo")
        assert "msg_sep" not in text
        assert "┃ …" not in text
        screen = screen_of(pilot)
        await reading(pilot, "p")
        await pilot.press("home", "down", "down", "enter")
        await quiet(pilot)
        assert not screen.talk.terms.paced
