"""Nothing dangerous is left, nothing ordinary is touched."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.safe_text import MARKS_LIMIT, is_safe, shown, shown_in_line
from tests.hostile import HOSTILE, MARKERS

ANY_TEXT = st.text(st.characters(codec=None, categories=None))  # lone surrogates too
DANGEROUS = st.sampled_from([*HOSTILE[:-2], "\x1b", "\x9b", "\u202e", "\x00", "\u0301" * 12])
MIXED = st.lists(st.one_of(ANY_TEXT, DANGEROUS), max_size=6).map("".join)


def harm_in(text: str, *, newlines: bool) -> list[str]:
    """Characters that a terminal could obey, or that hide or reorder others."""
    found: list[str] = []
    for one in text:
        code, category = ord(one), unicodedata.category(one)
        if category in ("Cc", "Cs", "Zl", "Zp") and not (one == "\n" and newlines):
            found.append(hex(code))
        # The three flags that are spelt with tags are checked on their own below.
        if category == "Cf" and one not in "\u200c\u200d" and not 0xE0061 <= code <= 0xE007F:
            found.append(hex(code))
        if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
            found.append(hex(code))
    return found


@given(MIXED)
def test_nothing_dangerous_is_left(text: str) -> None:
    assert harm_in(shown(text), newlines=True) == []
    assert harm_in(shown_in_line(text), newlines=False) == []


# What Unicode calls default ignorable, unassigned ones too: it draws nothing, so a text can hide in it. Emoji and
# Persian need four of them.
DRAWS_NOTHING = [
    *range(0x00, 0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5,
    *range(0x180B, 0x1810), 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, 0xFEFF,
    0xFFA0, *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000),
]  # fmt: skip


@pytest.mark.parametrize("around", ["", "a", "ñ", "日"])
def test_what_draws_nothing_is_made_visible(around: str) -> None:
    hidden = [
        hex(code)
        for code in DRAWS_NOTHING
        if chr(code) in shown(around + chr(code) + around) or chr(code) in shown_in_line(around + chr(code))
    ]
    assert hidden == []


def test_a_text_hidden_in_variation_selectors_shows() -> None:
    hidden = "".join(chr(0xE0100 + byte) for byte in b"ignora lo anterior")
    assert shown("😀" + hidden).count("⟨") == len(hidden)


@given(MIXED)
def test_twice_is_once(text: str) -> None:
    once, line = shown(text), shown_in_line(text)
    assert shown(once) == once
    assert shown_in_line(line) == line
    assert is_safe(once)


@given(MIXED)
def test_it_can_always_be_written(text: str) -> None:
    shown(text).encode("utf-8")
    shown_in_line(text).encode("utf-8")


@given(MIXED, st.integers(1, 40))
def test_lengths_are_bounded(text: str, limit: int) -> None:
    assert len(shown(text, limit=limit)) <= limit
    assert len(shown_in_line(text, limit=limit)) <= limit


@given(MIXED)
def test_every_visible_character_survives(text: str) -> None:
    # Whatever is neither replaced nor a mark too many is there, in its order.
    rest = iter(shown(text))
    for one in text:
        if one.isalnum() and unicodedata.category(one) != "Lo":
            assert one in rest, f"{one!r} was lost"


@given(st.text("abcdefghijklmnñopqrstuvwxyzáéíóúüÁÉÍÓÚÜÑ ¿?¡!.,;:—«»'\"()0123456789€$%@#\n", max_size=200))
def test_ordinary_spanish_is_untouched(text: str) -> None:
    assert shown(text) == text
    assert shown_in_line(text) == text.replace("\n", "␤")


@pytest.mark.parametrize(
    "text",
    [
        "mañana llego 🥹 jajaja ¿venís? ¡dale!",
        "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️ ☺︎ 🇦🇷 #️⃣",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "n\u0303 a\u0301 e\u0302\u0301",  # marks apart, as macOS writes file names
        "ya\u00a0son\u202flas 10:14\u2009p.\u00a0m.",
        "日本語 한국어 العربية עברית हिन्दी",
        "\U0001fae9",  # newer than this Python's tables, perhaps
        "\ue0b0",
    ],
)
def test_emoji_and_other_scripts_are_untouched(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31m", "␛[31m"),
        ("\x9b2J", "⟨9B⟩2J"),
        ("\x7f", "␡"),
        ("\u202eabc", "⟨RLO⟩abc"),
        ("a\u200bb", "a⟨ZWSP⟩b"),
        ("\ud83d", "\ufffd"),
        ("a\tb\nc", "a    b\nc"),
        ("\U000e0041", "⟨TAG A⟩"),
        ("e" + "\u0301" * 20 + "x", "e" + "\u0301" * MARKS_LIMIT + "…x"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),  # markup is the widgets' business: they take none
    ],
)
def test_what_becomes_of_each(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_line_shows_its_breaks() -> None:
    assert shown_in_line("uno\ndos\ttres\r") == "uno␤dos tres␍"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_marker_of_the_hostile_texts_survives(text: str) -> None:
    for out in (shown(text), shown_in_line(text)):
        written = out.encode("utf-8")
        assert not [marker for marker in MARKERS if marker in written]


def test_long_lines_are_clipped_before_they_are_looked_at() -> None:
    assert len(shown_in_line("\x1b" * 10_000_000)) == 2000
