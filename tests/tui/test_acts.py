"""Every key that a screen or a dialog binds has a test that presses it; see tests/tui/acts.py."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.binding import Binding

from tests.tui.acts import ACTS, all_acts, there_are, watch


def test_every_binding_has_its_test() -> None:
    assert sorted(set(all_acts().values()) - set(ACTS)) == [], (
        "a key without a test: write one, and name it in the table"
    )
    assert sorted(set(ACTS) - set(all_acts().values())) == [], "no key does this any more"


def test_every_test_of_the_table_is_there() -> None:
    assert sorted(set(ACTS.values()) - there_are()) == []


@pytest.mark.parametrize("dead", ["", "app.quit"])
async def test_what_a_key_does_is_seen_and_a_dead_key_does_nothing(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = watch(monkeypatch, dead)
    seen: list[str] = []

    class Workbench(App[int]):
        BINDINGS = [Binding("q", "quit", id="app.quit"), Binding("x", "other", id="app.other")]  # noqa: RUF012

        async def action_quit(self) -> None:
            seen.append("quit")

    async with Workbench().run_test() as pilot:
        await pilot.press("x", "q")
    assert (seen, done) == (([], set()) if dead else (["quit"], {"app.quit"}))
