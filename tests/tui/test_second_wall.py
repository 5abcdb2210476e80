"""The filter behind all widgets lets nothing through that a terminal could obey."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.color import Color

from tests.hostile import HOSTILE, MARKERS
from tests.safe_text.test_safe_text import ANY_TEXT, harm_in
from tui.second_wall import SecondWall, harmless

GROUND = Color(0, 0, 0)


@given(ANY_TEXT)
def test_nothing_dangerous_is_left(text: str) -> None:
    # Noncharacters and number signs are left to the first wall: a terminal does nothing with them.
    dangerous = [one for one in harm_in(harmless(text), newlines=False) if int(one, 16) & 0xFFFE != 0xFFFE]
    dangerous = [one for one in dangerous if not 0xFDD0 <= int(one, 16) <= 0xFDEF]
    assert [one for one in dangerous if int(one, 16) < 0x300 or 0x2000 <= int(one, 16) < 0x3000] == []


@given(st.text("abcdefghijklmnñopqrstuvwxyzáéíóúü ¿?¡!─│▌⏎😀🥹👨‍👩‍👧"))
def test_ordinary_text_is_untouched(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_marker_survives_in_a_segment(text: str) -> None:
    (segment,) = SecondWall().apply([Segment(text, Style(bold=True))], GROUND)
    assert segment.style == Style(bold=True)
    assert not [marker for marker in MARKERS if marker in segment.text.encode("utf-8")]


def test_textuals_own_control_segments_pass() -> None:
    control = Segment("\x1b[2;3H", None, [(ControlType.CURSOR_MOVE_TO, 1, 2)])
    assert SecondWall().apply([control], GROUND) == [control]
