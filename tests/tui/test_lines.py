"""Lines have exactly the width that was asked for, whatever is written in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from core.safe_text import SafeText, shown, shown_in_line
from tui.figures import brief
from tui.lines import fitted, said, strip_of, wrapped

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
WORDY = st.text("aeñ 日🥹\n", max_size=120)


@given(TEXT, st.integers(0, 40), st.booleans())
def test_fitted_text_has_its_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fitted(shown_in_line(text), width, right=right)) == width


@given(st.lists(TEXT, max_size=5), st.integers(1, 60))
def test_a_strip_has_its_width(texts: list[str], width: int) -> None:
    ground = Style(bgcolor="#13161b", color="#ffffff")
    strip = strip_of([(shown_in_line(text), Style(color="red")) for text in texts], width, ground)
    assert sum(cell_len(segment.text) for segment in strip) == width


@given(WORDY, st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_only_blanks(text: str, width: int) -> None:
    lines = wrapped(shown(text), width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(WORDY, st.integers(2, 30), st.integers(1, 4))
def test_what_does_not_fit_in_so_many_lines_is_said_to_go_on(text: str, width: int, most: int) -> None:
    every, lines = wrapped(shown(text), width), wrapped(shown(text), width, most)
    assert len(lines) <= most
    assert all(cell_len(line) <= width for line in lines)
    assert (len(every) > most) == lines[-1].endswith("…")


def test_fields_are_made_safe_as_they_are_filled_in() -> None:
    assert said("{name} was here", name="\x1b[2J\nNico") == "␛[2J␤Nico was here"
    assert said("nothing to fill in {here}") == "nothing to fill in {here}"


def test_a_wide_character_is_never_cut_in_half() -> None:
    assert fitted(SafeText("日本語"), 4) == "日 …"


def test_a_last_line_that_was_cut_ends_in_one_mark() -> None:
    assert wrapped(SafeText("aaaa bbbb cccc"), 9, 1) == ["aaaa bb…"]


@given(st.integers(0, 50_000_000))
def test_a_brief_figure_is_never_wider_than_its_column_and_says_how_many(count: int) -> None:
    shown_as = brief(count)
    assert cell_len(shown_as) <= 5
    digits, _space, unit = shown_as.partition(" ")
    least = float(digits.replace(",", "")) * {"k": 1e3, "M": 1e6}.get(unit, 1)
    assert least <= count * 1.06
    assert count < least * 1.11 + 1
