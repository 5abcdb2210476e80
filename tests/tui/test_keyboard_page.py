"""The page about the keyboard says what the code does."""

from __future__ import annotations

from tests.tui.keys import BEGIN, END, PAGE, table


def test_the_table_of_keys_is_that_of_the_code() -> None:
    written = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert written == table(), "run: python -m tests.tui.keys"
