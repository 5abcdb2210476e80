"""The page about the keyboard says what the code does."""

from __future__ import annotations

import re

from tests.tui.keys import BEGIN, END, PAGE, table
from tests.tui.screenshots import PICTURES, WALK, tidied


def test_the_table_of_keys_is_that_of_the_code() -> None:
    written = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert written == table(), "run: python -m tests.tui.keys"


def test_every_picture_of_the_page_is_there_and_fetches_nothing() -> None:
    shown = re.findall(r"\((pictures/[^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert {f"pictures/{name}.svg" for name, _keys, _words in WALK} == set(shown)
    for name in shown:
        drawn = (PAGE.parent / name).read_text(encoding="utf-8")
        assert "font-face" not in drawn
        assert "url(http" not in drawn
    assert PICTURES.is_dir()


def test_a_picture_has_no_fonts_from_elsewhere_and_always_the_same_name() -> None:
    raw = """<svg class="rich-terminal">
    @font-face {
        src: url("https://fonts.example/x");
    }

    .terminal-123-matrix { font-family: Fira Code, monospace; }"""
    made = tidied(raw, "chats")
    assert "fonts.example" not in made
    assert ".sinsonte-chats-matrix { font-family: monospace; }" in made
