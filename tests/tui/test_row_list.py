"""The list: only what is in sight is asked for, whatever there is; the cursor is always in sight."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.style import Style
from textual.app import App, ComposeResult

from core.safe_text import SafeText
from tests.tui.hosts import screen_text
from tui.themes import Palette
from tui.widgets.row_list import PAGE, Painted, RowList


class Numbers:
    """As many rows as told; remembers what was asked for."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.asked: list[tuple[int, int]] = []

    def count(self) -> int:
        return self._count

    def rows(self, first: int, n: int) -> Sequence[int]:
        self.asked.append((first, n))
        return range(first, min(first + n, self._count))


def paint(row: int, before: int | None, width: int, chosen: bool, palette: Palette) -> Painted:
    above = [[(SafeText(f"--- {row}"), Style())]] if row % 7 == 0 else []
    own = [[(SafeText(f"{'>' if chosen else ' '} row {row}."), Style())]]
    if row % 5 == 0:
        own.append([(SafeText("  more"), Style())])
    return Painted(own, above)


class Host(App[int]):
    def __init__(self, source: Numbers) -> None:
        super().__init__()
        self.source = source
        self.heard: list[str] = []

    def compose(self) -> ComposeResult:
        yield RowList[int](paint, self.source, lit=6, empty=SafeText("nothing"))

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        self.heard.append(f"{type(event).__name__} {event.index}")

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.heard.append(f"Chosen {event.index}")


@pytest.mark.parametrize("count", [1000, 1_000_000])
async def test_a_page_is_asked_for_when_it_is_seen(count: int) -> None:
    app = Host(Numbers(count))
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.pause()
        assert app.source.asked == [(0, PAGE)]
        await pilot.press("end")
        await pilot.pause()
        assert len(app.source.asked) <= 3
        assert f"> row {count - 1}." in screen_text(app)
        await pilot.press("home")
        await pilot.pause()
        assert "> row 0." in screen_text(app)


@pytest.mark.parametrize("count", [1, 2, 3, 14, 15, 16, 40])
@pytest.mark.parametrize("height", [1, 2, 5, 13])
async def test_the_cursor_is_always_in_sight(count: int, height: int) -> None:
    app = Host(Numbers(count))
    async with app.run_test(size=(40, height)) as pilot:
        row_list = app.query_one(RowList)
        for key in ("j", "j", "end", "k", "pageup", "G", "home", "pagedown", "pagedown", "k", "k"):
            await pilot.press(key)
            await pilot.pause()
            assert f"> row {row_list.cursor}." in screen_text(app) or height <= 2


async def test_the_last_page_is_full() -> None:
    app = Host(Numbers(100))
    async with app.run_test(size=(40, 13)) as pilot:
        await pilot.press("end")
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert "> row 99." in lines[-1]
        assert lines[0].strip()


async def test_sixteen_pages_are_kept() -> None:
    app = Host(Numbers(100_000))
    async with app.run_test(size=(40, 20)) as pilot:
        row_list = app.query_one(RowList)
        for page in range(40):
            row_list.go_to(page * PAGE)
            await pilot.pause()
        before = len(app.source.asked)
        for page in range(30, 40):
            row_list.go_to(page * PAGE)
            await pilot.pause()
        assert len(app.source.asked) == before
        assert len(row_list._rows._pages) <= 16  # pyright: ignore[reportOptionalMemberAccess, reportPrivateUsage]


async def test_it_says_where_the_cursor_rests_and_what_was_opened() -> None:
    app = Host(Numbers(50))
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.press("j")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("pagedown")
        await pilot.pause()
        there = app.query_one(RowList).cursor
        assert app.heard == ["Highlighted 1", "Chosen 1", f"Highlighted {there}"]
        assert there > 1


async def test_a_click_goes_to_a_row_and_a_second_one_opens_it() -> None:
    app = Host(Numbers(50))
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.click(RowList, offset=(5, 3))
        await pilot.pause()
        assert app.query_one(RowList).cursor == 1
        await pilot.click(RowList, offset=(5, 3))
        await pilot.pause()
        assert "Chosen 1" in app.heard


async def test_without_rows_it_says_so_and_takes_any_key() -> None:
    app = Host(Numbers(0))
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.press("j", "k", "end", "home", "pagedown", "pageup", "enter")
        assert "nothing" in screen_text(app)
        assert app.heard == []


async def test_a_source_that_became_shorter_is_no_crash() -> None:
    source = Numbers(600)
    app = Host(source)
    async with app.run_test(size=(40, 20)) as pilot:
        source._count = 300  # pyright: ignore[reportPrivateUsage]
        await pilot.press("end", "k", "pageup")
        await pilot.pause()
        app.query_one(RowList).show(source)
        await pilot.pause()
        assert "> row 299." in screen_text(app)


async def test_it_stays_where_it_was_when_rows_are_added() -> None:
    app = Host(Numbers(100))
    async with app.run_test(size=(40, 20)) as pilot:
        row_list = app.query_one(RowList)
        row_list.go_to(42)
        await pilot.pause()
        before = screen_text(app)
        row_list.show(Numbers(100))
        await pilot.pause()
        assert screen_text(app) == before


async def test_a_line_painted_before_the_list_heard_of_its_new_size_has_the_new_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Host(Numbers(1000))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        monkeypatch.setattr(RowList, "on_resize", lambda _self: None)
        await pilot.resize_terminal(47, 20)
        await pilot.pause()
        row_list = app.query_one(RowList)
        for y in range(20):
            strip = row_list.render_line(y)
            assert sum(segment.cell_length for segment in strip) == strip.cell_length == row_list.size.width == 47
