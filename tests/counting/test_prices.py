"""Money: tokens times epochs times a dated price, and files of prices that cannot be read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.counting import prices, using
from core.counting.billing import auto_epochs, billable, estimate, side_by_side
from core.problem import Problem

OWN = """as_of = 2026-11-01
currency = "EUR"
source = "a quote"

[[model]]
name = "my-model"
train = 2

[[model]]
name = "gpt-4o-mini-2024-07-18"
train = 1.5
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def test_three_epochs_of_a_hundred_thousand_tokens_cost_what_they_cost() -> None:
    told = estimate("gpt-3.5-turbo-0125", [1_000] * 100, prices.load())
    assert (told.tokens, told.epochs, told.money) == (100_000, 3, Decimal("2.4"))


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(0, 0), (1, 25), (10, 10), (33, 3), (34, 3), (100, 3), (8_333, 3), (8_334, 2), (12_501, 1), (1_000_000, 1)],
)
def test_epochs_that_are_left_to_the_provider(examples: int, epochs: int) -> None:
    assert auto_epochs(examples) == epochs


@given(st.lists(st.integers(0, 1_000)), st.integers(1, 500))
def test_no_example_is_billed_beyond_the_limit(tokens: list[int], limit: int) -> None:
    assert billable(tokens, limit) <= min(sum(tokens), limit * len(tokens))
    assert billable(tokens) == sum(tokens)


def test_a_tuned_model_is_priced_by_its_base_and_an_undated_name_by_its_version() -> None:
    known = prices.load()
    for name in ("ft:gpt-4.1-mini-2025-04-14:org::abc", "gpt-4.1-mini", "azure:gpt-4.1-mini"):
        price = prices.price_of(name, known)
        assert price is not None
        assert price.model == "gpt-4.1-mini-2025-04-14"
    assert prices.price_of("mini", known) is None
    assert estimate("mini", [5], known).money is None


def test_a_price_says_its_day_and_when_it_is_old() -> None:
    price = prices.load()["gpt-4o-2024-08-06"]
    assert "2026-11-20" in price.said(date(2026, 11, 21))
    assert not price.is_old(date(2027, 2, 18))
    assert "91 days old" in price.said(date(2027, 2, 19))


def test_models_stand_side_by_side_until_they_stop_answering() -> None:
    known = prices.load()
    today = side_by_side([500] * 200, known, today=date(2026, 11, 21))
    assert [one.model for one in today][:2] == ["gpt-4o-mini-2024-07-18", "gpt-4.1-mini-2025-04-14"]
    assert all(one.money is not None for one in today)
    assert "gpt-4.1-nano-2025-04-14" not in {one.model for one in today}
    assert side_by_side([500], known, today=date(2027, 1, 14)) == []
    assert all(
        one.model.startswith("gpt-3.5")
        for one in side_by_side([5], known, encoding="cl100k_base", today=date(2026, 1, 1))
    )


def test_the_users_file_adds_and_wins(own: Path) -> None:
    own.write_text(OWN, encoding="utf-8")
    known = prices.load(own)
    assert (known["my-model"].train, known["my-model"].currency) == (Decimal(2), "EUR")
    assert known["gpt-4o-mini-2024-07-18"].train == Decimal("1.5")
    assert known["gpt-4o-2024-08-06"].train == Decimal("25.0")
    assert prices.load(own.with_name("absent.toml")).keys() == prices.load().keys()


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"EUR"', '"DOUBLOON"', ":2"),
        ("train = 2\n", "train = -2\n", ":7"),
        ("train = 1.5", 'train = "cheap"', ":11"),
        ("as_of = 2026-11-01", 'as_of = "yesterday"', ":1"),
        ('name = "my-model"', "name = 3", ":6"),
        ("[[model]]\nname", "[[model]]\nname =", ":6"),
        ("[[model]]", "[model]", ""),
        ("train = 2\n", 'train = 2\ncurrency = "XXX"\n', ":8"),
    ],
)
def test_a_price_file_that_is_wrong_is_named_with_the_line(own: Path, old: str, new: str, where: str) -> None:
    own.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Problem) as refused:
        prices.load(own)
    assert refused.value.where.startswith("prices.toml")
    assert refused.value.where.endswith(where)


def test_a_price_file_that_is_no_text_is_refused(own: Path) -> None:
    own.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Problem):
        prices.load(own)
    own.write_text("currency", encoding="utf-8")
    with pytest.raises(Problem, match="TOML"):
        prices.load(own)


def test_using_a_model_is_priced_by_a_package_and_a_tuned_one_by_our_list() -> None:
    known = prices.load()
    tuned = using.use_price("ft:gpt-4.1-mini-2025-04-14:org::abc", known)
    assert tuned is not None
    assert (tuned.input, tuned.output) == (Decimal("0.8"), Decimal("3.2"))
    plain = using.use_price("gpt-4o-mini", known)
    assert plain is not None
    assert plain.input == Decimal("0.15")
    assert using.use_price("nobody-knows-this", known) is None
    assert using.use_price("ft:gpt-5:x", known) is None  # dearer than its base: no figure rather than a wrong one
