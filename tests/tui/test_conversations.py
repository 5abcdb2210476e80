"""Reading and curating by keys: every act on a real workspace, and what stands afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.workspace import chats, conversations, curation
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import a_conversation, many, screen_text, until, workspace_with
from tests.tui.test_workbench import opened
from tui.app import Workbench
from tui.screens.conversations.screen import ConversationsScreen


@asynccontextmanager
async def reading(
    folder: Path, count: int = 0, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[Pilot[int], ConversationsScreen, Workspace]]:
    """The chat with Nico, open at its end, its conversations known."""
    workspace = workspace_with(folder / "w", ("Nico", many(count) if count else a_conversation()))
    async with opened(workspace, size) as pilot:
        await pilot.press("2")
        screen = pilot.app.screen
        for _turn in range(200):
            await pilot.pause(0.02)
            screen = pilot.app.screen
            if isinstance(screen, ConversationsScreen) and screen.history is not None:
                break
        assert isinstance(screen, ConversationsScreen)
        await pilot.pause()
        yield pilot, screen, workspace


def said_of(workspace: Workspace) -> dict[int, str]:
    """What stands, by place."""
    rows = chats.transcript(workspace, 1).rows(0, 1000)
    return {row.place: row.said.state for row in rows if row.said.state}


async def typed(pilot: Pilot[int], text: str) -> None:
    """Fill the field of a dialog, and be done."""
    await pilot.pause()
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")
    await pilot.pause()


async def test_a_key_drops_and_is_saved_and_the_cursor_goes_on(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, workspace):
        await pilot.press("g", "j", "d")
        text = await until(pilot, "Saved: drop 1 message")
        assert "u undoes: drop 1 message" in text
        assert screen.messages.cursor == 2
        assert said_of(workspace) == {1: "drop"}
        line = next(line for line in text.splitlines() if "│ hola" in line)
        assert "- 15:06" in line
        with open_workspace(tmp_path / "w") as other:
            assert said_of(other) == {1: "drop"}


async def test_undo_and_redo_name_what_they_do_and_show_it(tmp_path: Path) -> None:
    async with reading(tmp_path, 400) as (pilot, screen, workspace):
        await pilot.press("g", "plus", "G")
        await pilot.press("u")
        await until(pilot, "Undone: keep 1 message")
        await pilot.pause()
        assert 0 in screen.messages.in_sight
        assert said_of(workspace) == {}
        await pilot.press("U")
        await until(pilot, "Done again: keep 1 message")
        assert said_of(workspace) == {0: "keep"}
        await pilot.press("U")
        await until(pilot, "There is nothing to redo.")
        await pilot.press("u", "u")
        await until(pilot, "There is nothing to undo.")


async def test_marked_messages_are_decided_on_in_one_act(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, _screen, workspace):
        await pilot.press("g", "j", "space", "space")
        await until(pilot, "2 messages marked")
        await pilot.press("d")
        await until(pilot, "Saved: drop 2 messages")
        assert said_of(workspace) == {1: "drop", 2: "drop"}
        assert len(curation.history(workspace)) == 1


async def test_a_range_is_marked_from_v_to_v_and_forgotten_with_esc(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, workspace):
        await pilot.press("g", "j", "v", "j", "j", "j", "v")
        await until(pilot, "4 messages marked")
        await pilot.press("escape")
        await pilot.pause()
        assert screen.marked == set()
        await pilot.press("v", "k", "v", "plus")
        await until(pilot, "Saved: keep 2 messages")
        assert set(said_of(workspace)) == {3, 4}


async def test_a_whole_conversation_is_dropped_in_the_list(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, workspace):
        await pilot.press("tab", "home", "d")
        await until(pilot, "Saved: drop 6 messages")
        assert set(said_of(workspace)) == set(range(6))
        assert screen.listed.cursor == 1  # on to the next one, as among messages
        first = screen.listed.at(0)
        assert first is not None
        assert first.dropped == 6


async def test_a_conversation_is_split_joined_and_the_decision_outlives_the_window(tmp_path: Path) -> None:
    from core.workspace import recipe

    async with reading(tmp_path) as (pilot, screen, workspace):
        assert screen.listed.count == 3
        await pilot.press("g", "j", "j", "j", "s")
        await until(pilot, "split here")
        assert screen.listed.count == 4
        await pilot.press("n", "s")
        await until(pilot, "Saved: join at 1 message")
        assert screen.listed.count == 3
        recipe.change(workspace, {"conversation_gap": "10m"})
        assert conversations.history(workspace, 1).starts.tolist() == [0, 3, 8]
        await pilot.press("u", "u")
        await until(pilot, "Undone: split at 1 message")
        assert conversations.history(workspace, 1).starts.tolist() == [0, 6, 8]


async def test_tags_and_weights_are_asked_for_and_shown(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, _screen, workspace):
        await pilot.press("g", "j", "t")
        await typed(pilot, "  gracioso ")
        await until(pilot, "#gracioso")
        await pilot.press("w")
        await typed(pilot, "3")
        await until(pilot, "×3")
        await pilot.press("w")
        await typed(pilot, "mucho")
        await until(pilot, "a weight is a whole number")
        await pilot.press("escape", "T")
        assert "gracioso 1" in await until(pilot, "In use:")
        await typed(pilot, "gracioso")
        await pilot.pause()
        assert "#gracioso" not in screen_text(pilot.app)
        await pilot.press("equals_sign")
        await pilot.pause()
        assert chats.transcript(workspace, 1).rows(1, 1)[0].said.weight == 1


async def test_what_another_workbench_decides_is_shown(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, _workspace):
        await pilot.press("g")

        def elsewhere() -> None:
            with open_workspace(tmp_path / "w") as other:
                curation.decide_at(other, 1, [1, 2], "drop")

        await asyncio.to_thread(elsewhere)
        text = await until(pilot, "u undoes: drop 2 messages")
        assert text.count("- 15:0") == 2
        assert screen.messages.cursor == 0


async def test_one_goes_on_where_one_stopped(tmp_path: Path) -> None:
    async with reading(tmp_path, 3000) as (pilot, _screen, _workspace):
        await pilot.press("D")
        await typed(pilot, "2025-06-16")
        await until(pilot, "Monday 16 Jun 2025")
        await pilot.press("j", "j", "q")
        await pilot.pause()
    workspace = open_workspace(tmp_path / "w")
    async with opened(workspace) as pilot:
        await pilot.press("2")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, ConversationsScreen)
        assert screen.messages.row is not None
        assert screen.messages.row.place == conversations.place_on(workspace, 1, conversations.moment("2025-06-16")) + 2


async def test_a_day_that_is_none_is_said(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, _screen, _workspace):
        await pilot.press("D")
        await typed(pilot, "2025-02-30")
        await until(pilot, "“2025-02-30” is no day. Write it as")


async def test_another_screen_leads_to_a_message(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path / "w", ("Facultad", many(900)), ("Nico", a_conversation()))
    row = chats.transcript(workspace, 1).rows(500, 1)[0]
    async with opened(workspace) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.show_message(1, row.uid)
        await until(pilot, "mensaje 500")
        screen = app.screen
        assert isinstance(screen, ConversationsScreen)
        assert screen.messages.cursor == 500
        app.show_message(2, chats.transcript(workspace, 2).rows(1, 1)[0].uid)
        await until(pilot, "hola, ¿cómo va todo?")
        assert screen.messages.cursor == 1
        app.show_message(2, "0" * 20)
        await until(pilot, "no longer there")


async def test_the_panes_follow_each_other(tmp_path: Path) -> None:
    async with reading(tmp_path, 3000, (120, 40)) as (pilot, screen, workspace):
        from core.workspace import recipe

        recipe.change(workspace, {"conversation_gap": "39s"})
        for _turn in range(100):
            await pilot.pause(0.05)
            if screen.listed.count == 3000:
                break
        await pilot.press("g", "j", "j")
        await pilot.pause()
        assert screen.listed.cursor == 2
        await pilot.press("h", "end")
        await until(pilot, "│ mensaje 2999")  # once the cursor has rested
        assert screen.messages.cursor == 2999
        await pilot.press("enter")
        await pilot.pause()
        assert screen.messages.has_focus
        await pilot.press("h", "h")
        await until(pilot, "From – to")


async def found(pilot: Pilot[int], screen: ConversationsScreen, count: int) -> None:
    """Wait until so many messages were found."""
    for _turn in range(200):
        await pilot.pause(0.02)
        if screen.found is not None and screen.found.count() == count:
            await pilot.pause()
            return
    raise AssertionError(f"{screen.found and screen.found.count()} were found:\n{screen_text(pilot.app)}")


async def test_words_are_found_as_they_are_typed_and_gone_to(tmp_path: Path) -> None:
    async with reading(tmp_path, 3000) as (pilot, screen, workspace):
        await pilot.press("g", "slash", *"mensaje 12")
        await found(pilot, screen, sum(1 for n in range(3000) if str(n).startswith("12")))
        assert "“mensaje 12”: 111 messages (esc clears)" in screen_text(pilot.app)
        assert screen.messages.cursor == 12
        await pilot.press("enter", "tab", "n")
        await pilot.pause()
        assert screen.messages.cursor == 120
        await pilot.press("p")
        await pilot.pause()
        assert screen.messages.cursor == 12
        assert screen.found is not None
        assert {row.exported for row in chats.messages(workspace, query="mensaje 12")} == {
            row.exported for row in screen.found.rows(0, 500)
        }
        await pilot.press("escape")
        await pilot.pause()
        assert screen.found is None
        assert screen.listed.count == 1


@pytest.mark.parametrize(
    ("typed", "shown"),
    [('"mensaje 12', "“mensaje 12”"), ('"mensaje 12"', '"mensaje 12"'), ("mensaje 12", "“mensaje 12”")],
)
async def test_what_is_looked_for_stands_between_quotes_once(typed: str, shown: str, tmp_path: Path) -> None:
    async with reading(tmp_path, 30) as (pilot, screen, _workspace):
        await pilot.press("slash", *typed)
        await found(pilot, screen, 1)
        assert f"  {shown}: 1 message (esc clears)" in screen_text(pilot.app)


async def test_a_single_emoji_is_found_as_it_is_typed_and_a_single_letter_when_it_was_meant(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, _workspace):
        await pilot.press("slash")
        screen.field.value = "🥹"
        await found(pilot, screen, 1)
        assert "¡dale! 🥹" in screen_text(pilot.app)
        await pilot.press("escape", "slash", "c")
        await pilot.pause()
        assert screen.found is None
        await pilot.press("enter")
        await until(pilot, "“c”: ")


async def test_what_is_looked_for_is_marked_where_it_stands(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, _workspace):
        await pilot.press("slash", *"COMO va")
        await found(pilot, screen, 1)
        await pilot.press("enter")
        await pilot.pause()
        palette = pilot.app.screen._compositor.render_strips(pilot.app.size)  # pyright: ignore[reportPrivateUsage]
        marked = {
            segment.text
            for strip in palette
            for segment in strip
            if segment.style and segment.style.bgcolor and segment.style.bgcolor.name == "#e2b26b"
        }
        assert marked == {"cómo", "va"}


async def test_all_that_is_filtered_is_dropped_in_one_act_that_says_its_number(tmp_path: Path) -> None:
    async with reading(tmp_path, 600) as (pilot, screen, workspace):
        await pilot.press("f", *"by nico")
        await until(pilot, "by Nico")
        await pilot.press("enter")
        await found(pilot, screen, 120)
        await pilot.press("asterisk")
        await until(pilot, "120 messages marked")
        await pilot.press("d")
        await until(pilot, "Drop 120 messages? One undo takes it back.")
        await pilot.press("n")
        await pilot.pause()
        assert said_of(workspace) == {}
        await pilot.press("d", "y")
        await until(pilot, "Saved: drop 120 messages")
        assert set(said_of(workspace)) == set(range(0, 600, 5))
        await pilot.press("u")
        await until(pilot, "Undone: drop 120 messages")
        assert said_of(workspace) == {}


async def test_what_was_found_is_gone_through_by_deciding_and_narrow_words_keep_apart(tmp_path: Path) -> None:
    async with reading(tmp_path, 60, (60, 24)) as (pilot, screen, workspace):
        await pilot.press("g", "slash", *"mensaje 1")
        await found(pilot, screen, 11)
        await pilot.press("enter", "d", "plus")
        await until(pilot, "Saved: keep 1 message")
        assert said_of(workspace) == {1: "drop", 10: "keep"}
        while screen.is_of_before or screen.is_looking:
            await pilot.pause(0.02)
        await pilot.press("asterisk")
        text = await until(pilot, "11 messages marked")
        assert text.splitlines()[3].endswith("11 messages marked")  # what u undoes has no room, and is not there


async def test_filters_are_combined_and_shown_as_a_line(tmp_path: Path) -> None:
    async with reading(tmp_path, 600, (120, 40)) as (pilot, screen, workspace):
        curation.decide_at(workspace, 1, range(10), "drop")
        curation.decide_at(workspace, 1, [0, 1, 2], "tag", "raro")
        for typed_, count in (("dropped", 10), ("#raro", 3), ("by nico", 1)):
            await pilot.press("f", *typed_)
            await pilot.pause()
            await pilot.press("enter")
            await found(pilot, screen, count)
        assert "Nico · #raro · dropped: 1 message (esc clears)" in screen_text(pilot.app)
        await pilot.press("escape")
        await pilot.pause()
        assert screen.found is None


async def test_what_was_found_stays_under_the_cursor_and_says_that_it_fits_no_longer(tmp_path: Path) -> None:
    async with reading(tmp_path, 600, (120, 40)) as (pilot, screen, workspace):
        curation.decide_at(workspace, 1, range(4, 600), "tag", "visto")
        await pilot.press("g", "f", *"nothing said")
        await pilot.pause()
        await pilot.press("enter")
        await found(pilot, screen, 4)
        await pilot.press("tab", "g", "plus", "d")
        text = await until(pilot, "nothing said of it: 4 messages (esc clears) · 2 fit no longer (×) · r looks again")
        assert screen.listed.cursor == 2  # each decision goes on to the next row, and moves none
        assert [line[1] for line in text.splitlines() if " Jun 2025 " in line[:20]][:4] == ["×", "×", " ", " "]
        await pilot.press("asterisk", "equals_sign")  # all that was found, but for what fits no longer
        await until(pilot, "Saved: clear 2 messages")
        await pilot.press("u", "u", "u")
        await until(pilot, "4 messages (esc clears)   ")
        await pilot.press("U")
        await until(pilot, "1 fits no longer (×)")
        curation.decide_at(workspace, 1, [9], "untag", "visto")
        await until(pilot, "1 fits no longer (×), 1 more fits now")
        await pilot.press("r")
        await found(pilot, screen, 4)
        assert screen.found is not None
        assert screen.found.places.tolist() == [1, 2, 3, 9]
        assert "no longer" not in screen_text(pilot.app)


async def test_nothing_is_marked_while_the_list_is_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from core.workspace import finding

    go_on, places = threading.Event(), finding.places

    def slowly(*given: Any, **options: Any) -> Any:
        go_on.wait(10)
        return places(*given, **options)

    monkeypatch.setattr(finding, "places", slowly)
    async with reading(tmp_path, 600) as (pilot, screen, workspace):
        await pilot.press("g", "f", *"by nico")
        await until(pilot, "by Nico")
        await pilot.press("enter", "asterisk")
        await until(pilot, "Still looking; nothing is marked yet.")
        await pilot.press("d")
        go_on.set()
        await found(pilot, screen, 120)
        assert said_of(workspace) == {0: "drop"}  # what is under the cursor, and no more


@pytest.mark.parametrize(
    ("asked", "typed_", "count"),
    [("at least", "11", 500), ("at most", "9", 10), ("from the day", "2025-06-16", 0), ("up to", "2025", 600)],
)
async def test_lengths_and_days_are_asked_for(tmp_path: Path, asked: str, typed_: str, count: int) -> None:
    async with reading(tmp_path, 600) as (pilot, screen, _workspace):
        await pilot.press("f", *asked)
        await pilot.pause()
        await pilot.press("enter")
        await typed(pilot, "x")
        assert any(words in screen_text(pilot.app) for words in ("no whole number", "is no day"))
        pilot.app.screen.query_one(Input).value = ""
        await typed(pilot, typed_)
        await found(pilot, screen, count)


async def test_a_message_is_edited_where_it_stands(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, _screen, workspace):
        await pilot.press("g", "j", "e", "space", *"bien", "ctrl+j", *"sí", "enter")
        await until(pilot, "Saved: edit 1 message")
        row = chats.transcript(workspace, 1).rows(1, 1)[0]
        assert row.text == "hola, ¿cómo va todo? bien\nsí"
        assert row.exported == "hola, ¿cómo va todo?"
        await pilot.press("e", "enter")
        await pilot.pause()
        assert len(curation.history(workspace)) == 1  # nothing was changed, so nothing was decided
        await pilot.press("u")
        await until(pilot, "Undone: edit 1 message")


async def test_an_edit_that_was_left_goes_on_another_day(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, _screen, workspace):
        await pilot.press("g", "j", "e", *" mal", "escape")
        await until(pilot, "kept as a draft")
        assert curation.history(workspace) == []
        await pilot.press("e", *"!")
        await pilot.app.action_quit()  # a hang-up ends it so, in the middle of a word
    with open_workspace(tmp_path / "w") as later:
        uid = chats.transcript(later, 1).rows(1, 1)[0].uid
        assert curation.draft_of(later, uid) == "hola, ¿cómo va todo? mal!"
        assert curation.history(later) == []
