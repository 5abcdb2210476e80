"""Each act of the chat screen, by keys alone: with a real tiny model behind the real server, and with servers that fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from core.workspace import transcripts
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import screen_text, until, workspace_with
from tests.tui.talks import Chunk, answering, delta, with_endpoint
from tui.app import Workbench
from tui.screens.talk.composer import Composer
from tui.screens.talk.screen import TalkScreen


@asynccontextmanager
async def talking(workspace: Workspace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    """The chat screen, open."""
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.press("7")
            await until(pilot, "Talk")
            yield pilot
    finally:
        workspace.close()


def screen_of(pilot: Pilot[int]) -> TalkScreen:
    found = pilot.app.screen_stack[-1]
    assert isinstance(found, TalkScreen)
    return found


async def type_in(pilot: Pilot[int], text: str) -> None:
    """Put words in the field, as pasting does, and send them."""
    pilot.app.screen.query_one(Composer).take(text)
    await pilot.press("enter")


async def quiet(pilot: Pilot[int]) -> None:
    """Wait until no reply is coming and everything is kept."""
    screen = screen_of(pilot)
    for _turn in range(1200):
        await pilot.pause(0.02)
        if not screen.talk.answers and not screen._busy and not screen._keeping:  # pyright: ignore[reportPrivateUsage]
            return
    raise AssertionError(f"a reply goes on for ever:\n{screen_text(pilot.app)}")


@asynccontextmanager
async def with_server(tmp_path: Path, reply: object, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    """The chat screen with a model “lab:m” that answers so."""
    with answering(reply) as base_url:  # type: ignore[arg-type]
        workspace_with(tmp_path / "w").close()
        workspace = open_workspace(tmp_path / "w", with_endpoint(base_url, tmp_path))
        async with talking(workspace, size) as pilot:
            screen_of(pilot).talk.set_models(["lab:m"])
            screen_of(pilot).show_talk()
            yield pilot


def echo(asked: dict[str, object]) -> Iterator[Chunk]:
    """Says again what was said last."""
    last = str(asked["messages"][-1]["content"])  # type: ignore[index]
    for word in f"oí: {last}".split(" "):
        yield delta(word + " ")
    yield delta("", "stop")
    yield {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}


async def test_what_is_said_is_answered_and_kept(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await until(pilot, "Say something to lab:m.")
        await type_in(pilot, "¿qué tal?")
        await until(pilot, "oí: ¿qué tal?")
        await quiet(pilot)
        text = screen_text(pilot.app)
        assert "4 tokens" in text
        assert pilot.app.screen.query_one(Composer).text == ""
        workspace = screen_of(pilot).workbench.workspace
        (row,) = transcripts.listing(workspace)
        assert row.title == "¿qué tal?"
        said = list(transcripts.tree(workspace, row.id).by_id.values())
        assert [(one.role, one.text.strip(), one.finish) for one in said] == [
            ("user", "¿qué tal?", ""),
            ("assistant", "oí: ¿qué tal?", "stop"),
        ]
        assert (said[1].prompt_tokens, said[1].reply_tokens) == (9, 4)
