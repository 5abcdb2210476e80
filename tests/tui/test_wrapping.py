"""A text that grows is wrapped as the whole of it would be, and costs what is new."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.safe_text import is_safe, shown
from tests.hostile import HOSTILE
from tui.lines import width_of, wrapped
from tui.screens.talk.wrapping import Wrapped


@given(st.text(alphabet="abñ 😂\n", max_size=120), st.integers(1, 12), st.integers(3, 20))
def test_grown_piece_by_piece_it_is_wrapped_as_the_whole(text: str, step: int, width: int) -> None:
    growing = Wrapped(width)
    for size in range(0, len(text) + step, step):
        growing.become(text[:size])
    assert [line.rstrip() for line in growing.lines] == [line.rstrip() for line in wrapped(shown(text), width)]


def test_what_is_taken_back_is_wrapped_anew() -> None:
    one = Wrapped(10, "una cosa muy larga")
    one.become("otra")
    assert one.lines == ["otra"]


def test_hostile_words_come_out_safe_whatever_the_pieces() -> None:
    for text in HOSTILE:
        for step in (1, 7) if len(text) < 500 else (4001,):
            growing = Wrapped(30)
            for size in range(0, min(len(text), 20_000) + step, step):
                growing.become(text[:size])
            assert all(is_safe(line) and "\n" not in line for line in growing.lines)
            assert all(width_of(line) <= 30 for line in growing.lines if len(text) > 500)


def test_a_new_word_looks_at_the_last_line_alone() -> None:
    growing = Wrapped(70, "palabra " * 50_000)
    before = growing.lines[:-1]
    growing.become(growing.text + "más")
    assert growing.lines[: len(before)] == before
    assert growing.lines[-1].endswith("más")
