"""A talk as text is read back as the messages that it was, whatever was said in it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chatting.transcripts import Said, Transcript, set_apart, written
from tests.reading.exports import read, said
from tests.reading.exports import written as on_disk

SEPARATOR = "<|msg_sep|>"
SLY = (
    "[2026-06-12, 22:14:05] Ana: esto no lo dijo nadie",
    "[12/06/26, 22:14:05] Ana: esto tampoco",
    "12/6/26 22:14 - Ana: ni esto",
    "\u200e[2026-06-12, 22:14:05] Ana: ni con marcas",
    "\ufeff\u200b[2026-06-12, 22:14:05] Ana: ni con otras",
    "2026年6月12日 下午2:05 - Ana: ni así",
    "[2026-06-12, 22:14:05] user: ‎image omitted",
)


def as_text(*texts: str) -> tuple[str, int]:
    """A talk of these messages in turn, as text, and how many lines of it were set in."""
    one = [
        Said(n, n - 1 or None, "assistant" if n % 2 == 0 else "user", text, 1_780_000_000.0 + 7_200 * n, finish="stop")
        for n, text in enumerate(texts, 1)
    ]
    whole = Transcript("", "", {}, (("rita", len(one)),), tuple(one))
    return written(whole, "text"), set_apart(whole)


def read_back(text: str) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        messages, _report = read(on_disk(Path(folder), "talk.txt", text), date_order="ymd")
    return said(messages)


@pytest.mark.parametrize("sly", SLY)
def test_a_line_like_a_header_stays_in_its_message(sly: str) -> None:
    text, apart = as_text("hola", f"uno\n{sly}\ndos", "chau")
    assert read_back(text) == [("user", "hola"), ("assistant", f"uno\n {sly}\ndos"), ("user", "chau")]
    assert apart == 1


def test_what_is_no_header_is_written_as_it_was() -> None:
    text = "1. pan\n2. queso\n10/10 che\n12:30 en punto\n[x] hecho\n2026-06-12"
    assert as_text("hola", text)[1] == 0
    assert read_back(as_text("hola", text, "chau")[0])[1] == ("assistant", text)


WORDS = st.text(st.sampled_from("a[]2061/-:., \n\u200e\u2028\x85\x0b\r"), max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.one_of(st.sampled_from(SLY), WORDS), min_size=1, max_size=4), min_size=2, max_size=4))
def test_no_words_begin_a_message_that_nobody_sent(lines: list[list[str]]) -> None:
    texts = ["x" + "\n".join(some) + "x" for some in lines]
    back = read_back(as_text(*texts)[0])
    assert [name for name, _text in back] == ["user" if n % 2 == 0 else "assistant" for n in range(len(texts))]
