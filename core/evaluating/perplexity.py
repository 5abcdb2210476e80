"""Perplexity, and how sure we are of a difference in it. Standard library only.

In: scored examples. Out: figures with their definitions in words, because "perplexity" without one says nothing: the
same model on the same replies gives 2.77 pooled, 2.82 as the mean over conversations, and 1.78 if prompts and markup
are counted too. Here only the persona's replies count, with the token that ends each.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.evaluating.scoring import Scored
from core.language import _
from core.problem import Problem


@dataclass(frozen=True, slots=True)
class Perplexity:
    """One model's figures over some replies."""

    pooled: float
    by_conversation: float
    bits_per_byte: float
    tokens: int
    conversations: int
    examples: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Base against tuned, over the same replies. `share` is 1 − tuned/base of the pooled perplexity."""

    base: Perplexity
    tuned: Perplexity
    share: float
    low: float  # of `share`: where 95 % of the redrawn samples lie
    high: float
    better: float  # the share of redrawn samples in which the tuned model does better
    draws: int


def definitions() -> dict[str, str]:
    """What each figure means, for whoever reads a report."""
    return {
        "pooled": _(
            "Pooled perplexity: e to the summed surprise (−log p) of all reply tokens, divided by their number. The "
            "token that ends a reply counts; prompts do not. Lower is better; it depends on the tokenizer."
        ),
        "by_conversation": _(
            "Mean over conversations: the perplexity of each conversation by itself, then their plain mean: every "
            "conversation weighs the same, however long."
        ),
        "bits_per_byte": _(
            "Bits per byte: the summed surprise in bits, divided by the bytes of the replies' text. It can be compared "
            "between models with different tokenizers."
        ),
        "difference": _(
            "Difference: how much lower the tuned model's pooled perplexity is. The interval comes from redrawing "
            "whole conversations with replacement, the same ones for both models (paired bootstrap)."
        ),
    }


def perplexity(scored: Sequence[Scored], *, tuned: bool = False) -> Perplexity:
    """The figures of one model."""
    by = _conversations(scored, lambda one: _nll(one, tuned))
    nll, tokens = sum(n for n, _t in by), sum(t for _n, t in by)
    text = sum(one.bytes for one in scored)
    if tokens == 0:
        raise Problem(_("There are no reply tokens to measure."))
    means = [_exp(n / t) for n, t in by if t]
    return Perplexity(
        _exp(nll / tokens),
        math.fsum(means) / len(means),
        nll / math.log(2) / text if text else math.nan,
        tokens,
        len(by),
        len(scored),
    )


def difference(scored: Sequence[Scored], *, draws: int = 2000, seed: int = 0) -> Difference:
    """Base against tuned on the same replies."""
    base, tuned = perplexity(scored), perplexity(scored, tuned=True)
    ours = _conversations(scored, lambda one: _nll(one, True))
    pairs = [
        (b, t, n) for (b, n), (t, _same) in zip(_conversations(scored, lambda one: one.base_nll), ours, strict=True)
    ]
    chance = random.Random(seed)
    shares: list[float] = []
    for _number in range(draws):
        drawn = chance.choices(pairs, k=len(pairs))
        tokens = sum(n for _b, _t, n in drawn)
        if tokens:
            shares.append(-math.expm1(math.fsum(t - b for b, t, _n in drawn) / tokens))
    shares.sort()
    last = len(shares) - 1
    return Difference(
        base,
        tuned,
        1 - tuned.pooled / base.pooled,
        shares[round(last * 0.025)],
        shares[round(last * 0.975)],
        sum(share > 0 for share in shares) / len(shares),
        len(shares),
    )


def _nll(one: Scored, tuned: bool) -> float:
    if not tuned:
        return one.base_nll
    if one.tuned_nll is None:
        raise Problem(_("These replies were scored under the base alone."), advice=_("Score them with the adapter."))
    return one.tuned_nll


def _conversations(scored: Sequence[Scored], nll: Callable[[Scored], float]) -> list[tuple[float, int]]:
    by: dict[int, tuple[float, int]] = {}
    for one in scored:
        before, tokens = by.get(one.conversation, (0.0, 0))
        by[one.conversation] = (before + nll(one), tokens + one.tokens)
    return list(by.values())


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
