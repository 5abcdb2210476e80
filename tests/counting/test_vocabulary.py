"""Counts: equal to the reference, whatever the text, and by the base model's own encoding."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chat import Example, Line, Role
from core.counting import bases, counter_for, vocabulary
from core.counting.counter import REMEMBERED
from core.problem import Problem

NASTY = (
    "", " ", "\n\n\n", "¿Cómo andás, che? 😂👨‍👩‍👧 ﷺ", "a" * 3_000, "línea\r\notra\r\n", "<|endoftext|><|im_start|>",
    "\u200e\u202f", "１２３ ½ ﬁ", "e\u0301" * 50, "  doble  espacio ", "\x00\x07", "مرحبا بالعالم", "日本語テキスト",
    "1234567890" * 20, "JAJAJAJAJAjajaja",
)  # fmt: skip


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_quick_counts_equal_the_references_on_awkward_texts(name: str) -> None:
    reference = vocabulary.encoding(name)
    count = vocabulary.counting(name)
    for text in NASTY:
        assert count(text) == len(reference.encode_ordinary(text)), text[:20]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["cl100k_base", "o200k_base"]))
def test_quick_counts_equal_the_references(text: str, name: str) -> None:
    reference = vocabulary.encoding(name).encode_ordinary(vocabulary.well_formed(text))
    assert vocabulary.counting(name)(text) == len(reference)


def test_half_an_emoji_and_very_long_texts_are_counted() -> None:
    count = vocabulary.counting("o200k_base")
    assert count("\ud83d hola") == count("\ufffd hola")
    words = "hola que tal " * 20_000
    assert count(words) == len(vocabulary.encoding("o200k_base").encode_ordinary(words))


def test_the_vocabularies_cut_and_merge_as_the_publisher_says() -> None:
    """Known token numbers: the pattern and the ranks are the publisher's, not merely consistent with themselves."""
    assert vocabulary.encoding("o200k_base").encode_ordinary("hello world") == [24912, 2375]
    assert vocabulary.encoding("cl100k_base").encode_ordinary("hello world") == [15339, 1917]
    assert vocabulary.encoding("cl100k_base").encode_ordinary("tiktoken is great!") == [83, 1609, 5963, 374, 2294, 0]


def test_a_vocabulary_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "o200k_base.tiktoken.gz").write_bytes(gzip.compress(b"aGk= 0\n"))
    monkeypatch.setattr(vocabulary, "_package", lambda: tmp_path)
    with pytest.raises(Problem, match="not the one that its publisher made"):
        vocabulary.ranks("o200k_base")
    (tmp_path / "data" / "o200k_base.tiktoken.gz").write_bytes(b"no gzip")
    with pytest.raises(Problem, match="cannot be read"):
        vocabulary.ranks("o200k_base")


def test_another_version_of_the_package_is_counted_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "PROVEN", "0.0.0")
    vocabulary._binding.cache_clear()
    vocabulary.counting.cache_clear()
    try:
        assert vocabulary._binding() is None
        assert vocabulary.counting("o200k_base")("hello world") == 2
    finally:
        monkeypatch.undo()
        vocabulary._binding.cache_clear()
        vocabulary.counting.cache_clear()


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("ft:gpt-4.1-mini-2025-04-14:org::abc", "o200k_base"),
        ("ft:gpt-4.1-2025-04-14:org:suffix:id:ckpt-step-40", "o200k_base"),
        ("ft:gpt-4o-mini-2024-07-18:org::abc", "o200k_base"),
        ("ft:gpt-3.5-turbo-0125:org:s:i", "cl100k_base"),
        ("ft:gpt-5:x", "o200k_base"),
        ("gpt-6-luna", "o200k_base"),
        ("gpt-5.6-luna", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("gpt-4.1-2025-04-14.ft-0123abcd", "o200k_base"),
        ("azure:gpt-4o", "o200k_base"),
        ("openai/gpt-4o-mini", "o200k_base"),
        ("o4-mini", "o200k_base"),
        ("gpt-oss-20b", "o200k_base"),
        ("davinci-002", "cl100k_base"),
        ("gpt-42", None),
        ("llama-3.3-70b", None),
        ("mini", None),
        ("", None),
    ],
)
def test_a_tuned_model_is_counted_by_its_bases_encoding(model: str, encoding: str | None) -> None:
    assert bases.encoding_of(model) == encoding


def test_an_unknown_model_is_counted_and_said_to_be_inexact() -> None:
    assert counter_for("gpt-4o").exact
    assert not counter_for("some-model-of-tomorrow").exact


def test_an_example_costs_its_lines_and_what_stands_around_them() -> None:
    example = Example(
        (Line(Role.SYSTEM, "hello"), Line(Role.USER, "hello world"), Line(Role.ASSISTANT, "hello", True)), 0
    )
    assert counter_for("gpt-4o").example(example) == (4 + 1) + (4 + 2) + (4 + 1) + 3


def test_a_text_is_counted_once_while_it_is_remembered_and_threads_may_count_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def count(text: str) -> int:
        asked.append(text)
        return len(text)

    monkeypatch.setattr(vocabulary, "counting", lambda _name: count)
    counter = counter_for("gpt-4o")
    assert [counter.text(text) for text in ("a", "bb", "a", "bb")] == [1, 2, 1, 2]
    assert asked == ["a", "bb"]
    texts = [f"{n:06d}" for n in range(3 * REMEMBERED)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _n: sum(map(counter.text, texts)), range(4))) == [6 * len(texts)] * 4
    assert counter.text("a") == 1
    assert asked[-1] == "a"
