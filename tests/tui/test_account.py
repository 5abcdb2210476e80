"""The account screen, by keys alone, against the tests' own provider: it shows what the twin prints, and removes only
what was looked at."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core import settings
from core.commands import main
from core.workspace import rehoming
from core.workspace.opening import open_workspace
from tests.cloud import server
from tests.cloud.conftest import write_lines
from tests.cloud.world import World
from tests.tui.hosts import screen_text, speak_spanish, until
from tests.tui.test_pictures import COUNTED, SIZES, compare
from tui.app import Workbench

DAY = 86_400


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Provider]:
    """An account with five files of three days ago, a tuned model and a job."""
    world = World(now=int(time.time()) - 3 * DAY - 1000)
    for n, name in enumerate(("train.jsonl", "validation.jsonl", "old.jsonl", "older.jsonl", "step_metrics.csv")):
        world.add_file(name, b"x" * 3000 * (n + 1), "fine-tune" if name.endswith("l") else "fine-tune-results")
    world.add_model("ft:lab-base:org-tests:nico:0001", "org-tests")
    world.create_job({"model": "lab-base", "training_file": "file-0001"})
    with server.running(world) as running:
        monkeypatch.setenv("LAB_KEY", running.key)
        file = settings.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'[endpoints.lab]\nbase_url = "{running.url}"\napi_key_env = "LAB_KEY"\n', encoding="utf-8")
        yield running


@asynccontextmanager
async def opened(folder: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
    workspace = open_workspace(folder, settings.load())
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.press("8")
            yield pilot
    finally:
        workspace.close()


@pytest.mark.parametrize("what", ["files", "models", "jobs"])
async def test_the_screen_shows_what_the_twin_prints(
    what: str, tmp_path: Path, provider: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--workspace", str(tmp_path / "w"), "account", "lab", what, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["--workspace", str(tmp_path / "w"), "account", "lab", what]) == 0
    printed = capsys.readouterr().out.splitlines()[1:]
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        for _turn in range(["files", "models", "jobs"].index(what)):
            await pilot.press("t")
        text = await until(pilot, f"{what} at lab   {len(told)} thing")
        for row, line in zip(told, printed, strict=True):
            (shown,) = [one for one in text.splitlines() if row["id"] in one.split()]
            assert all(word in shown for word in line.split() if word != "—"), (line, shown)


async def test_another_provider_is_turned_to_by_a_key(tmp_path: Path, provider: server.Provider) -> None:
    file = settings.config_file()
    file.write_text(
        file.read_text() + file.read_text().replace("[endpoints.lab]", "[endpoints.lab2]"), encoding="utf-8"
    )
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "files at lab   5 things")
        await pilot.press("p")
        await until(pilot, "files at lab2   5 things")


async def test_limits_are_a_page(tmp_path: Path, provider: server.Provider) -> None:
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        await pilot.press("t", "t", "t")
        assert "65536" in await until(pilot, "max_tokens_per_example")
        await pilot.press("t")
        await until(pilot, "files at lab   5 things")
        await pilot.press("j", "d")
        await until(pilot, "Remove file-0004 (")  # the list has the keys again


async def test_marked_things_go_only_when_their_number_is_typed(tmp_path: Path, provider: server.Provider) -> None:
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        await pilot.press("m", "j", "m")
        await until(pilot, "2 marked")
        await pilot.press("d")
        await until(pilot, "Type how many they are")
        await pilot.press("3", "enter")
        await until(pilot, "Nothing was done")
        assert len(provider.world.files) == 5
        await pilot.press("backspace", "2", "enter")
        await until(pilot, "3 things")
        assert len(provider.world.files) == 3


async def test_one_thing_goes_after_a_question_and_esc_leaves_it(tmp_path: Path, provider: server.Provider) -> None:
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        await pilot.press("d")
        await until(pilot, "Remove file-0005 (step_metrics.csv, 15 kB) from lab for good?")
        await pilot.press("escape")
        await pilot.pause()
        assert len(provider.world.files) == 5
        await pilot.press("d")
        await until(pilot, "for good?")
        await pilot.press("enter")
        await until(pilot, "4 things")


async def test_a_providers_own_model_and_a_job_are_refused(tmp_path: Path, provider: server.Provider) -> None:
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        await pilot.press("t")
        await until(pilot, "models at lab   3 things")
        await pilot.press("j", "d")
        await until(pilot, "provider's own model")
        await pilot.press("t")
        await until(pilot, "jobs at lab   1 thing")
        await pilot.press("d")
        await until(pilot, "deletes no jobs")


async def test_a_name_narrows(tmp_path: Path, provider: server.Provider) -> None:
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        await pilot.press("slash")
        await until(pilot, "Whose id or name fits")
        await pilot.press(*"old*", "enter")
        text = await until(pilot, "2 things")
        assert "older.jsonl" in text and "train.jsonl" not in text


async def test_a_provider_that_does_not_answer_is_told_and_asked_again(
    tmp_path: Path, provider: server.Provider
) -> None:
    provider.fault("GET", r"/files", server.failing(401, "no", "invalid_api_key"))
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "does not accept the key")
        assert "could not be asked" in screen_text(pilot.app)
        assert "Asking the provider" not in screen_text(pilot.app)
        await pilot.press("r")
        await until(pilot, "5 things")


async def test_a_wait_is_told_second_by_second_and_given_up_by_a_key(tmp_path: Path, provider: server.Provider) -> None:
    provider.fault("GET", r"/files", server.failing(429, "slow", "rate_limit_exceeded", Retry_After="100"))
    async with opened(tmp_path / "w") as pilot:
        text = await until(pilot, "esc gives up")
        text = await until(pilot, "Next try in")
        assert "asks for fewer requests" in text and "give up" in text
        await pilot.press("escape")
        await until(pilot, "given up; r asks again")
        assert len(provider.requests("GET", "/files")) == 1
        await pilot.press("r")
        assert re.search(r"as of \d\d:\d\d:\d\d", await until(pilot, "5 things"))


async def test_a_provider_that_says_nothing_is_given_up_and_its_late_answer_is_nobodys(
    tmp_path: Path, provider: server.Provider
) -> None:
    def late(_handler: server.Handler) -> bool:
        held.wait(20)
        return False

    held = threading.Event()
    provider.fault("GET", r"/files", late)
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, f"asking {provider.url}")
        await pilot.press("escape")
        await until(pilot, "given up; r asks again")
        for _turn in range(200):
            if not any(one.is_running for one in pilot.app.workers if one.group == "account"):
                break
            await pilot.pause(0.02)
        else:
            raise AssertionError("whoever has given up, or quits, still waits for the server")
        await pilot.press("t")
        await until(pilot, "models at lab   3 things")
        held.set()
        for _turn in range(20):
            await pilot.pause(0.02)
        assert "models at lab   3 things" in screen_text(pilot.app)


async def test_hundreds_are_narrowed_marked_and_removed_by_their_number_and_the_record_has_them(
    tmp_path: Path, provider: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(300):
        provider.world.add_file(f"batch-{n:03}.jsonl", b"x" * 10, "fine-tune")
    async with opened(tmp_path / "w", (80, 24)) as pilot:
        await until(pilot, "305 things")
        await pilot.press("a")
        await until(pilot, "everything at once is never marked")
        await pilot.press("slash")
        await until(pilot, "Whose id or name fits")
        await pilot.press(*"batch-1*", "enter")
        await until(pilot, "100 things")
        await pilot.press("o")
        await until(pilot, "how many days old")
        await pilot.press(*"many", "enter")
        await until(pilot, "a number of days is wanted")
        await pilot.press(*["backspace"] * 4, "2", "enter")
        await until(pilot, "≥ 2 days")
        await pilot.press("a")
        await until(pilot, "100 marked")
        await pilot.press("d")
        await until(pilot, "Remove 100 things")
        await pilot.press(*"99", "enter")
        await pilot.pause()
        assert len(provider.world.files) == 305, "the wrong number removes nothing"
        await pilot.press("escape", "d")
        await until(pilot, "Remove 100 things")
        await pilot.press(*"100", "enter")
        await until(pilot, "100 removed")
        assert len(provider.world.files) == 205
        assert not [one for one in provider.world.files.values() if one["filename"].startswith("batch-1")]
        await pilot.press("R")
        text = await until(pilot, "Removed from lab")
        assert "batch-1" in text
    assert main(["--workspace", str(tmp_path / "w"), "account", "lab", "removed", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 100


async def test_a_removal_of_many_is_left_by_a_key_and_the_rest_stays(tmp_path: Path, provider: server.Provider) -> None:
    def late(_handler: server.Handler) -> bool:
        held.wait(20)
        return False

    held = threading.Event()
    provider.fault("DELETE", r"/files/file-0002", late)
    async with opened(tmp_path / "w") as pilot:
        await until(pilot, "5 things")
        await pilot.press("u", "a", "d")
        await until(pilot, "Remove 5 things")
        await pilot.press("5", "enter")
        await until(pilot, "removed 3 of 5; esc leaves the rest")
        await pilot.press("escape")
        await until(pilot, "the rest stays")
        held.set()
        await until(pilot, "4 removed")
        await until(pilot, "1 thing")
    assert list(provider.world.files) == ["file-0001"]


@asynccontextmanager
async def page(folder: Path, file: Path, base: str) -> AsyncIterator[Pilot[int]]:
    """The final page of a run on a dataset of forty examples, reached by keys."""
    write_lines(file, 40)
    with open_workspace(folder, settings.load()) as workspace:
        rehoming.home(workspace, "lab:x", file)
    async with opened(folder) as pilot:
        await until(pilot, "5 things")
        await pilot.press("n")
        await until(pilot, "The dataset to learn from")
        await pilot.press("enter")
        await until(pilot, "is to tune")
        await pilot.press(*("minus" if one == "-" else one for one in base), "enter")
        yield pilot


async def test_the_page_is_that_of_the_twin_and_uploads_nothing(
    tmp_path: Path, provider: server.Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    async with page(tmp_path / "w", tmp_path / "talk.jsonl", "lab-base") as pilot:
        text = " ".join((await until(pilot, "36 to train on")).split())
        words = ["--workspace", str(tmp_path / "w"), "train", "start", "talk", "--on", "lab", "--model", "lab-base"]
        assert main([*words, "--dry-run"]) == 0
        for line in capsys.readouterr().err.splitlines():
            assert " ".join(line.split()) in text, line
        assert len(provider.world.files) == 5 and len(provider.world.jobs) == 1
        await pilot.press("o")
        await until(pilot, "Settings as KEY=VALUE")
        await pilot.press(*"epochs=99", "enter")
        await until(pilot, "between 1 and 50")
        await pilot.press("backspace", "backspace", "7", "enter")
        await until(pilot, "7")
        await pilot.press("escape")
        await pilot.pause()
        assert type(pilot.app.screen).__name__ == "AccountScreen"
    assert len(provider.world.files) == 5


async def test_s_asks_and_starts_the_run(
    tmp_path: Path, provider: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []
    monkeypatch.setattr("core.training.start", begun.append)
    async with page(tmp_path / "w", tmp_path / "talk.jsonl", "lab-base") as pilot:
        await until(pilot, "36 to train on")
        await pilot.press("s")
        await until(pilot, "It may cost")
        await pilot.press("escape")
        await pilot.pause()
        assert not begun
        await pilot.press("s")
        await until(pilot, "It may cost")
        await pilot.press("enter")
        await until(pilot, "lab-base")
        for _turn in range(100):
            if begun:
                break
            await pilot.pause(0.05)
    assert len(begun) == 1 and (begun[0] / "cloud.json").is_file()


@pytest.mark.parametrize("spanish", [False, True], ids=["en", "es"])
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
async def test_the_screen_looks_as_before(
    size: tuple[int, int], spanish: bool, tmp_path: Path, provider: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spanish:
        speak_spanish(monkeypatch)
    async with opened(tmp_path / "w", size) as pilot:
        await until(pilot, "step_metrics.csv")
        app = pilot.app
        assert isinstance(app, Workbench)
        app.count_again = lambda: None  # type: ignore[method-assign,assignment]
        await pilot.press("m")
        await pilot.pause()
        app._take_counters(COUNTED)  # pyright: ignore[reportPrivateUsage]
        for bar in app.screen.query("#places"):
            bar._workspace = "/home/vera/sinsonte"  # type: ignore[attr-defined]
            bar.refresh()
        await pilot.pause()
        seen = re.sub(r"\d\d:\d\d:\d\d", "12:34:56", screen_text(app)) + "\n"
    compare("account", size, spanish, seen)
