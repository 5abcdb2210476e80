"""The verbs that look before anything is spent: cleaning rules, private things, statistics, a dataset's check, prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.language import _, grouped
from core.problem import Misuse
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.chat import Example
    from core.counting.prices import Price
    from core.dataset.check import CheckReport
    from core.dataset.diff import Difference
    from core.dataset.statistics import Figures


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A cleaning rule with what it touches now."""

    name: str
    meaning: str
    on: bool
    count: int
    examples: tuple[str, ...]  # words of the first messages that it touches


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """Figures of one participant, or of all when the name is empty."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What a model's training and use cost, and until when it answers."""

    model: str
    tokens: int | None
    epochs: int | None
    training: str | None  # what this dataset's training would cost
    train: str | None  # for a million tokens
    input: str | None
    output: str | None
    ends: str | None
    said: str  # when and where the price was read


def rules(workspace: Workspace) -> list[RuleRow]:
    """Every cleaning rule: whether it is on, how many messages it touches, and the first of them."""
    from core.cleaning.rules import report
    from core.workspace import material, recipe

    now = recipe.current(workspace)
    having = material.of(workspace)
    found = report(material.hits(workspace, now), having.columns.lengths, now.cleaning)
    return [
        RuleRow(one.rule.name, _(one.rule.help), one.on, one.count, tuple(having.text(row) for row in one.rows))
        for one in found
    ]


def private_things(workspace: Workspace) -> Mapping[str, int]:
    """How many phones, e-mails, ids ... stand in what the recipe keeps, by kind."""
    from core.cleaning.privacy import report
    from core.workspace import recipe

    made = recipe.kept_columns(workspace)
    having = made[0]
    return report(having.text(row) for row in made[1]).finds


def statistics(
    workspace: Workspace, top: int = 20, participant: str = ""
) -> tuple[list[StatisticsRow], Mapping[str, int]]:
    """Lengths, vocabulary and top words of what the recipe keeps, of all and of each; and messages by month. With a
    participant, theirs alone."""
    import numpy as np

    from core.dataset.statistics import statistics as figures_of
    from core.workspace import recipe

    having, kept = recipe.kept_columns(workspace)
    mask = np.zeros(len(having.columns), np.bool_)
    mask[kept] = True
    told = figures_of(having, having.columns.keeping(mask), top=top)
    people = sorted(told.participants.items(), key=lambda item: -item[1].messages)
    rows = [StatisticsRow("", told.all)]
    rows += [
        StatisticsRow(having.participants[number].name, one) for number, one in people if number in having.participants
    ]
    if participant:
        from core.workspace import people as known

        one = known.named(workspace, participant)
        return [row for row in rows if row.name == one.name], {
            month: by.get(one.id, 0) for month, by in told.months.items()
        }
    return rows, {month: sum(by.values()) for month, by in told.months.items()}


def check(workspace: Workspace, name: str, model: str | None = None) -> tuple[CheckReport, str]:
    """What is wrong with a dataset, or with a JSONL file that somebody else made; and the model it was counted for."""
    from core.counting.counter import counter_for
    from core.counting.prices import load, price_of
    from core.dataset.check import check as look
    from core.dataset.foreign import check_file
    from core.workspace import datasets, models, recipe

    file = Path(name).expanduser()
    is_file = name.endswith((".jsonl", ".json")) or file.is_file()
    chosen = model or ("gpt-4o-mini" if is_file else str(recipe.current(workspace).model))
    if not is_file and model is None:
        chosen = str(datasets.named(workspace, name).recipe.get("model", chosen))
    counter = counter_for(chosen, folder=models.tokenizer_folder(workspace, chosen))
    price = price_of(chosen, load(_own_prices(workspace)))
    limit = price.example_tokens if price else None
    tokens: Callable[[Example], int] = counter.example
    if is_file:
        return check_file(file, tokens, limit=limit), chosen
    return look(enumerate(datasets.as_examples(workspace, name)), tokens, limit=limit), chosen


def difference(
    workspace: Workspace, name: str, other: str, progress: Callable[[int, int], None] | None = None
) -> Difference:
    """What two datasets share, and what only one of them has; `progress` gets examples read and to read."""
    from core.dataset.diff import diff
    from core.workspace import datasets

    sizes = [row.train + row.validation for row in (datasets.named(workspace, one) for one in (name, other))]

    def read(one: str, before: int) -> Iterator[Example]:
        for done, example in enumerate(datasets.as_examples(workspace, one), before):
            if progress is not None and (done == before or not done % 256):
                progress(done, sum(sizes))
            yield example

    return diff(read(name, 0), read(other, sizes[0]))


def prices(workspace: Workspace, dataset: str | None = None) -> list[PriceRow]:
    """What training (of a dataset, if one is named) and use cost at every model that we know a price of."""
    from core.chat import Side
    from core.counting.billing import estimate
    from core.counting.counter import counter_for
    from core.counting.prices import load
    from core.workspace import datasets

    known = load(_own_prices(workspace))
    rows: list[PriceRow] = []
    counted: dict[str, list[int]] = {}
    for model, price in sorted(known.items()):
        money = tokens = epochs = None
        if dataset is not None:
            counter = counter_for(model)
            if counter.encoding not in counted:
                counted[counter.encoding] = [
                    counter.example(one) for one in datasets.as_examples(workspace, dataset, Side.TRAIN)
                ]
            told = estimate(model, counted[counter.encoding], known)
            tokens, epochs = told.tokens, told.epochs
            money = None if told.money is None else amount(told.money, price.currency)
        rows.append(
            PriceRow(
                model, tokens, epochs, money, _each(price, "train"), _each(price, "input"), _each(price, "output"),
                price.ends.isoformat() if price.ends else None, price.said(),
            )
        )  # fmt: skip
    return rows


def priced_models(workspace: Workspace) -> list[str]:
    """The models whose training has a price."""
    from core.counting.prices import load

    return sorted(name for name, price in load(_own_prices(workspace)).items() if price.train is not None)


def example_limit(workspace: Workspace, model: str) -> int | None:
    """The most tokens of an example that a provider's model takes, where that is known."""
    from core.counting.prices import load, price_of

    price = price_of(model, load(_own_prices(workspace)))
    return price.example_tokens if price else None


def training_cost(workspace: Workspace, model: str, train: int, tokens: int) -> str | None:
    """What a provider would ask for so many examples with so many tokens; None where nobody is paid."""
    from core.counting.billing import auto_epochs
    from core.counting.prices import MILLION, load, price_of

    price = price_of(model, load(_own_prices(workspace)))
    if price is None or price.train is None:
        return None
    told = amount(price.train * tokens * auto_epochs(train) / MILLION, price.currency)
    return _("{money} ({epochs} epochs; {said})").format(money=told, epochs=auto_epochs(train), said=price.said())


def amount(money: Any, currency: str) -> str:
    """A sum as people read it."""
    return f"{currency} {grouped(money, 2)}" if money >= 1 else f"{currency} {money:.4f}"


def _each(price: Price, what: str) -> str | None:
    value = getattr(price, what)
    return None if value is None else f"{price.currency} {value:g}"


def price_list(workspace: Workspace) -> Mapping[str, Price]:
    """All training prices that are known, the user's own file included."""
    from core.counting.prices import load

    return load(_own_prices(workspace))


def _own_prices(workspace: Workspace) -> Path | None:
    named = workspace.settings.prices
    if not named:
        return None
    file = Path(named).expanduser()
    if not file.exists():
        raise Misuse(
            _("the price file of the settings is not there."),
            where=str(file),
            advice=_("Correct the setting “prices”."),
        )
    return file
