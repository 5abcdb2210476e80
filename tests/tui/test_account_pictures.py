"""What the account's dialogs look like, and the final page with its own, at two sizes and in both languages.

One walk draws many: each step presses keys, waits for words, and is compared with the picture of its name (see
tests/tui/test_pictures.py for how they are drawn anew).
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core import settings
from core.workspace import rehoming
from core.workspace.opening import open_workspace
from tests.cloud import server
from tests.cloud.conftest import write_lines
from tests.cloud.world import World
from tests.tui.hosts import screen_text, speak_spanish, until
from tests.tui.pictures_table import belongs
from tests.tui.test_account import DAY
from tests.tui.test_pictures import COUNTED, SIZES, compare
from tui.app import Workbench

Step = Callable[..., Coroutine[Any, Any, None]]
TUNED = "ft:lab-base:org-tests:nico:0001"
ACCOUNT = (
    ("account_narrow", ["slash", *"old*"], "⏎"),
    ("account_narrowed", ["enter", "u"], "older.jsonl"),
    ("account_older", ["o", *"many", "enter"], "wanted|días."),
    ("account_older_shown", ["backspace", "backspace", "backspace", "backspace", "2", "enter"], "≥ 2"),
    ("account_marked", ["a"], "2 marked|2 marcad"),
    ("account_remove_many", ["d", "3", "enter"], "Nothing was done|No se hizo nada"),
    ("account_record_empty", ["escape", "R"], "Nothing was removed|nada"),
    ("account_remove", ["escape", "slash", *["backspace"] * 4, "enter", "u", "g", "d"], "esc no"),
    ("account_removed", ["enter"], "1 removed|1 borrado"),
    ("account_record", ["R"], "step_metrics.csv"),
    ("account_models", ["escape", "t"], TUNED),
    ("account_own_model", ["j", "d"], "own model|propio"),
    ("account_jobs", ["t"], "ftjob-0001"),
    ("account_no_job_deleted", ["d"], "deletes no jobs|no borra"),
    ("account_limits", ["t"], "65536"),
    ("account_other_provider", ["p"], "lab2"),
    ("account_dataset", ["n"], "talk"),
    ("account_base", ["enter"], "lab2"),
)
PAGE = (
    ("page", [], "36 "),
    ("page_settings", ["o", *"epochs=99", "enter"], " 50"),
    ("page_settings_taken", [*["backspace"] * 2, "2", "enter"], "36 "),
    ("page_sum", ["s", "1", "enter"], "Nothing was done|No se hizo nada"),
)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Provider]:
    """An account with some of everything, known by two names; training there has a price."""
    world = World(now=int(time.time()) - 3 * DAY - 1000)
    for n, name in enumerate(("train.jsonl", "validation.jsonl", "old.jsonl", "older.jsonl", "step_metrics.csv")):
        world.add_file(name, b"x" * 3000 * (n + 1), "fine-tune" if name.endswith("l") else "fine-tune-results")
    world.add_model(TUNED, "org-tests")
    world.create_job({"model": "lab-base", "training_file": "file-0001"})
    with server.running(world) as running:
        monkeypatch.setenv("LAB_KEY", running.key)
        file = settings.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = ['confirm_above = "0.01"']
        for name in ("lab", "lab2"):
            lines += [f"[endpoints.{name}]", f'base_url = "{running.url}"', 'api_key_env = "LAB_KEY"']
            lines += ['train_price = "25"']
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield running


def steadied(text: str) -> str:
    """The screen without what is another at every run: times, the seconds of a wait, the port of a server."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-11-28 12:34", text)
    text = re.sub(r"\d\d:\d\d:\d\d", "12:34:56", text)
    text = re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:40000", text)
    return re.sub(r"\b(9\d|100) s;", "99 s;", text)


@asynccontextmanager
async def walked(folder: Path, size: tuple[int, int], spanish: bool) -> AsyncIterator[Step]:
    """A workbench on the account's screen, and how to take the next step."""
    if not (folder / "talk.jsonl").exists():
        folder.mkdir(exist_ok=True)
        write_lines(folder / "talk.jsonl", 40)
        with open_workspace(folder / "w", settings.load()) as workspace:
            rehoming.home(workspace, "lab:x", folder / "talk.jsonl")
    workspace = open_workspace(folder / "w", settings.load())
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            app.count_again = lambda: None  # type: ignore[method-assign]

            async def step(name: str, keys: list[str], words: str) -> None:
                for key in keys:
                    await pilot.press(key)
                    await pilot.pause()
                await until(pilot, words.split("|")[-1 if spanish else 0])
                app._take_counters(COUNTED)  # pyright: ignore[reportPrivateUsage]
                for screen in app.screen_stack:
                    for bar in screen.query("#places"):
                        bar._workspace = "/home/vera/sinsonte"  # type: ignore[attr-defined]
                        bar.refresh()
                await pilot.pause()
                if name:
                    belongs(name, app.screen)
                    compare(name, size, spanish, steadied(screen_text(app)) + "\n")

            await pilot.press("8")
            yield step
    finally:
        workspace.close()


@pytest.fixture(params=[False, True], ids=["en", "es"])
def spanish(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        speak_spanish(monkeypatch)
    return bool(request.param)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
async def test_the_accounts_dialogs_look_as_before(
    size: tuple[int, int], spanish: bool, tmp_path: Path, provider: server.Provider
) -> None:
    async with walked(tmp_path, size, spanish) as step:
        await step("", [], "step_metrics.csv")
        for name, keys, words in ACCOUNT:
            await step(name, keys, words)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
async def test_what_is_said_while_a_provider_is_asked_looks_as_before(
    size: tuple[int, int], spanish: bool, tmp_path: Path, provider: server.Provider
) -> None:
    held = threading.Event()

    def late(handler: server.Handler) -> bool:
        held.wait(30)
        return handler.command == "GET" and server.reset(handler)  # one that was given up takes no other's fault

    provider.fault("GET", r"/files", late)
    try:
        async with walked(tmp_path, size, spanish) as step:
            await step("account_asking", [], "127.0.0.1")
            for _turn in range(1000):
                if provider.asked:
                    break
                await asyncio.sleep(0.02)
            await step("account_given_up", ["escape"], "r asks|vuelve a preguntar")
            held.set()
            provider.fault("GET", r"/files", server.failing(401, "no", "invalid_api_key"))
            await step("account_failed", ["r"], "lab:")
            provider.fault("GET", r"/files", server.failing(429, "slow", "rate_limit_exceeded", Retry_After="100"))
            await step("account_waits", ["r"], " s;")
            held.clear()
            await step("", ["escape", "r"], "step_metrics.csv")
            provider.fault("DELETE", r"/files/file-0003", late)
            await step("", ["u", "a", "d", "5", "enter"], "2 of 5|2 de 5")
            await step("account_removing", [], "2 of 5|2 de 5")
            await step("account_rest_stays", ["escape"], "rest stays|resto queda")
            held.set()
            await step("account_left", [], "3 removed|3 borrados")
    finally:
        held.set()


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
async def test_the_final_page_and_its_dialogs_look_as_before(
    size: tuple[int, int], spanish: bool, tmp_path: Path, provider: server.Provider
) -> None:
    async with walked(tmp_path, size, spanish) as step:
        await step("", [], "step_metrics.csv")
        await step("", ["n", "enter", *"another", "enter"], "36 ")
        for name, keys, words in PAGE:
            await step(name, keys, words)
        settings.change("confirm_above", "5")
        provider.fault("GET", r"/models/", server.failing(401, "no", "invalid_api_key"))
        await step("page_failed", ["escape", "o", "enter"], "lab:")
    async with walked(tmp_path, size, spanish) as step:
        await step("", [], "step_metrics.csv")
        await step("", ["n", "enter", *"lab", "minus", *"base", "enter"], "36 ")
        await step("page_confirm", ["s"], "esc no")
