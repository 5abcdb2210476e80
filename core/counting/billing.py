"""What a training costs: billable tokens times epochs times a dated price. In: token counts. Out: sums of money.

Every token of an example is billed, learnt or not, up to the longest that the model takes. The number of epochs that a
provider chooses by itself is estimated by its published rule; the job's own figure replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from core.counting.bases import O200K, encoding_of
from core.counting.prices import MILLION, Price, price_of, this_day

_EPOCHS: Final = 3
_FEWEST_SEEN, _MOST_SEEN, _MOST_EPOCHS = 100, 25_000, 25


def auto_epochs(examples: int) -> int:
    """How often the whole dataset is seen when that is left to the provider: three times, more of a small one (until
    100 examples were seen, at most 25 times), less of a huge one (25,000 seen)."""
    if examples <= 0:
        return 0
    if examples * _EPOCHS < _FEWEST_SEEN:
        return min(_MOST_EPOCHS, _FEWEST_SEEN // examples)
    if examples * _EPOCHS > _MOST_SEEN:
        return max(1, _MOST_SEEN // examples)
    return _EPOCHS


def billable(tokens: Iterable[int], limit: int | None = None) -> int:
    """The tokens of one epoch that are billed: of each example no more than the limit."""
    return sum(tokens) if limit is None else sum(min(one, limit) for one in tokens)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one model's training would cost."""

    model: str
    tokens: int  # of one epoch
    epochs: int
    price: Price | None
    money: Decimal | None  # None: no price is known

    @property
    def total_tokens(self) -> int:
        """The tokens of all epochs."""
        return self.tokens * self.epochs

    def gone(self, today: date | None = None) -> bool:
        """Whether the model has stopped answering."""
        return self.price is not None and self.price.ends is not None and (today or this_day()) >= self.price.ends


def estimate(model: str, tokens: Sequence[int], prices: Mapping[str, Price], *, epochs: int | None = None) -> Estimate:
    """The cost of training on examples of so many tokens each; without `epochs` the provider's own rule decides."""
    price = price_of(model, prices)
    once = billable(tokens, price.example_tokens if price else None)
    times = auto_epochs(len(tokens)) if epochs is None else epochs
    money = None if price is None or price.train is None else price.train * once * times / MILLION
    return Estimate(model, once, times, price, money)


def side_by_side(
    tokens: Sequence[int],
    prices: Mapping[str, Price],
    *,
    encoding: str = O200K,
    epochs: int | None = None,
    today: date | None = None,
) -> list[Estimate]:
    """The same training on every model that still answers and has the encoding of these counts, cheapest first."""
    told = [estimate(model, tokens, prices, epochs=epochs) for model in prices if encoding_of(model) == encoding]
    return sorted(
        (one for one in told if one.money is not None and not one.gone(today)), key=lambda one: one.money or 0
    )
