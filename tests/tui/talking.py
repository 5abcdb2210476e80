"""The chat screen by keys: opening it, typing, waiting until all is quiet, with a server that answers as a test wants."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import screen_text, until, workspace_with
from tests.tui.talks import Chunk, answering, delta, with_endpoint
from tui.app import Workbench
from tui.screens.talk.composer import Composer
from tui.screens.talk.screen import TalkScreen

Reply = Callable[[dict[str, object]], Iterator[Chunk]]
TALL = (80, 40)


@asynccontextmanager
async def talking(workspace: Workspace, size: tuple[int, int] = TALL) -> AsyncIterator[Pilot[int]]:
    """The chat screen, open."""
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.press("7")
            await until(pilot, "A new talk")
            yield pilot
    finally:
        workspace.close()


def screen_of(pilot: Pilot[int]) -> TalkScreen:
    found = pilot.app.screen_stack[0]
    assert isinstance(found, TalkScreen)
    return found


def workspace_of(pilot: Pilot[int]) -> Workspace:
    return screen_of(pilot).workbench.workspace


async def type_in(pilot: Pilot[int], text: str) -> None:
    """Put words in the field, as pasting does, and send them."""
    field = screen_of(pilot).query_one(Composer)
    field.focus()
    field.take(text)
    await pilot.press("enter")


async def quiet(pilot: Pilot[int], seconds: int = 30) -> str:
    """Wait until no reply is coming and everything is kept; returns the screen."""
    screen = screen_of(pilot)
    for _turn in range(seconds * 50):
        await pilot.pause(0.02)
        if not screen.talk.answers and not screen._busy and not screen._keeping:  # pyright: ignore[reportPrivateUsage]
            await pilot.pause(0.05)
            return screen_text(pilot.app)
    raise AssertionError(f"a reply goes on for ever:\n{screen_text(pilot.app)}")


async def reading(pilot: Pilot[int], *keys: str) -> None:
    """Press keys as one who reads."""
    screen_of(pilot).view(0).focus()
    await pilot.pause()
    await pilot.press(*keys)
    await pilot.pause()


@asynccontextmanager
async def with_server(tmp_path: Path, reply: Reply, size: tuple[int, int] = TALL) -> AsyncIterator[Pilot[int]]:
    """The chat screen with a model “lab:m” that answers so."""
    with answering(reply) as base_url:
        workspace_with(tmp_path / "w").close()
        workspace = open_workspace(tmp_path / "w", with_endpoint(base_url, tmp_path))
        async with talking(workspace, size) as pilot:
            screen_of(pilot).talk.set_models(["lab:m"])
            screen_of(pilot).show_talk()
            yield pilot


def last_of(asked: dict[str, object]) -> str:
    messages = asked["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])  # pyright: ignore[reportUnknownArgumentType]


def echo(asked: dict[str, object]) -> Iterator[Chunk]:
    """Says again what was said last."""
    for index in range(int(str(asked.get("n") or 1))):
        for word in f"oí: {last_of(asked)}{index or ''}".split(" "):
            yield delta(word + " ", index=index)
        yield delta("", "stop", index)
    yield {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}


def texts(pilot: Pilot[int]) -> list[str]:
    return [one.text.strip() for one in screen_of(pilot).talk.way(0)]


class Slow:
    """Says a word, then waits until it is let go on; knows whether its reader went away."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.left = threading.Event()

    def __call__(self, _asked: dict[str, object]) -> Iterator[Chunk]:
        try:
            yield delta("una palabra ")
            self.goes_on.wait(20)
            for _word in range(10_000):
                yield delta("y otra ")
        except GeneratorExit:
            self.left.set()
            raise
        self.left.set()
