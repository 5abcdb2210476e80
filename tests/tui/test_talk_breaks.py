"""The chat screen when replies are stopped, break off or never come, by keys alone: what arrived stays, one key goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import transcripts
from core.workspace.opening import open_workspace
from tests.tui.hosts import until
from tests.tui.talking import (
    Reply,
    Slow,
    echo,
    last_of,
    quiet,
    reading,
    screen_of,
    talking,
    texts,
    type_in,
    with_server,
    workspace_of,
)
from tests.tui.talks import Chunk, answering, delta, with_endpoint
from tui.screens.talk.composer import Composer


async def test_esc_stops_at_once_and_what_had_come_is_kept_and_marked(tmp_path: Path) -> None:
    slow = Slow()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "una palabra")
        await pilot.press("escape")
        text = await until(pilot, "The reply was stopped.")
        assert "c goes on" in text
        await quiet(pilot)
        slow.goes_on.set()
        (row,) = transcripts.listing(workspace_of(pilot))
        said = list(transcripts.tree(workspace_of(pilot), row.id).by_id.values())[-1]
        assert (said.text, said.finish, said.cut_off) == ("una palabra ", "", True)


async def test_a_second_question_waits_for_the_first_reply(tmp_path: Path) -> None:
    slow = Slow()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "una palabra")
        await type_in(pilot, "otra")
        await until(pilot, "A reply is still coming")
        assert screen_of(pilot).query_one(Composer).text == "otra"
        await pilot.press("escape")
        await quiet(pilot)
        slow.goes_on.set()


def breaking(how: Chunk) -> Reply:
    """The first reply breaks in the middle, the later ones are whole."""
    count = iter(range(9))

    def reply(asked: dict[str, object]) -> Iterator[Chunk]:
        if next(count) == 0:
            yield delta("che, el ga")
            yield how
        elif last_of(asked) == "che, el ga":
            yield delta("to está lindo")
        else:
            yield delta("de nuevo, entera")
        yield delta("", "stop")

    return reply


@pytest.mark.parametrize("how", [None, b"data: {not json\n\n", b"data: [1]\n\n"], ids=["broken", "not json", "a list"])
async def test_a_stream_that_breaks_keeps_what_came_and_one_key_goes_on(tmp_path: Path, how: Chunk) -> None:
    async with with_server(tmp_path, breaking(how)) as pilot:
        await type_in(pilot, "hola")
        text = await until(pilot, "c goes on, r asks again")
        assert "che, el ga" in text
        await quiet(pilot)
        await reading(pilot, "c")
        text = await until(pilot, "che, el gato está lindo")
        text = await quiet(pilot)
        assert "⚠" not in text
        assert texts(pilot) == ["hola", "che, el gato está lindo"]


async def test_a_broken_reply_can_be_asked_for_again_and_both_stay(tmp_path: Path) -> None:
    async with with_server(tmp_path, breaking(None)) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "c goes on")
        await quiet(pilot)
        await reading(pilot, "r")
        await until(pilot, "de nuevo, entera")
        await quiet(pilot)
        await until(pilot, "‹ 2/2 ›")


async def test_a_server_that_is_not_there_is_told_and_can_be_asked_again(tmp_path: Path) -> None:
    with answering(echo) as base_url:
        pass  # gone again: nothing listens there now
    workspace = open_workspace(tmp_path / "w", with_endpoint(base_url, tmp_path))
    async with talking(workspace) as pilot:
        screen_of(pilot).talk.set_models(["lab:m"])
        await type_in(pilot, "hola")
        text = await until(pilot, "c asks again")
        assert "⚠" in text
        assert "127.0.0.1" in text
        await quiet(pilot)
        assert texts(pilot) == ["hola", ""]


async def test_the_workbench_ends_in_mid_answer_and_the_answer_is_kept(tmp_path: Path) -> None:
    slow = Slow()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "una palabra")
    slow.goes_on.set()
    with open_workspace(tmp_path / "w") as workspace:
        (row,) = transcripts.listing(workspace)
        said = list(transcripts.tree(workspace, row.id).by_id.values())[-1]
        assert (said.text, said.cut_off) == ("una palabra ", True)
    assert slow.left.wait(10), "the server was left"


async def test_a_reply_without_an_end_is_left_and_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.workspace.answering.MOST", 2_000)
    slow = Slow()
    slow.goes_on.set()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await until(pilot, "had no end")
        said = screen_of(pilot).talk.way(0)[-1]
        assert (len(said.text), said.cut_off) == (2_000, True)
    assert slow.left.wait(10), "the server was left"
