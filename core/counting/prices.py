"""What training and using a model costs: dated prices, each with its source.

In: a small file of training prices of ours, and one of the user's that wins over it. Out: prices for a million tokens; what
using a model costs is core/counting/using.py. It counts no tokens and asks no server; a price that is older than 90 days
says so.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from core.counting.bases import base_of
from core.language import N_, _
from core.problem import Problem, system_words

OURS: Final = Path(__file__).with_name("prices.toml")
CURRENCIES: Final = frozenset(
    {"USD", "EUR", "GBP", "ARS", "BRL", "CLP", "COP", "MXN", "PEN", "UYU", "CHF", "JPY", "CNY", "INR"}
)
OLD: Final = timedelta(days=90)
MILLION: Final = Decimal(1_000_000)
_LARGEST: Final = 1 << 20
_SOURCE: Final = N_("OpenAI's price list, section fine-tuning")  # of OURS, as it stands there
_AMOUNTS: Final = ("train", "input", "output")
_DATED: Final = re.compile(r"-\d{4}-\d\d-\d\d|-\d{4}")


def this_day() -> date:
    """Today, in the zone that providers count days by."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs, for a million tokens. None is unknown, which is not free."""

    model: str
    train: Decimal | None
    input: Decimal | None
    output: Decimal | None
    currency: str
    as_of: date
    source: str
    example_tokens: int | None = None  # the longest example; what is beyond is cut off
    ends: date | None = None

    def is_old(self, today: date | None = None) -> bool:
        """Whether the price may have changed since it was written down."""
        return (today or this_day()) - self.as_of > OLD

    def said(self, today: date | None = None) -> str:
        """When and where the price was read, and whether that is long ago, for beside any sum."""
        return dated(self.as_of, self.source, today or this_day())


def dated(day: date, source: str, today: date) -> str:
    """When and where a price was read, and whether that is long ago."""
    told = _("prices of {day} ({source})").format(day=day.isoformat(), source=_(source))
    if today - day > OLD:
        return _("{told}, {days} days old: check them").format(told=told, days=(today - day).days)
    return told


def load(own: Path | None = None) -> Mapping[str, Price]:
    """All training prices by model; those of the user's file, if there is one, win."""
    found = _read(OURS)
    if own is not None and own.exists():
        found |= _read(own)
    return found


def load_own(file: Path) -> Mapping[str, Price]:
    """The user's own prices alone."""
    return _read(file) if file.exists() else {}


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of a model by its name, its base's name, or the name without the date of its version."""
    base = base_of(model)
    for name in (model.strip(), base):
        if name in prices:
            return prices[name]
    dated = [name for name in prices if name.startswith(base) and _DATED.fullmatch(name[len(base) :])]
    return prices[max(dated)] if dated else None


def _read(file: Path) -> dict[str, Price]:
    try:
        if file.stat().st_size > _LARGEST:
            raise _malformed(file, None, _("it is too large"))
        text = file.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise _malformed(file, int(line[1]) if line else None, _("this is no TOML")) from None
    except UnicodeDecodeError:
        raise _malformed(file, None, _("it is not UTF-8")) from None
    except OSError as error:
        raise Problem(
            _("The price file cannot be read: {reason}.").format(reason=system_words(error)), where=file.name
        ) from error
    lines = text.splitlines()
    entries: Any = told.get("model", [])
    if not isinstance(entries, list):
        raise _malformed(file, _line_of(lines, "model", None), _("models are written as [[model]]"))
    found: dict[str, Price] = {}
    for place, entry in enumerate(cast("list[Any]", entries)):
        if not isinstance(entry, dict):
            raise _malformed(file, _line_of(lines, "model", None), _("models are written as [[model]]"))
        price = _price(file, lines, told, cast("dict[str, Any]", entry), place)
        found[price.model] = price
    return found


def _price(file: Path, lines: Sequence[str], told: Mapping[str, Any], entry: Mapping[str, Any], place: int) -> Price:
    def refuse(key: str, why: str) -> Problem:
        # A key that the entry does not have itself is the file's own, at its top.
        return _malformed(file, _line_of(lines, key, place if key in entry or key not in told else None), why)

    def value(key: str) -> Any:
        return entry.get(key, told.get(key))

    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise refuse("name", _("a model needs a name"))
    amounts: dict[str, Decimal | None] = {}
    for key in _AMOUNTS:
        amount = entry.get(key)
        if amount is None:
            amounts[key] = None
            continue
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not 0 <= amount < 1e6:
            raise refuse(key, _("{key} must be an amount for a million tokens").format(key=key))
        amounts[key] = Decimal(str(amount))
    currency = value("currency")
    if currency not in CURRENCIES:
        raise refuse("currency", _("currency must be one of {choices}").format(choices=", ".join(sorted(CURRENCIES))))
    as_of, ends = value("as_of"), entry.get("ends")
    if type(as_of) is not date:
        raise refuse("as_of", _("as_of must be a day such as 2026-11-20"))
    if ends is not None and type(ends) is not date:
        raise refuse("ends", _("ends must be a day such as 2026-11-20"))
    limit = entry.get("example_tokens")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0):
        raise refuse("example_tokens", _("example_tokens must be a count"))
    return Price(
        name.strip(), amounts["train"], amounts["input"], amounts["output"], str(currency), as_of,
        str(value("source") or file.name), limit, ends,
    )  # fmt: skip


def _line_of(lines: Sequence[str], key: str, place: int | None) -> int | None:
    """The line where a key stands, in the given [[model]] or before the first; the head of that model if nowhere."""
    model, head = -1, None
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*\[\[\s*model\s*\]\]", line):
            model += 1
            head = number if model == place else head
        elif re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line) and model == (-1 if place is None else place):
            return number
    return head


def _malformed(file: Path, line: int | None, why: str) -> Problem:
    return Problem(
        _("The price file is not understood: {why}.").format(why=why),
        where=f"{file.name}:{line}" if line else file.name,
        advice=_("Correct it or remove it."),
    )
