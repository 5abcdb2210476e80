"""The page about the keyboard says what the code does."""

from __future__ import annotations

import re

import pytest

from core.language import _
from core.safe_text import SafeText
from tests.tui.hosts import speak_spanish
from tests.tui.keys import BEGIN, END, PAGE, bindings, table
from tests.tui.screenshots import PICTURES, WALK, tidied
from tui.keyboard import KeyRow, key_name
from tui.lines import said, width_of
from tui.screens.keys import paint_key
from tui.themes import SINSONTE, palette_of


def test_the_table_of_keys_is_that_of_the_code() -> None:
    written = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert written == table(), "run: python -m tests.tui.keys"


@pytest.mark.parametrize("spanish", [False, True], ids=["en", "es"])
def test_what_a_key_does_and_its_name_are_read_whole_at_80_columns(
    spanish: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spanish:
        speak_spanish(monkeypatch)
    for _owner, binding in bindings():
        keys = said("{keys}", keys="  ".join(key_name(key) for key in binding.key.split(",")))
        row = KeyRow(keys, SafeText(_(binding.description)), binding.id or "")
        (line,) = paint_key(row, None, 67, False, palette_of(SINSONTE)).own
        text = "".join(text for text, _style in line)
        assert "…" not in text and width_of(SafeText(text)) <= 67, text


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
