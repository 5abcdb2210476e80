"""Each act of the recipe screen, by keys alone, on a real workspace; its figures are those of `recipe preview`."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

import tui.work
from core.counting.recount import Recount, Totals
from core.dataset.examples import Build
from core.dataset.recipe import PARAMETERS
from core.settings import Settings
from core.workspace import chats, curation, preview, recipe, rules, versions
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import screen_text, speak_spanish, until
from tests.workspace.conftest import export_with
from tui.app import Workbench
from tui.figures import number
from tui.screens.recipe import rules as rules_dialog
from tui.screens.recipe.example import ExampleBoard
from tui.screens.recipe.parameters import ParameterList
from tui.themes import SINSONTE, palette_of
from tui.widgets import row_list
from tui.widgets.bars import Counted


def a_workspace(folder: Path) -> Workspace:
    file = folder / "Chat de WhatsApp con Lía.txt"
    file.write_text(export_with(40), encoding="utf-8")
    workspace = open_workspace(folder / "w", Settings(folder / "none.toml"))
    chats.import_file(workspace, file, me="Nico")
    return workspace


@asynccontextmanager
async def opened(workspace: Workspace, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.press("3")
            await until(pilot, "burst_window" if size[1] > 30 else "persona")
            yield pilot
    finally:
        workspace.close()


async def to_parameter(pilot: Pilot[int], name: str) -> None:
    parameters = pilot.app.screen.query_one(ParameterList)
    parameters.go_to(list(PARAMETERS).index(name))
    await pilot.pause()


async def counted(pilot: Pilot[int]) -> str:
    """The screen once the exact count is there."""
    app = pilot.app
    assert isinstance(app, Workbench)
    for _turn in range(200):
        await pilot.pause(0.02)
        if app.counters is not None and app.counters == recipe.known_counters(app.workspace):
            break
    await pilot.pause()
    return screen_text(app)


async def test_every_parameter_is_there_with_its_bounds_and_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_list, "REST", 0.001)  # for what is said of a row comes when the cursor has rested there
    async with opened(a_workspace(tmp_path)) as pilot:
        for name, parameter in PARAMETERS.items():
            await to_parameter(pilot, name)
            text = ""
            for _turn in range(100):
                if parameter.help[:30] in (text := " ".join(screen_text(pilot.app).split())):
                    break
                await pilot.pause(0.01)
            assert f"▌ {name}" in text
            assert parameter.help[:30] in text
            if parameter.sort in ("window", "count", "share", "choice"):
                assert parameter.bounds in text


async def test_keys_change_a_parameter_in_place_and_the_counters_follow(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await counted(pilot)
        await to_parameter(pilot, "conversation_gap")
        await pilot.press("left")
        await until(pilot, "was 3h")
        assert recipe.current(workspace).conversation_gap == 7200
        await pilot.press("h", "minus", "minus", "minus")
        await until(pilot, "1 change not saved")
        told = recipe.preview(workspace, {})
        text = await counted(pilot)
        for value in (told.messages, told.turns, told.conversations, told.examples, told.train, told.validation):
            assert number(value or 0) in text
        assert number(told.tokens or 0) in text
        await pilot.press("l", "plus", "right", "equals_sign", "l")
        await until(pilot, "as it comes")
        assert recipe.current(workspace).conversation_gap == 10_800


async def test_a_change_is_shown_against_the_last_save(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await pilot.press("s")
        await until(pilot, "under which name?")
        await pilot.press(*"-a", "enter")
        await until(pilot, "Saved as “recipe-a”, version 1.")
        before = recipe.preview(workspace, {})
        await to_parameter(pilot, "validation")
        await pilot.press("right", "right")
        after = recipe.preview(workspace, {})
        await counted(pilot)
        text = await until(pilot, f"+{(after.validation or 0) - (before.validation or 0)}")
        assert "2 changes" not in text
        await pilot.press("s")
        await until(pilot, "version 2")
        await to_parameter(pilot, "train_on")
        await pilot.press("l")
        await until(pilot, "1 change not saved")
        await pilot.press("z")
        await until(pilot, "Back to “recipe-a”, version 2.")
        assert recipe.current(workspace).train_on == "last"
        assert [row.version for row in versions.listing(workspace)] == [2, 1]


async def test_a_value_is_typed_and_a_wrong_one_says_its_bounds(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await to_parameter(pilot, "buffer_size")
        await pilot.press("enter")
        await until(pilot, "0 … 1000")
        await pilot.press("backspace", *"5000", "enter")
        await until(pilot, "buffer_size must be between 0 and 1000: got “5000”.")
        assert recipe.current(workspace).buffer_size == 4
        await pilot.press(*(["backspace"] * 4), "7", "enter")
        await until(pilot, "was 4")
        assert recipe.current(workspace).buffer_size == 7
        await to_parameter(pilot, "system_prompt")
        await pilot.press("l")  # nothing to step through: it is typed
        await until(pilot, "⏎ done")
        await pilot.press("escape")


async def test_the_end_of_a_ladder_says_so(tmp_path: Path) -> None:
    async with opened(a_workspace(tmp_path)) as pilot:
        await to_parameter(pilot, "min_chars")
        await pilot.press("left")
        await until(pilot, "min_chars ends here: 0 … 10000")


async def test_a_change_by_a_command_elsewhere_appears(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        with open_workspace(tmp_path / "w", Settings(tmp_path / "none.toml")) as other:
            recipe.change(other, {"burst_window": "10m"})
        await until(pilot, "was 1h")


async def test_narrow_and_in_spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_spanish(monkeypatch)
    async with opened(a_workspace(tmp_path), (80, 24)) as pilot:
        text = await until(pilot, "tal como viene")
        assert "para entrenar" in text
        await to_parameter(pilot, "burst_window")
        await pilot.press("l")
        await until(pilot, "antes 1h")


async def test_the_plots_and_the_split_stand_beside_the_parameters(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await counted(pilot)
        shape = preview.shape(workspace)
        assert shape is not None
        text = await until(pilot, "examples by month")
        assert f"half ≤ {shape.turns.median}, 95 % ≤ {shape.turns.high}" in text
        assert "█" in text
        assert f"{shape.validation.conversations} conversations" in text
        assert "left unused between them: 3 h" in text


async def test_examples_are_read_one_after_the_other_and_lead_to_their_conversation(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await counted(pilot)
        count = recipe.exact_counters(workspace).examples
        await until(pilot, f"example 1 of {count}")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, f"example 3 of {count}")
        await pilot.press("left_square_bracket")
        text = await until(pilot, f"example 2 of {count}")
        assert "⏎" in text  # the separator
        await pilot.press("e")
        await until(pilot, "other examples")
        await pilot.press("n", "n")
        await until(pilot, f"example 4 of {count}")
        one = preview.example(workspace, 3)
        assert one is not None
        await pilot.press("o")
        await until(pilot, "Lía")
        assert pilot.app.current_mode == "messages"


async def test_what_is_learnt_is_bright_and_what_is_read_is_dim(tmp_path: Path) -> None:
    async with opened(a_workspace(tmp_path)) as pilot:
        await counted(pilot)
        await until(pilot, "example 1 of")
        board = pilot.app.screen.query_one(ExampleBoard)
        assert board.example is not None
        inks = {piece.text.strip(): piece.sort for piece in board.example.learnt.pieces}
        palette = palette_of(pilot.app.current_theme)
        drawn = [cell for line in board.draw(palette, 60, 30) for cell in line]
        for words, style in drawn:
            if words.startswith("casi"):
                assert style == palette.strong
            if words.startswith("número"):
                assert style == palette.muted
        assert "trained" in inks.values()


async def test_a_preset_is_taken_and_a_version_brings_back_what_was(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    async with opened(workspace) as pilot:
        await pilot.press("V")
        await until(pilot, "Nothing was saved yet")
        await pilot.press("S")
        await until(pilot, "under which name?")
        await pilot.press("enter")
        await until(pilot, "Saved as")
        await pilot.press("p")
        await until(pilot, "One person's WhatsApp voice")
        await pilot.press("j")
        await until(pilot, "buffer_unit turns → exchanges")
        await pilot.press("enter")
        await until(pilot, "The recipe is now the preset “csv”.")
        assert recipe.current(workspace).buffer_unit == "exchanges"
        assert recipe.current(workspace).persona == "Nico"
        await pilot.press("V")
        await until(pilot, "buffer_unit turns → exchanges")
        await pilot.press("enter")
        await until(pilot, "Back to “recipe”, version 1.")
        assert recipe.current(workspace).buffer_unit == "turns"


async def test_narrow_screens_show_one_pane_at_a_time(tmp_path: Path) -> None:
    async with opened(a_workspace(tmp_path), (80, 24)) as pilot:
        await counted(pilot)
        assert "trained here" in screen_text(pilot.app)
        await pilot.press("v")
        text = await until(pilot, "examples by month")
        assert "trained here" not in text
        await pilot.press("v")
        text = await until(pilot, "example 1 of")
        assert "examples by month" not in text
        await pilot.press("v")
        await until(pilot, "trained here")


async def test_a_long_count_shows_itself_answers_keys_and_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    real, go_on = Recount.totals, threading.Event()

    def held(self: Recount, build: Build, *, progress: Callable[[int, int], None]) -> Totals:
        while not go_on.wait(0.01):
            progress(30, 100)
        progress(31, 100)
        return real(self, build, progress=progress)

    monkeypatch.setattr(Recount, "totals", held)
    monkeypatch.setattr(tui.work, "LASTING", 0.0)
    recipe.change(workspace, {"model": "gpt-4.1-mini"})
    async with opened(workspace) as pilot:
        text = await until(pilot, "counting all tokens")
        assert "30 %" in text
        assert "esc stops it" in text
        # What is provisional says so: in the figures, in the plots and in the line at the foot.
        for words in ("≈USD", "half ≤ ≈", "≈ examples by month", "≈80 examples"):
            assert words in text
        await pilot.press("j")
        assert pilot.app.screen.query_one(ParameterList).cursor == 1
        await pilot.press("escape")
        text = await until(pilot, "Counting was stopped: ≈ marks what is an estimate.")
        assert "counting all tokens" not in text
        await pilot.press("r")  # and back: who stopped it is not asked again
        await until(pilot, "are kept")
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert "counting all tokens" not in screen_text(pilot.app)
        go_on.set()
        await to_parameter(pilot, "conversation_gap")
        await pilot.press("left")
        text = await counted(pilot)
        assert "≈" not in text


class Held:
    """What a process answers that is long in coming."""

    def __init__(self, answer: Callable[..., object] | None = None) -> None:
        self.answer = answer
        self.go_on = threading.Event()

    def __call__(self, *given: object) -> object:
        self.go_on.wait(30)
        return self.answer(*given) if self.answer is not None else None


async def test_no_key_waits_for_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = a_workspace(tmp_path)
    held = Held(lambda n: preview.example(workspace, n))
    async with opened(workspace) as pilot:
        await counted(pilot)
        app = pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr(app.counting, "example", held)
        await pilot.press("e")
        await until(pilot, "reading the example…")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await pilot.press("enter")  # there is none yet whose conversation could be shown
        await until(pilot, "reading the example…")
        held.go_on.set()
        text = await until(pilot, "example 3 of")  # of those that were asked for, the last
        assert "reading the example…" not in text
        held.go_on.clear()
        await pilot.press("right_square_bracket")
        await pilot.press("escape")
        await until(pilot, "trained here")
        held.go_on.set()


async def test_no_key_waits_for_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = a_workspace(tmp_path)
    held = Held(lambda: rules.rows(workspace))
    async with opened(workspace) as pilot:
        await counted(pilot)
        app = pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr(app.counting, "rules", held)
        await pilot.press("r")
        await until(pilot, "reading the messages…")
        await pilot.press("escape")
        await until(pilot, "trained here")
        held.go_on.set()
        await pilot.press("r")
        await until(pilot, "are kept")


async def test_the_search_for_private_things_shows_how_far_it_is_and_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    seen = threading.Event()

    def searching(_workspace: Workspace, progress: Callable[[int, int], None]) -> None:
        try:
            while True:
                progress(30, 100)
                seen.wait(0.01)
        finally:
            seen.set()

    monkeypatch.setattr(rules, "count_private", searching)
    monkeypatch.setattr(rules_dialog, "_SOON", 0.0)
    async with opened(workspace) as pilot:
        await counted(pilot)
        await pilot.press("r")
        text = await until(pilot, "looking for private things")
        assert "30 %" in text
        assert "esc stops it" in text
        await pilot.press("j")
        await pilot.press("escape")
        for _turn in range(200):
            if "looking for" not in screen_text(pilot.app):
                break
            await pilot.pause(0.02)
        text = screen_text(pilot.app)
        assert seen.is_set()
        assert "are kept" in text
        assert "looking for" not in text
        await pilot.press("escape")
        await until(pilot, "trained here")


async def test_counters_that_hold_no_more_say_so_while_the_process_that_counts_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = a_workspace(tmp_path)
    recipe.change(workspace, {"model": "gpt-4.1-mini"})
    async with opened(workspace) as pilot:
        text = await counted(pilot)
        app = pilot.app
        assert isinstance(app, Workbench)
        assert "≈" not in text
        held = Held(lambda _progress: recipe.counters(workspace))
        monkeypatch.setattr(app.counting, "is_cold", lambda: True)
        monkeypatch.setattr(app.counting, "counters", held)
        curation.decide(workspace, "drop", [next(iter(chats.messages(workspace))).uid])
        app.look_for_changes()
        await until(pilot, "≈80 examples")
        held.go_on.set()
        text = await counted(pilot)
        assert "≈" not in text


def test_before_anything_is_counted_the_bar_says_so() -> None:
    bar = Counted()
    assert "".join(text for text, _style in bar.draw(palette_of(SINSONTE), 80)) == " not counted yet"
