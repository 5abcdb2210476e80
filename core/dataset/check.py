"""Checks of a dataset before money or hours are spent on it.

In: examples with their numbers, made here or read from a file that somebody else made, and a way to count tokens. Out:
findings with the numbers of the examples they are about, and the figures (tokens, percentiles). It changes nothing, and
never quotes what is said in an example.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from core.chat import Example, Role, Side
from core.cleaning import privacy
from core.dataset.duplicates import digest, exchange, whole
from core.dataset.recipe import SEPARATOR_TAG
from core.language import _, ngettext

FEWEST: Final = 10  # examples that providers ask for
ADVISED: Final = 50  # from where an effect is seen
Level = Literal["error", "warning", "advice"]
_CONTROL: Final = re.compile(r"<\|[a-z_0-9]{1,30}\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>", re.IGNORECASE)
_SHOWN: Final = 20  # numbers kept of each finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or could be better."""

    level: Level
    code: str
    text: str
    count: int = 0
    rows: tuple[int, ...] = ()  # the first examples (or lines of a file) that it is about


@dataclass(frozen=True, slots=True)
class Overlong:
    """An example beyond the limit, and what cutting it from the end would take."""

    row: int
    tokens: int
    cut: int  # tokens beyond the limit
    reply_lost: bool  # nothing of the reply would be left


@dataclass(slots=True)
class CheckReport:
    """What was found."""

    examples: int = 0
    train: int = 0
    validation: int = 0
    tokens: list[int] = field(default_factory=list[int])  # of each training example
    validation_tokens: list[int] = field(default_factory=list[int])
    overlong: list[Overlong] = field(default_factory=list[Overlong])
    private: Counter[str] = field(default_factory=Counter[str])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def fit(self) -> bool:
        """Whether nothing forbids training on it."""
        return not any(one.level == "error" for one in self.findings)

    def percentiles(self, at: Sequence[int] = (5, 50, 95, 100)) -> dict[int, int]:
        """Tokens of an example at these percentiles of the training side."""
        return {one: percentile(self.tokens, one) for one in at}


def percentile(values: Sequence[int], at: int) -> int:
    """The smallest value that so many percent of the values do not exceed."""
    if not values:
        return 0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * at / 100) - 1)]


class _Rows:
    """Examples by what is the matter with them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, list[int]] = {}

    def add(self, code: str, row: int) -> None:
        self.counts[code] += 1
        rows = self.first.setdefault(code, [])
        if len(rows) < _SHOWN:
            rows.append(row)


def check(
    examples: Iterable[tuple[int, Example]],
    tokens_of: Callable[[Example], int] | None = None,
    *,
    limit: int | None = None,
) -> CheckReport:
    """Look at every example once. `limit` is the most tokens that the model takes for one."""
    report = CheckReport()
    rows = _Rows()
    seen: dict[bytes, int] = {}
    said: dict[bytes, int] = {}
    held: list[tuple[int, bytes]] = []
    reply_words: list[int] = []
    for row, example in examples:
        report.examples += 1
        is_train = example.side is Side.TRAIN
        report.train += is_train
        report.validation += not is_train
        _look_at_roles(rows, row, example)
        _look_at_words(rows, row, example, report.private)
        reply_words.append(len(example.lines[-1].text.split()) if example.lines else 0)
        all_of_it, last = digest(whole(example.lines)), digest(exchange(example.lines))
        if all_of_it in seen:
            rows.add("duplicate", row)
        seen.setdefault(all_of_it, row)
        if is_train:
            said.setdefault(last, row)
        else:
            held.append((row, last))
        if tokens_of is not None:
            _look_at_tokens(report, row, example, tokens_of, limit)
    for row, last in held:
        if last in said:
            rows.add("leak", row)
    report.findings = [*_sizes(report), *_told(rows, report.private), *_balance(report, reply_words)]
    order = {"error": 0, "warning": 1, "advice": 2}
    report.findings.sort(key=lambda one: order[one.level])
    return report


def _look_at_roles(rows: _Rows, row: int, example: Example) -> None:
    roles = [line.role for line in example.lines]
    if not roles or roles[-1] is not Role.ASSISTANT:
        rows.add("last", row)
    if not any(line.trained for line in example.lines):
        rows.add("untrained", row)
    if Role.SYSTEM in roles[1:]:
        rows.add("system", row)
    spoken = [role for role in roles if role is not Role.SYSTEM]
    if any(one is other for one, other in pairwise(spoken)):
        rows.add("alternate", row)


def _look_at_words(rows: _Rows, row: int, example: Example, private: Counter[str]) -> None:
    controls = False
    labels = tuple(f"\n{name}: " for name in {line.name for line in example.lines} if name)
    if labels and any(label in f"\n{line.text}" for line in example.lines for label in labels):
        rows.add("label", row)
    kinds: Counter[str] = Counter()
    for line in example.lines:
        if not line.text.strip():
            rows.add("empty reply" if line.trained else "empty", row)
        controls = controls or any(found[0] != SEPARATOR_TAG for found in _CONTROL.finditer(line.text))
        kinds.update(one.kind for one in privacy.find(line.text))
    if controls:
        rows.add("control", row)
    if kinds:
        rows.add("private", row)
        private.update(kinds)


def _look_at_tokens(
    report: CheckReport, row: int, example: Example, tokens_of: Callable[[Example], int], limit: int | None
) -> None:
    tokens = tokens_of(example)
    (report.tokens if example.side is Side.TRAIN else report.validation_tokens).append(tokens)
    if limit is None or tokens <= limit:
        return
    before = tokens_of(Example(example.lines[:-1], example.conversation, example.side)) if example.lines else 0
    report.overlong.append(Overlong(row, tokens, tokens - limit, before >= limit))


def _sizes(report: CheckReport) -> list[Finding]:
    found: list[Finding] = []
    if report.train < FEWEST:
        found.append(
            Finding(
                "error",
                "few",
                ngettext(
                    "There is {count} example to train on; providers ask for {fewest}.",
                    "There are {count} examples to train on; providers ask for {fewest}.",
                    report.train,
                ).format(count=report.train, fewest=FEWEST),
                report.train,
            )
        )
    elif report.train < ADVISED:
        found.append(
            Finding(
                "advice",
                "few",
                _("There are {count} examples to train on; an effect is seen from {advised}.").format(
                    count=report.train, advised=ADVISED
                ),
                report.train,
            )
        )
    if not report.validation:
        found.append(
            Finding("advice", "unvalidated", _("Nothing is held out, so overfitting will not show while it trains."))
        )
    if report.overlong:
        lost = sum(one.reply_lost for one in report.overlong)
        found.append(
            Finding(
                "warning",
                "overlong",
                _(
                    "Examples longer than the model takes: {count}. Cutting them takes {tokens} tokens; of {lost} "
                    "nothing of the reply is left."
                ).format(count=len(report.overlong), tokens=sum(one.cut for one in report.overlong), lost=lost),
                len(report.overlong),
                tuple(one.row for one in report.overlong[:_SHOWN]),
            )
        )
    return found


def _told(rows: _Rows, private: Mapping[str, int]) -> list[Finding]:
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(private.items()))
    texts: dict[str, tuple[Level, str]] = {
        "last": ("error", _("Examples that do not end with a reply: {count}.")),
        "untrained": ("error", _("Examples with nothing to learn: {count}.")),
        "empty reply": ("error", _("Examples with an empty reply: {count}.")),
        "empty": ("warning", _("Examples with an empty line: {count}.")),
        "system": ("warning", _("Examples with a system line that is not the first: {count}.")),
        "alternate": (
            "warning",
            _("Examples with two lines of one role in a row, which some templates refuse: {count}."),
        ),
        "control": ("warning", _("Examples that hold control words of a model, such as an end of turn: {count}.")),
        "label": ("warning", _("Examples in which somebody wrote a speaker's label, as if another spoke: {count}.")),
        "private": ("warning", _("Examples that hold what looks private: {count} (by the names of `mask`: {kinds}).")),
        "duplicate": ("warning", _("Examples that say the same as one before: {count}.")),
        "leak": ("error", _("Held-out examples whose like is on the training side: {count}.")),
    }
    return [
        Finding(
            level, code, text.format(count=rows.counts[code], kinds=kinds), rows.counts[code], tuple(rows.first[code])
        )
        for code, (level, text) in texts.items()
        if rows.counts[code]
    ]


def _balance(report: CheckReport, words: Sequence[int]) -> list[Finding]:
    found: list[Finding] = []
    if len(words) >= FEWEST:
        brief = sum(one <= 2 for one in words)
        if brief * 2 > len(words):
            found.append(
                Finding(
                    "advice",
                    "brief",
                    _("{percent} % of the replies have one or two words; min_reply_words leaves them out.").format(
                        percent=round(100 * brief / len(words))
                    ),
                    brief,
                )
            )
    if len(report.tokens) >= 20:
        longest = sorted(report.tokens)[-max(1, len(report.tokens) // 20) :]
        if sum(longest) * 3 > sum(report.tokens):
            found.append(
                Finding(
                    "advice",
                    "unbalanced",
                    _("The longest twentieth of the examples holds {percent} % of all tokens.").format(
                        percent=round(100 * sum(longest) / sum(report.tokens))
                    ),
                    len(longest),
                )
            )
    return found
