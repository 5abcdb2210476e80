"""Fewer bytes, the same picture: a terminal emulator shows no difference."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.style import Style

from tui.thrift import thrifty

COLOURS = st.sampled_from([None, "#d3d7de", "#13161b", "#e2b26b", "red", "bright_black", "default"])
STYLES = st.builds(
    Style,
    color=COLOURS,
    bgcolor=COLOURS,
    bold=st.sampled_from([None, True]),
    underline=st.sampled_from([None, True]),
    reverse=st.sampled_from([None, True]),
)
PIECES = st.lists(
    st.one_of(
        st.tuples(st.text("abñ ", min_size=1, max_size=6), STYLES),
        st.tuples(st.integers(1, 9), st.integers(1, 39)),
    ),
    max_size=25,
)


def written(pieces: list[tuple[object, object]]) -> str:
    out = ""
    for one, other in pieces:
        if isinstance(other, Style):
            out += other.render(str(one), color_system=ColorSystem.TRUECOLOR)
        else:
            out += f"\x1b[{one};{other}H"
    return out


def shown(data: str) -> list[tuple[object, ...]]:
    screen = pyte.Screen(40, 10)
    pyte.Stream(screen).feed(data)
    cells: list[tuple[object, ...]] = []
    for y in range(10):
        for x in range(40):
            cell = screen.buffer[y][x]
            blank = cell.data == " " and not cell.underscore and not cell.reverse
            # A blank shows no foreground, and no weight.
            cells.append((cell.data, cell.bg) if blank else tuple(cell))
    return cells


@given(PIECES)
def test_the_picture_is_the_same(pieces: list[tuple[object, object]]) -> None:
    data = written(pieces)
    assert shown(thrifty(data)) == shown(data)


@given(PIECES)
def test_it_is_never_longer_and_ends_with_a_reset_pen(pieces: list[tuple[object, object]]) -> None:
    data = written(pieces)
    assert len(thrifty(data)) <= len(data)
    after = thrifty(data) + "x"
    assert shown(after)[-400:] == shown(data + "x")[-400:]


def test_what_is_not_understood_passes_as_it_is() -> None:
    data = "\x1b[58;2;1;2;3mx\x1b[0m\x1b[1;1H"
    assert thrifty(data) == data


def test_neighbours_share_what_they_share() -> None:
    first = Style(color="#d3d7de", bgcolor="#13161b").render("a", color_system=ColorSystem.TRUECOLOR)
    second = Style(color="#e2b26b", bgcolor="#13161b").render("b", color_system=ColorSystem.TRUECOLOR)
    assert thrifty(first + second).count("48;2") == 1
