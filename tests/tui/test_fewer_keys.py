"""A curator in a hurry: what is proposed, what one key does wherever it is pressed, and what the same key twice does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from textual.widgets import Input

import tui.app
from core.chat import Kind, Message
from core.workspace import chats, curation
from core.workspace.opening import open_workspace
from tests.tui.hosts import START, many, screen_text, until, workspace_with
from tests.tui.terminal import ROOT, Pty
from tests.tui.test_conversations import reading, said_of, typed
from tests.tui.test_workbench import opened
from tui.screens.conversations.screen import ConversationsScreen


def acts_of(workspace: object) -> list[str]:
    """What was done, oldest first."""
    return [act.label for act in reversed(curation.history(workspace))]  # type: ignore[arg-type]


async def test_at_the_last_row_the_same_key_again_decides_nothing(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, workspace):
        await pilot.press("G", "d")
        await until(pilot, "That was the last row")
        await pilot.press("d")
        await until(pilot, "It is so already")
        assert acts_of(workspace) == ["drop 1 message"]
        last = screen.messages.cursor
        await pilot.press("k", "d", "k", "d")  # one that is dropped is gone on from, all the same
        await pilot.pause()
        assert screen.messages.cursor == last
        assert acts_of(workspace) == ["drop 1 message"] * 2
        await pilot.press("plus")
        await until(pilot, "That was the last row")
        assert said_of(workspace)[last] == "keep"  # another decision is one


async def test_the_last_tag_is_proposed_and_so_is_the_only_one_to_take_off(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, workspace):
        await pilot.press("g", "t")
        await typed(pilot, "risa")
        await until(pilot, "#risa")
        await pilot.press("j", "t")
        await pilot.pause()
        assert pilot.app.screen.query_one(Input).value == "risa"
        await pilot.press("enter")
        await until(pilot, "Saved: tag 1 message “risa”")
        await pilot.press("j", "t", "o", "t", "r", "a", "enter")  # what is typed takes the place of what was proposed
        await until(pilot, "Saved: tag 1 message “otra”")
        await pilot.press("t", "enter")
        await until(pilot, "It is so already")
        await pilot.press("T", *"risa", "enter")  # a tag that it does not have
        await until(pilot, "It is so already")
        await pilot.press("T", "enter")
        await until(pilot, "Saved: take “otra” off 1 message")
        tags = [sorted(row.said.tags) for row in chats.transcript(workspace, 1).rows(0, 3)]
        assert tags == [["risa"], ["risa"], []]
        await pilot.press("g", "v", "j", "v", "t", "enter", "T")  # two tags: which one is not guessed
        await pilot.pause()
        await pilot.press("escape", "g", "t", "x", "enter", "T")
        await pilot.pause()
        assert pilot.app.screen.query_one(Input).value == ""
        assert isinstance(screen, ConversationsScreen)


async def test_a_found_message_is_edited_from_the_list_and_the_list_has_the_keys_again(tmp_path: Path) -> None:
    async with reading(tmp_path, count=300) as (pilot, screen, workspace):
        await pilot.press("slash", *"mensaje", "enter")
        await until(pilot, "300 messages")
        await pilot.press("g", "j", "j", "e")  # at once: the cursor of the list has not rested
        await until(pilot, "⏎ saves")
        assert screen.editor is not None
        await pilot.press("x", "enter")
        await until(pilot, "Saved: edit 1 message")
        assert chats.transcript(workspace, 1).rows(2, 1)[0].text == "mensaje 2x"
        assert screen.listed.has_focus
        assert screen.listed.cursor == 2
        await pilot.press("j", "e", "y", "escape")
        await until(pilot, "kept as a draft")
        assert screen.listed.has_focus
        row = chats.transcript(workspace, 1).rows(3, 1)[0]
        assert curation.draft_of(workspace, row.uid) == "mensaje 3y"


async def test_a_number_of_a_filter_is_typed_over(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, _workspace):
        for wanted in ("5", "12"):
            await pilot.press("f", *"at least", "enter", *wanted, "enter")
            await until(pilot, f"≥{wanted}:")
        assert screen.wanted.longer == 12


async def test_what_was_found_stands_amid_what_was_said_around_it(tmp_path: Path) -> None:
    async with reading(tmp_path, count=300) as (pilot, screen, _workspace):
        await pilot.press("g", "slash", *"mensaje 150", "enter")
        await until(pilot, "1 message ")
        await pilot.pause(0.3)
        assert screen.messages.cursor == 150
        seen = screen.messages.in_sight
        assert min(150 - seen[0], seen[-1] - 150) >= 3


async def test_a_picture_is_a_picture_in_what_was_found_too(tmp_path: Path) -> None:
    media = [
        Message("Nico", START, Kind.TEXT, "mirá", 0, 1),
        Message("Nico", START, Kind.MEDIA, "<Media omitted>", 0, 2),
    ]
    workspace = workspace_with(tmp_path / "w", ("Nico", media))
    async with opened(workspace) as pilot:
        await pilot.press("2", "f", *"Nico", "enter")
        await until(pilot, "Nico: 2 messages (esc clears)")
        assert "<Media" not in screen_text(pilot.app)
        assert screen_text(pilot.app).count("‹media›") == 2


async def test_a_conversation_says_whether_all_of_it_or_a_part_was_decided_on(tmp_path: Path) -> None:
    async with reading(tmp_path) as (pilot, screen, _workspace):

        def sign(n: int) -> str:
            row = screen.listed.at(n)
            assert row is not None
            line = screen_text(pilot.app).splitlines()
            opening = next(one for one in line if row.opening[:12] in one)
            return opening[2]

        await pilot.press("tab", "home", "d", "plus", "tab", "G", "d")
        await until(pilot, "That was the last row")
        await pilot.pause(0.1)
        assert [sign(n) for n in range(3)] == ["-", "+", "*"]


async def test_many_messages_are_grouped_in_what_is_said_of_an_act(tmp_path: Path) -> None:
    async with reading(tmp_path, count=1_500) as (pilot, _screen, _workspace):
        await pilot.press("g", "v", "G", "v", "d")
        await until(pilot, "Drop 1,500 messages?")
        await pilot.press("y")
        await until(pilot, "u undoes: drop 1,500 messages")


async def test_a_decision_by_which_nothing_goes_repaints_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(tmp_path, count=300) as (pilot, screen, _workspace):
        await pilot.press("slash", *"mensaje", "enter")
        await until(pilot, "300 messages")
        painted: list[int] = []
        repaint = screen.listed.repaint_rows
        monkeypatch.setattr(screen.listed, "repaint_rows", lambda: (painted.append(1), repaint()))
        for key, pages in (("d", 0), ("f", 1)):
            if key == "f":  # a filter that a keep lets through no longer: then there is a sign to paint
                await pilot.press("f", *"nothing said", "enter")
                await until(pilot, "299 messages")
                key = "plus"
            before = len(painted)
            await pilot.press(key)
            await until(pilot, "Saved")
            while screen.is_of_before:  # until it was looked again
                await pilot.pause(0.02)
            await pilot.pause(0.1)
            assert len(painted) - before == pages


async def test_without_a_voice_no_noughts_stand_beside_the_conversations(tmp_path: Path) -> None:
    from core.workspace import recipe

    async with reading(tmp_path) as (pilot, _screen, workspace):
        await until(pilot, "no voice is chosen yet")
        assert "0 conversations" not in screen_text(pilot.app)
        recipe.change(workspace, {"persona": "Nico"})
        await until(pilot, "3 conversations")


async def test_without_a_shell_nothing_is_suspended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui.app, "has_shell", lambda: False)
    async with reading(tmp_path) as (pilot, _screen, _workspace):
        await pilot.press("ctrl+z")
        await until(pilot, "No shell waits in this terminal")


def a_shell(folder: Path) -> Pty:
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "PS1": "mine> ",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
    }
    return Pty(["/bin/bash", "--norc", "--noprofile", "-i"], environment, (24, 80))


def test_suspended_and_brought_back_it_is_where_it_was(tmp_path: Path) -> None:

    workspace_with(tmp_path / "w", ("Nico", many(300))).close()
    made = a_shell(tmp_path)
    try:
        made.until("mine>")
        made.type(f"{sys.executable} -m core.commands --workspace {tmp_path / 'w'}\r")
        made.until("300 messages")
        made.type("2", 0.5)
        made.until("mensaje 299")
        made.type("d", 0.5)
        made.until("Saved")
        made.type("\x1a")
        made.until("Stopped")
        made.type("echo $((6*7))\r")
        made.until("42")  # the shell has the terminal: its keys, its echo, its lines
        made.resize((30, 100))
        made.type("fg\r", 0.5)
        made.until("u undoes: drop 1 message")
        made.type("u", 0.5)
        made.until("Undone: drop 1 message")
        made.type("q", 0.5)
        made.type("exit\r")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
    finally:
        made.close()
    with open_workspace(tmp_path / "w") as workspace:
        assert [act.undone for act in curation.history(workspace)] == [True]


def test_what_is_no_job_of_a_shell_is_not_stopped_for_ever(tmp_path: Path) -> None:

    workspace_with(tmp_path / "w", ("Nico", many(3))).close()
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    # As `ssh host sinsonte` runs it: a shell that waits and has no jobs.
    line = f"{sys.executable} -m core.commands --workspace {tmp_path / 'w'}; true"
    made = Pty(["/bin/bash", "--norc", "--noprofile", "-c", line], environment, (24, 80))
    try:
        made.until("3 messages")
        made.type("\x1a")
        made.until("No shell waits")
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
    finally:
        made.close()
