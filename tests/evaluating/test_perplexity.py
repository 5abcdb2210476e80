"""Perplexity: checked against sums done by hand, and a scorer checked against the plain definition."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import evaluating
from core.evaluating import Scored
from core.evaluating.perplexity import definitions
from core.problem import Problem
from tests import tiny

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine

some_scores = st.lists(
    st.builds(
        Scored,
        conversation=st.integers(0, 5),
        tokens=st.integers(1, 50),
        bytes=st.integers(1, 200),
        chars=st.integers(1, 200),
        base_nll=st.floats(0, 200),
        tuned_nll=st.floats(0, 200),
    ),
    min_size=1,
    max_size=12,
)


def test_figures_done_by_hand() -> None:
    scored = [Scored(0, 2, 10, 10, 2 * math.log(4)), Scored(0, 2, 10, 9, 2 * math.log(4)), Scored(1, 4, 12, 12, 0.0)]
    told = evaluating.perplexity(scored)
    assert told.pooled == pytest.approx(2.0), "half the tokens at 4, half at 1: the geometric mean"
    assert told.by_conversation == pytest.approx(2.5), "(4 + 1) / 2"
    assert told.bits_per_byte == pytest.approx(8 / 32)
    assert (told.tokens, told.conversations, told.examples) == (8, 2, 3)


@given(some_scores)
def test_perplexity_is_never_below_one_and_does_not_depend_on_the_order(scored: list[Scored]) -> None:
    told = evaluating.perplexity(scored)
    back = evaluating.perplexity(scored[::-1])
    assert told.pooled >= 1 - 1e-12
    assert back.pooled == pytest.approx(told.pooled)
    assert back.by_conversation == pytest.approx(told.by_conversation)


@given(some_scores)
def test_the_interval_holds_the_difference_of_equals_at_zero(scored: list[Scored]) -> None:
    same = [Scored(s.conversation, s.tokens, s.bytes, s.chars, s.base_nll, s.base_nll) for s in scored]
    told = evaluating.difference(same, draws=50)
    assert (told.share, told.low, told.high, told.better) == (0, 0, 0, 0)


def test_a_clear_gain_is_told_as_one_and_the_same_seed_gives_the_same_interval() -> None:
    scored = [Scored(i, 10, 40, 40, 20.0 + i % 3, 10.0 + i % 4) for i in range(40)]
    told = evaluating.difference(scored)
    assert 0 < told.low < told.share < told.high < 1
    assert told.better == 1
    assert evaluating.difference(scored) == told


def test_what_was_not_scored_cannot_be_compared() -> None:
    with pytest.raises(Problem):
        evaluating.difference([Scored(0, 1, 1, 1, 1.0)])
    with pytest.raises(Problem):
        evaluating.perplexity([])


def test_every_figure_has_its_definition() -> None:
    assert all(len(text) > 40 for text in definitions().values())


def test_the_engine_scores_both_models_and_proves_that_the_base_is_the_base(tmp_path: Path) -> None:
    done = tiny.tuned()
    seen: list[str] = []
    told = evaluating.score(
        tmp_path, done.base, done.run / "validation.jsonl", done.adapter, lambda event: seen.append(event.kind)
    )
    assert told.base_difference == 0.0
    assert told.end_scored
    assert len(told.examples) == 10
    assert "progress" in seen
    found = evaluating.difference(told.examples)
    assert found.tuned.pooled < found.base.pooled
    # The trainer measured the same thing in its own bins, and in the same number format.
    last = [event.fields["loss"] for event in done.events if event.kind == "validation"][-1]
    assert math.log(found.tuned.pooled) == pytest.approx(last, rel=1e-5)
    with pytest.raises(Problem, match="no model"):
        evaluating.score(tmp_path, done.run, done.run / "validation.jsonl")


def test_what_stands_before_a_reply_is_no_part_of_its_perplexity(tmp_path: Path) -> None:
    """A system prompt that every example begins with is foreseen after a few steps: counted, it would be the gain."""
    done = tiny.tuned()
    lines = [json.loads(line) for line in (done.run / "validation.jsonl").read_bytes().splitlines()]
    counts: list[list[int]] = []
    for n, opening in enumerate(("", "hola " * 8)):
        folder = tmp_path / str(n)
        folder.mkdir()
        for line in lines:
            said = [one for one in line["messages"] if one["role"] != "system"]
            line["messages"] = ([{"role": "system", "content": opening}] if opening else []) + said
        (folder / "validation.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        told = evaluating.score(folder, done.base, folder / "validation.jsonl")
        counts.append([one.tokens for one in told.examples])
    assert counts[0] == counts[1]
    assert all(counts[0])
