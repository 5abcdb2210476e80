"""A provider of our own, the settings that name it, and a run folder ready to be followed, for the tests of this room."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from textual.pilot import Pilot

from core import endpoints, settings
from core.commands import main
from core.training import events
from core.training.backends.openai import wanted
from core.training.backends.openai.follower import Follower
from core.training.states import State
from core.workspace.opening import open_workspace
from tests.cloud import server

Say = Callable[..., tuple[int, str, str]]
Here = Callable[[Path], State]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[server.Provider]:
    """The running provider; the settings call it `lab` (custom), `oai` (openai), `azure` and `nebius`."""
    with server.running() as running:
        monkeypatch.setenv("LAB_KEY", running.key)
        file = settings.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        for name, kind in (("lab", "custom"), ("oai", "openai"), ("azure", "azure"), ("nebius", "nebius")):
            lines += [
                f"[endpoints.{name}]",
                f'base_url = "{running.url if kind == "custom" else running.at(name)}"',
                f'kind = "{kind}"',
                'api_key_env = "LAB_KEY"',
            ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield running


@asynccontextmanager
async def opened(folder: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
    """A workbench on the workspace of this folder, until the block ends."""
    from tui.app import Workbench

    one = open_workspace(folder, settings.load())
    app = Workbench(one, one.settings)
    try:
        async with app.run_test(size=size) as pilot:
            yield pilot
    finally:
        one.close()


def write_lines(path: Path, count: int, first: int = 0) -> None:
    """Examples as a provider takes them."""
    with path.open("w", encoding="utf-8") as file:
        for n in range(first, first + count):
            said = [{"role": "user", "content": f"¿{n}?"}, {"role": "assistant", "content": f"che, {n}"}]
            file.write(json.dumps({"messages": said}, ensure_ascii=False) + "\n")


@dataclass
class Run:
    """A run folder, followed within the test's own process: no waiting is real."""

    folder: Path
    profile: endpoints.Profile
    client: openai.OpenAI
    slept: list[float] = field(default_factory=list[float])
    look: Callable[[], None] = lambda: None  # done at every rest

    def follow(self, stop: Callable[[], bool] = lambda: False, **changes: Any) -> State:
        """A follower's whole work."""
        told = wanted.read(self.folder)
        with (
            endpoints.open_client(self.profile, read=1.0) as client,
            events.Writer(self.folder / events.FILE, same_attempt=True) as log,
        ):
            follower = Follower(self.folder, told, self.profile, client, log, stop=stop, sleep=self._sleep, **changes)
            return follower.work()

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.look()

    @property
    def events(self) -> list[events.Event]:
        """Everything in the log."""
        return list(events.Reader(self.folder / events.FILE).read())

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The fields of all events of a kind."""
        return [dict(event.fields) for event in self.events if event.kind == kind]

    @property
    def remote(self) -> list[str]:
        """The provider's ids of its own events, in our order."""
        return [one["remote"] for one in self.told("log") if "remote" in one]


@pytest.fixture
def run_at(tmp_path: Path, provider: server.Provider) -> Iterator[Callable[..., Run]]:
    """Makes run folders at a profile."""

    def make(profile: str = "lab", *, examples: int = 12, held_out: int = 0, **options: Any) -> Run:
        folder = tmp_path / "runs" / f"r{len(list(tmp_path.glob('runs/*')))}"
        folder.mkdir(parents=True)
        found = endpoints.profile_of(settings.load(), profile)
        given = {"run": folder.name, "model": "lab-base", "dataset": "d"}
        wanted.write(folder, wanted.from_options(options, found, **given))
        write_lines(folder / "train.jsonl", examples)
        if held_out:
            write_lines(folder / "validation.jsonl", held_out, first=examples)
        return Run(folder, found, client)

    with endpoints.open_client(endpoints.profile_of(settings.load(), "lab"), read=1.0) as client:
        yield make


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """One command: its exit code, its standard output, its standard error."""

    def told(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return told


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, provider: server.Provider) -> Iterator[Here]:
    """Follows a run within the test's own process, where a process of its own would add nothing but seconds."""
    monkeypatch.setattr("core.training.start", lambda folder: None)
    with endpoints.open_client(endpoints.profile_of(settings.load(), "lab")) as client:

        def follow(folder: Path) -> State:
            named = endpoints.profile_of(settings.load(), wanted.read(folder).profile)
            return Run(folder, named, client).follow()

        yield follow
