"""The page before money is spent at a provider: what would be uploaded, trained and paid, and what speaks against it.

In: a dataset of the workspace, or a JSONL file; a profile of the settings; a base; the settings of the run. Out: a `Plan`,
the same for the screen and the command, which core/workspace/cloud.py starts as it stands. Nothing is uploaded: the
server is asked only whether it knows the base, and until when.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.chat import Side
from core.language import _, grouped
from core.problem import Misuse, Problem
from core.workspace.account import AT_ONCE, Patience
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.counting.prices import Price
    from core.endpoints import Profile
    from core.training.backends.openai.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """The final page: what would be uploaded, trained and paid, and what speaks against it."""

    profile: str
    kind: str
    model: str
    dataset: str
    method: str
    format: str
    train: int
    validation: int
    tokens: int  # of one epoch, of the training side
    exact: bool
    epochs: int
    epochs_said: str
    price: str  # for a million tokens, with its currency; "" if nobody knows
    money: Decimal | None
    currency: str
    said: str  # when and where the price was read
    ends: str  # until when the base answers; "" if no day is known
    last_job: str
    warnings: tuple[str, ...]
    confirm: str  # "" nothing is asked, "yes" a yes, else the words to type
    wanted: Wanted
    file: Path | None = None
    pairs: tuple[list[bytes], list[bytes]] | None = None  # lines of corrections, to train on and held out

    @property
    def total(self) -> int:
        """The tokens of all epochs."""
        return self.tokens * self.epochs

    def as_json(self) -> dict[str, Any]:
        """The page for `--json`."""
        return {
            "profile": self.profile,
            "model": self.model,
            "dataset": self.dataset,
            "method": self.method,
            "train": self.train,
            "validation": self.validation,
            "tokens": self.tokens,
            "tokens_exact": self.exact,
            "epochs": self.epochs,
            "total_tokens": self.total,
            "money": None if self.money is None else str(self.money),
            "currency": self.currency,
            "price_said": self.said,
            "ends": self.ends,
            "last_job": self.last_job,
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[tuple[str, str]]:
        """The page for people: what, and how much."""
        about = "" if self.exact else "≈ "
        money = _("unknown: no price of this model is known") if self.money is None else self.money_said()
        rows = [
            (_("provider"), f"{self.profile} ({self.kind})"),
            (_("base"), self.model),
            (_("dataset"), self.dataset),
            (_("method"), f"{self.method}, {self.format}"),
            (_("examples"), _("{train} to train on, {validation} held out").format(
                train=self.train, validation=self.validation
            )),
            (_("tokens"), about + _("{once} in one epoch, {all} in all").format(
                once=grouped(self.tokens), all=grouped(self.total)
            )),
            (_("epochs"), self.epochs_said),
            (_("cost"), f"≈ {money}" if self.money else money),
            (_("price"), f"{self.price} · {self.said}" if self.price else "—"),
            (_("base ends"), self.ends or _("no day is known")),
        ]  # fmt: skip
        if self.last_job:
            rows.append((_("last job"), self.last_job))
        return rows

    def money_said(self) -> str:
        """The sum, as people read and type it."""
        from core.workspace.checks import amount

        return amount(self.money, self.currency) if self.money is not None else ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of each example, to train on and held out, and whether they are the model's own."""

    train: list[int]
    validation: list[int]
    exact: bool


def plan(
    workspace: Workspace,
    dataset: str,
    profile_name: str,
    model: str,
    options: Mapping[str, Any] | None = None,
    patience: Patience = AT_ONCE,
    count: Callable[[str, str, str], Tokens] | None = None,
) -> Plan:
    """The page before a run; it asks the server only whether it knows the base, and until when. `count` may have
    `tokens_of` done by another process."""
    from core import endpoints
    from core.counting.billing import auto_epochs, billable
    from core.counting.prices import MILLION, price_of
    from core.endpoints import retirement
    from core.training.backends.openai import wanted
    from core.workspace import beginning, checks, datasets

    profile = endpoints.profile_of(workspace.settings, profile_name)
    profile.need("fine-tune")
    base = model.removeprefix(f"{profile_name}:")
    file = _file_named(dataset)
    pairs = None
    if dataset == beginning.CORRECTIONS and (options or {}).get("method") == "dpo":
        pairs = beginning.sides(beginning.correction_lines(workspace))
    row = None if file or pairs else datasets.named(workspace, dataset)
    job = wanted.from_options(
        options or {},
        profile,
        run="",
        model=base,
        dataset=file.name if file else dataset,
        digest=row.digest if row else "",
    )
    prices = checks.price_list(workspace)
    price = price_of(base, prices)
    warnings: list[str] = []
    if row is not None and job.format == "preference":
        raise Misuse(
            _("method=dpo learns from pairs of replies, and a dataset has none."),
            advice=_(
                "Name `corrections`: what was corrected in talks; or a file of pairs (sinsonte corrections export)."
            ),
        )
    tokens = count(dataset, base, job.format) if count is not None else tokens_of(workspace, dataset, base, job.format)
    train, held = len(tokens.train), len(tokens.validation)
    limit = price.example_tokens if price else None
    over = sum(one > limit for one in tokens.train) if limit else 0
    if over and limit:
        warnings.append(
            _("{count} examples are longer than {limit} tokens; the provider cuts off their ends.").format(
                count=over, limit=limit
            )
        )
    if train < profile.fewest_examples:
        raise Problem(
            _("there are {count} examples to train on; this provider asks for {fewest}.").format(
                count=train, fewest=profile.fewest_examples
            ),
            where=dataset,
            advice=_("Build a larger dataset."),
        )
    once = billable(tokens.train, limit)
    epochs = job.epochs or auto_epochs(train)
    each, currency, said = _price(profile, price)
    money = None if each is None else each * once * epochs / MILLION
    shutdown = _ask_for(profile, base, warnings, patience)
    end = retirement.end_of(profile, base, prices, shutdown)
    if end is not None and end.left() < 0:
        raise Problem(
            _("{model} {said}.").format(model=base, said=end.said()),
            where=profile_name,
            advice=_("Choose another base, or train here: --on local."),
        )
    last = retirement.last_job(profile)
    if last is not None and retirement.End(last, "list").left() < 0:
        raise Problem(
            _("OpenAI has taken no new fine-tuning job since {day}.").format(day=last.isoformat()),
            where=profile_name,
            advice=_("The same dataset trains here: sinsonte train start {dataset} --on local.").format(
                dataset=dataset
            ),
        )
    if end is not None and end.left() < 90:
        warnings.append(
            _("What is tuned on {model} {said}; `sinsonte models rehome` brings it here before that.").format(
                model=base, said=end.said()
            )
        )
    if not profile.deploys:
        warnings.append(_("The tuned model must be deployed at the provider, by its own means, before it answers."))
    return Plan(
        profile=profile_name,
        kind=profile.kind,
        model=base,
        dataset=dataset,
        method=job.method,
        format=job.format,
        train=train,
        validation=held,
        tokens=once,
        exact=tokens.exact,
        epochs=epochs,
        epochs_said=_epochs_said(job.epochs, epochs, train),
        price="" if each is None else _("{price} for a million tokens").format(price=f"{currency} {each:.2f}"),
        money=money,
        currency=currency,
        said=said,
        ends=end.said() if end else "",
        last_job=retirement.End(last, "list").day.isoformat() if last else "",
        warnings=tuple(warnings),
        confirm=_confirmation(workspace, profile, money, currency, base),
        wanted=dataclasses.replace(job, shutdown=shutdown),
        file=file,
        pairs=pairs,
    )


def check_options(workspace: Workspace, profile_name: str, options: Mapping[str, Any]) -> None:
    """A Misuse if these are no settings of a run there."""
    from core import endpoints
    from core.training.backends.openai import wanted

    profile = endpoints.profile_of(workspace.settings, profile_name)
    wanted.from_options(options, profile, run="", model="", dataset="", digest="")


def tokens_of(workspace: Workspace, dataset: str, model: str, form: str) -> Tokens:
    """How many tokens the model makes of each example: of a dataset, of a file, or of the corrections as pairs."""
    from core.counting.counter import counter_for
    from core.workspace import beginning, datasets

    counter = counter_for(model)
    file = _file_named(dataset)
    if file is not None:
        return Tokens(_count_file(file, form, counter.example, counter.text), [], counter.exact)
    if form == "preference":
        train, validation = (
            [_pair_tokens(one, n, dataset, counter.text) for n, one in enumerate(lines, 1)]
            for lines in beginning.sides(beginning.correction_lines(workspace))
        )
        return Tokens(train, validation, counter.exact)
    sides: dict[Side, list[int]] = {side: [] for side in Side}
    for example in datasets.as_examples(workspace, dataset):
        sides[example.side].append(counter.example(example))
    return Tokens(sides[Side.TRAIN], sides[Side.VALIDATION], counter.exact)


def _file_named(dataset: str) -> Path | None:
    path = Path(dataset).expanduser()
    return path if dataset.endswith(".jsonl") and path.is_file() else None


def _count_file(file: Path, form: str, example: Any, text: Any) -> list[int]:
    """The tokens of each line; a file with faults is refused before it is paid for."""
    if form == "preference":
        return [
            _pair_tokens(line, number, file.name, text)
            for number, line in enumerate(file.open("rb"), 1)
            if line.strip()
        ]
    from core.dataset.foreign import ForeignFile

    foreign = ForeignFile(file)
    counts = [example(one) for _number, one in foreign]
    for finding in foreign.findings:
        if finding.level == "error":
            raise Problem(
                finding.text,
                where=f"{file.name}:{finding.rows[0] if finding.rows else ''}".rstrip(":"),
                advice=_("`sinsonte dataset check {file}` says more.").format(file=file.name),
            )
    if foreign.format and foreign.format != form:
        raise Misuse(
            _("the file is in the format {found}.").format(found=foreign.format),
            where=file.name,
            advice=_("Say so with format={found}.").format(found=foreign.format),
        )
    return counts


def _pair_tokens(line: bytes, number: int, name: str, text: Any) -> int:
    try:
        told: Any = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
        messages = [*told["input"]["messages"], *told["preferred_output"], *told["non_preferred_output"]]
        return sum(4 + text(str(one["content"])) for one in messages) + 3
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Problem(
            _("this line is no pair of a preferred and a rejected reply."), where=f"{name}:{number}"
        ) from None


def _price(profile: Profile, price: Price | None) -> tuple[Decimal | None, str, str]:
    if profile.train_price is not None:
        return profile.train_price, "USD", _("from the settings of this endpoint")
    if profile.kind != "openai" or price is None or price.train is None:
        return None, "USD", ""
    return price.train, price.currency, price.said()


def _epochs_said(asked: int | None, epochs: int, examples: int) -> str:
    if asked:
        return str(epochs)
    return _(
        "{epochs}, chosen by the provider's published rule for {examples} examples (3 times; more of fewer than 34, less "
        "of more than 8333); the job's own figure replaces it"
    ).format(epochs=epochs, examples=examples)


def _ask_for(profile: Profile, base: str, warnings: list[str], patience: Patience) -> str:
    """The day on which the server says that the base ends; a server that does not list it is a warning."""
    from core import endpoints
    from core.endpoints.answers import text_in

    try:
        with patience.asking(profile) as provider:
            told = endpoints.call(lambda: provider.model(base), profile, tries=1)
    except endpoints.Failure as failure:
        if failure.kind in ("key", "unreachable", "address", "not-json"):
            raise
        warnings.append(
            _("The server does not say that it has “{model}”: {what}").format(model=base, what=failure.what)
        )
        return ""
    return text_in(told, "shutdown_date")


def _confirmation(workspace: Workspace, profile: Profile, money: Decimal | None, currency: str, base: str) -> str:
    from core.workspace.checks import amount

    if money is None:
        # Somebody's own server may cost nothing; a provider does.
        return "yes" if profile.kind == "custom" else base
    if money > Decimal(workspace.settings.confirm_above):
        return amount(money, currency)
    return "yes" if money else ""
