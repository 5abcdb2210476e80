"""What a training wants: the persona's replies to be likely, or the chosen reply of a pair likelier than the rejected.

In: rows (core/engine/masking.py) and a model's −log p of their trained tokens. Out: the loss of some bins, and the
figures of a validation. A *unit* is what is packed as one: a row, or the two rows of a pair, which always share a bin,
so that a step may still be taken in pieces. Knows no optimiser, no files and no events.

Preferences are learnt by direct preference optimisation (DPO): −log σ(β·((chosen − rejected) − the same of the
reference)), in summed log-probabilities of the reply tokens. The reference is the model as it stood before the first
step: with a fresh adapter that is the base itself, with one that is taken further (`adapter=`) it is that tuned model.
"""

# pyright: basic

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from core.engine.masking import Masked, Row
from core.engine.packing import Layout, width_for
from core.engine.stepping import losses, summed_losses
from core.engine.together import Together

Bins = Sequence[Sequence[int]]


class Objective(Protocol):
    """What a training wants."""

    train: Masked
    held_out: Masked

    def lengths(self, rows: Sequence[Row]) -> list[int]:
        """The tokens of each unit."""
        ...

    def bins(self, groups: Bins, *, alone: bool = False) -> list[list[int]]:
        """The rows of bins of units."""
        ...

    def weight(self, rows: Sequence[Row], groups: Bins) -> int:
        """What the loss of a step is a mean over."""
        ...

    def loss(self, model: Any, packed: Any, groups: Bins, layout: Layout, *, half: bool) -> tuple[Any, Any]:
        """The summed loss of these bins, and two more sums that a step tells."""
        ...

    def figures(self, sums: Sequence[float], weight: int) -> dict[str, float]:
        """Those sums as fields of an event."""
        ...

    def validate(self, model: Any, layout: Layout, context: int, **how: Any) -> dict[str, float]:
        """The figures of the held-out side."""
        ...


class Replies:
    """Each token of the persona's replies, and the one that ends each, as likely as can be."""

    def __init__(self, train: Masked, held_out: Masked) -> None:
        self.train, self.held_out = train, held_out

    def lengths(self, rows: Sequence[Row]) -> list[int]:
        return [len(row.ids) for row in rows]

    def bins(self, groups: Bins, *, alone: bool = False) -> list[list[int]]:
        return [list(group) for group in groups]

    def weight(self, rows: Sequence[Row], groups: Bins) -> int:
        return sum(rows[one].trained_tokens for group in groups for one in group)

    def loss(self, model: Any, packed: Any, groups: Bins, layout: Layout, *, half: bool) -> tuple[Any, Any]:
        return losses(model, packed, layout, half=half).sum(), torch.zeros(2, device=packed.ids.device)

    def figures(self, sums: Sequence[float], weight: int) -> dict[str, float]:
        return {}

    def validate(self, model: Any, layout: Layout, context: int, **how: Any) -> dict[str, float]:
        rows = self.held_out.rows
        wide = replace(layout, width=width_for(self.lengths(rows), context))
        loss = sum(summed_losses(model, rows, wide, **how)) / self.held_out.trained_tokens
        return {"loss": round(loss, 6), "perplexity": round(math.exp(min(loss, 700)), 5)}


class Pairs:
    """Of two replies to the same words the chosen one likelier, measured from where the model started."""

    def __init__(self, train: Masked, held_out: Masked, beta: float) -> None:
        self.train, self.held_out, self.beta = train, held_out, beta
        self._reference = torch.zeros(len(train.rows) // 2)
        self._held_reference: list[float] = [0.0] * (len(held_out.rows) // 2)

    def lengths(self, rows: Sequence[Row]) -> list[int]:
        return [len(rows[at].ids) + len(rows[at + 1].ids) for at in range(0, len(rows), 2)]

    def bins(self, groups: Bins, *, alone: bool = False) -> list[list[int]]:
        if alone:
            return [[2 * pair + which] for group in groups for pair in group for which in (0, 1)]
        return [[2 * pair + which for pair in group for which in (0, 1)] for group in groups]

    def weight(self, rows: Sequence[Row], groups: Bins) -> int:
        return sum(len(group) for group in groups)

    def take_reference(
        self,
        model: Any,
        layout: Layout,
        context: int,
        together: Together,
        *,
        half: bool,
        measures_half: bool,
        bins_at_once: int = 4,
    ) -> None:
        """Remember how likely the replies are now, before the first step; a resumed run comes to the same figures. Each
        side in the number format of what it is compared with: that of the steps, and that of validations."""
        was_training = model.training
        model.eval()
        for masked, in_half in ((self.train, half), (self.held_out, measures_half)):
            if not masked.rows:
                continue
            wide = replace(layout, width=width_for([len(row.ids) for row in masked.rows], context))
            sums = summed_losses(model, masked.rows, wide, half=in_half, bins_at_once=bins_at_once, together=together)
            told = [sums[at + 1] - sums[at] for at in range(0, len(sums), 2)]
            if masked is self.train:
                self._reference = torch.tensor(told)
            else:
                self._held_reference = told
        model.train(was_training)

    def loss(self, model: Any, packed: Any, groups: Bins, layout: Layout, *, half: bool) -> tuple[Any, Any]:
        each = losses(model, packed, layout, half=half)
        pairs = [pair for group in groups for pair in group]
        sums = torch.zeros(2 * len(pairs), device=each.device).index_add(0, packed.owners.to(each.device), each)
        margins = self.beta * (sums[1::2] - sums[0::2] - self._reference[pairs].to(each.device))
        with torch.no_grad():
            told = torch.stack(((margins > 0).sum().float(), margins.sum()))
        return -F.logsigmoid(margins).sum(), told

    def figures(self, sums: Sequence[float], weight: int) -> dict[str, float]:
        return {"accuracy": round(sums[0] / max(1, weight), 4), "margin": round(sums[1] / max(1, weight), 5)}

    def validate(self, model: Any, layout: Layout, context: int, **how: Any) -> dict[str, float]:
        rows = self.held_out.rows
        wide = replace(layout, width=width_for([len(row.ids) for row in rows], context))
        sums = summed_losses(model, rows, wide, **how)
        margins = torch.tensor(
            [self.beta * (sums[2 * i + 1] - sums[2 * i] - before) for i, before in enumerate(self._held_reference)]
        )
        told = self.figures([float((margins > 0).sum()), float(margins.sum())], len(margins))
        return {"loss": round(float(-F.logsigmoid(margins).mean()), 6), **told}
