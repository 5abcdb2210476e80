"""One optimiser step on packed bins, and the loss that everything else is measured with.

In: a causal model of any family, and `Packed` bins. Out: the summed loss over the trained tokens, and weights a step
further. The output layer is computed for the trained positions alone: a hook before it picks their states, so
whatever a family does around it (scaling, soft caps) still happens, and the logits of prompts, which nobody needs and
which are the largest tensor of a training with a real vocabulary, never exist. Knows no files and no schedule.
"""

# pyright: basic

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from core.engine.masking import Masked, Row
from core.engine.packing import Layout, Packed, bins, collate
from core.engine.together import Together, is_sharded, like, whole

if TYPE_CHECKING:
    from core.engine.objectives import Objective


@contextlib.contextmanager
def only_at(model: Any, places: torch.Tensor) -> Iterator[None]:
    """Within this, the model's output layer sees the states at these flat positions only."""
    output = model.get_output_embeddings()

    def pick(_module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        states = given[0]
        return (states.reshape(1, -1, states.shape[-1])[:, places], *given[1:])

    hook = output.register_forward_pre_hook(pick)
    try:
        yield
    finally:
        hook.remove()


def losses(model: Any, packed: Packed, layout: Layout, *, half: bool, raw: bool = False) -> torch.Tensor:
    """−log p of every target, in float32; `raw`: the logits themselves, a row a target."""
    device = packed.ids.device
    given: dict[str, Any] = {"input_ids": packed.ids, "use_cache": False}
    if layout.way != "alone":
        given["position_ids"] = packed.positions
    if layout.way == "varlen":
        # The way of transformers' own attention for packed rows. The mask is none: of four dimensions it is handed
        # through as it is, so that no model makes one of its own.
        given["cu_seq_lens_q"] = given["cu_seq_lens_k"] = packed.edges
        given["max_length_q"] = given["max_length_k"] = packed.longest
    if layout.way != "positions":
        given["attention_mask"] = packed.mask
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half), only_at(model, packed.places):
        logits = model(**given).logits
    if raw:
        return logits.reshape(-1, logits.shape[-1])
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), packed.targets, reduction="none")


class Stepper:
    """Model, optimiser and schedule together: takes steps, and can be put down and taken up again."""

    def __init__(
        self,
        model: Any,
        *,
        rate: float,
        steps: int,
        warmup: int,
        cosine: bool,
        weight_decay: float,
        clip: float,
        half: bool,
        layout: Layout,
        seed: int,
        bins_at_once: int = 0,
        objective: Objective | None = None,
        together: Together | None = None,
    ) -> None:
        self.model = model
        if objective is None:
            from core.engine.objectives import Replies

            objective = Replies(Masked(), Masked())
        self.objective = objective
        self.together = together or Together()
        self.names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        # Gains and biases are not decayed; matrices are.
        groups = [
            {"params": [w for w in self.weights if w.ndim > 1], "weight_decay": weight_decay},
            {"params": [w for w in self.weights if w.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, fused=True)
        self.rate, self.steps, self.warmup, self.cosine = rate, steps, warmup, cosine
        self.clip, self.half, self.layout, self.seed = clip, half, layout, seed
        self.bins_at_once = bins_at_once
        self.done = 0

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from zero."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        if not self.cosine:
            return self.rate
        share = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))

    def step(self, rows: Sequence[Row], groups: Sequence[Sequence[int]]) -> Stepped:
        """Learn from these bins (of units, see core/engine/objectives.py). All chance in it (dropout) is drawn from the
        seed and the step's number, so a step is the same whether or not the process was started anew before it."""
        objective, together = self.objective, self.together
        torch.manual_seed((self.seed << 32) + (together.rank << 24) + self.done)
        rate = self.rate_at(self.done)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        device = self.weights[0].device
        alone = self.layout.way == "alone"
        weight = max(1, objective.weight(rows, groups))
        sums = torch.zeros(3, device=device)  # of the loss, and of what the objective tells besides
        for some, counts in together.pieces(groups, self.bins_at_once):
            packed = collate(rows, objective.bins(some, alone=alone), self.layout)
            if not (len(packed.targets) or together.sharded):
                continue
            loss, told = objective.loss(self.model, packed.to(device), some, self.layout, half=self.half)
            (loss / weight if counts else loss * 0).backward()
            if counts:
                sums += torch.cat((loss.detach().reshape(1), told))
        together.sum(sums)
        together.sum_gradients(self.weights)
        norm = whole(torch.nn.utils.clip_grad_norm_(self.weights, self.clip or math.inf))
        summed, first, second = sums.tolist()
        length = float(norm)
        if math.isfinite(summed) and math.isfinite(length):
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.done += 1
        units = [one for group in objective.bins(groups) for one in group]
        tokens, trained = sum(len(rows[one].ids) for one in units), sum(rows[one].trained_tokens for one in units)
        return Stepped(summed / weight, length, rate, tokens, trained, weight, (first, second))

    def moments(self) -> dict[str, torch.Tensor]:
        """The optimiser's memory, by the names of the weights."""
        kept: dict[str, torch.Tensor] = {}
        for name, weight in zip(self.names, self.weights, strict=True):
            for key, value in self.optimiser.state[weight].items():
                kept[f"{name}:{key}"] = whole(torch.as_tensor(value)).contiguous()
        return kept

    def take_up(self, done: int, moments: dict[str, torch.Tensor]) -> None:
        """Go on from a step with the moments that were kept then."""
        for name, weight in zip(self.names, self.weights, strict=True):
            step = moments[f"{name}:step"].clone().to(weight.device)
            self.optimiser.state[weight] = {
                "step": step,
                **{key: like(weight, moments[f"{name}:{key}"].clone()) for key in ("exp_avg", "exp_avg_sq")},
            }
        self.done = done


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step gave."""

    loss: float
    grad_norm: float
    rate: float
    tokens: int
    trained: int
    weight: int = 0  # what the loss is a mean over
    sums: tuple[float, float] = (0.0, 0.0)  # what the objective tells besides


def summed_losses(
    model: Any,
    rows: Sequence[Row],
    layout: Layout,
    *,
    half: bool,
    bins_at_once: int = 4,
    each: Any = None,
    together: Together | None = None,
) -> list[float]:
    """For every row the summed −log p of its trained tokens; nothing is learnt. Rows are packed, longest first."""
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i].ids))
    groups = bins([len(row.ids) for row in rows], order, layout.width, alone=layout.way == "alone")
    device = next(model.parameters()).device
    told = torch.zeros(len(rows), dtype=torch.float64)
    # A sharded model gathers its weights into what it keeps: that must not be made in inference mode.
    sharded = any(is_sharded(weight) for weight in model.parameters())
    # Several processes share the rows; those who measure alone (the scorer) give no `together`.
    for some, counts in (together or _ALONE).pieces(groups, bins_at_once):
        packed = collate(rows, some, layout)
        if len(packed.targets):
            with torch.no_grad() if sharded else torch.inference_mode():
                each_loss = losses(model, packed.to(device), layout, half=half).cpu().double()
            if counts:
                numbers = torch.tensor([one for group in some for one in group])
                told[numbers] = torch.zeros(len(numbers), dtype=torch.float64).index_add_(0, packed.owners, each_loss)
        if each:
            each(len(some))
    if together and together.world > 1:
        told = together.sum(told.to(device)).cpu()
    return told.tolist()


class _Alone(Together):
    def __init__(self) -> None:
        self.rank, self.world, self.local, self.beside, self.sharded = 0, 1, 0, 1, False


_ALONE: Final = _Alone()
