"""What using a model costs: for a question and its answer, what was read from a cache apart, with the day of the price.

In: a model's name, our price files (core/counting/prices.py) and the package genai-prices. Out: a `UsePrice`, and the cost
of a reply's tokens. It asks no server. A model of this machine is `FREE`, which is known, and not the same as no price.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from core.counting.bases import base_of
from core.counting.prices import MILLION, OLD, Price, dated, price_of, this_day
from core.language import _


@dataclass(frozen=True, slots=True)
class UsePrice:
    """What answering costs, for a million tokens."""

    input: Decimal
    output: Decimal
    currency: str
    source: str
    cached: Decimal | None = None  # of what was read from the provider's cache; None: counted as any input
    as_of: date | None = None

    @property
    def free(self) -> bool:
        """Whether nobody is paid."""
        return self == FREE

    def cost(self, sent: int, got: int, cached: int = 0) -> Decimal:
        """What so many tokens cost. What a model thought before it answered is in `got`, and paid like it."""
        cheap = min(cached, sent) if self.cached is not None else 0
        read = (sent - cheap) * self.input + cheap * (self.cached or Decimal(0))
        return (read + got * self.output) / MILLION

    def is_old(self, today: date | None = None) -> bool:
        """Whether the price may have changed since it was written down."""
        return self.as_of is not None and (today or this_day()) - self.as_of > OLD

    def said(self, today: date | None = None) -> str:
        """When and where the price was read, for beside any sum."""
        if self.free:
            return _("costs nothing: it runs on this machine")
        return dated(self.as_of, self.source, today or this_day()) if self.as_of is not None else self.source

    def as_json(self) -> dict[str, Any]:
        """The price for `--json`: amounts for a million tokens."""
        return {
            "input": str(self.input),
            "cached": None if self.cached is None else str(self.cached),
            "output": str(self.output),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "source": self.source,
            "old": self.is_old(),
            "free": self.free,
        }


FREE: Final = UsePrice(Decimal(0), Decimal(0), "", "")


def own_use_price(model: str, own: Mapping[str, Price]) -> UsePrice | None:
    """What a file of prices says of using this very model."""
    known = price_of(model, own)
    if known is None or known.input is None or known.output is None:
        return None
    return UsePrice(known.input, known.output, known.currency, known.source, as_of=known.as_of)


def use_price(model: str, prices: Mapping[str, Price] | None = None, *, provider: str | None = None) -> UsePrice | None:
    """What using a model costs: a tuned one's by our own list, any other's by genai-prices; None if neither knows."""
    base = base_of(model)
    tuned = base != model.strip().lower().rpartition("/")[2]
    known = own_use_price(model, prices) if prices is not None else None
    if tuned:
        # A tuned model costs more than its base: better no figure than a wrong one.
        return known if known is not None else _packaged(model, provider)
    return _packaged(model, provider) or _packaged(base, provider)


def _packaged(model: str, provider: str | None) -> UsePrice | None:
    # Imported here: it costs 0.3 s, and most commands ask for no price.
    import genai_prices

    def each(**tokens: int) -> Decimal:
        usage = genai_prices.Usage(**tokens)
        return 1_000 * genai_prices.calc_price(usage, model_ref=model, provider_id=provider).total_price

    try:
        sent, got = each(input_tokens=1_000), each(output_tokens=1_000)
        cached = each(input_tokens=1_000, cache_read_tokens=1_000)
    except LookupError:
        return None
    return UsePrice(sent, got, "USD", "genai-prices", cached, _packaged_day())


@functools.cache
def _packaged_day() -> date | None:
    """The newest day that the package's data tells of, for it gives itself none. Days after its installation are those
    of prices that were announced."""
    import genai_prices
    from genai_prices.data_snapshot import get_snapshot

    installed = datetime.fromtimestamp(Path(genai_prices.__file__).stat().st_mtime, UTC).date()
    newest: date | None = None
    for provider in get_snapshot().providers:
        for model in provider.models:
            several: list[Any] = [
                *(model.prices if isinstance(model.prices, list) else ()),
                *(model.price_variants or ()),
            ]
            for one in several:
                day = getattr(one.constraint, "start_date", None)
                if isinstance(day, date) and day <= installed and (newest is None or day > newest):
                    newest = day
    return newest
