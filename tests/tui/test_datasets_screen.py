"""Each act of the datasets screen by keys alone: build, read, check, compare, write out, delete; and what may go wrong."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.dataset import diff
from core.workspace import datasets, findings, recipe
from core.workspace.opening import Workspace
from tests.tui.hosts import speak_spanish, until
from tests.tui.test_recipe_screen import a_workspace
from tui.app import Workbench
from tui.widgets.row_list import RowList


@asynccontextmanager
async def opened(workspace: Workspace, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            while app.counters is None:
                await pilot.pause(0.02)
            await pilot.press("4")
            await pilot.pause()
            yield pilot
    finally:
        workspace.close()


async def fill_in(pilot: Pilot[int], text: str) -> None:
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_a_dataset_is_built_under_a_name_and_shown(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await until(pilot, "No datasets yet")
        await pilot.press("b")
        await until(pilot, "under which name?")
        await fill_in(pilot, "a/b")
        await until(pilot, "cannot be a name")
        await fill_in(pilot, "primero")
        text = await until(pilot, "Dataset “primero”")
        (row,) = datasets.listing(workspace)
        counted = recipe.exact_counters(workspace)
        assert (row.train, row.validation) == (counted.train, counted.validation)
        assert f"{row.train} + {row.validation}" in " ".join(text.split())
        await until(pilot, "its recipe is the working one")
        await until(pilot, f"{counted.tokens:,} tokens to train on")
        recipe.change(workspace, {"buffer_size": 2})
        await until(pilot, "buffer_size 4 → 2")


def slow(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> tuple[threading.Event, threading.Event]:
    """Make a verb wait before it goes on; whether it began, and what lets it go on."""
    going, go_on = threading.Event(), threading.Event()
    real: Callable[..., Any] = getattr(module, name)

    def waiting(*given: Any, **options: Any) -> Any:
        going.set()
        go_on.wait(10)
        return real(*given, **options)

    monkeypatch.setattr(module, name, waiting)
    return going, go_on


async def test_a_build_answers_keys_shows_itself_everywhere_and_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    going, go_on = slow(monkeypatch, datasets, "build")
    async with opened(workspace) as pilot:
        await pilot.press("b", "enter")
        await asyncio.to_thread(going.wait, 10)
        await until(pilot, "building “dataset-1”")
        await pilot.press("3")
        text = await until(pilot, "burst_window")
        assert "esc stops it" in text
        await pilot.press("b", "enter")
        await until(pilot, "the build is still going on")
        await pilot.press("escape")
        go_on.set()
        text = await until(pilot, "Stopped; nothing of it was kept.")
        assert "building" not in text
        assert datasets.listing(workspace) == []


async def test_a_build_that_breaks_is_a_line_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    real = datasets.build

    def broken(*_given: object, **_options: object) -> object:
        raise ZeroDivisionError("mi secreto")

    monkeypatch.setattr(datasets, "build", broken)
    async with opened(workspace) as pilot:
        await pilot.press("b", "enter")
        text = await until(pilot, "the build ended: an error that we did not foresee: ZeroDivisionError")
        assert "secreto" not in text
        assert "building" not in text
        monkeypatch.setattr(datasets, "build", real)
        await pilot.press("b", "enter")
        await until(pilot, "Dataset “dataset-1”")
    assert "secreto" not in (tmp_path / "w" / "logs" / "errors.log").read_text()


async def test_a_name_that_is_typed_takes_the_place_of_the_proposed_one(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await pilot.press("b")
        await until(pilot, "dataset-1")
        await pilot.press(*"otro", "enter")
        await until(pilot, "“otro”")
        assert [row.name for row in datasets.listing(workspace)] == ["otro"]


async def test_examples_are_read_and_lead_to_their_conversation(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    made = datasets.build(workspace, "uno")
    async with opened(workspace) as pilot:
        await until(pilot, "uno")
        await pilot.press("enter")
        await until(pilot, f"example 1 of {made.train + made.validation} · to train on")
        await pilot.press("left_square_bracket")
        text = await until(pilot, "held out")
        last = list(datasets.examples(workspace, "uno"))[-1]
        assert last.lines[-1].text.split("\n")[-1] in text
        await pilot.press("o")
        await until(pilot, "conversation")
        assert pilot.app.current_mode == "messages"


async def test_the_check_leads_to_the_conversation_at_fault(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    recipe.change(workspace, {"near_duplicates": "keep", "min_reply_chars": 0})
    datasets.build(workspace, "uno")
    told = findings.of_dataset(workspace, "uno")
    async with opened(workspace) as pilot:
        await until(pilot, "uno")
        await pilot.press("c")
        text = await until(pilot, "to be trained on")
        for row in told.rows:
            assert row.text[:40] in text
    faults = [fault for row in told.rows for fault in row.faults]
    assert all(fault.chat is not None and fault.words for fault in faults)


async def test_the_recipe_is_checked_before_anything_is_frozen(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await pilot.press("3")
        await until(pilot, "burst_window")
        await pilot.press("c")
        text = await until(pilot, "The recipe as it is now:")
        assert f"{recipe.exact_counters(workspace).examples} examples" in text
        assert datasets.listing(workspace) == []


async def test_two_datasets_are_compared(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    datasets.build(workspace, "uno")
    datasets.build(workspace, "dos", {"min_reply_chars": 45})
    async with opened(workspace) as pilot:
        await until(pilot, "dos")
        await pilot.press("d")
        await until(pilot, "Compare “dos” with which?")
        await pilot.press("enter")
        text = await until(pilot, "only in “uno”")
        assert "0 only in “dos”" in text
        assert "min_reply_chars 45 → 0" in text


async def test_a_comparison_answers_keys_shows_itself_and_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    for name in ("uno", "dos", "tres"):
        datasets.build(workspace, name)
    _going, go_on = slow(monkeypatch, diff, "_digest")
    async with opened(workspace) as pilot:
        await until(pilot, "tres")
        await pilot.press("d", "enter")
        text = await until(pilot, "comparing with “dos”")
        assert "esc stops it" in text
        await pilot.press("j")
        assert pilot.app.screen.query_one("#datasets", RowList).cursor == 1
        await pilot.press("escape")
        go_on.set()
        text = await until(pilot, "Stopped; nothing of it was kept.")
        assert "only in" not in text


async def test_files_are_written_and_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    made = datasets.build(workspace, "uno")
    out = tmp_path / "out"
    async with opened(workspace) as pilot:
        for answer in ("", "n", "y"):
            await pilot.press("w")
            await until(pilot, "in which format?")
            await pilot.press("j", "enter")
            await until(pilot, "Into which folder?")
            await fill_in(pilot, str(out))
            if not answer:
                await until(pilot, f"train.jsonl ({made.train})")
                (out / "train.jsonl").write_text("mine\n")
                continue
            await until(pilot, "Replace it?")
            await pilot.press(answer)
            if answer == "n":
                await pilot.pause()
                assert (out / "train.jsonl").read_text() == "mine\n"
        await until(pilot, f"train.jsonl ({made.train})")
    assert len((out / "train.jsonl").read_text().splitlines()) == made.train
    assert set(json.loads((out / "train.jsonl").read_text().splitlines()[0])) == {"prompt", "completion"}


async def test_a_dataset_is_deleted_by_typing_its_name(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    datasets.build(workspace, "uno")
    async with opened(workspace) as pilot:
        await until(pilot, "uno")
        await pilot.press("x")
        await until(pilot, "Delete “uno” for good?")
        await fill_in(pilot, "un")
        await until(pilot, "that is not its name")
        await fill_in(pilot, "uno")
        await until(pilot, "No datasets yet")
        assert datasets.listing(workspace) == []


async def test_an_example_is_sent_to_the_terminal_or_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    datasets.build(workspace, "uno")
    sent: list[str] = []
    async with opened(workspace) as pilot:
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", sent.append)
        await until(pilot, "uno")
        await pilot.press("enter")
        await until(pilot, "y copy")
        await pilot.press("y")
        await until(pilot, "sent to the terminal; whether it keeps them")
        await pilot.press("enter")
        await pilot.press("escape")
        await until(pilot, "Sent to the terminal:")
        assert len(sent) == 1
        assert "Nico" in sent[0]
        monkeypatch.setattr("tui.copying.MOST", 20)
        await pilot.press("enter", "y", "enter", "escape")
        await until(pilot, "too many for a terminal")
        assert len(sent) == 1
        await pilot.press("enter", "y", "j", "enter")
        await until(pilot, "Into which file?")
        await fill_in(pilot, str(tmp_path / "uno.txt"))
        await pilot.press("escape")
        await until(pilot, "Written to")
        assert (tmp_path / "uno.txt").read_text() == sent[0]
        assert (tmp_path / "uno.txt").stat().st_mode & 0o777 == 0o600
        await pilot.press("enter", "y", "j", "enter")
        await until(pilot, "Into which file?")
        await fill_in(pilot, str(tmp_path / "uno.txt"))
        await until(pilot, "there is such a file already")


async def test_rules_and_masks_are_switched_where_their_counts_stand(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await pilot.press("3")
        await until(pilot, "burst_window")
        kept = recipe.counters(workspace).messages
        await pilot.press("r")
        await until(pilot, f"{kept} messages are kept.")
        text = await until(pilot, "notices of deleted messages")
        assert "● media" in text
        await pilot.press("j", "j")
        await until(pilot, "cifrados de extremo a extremo")  # what it touches
        await pilot.press("enter")
        await until(pilot, "○ system")
        assert not recipe.current(workspace).drop_system
        await pilot.press("G", "space")
        await until(pilot, "○ secret")
        assert "secret" not in recipe.current(workspace).mask
        await pilot.press("g", *("j" * 11), "enter")
        await until(pilot, "min_chars")
        await fill_in(pilot, "25")
        await until(pilot, "● short")
        left = recipe.counters(workspace).messages
        assert left < kept
        await until(pilot, f"{left} messages are kept.")


async def test_it_speaks_spanish_and_fits_a_small_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_spanish(monkeypatch)
    workspace = a_workspace(tmp_path)
    datasets.build(workspace, "uno")
    async with opened(workspace, (80, 24)) as pilot:
        await until(pilot, "su receta es la de ahora")
        await until(pilot, "tokens por ejemplo")
