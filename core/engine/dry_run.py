"""Before the first step: how much memory a step takes, how long it lasts, and what has to give if it is too much.

In: the model, its rows and the plan. Out: how many bins go through the model at once, whether activations are
recomputed (slower by about a third, so only when memory asks for it), and the predicted peak and time. It measures
one bin, and two where there are several, on the widest bins of the plan, and draws the line through both; nothing is
learnt.

The fewest pieces are taken that fit, and the choice is kept with the checkpoints: the order in which gradients are
added up changes their last bits.
"""

# pyright: basic

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from core.engine.gauges import Gauges
from core.engine.machine import Machine, mark_memory, peak_memory
from core.engine.masking import Masked, Row
from core.engine.objectives import Objective, Replies
from core.engine.packing import Layout, Plan, collate
from core.engine.problems import ModelProblem, out_of_memory
from core.engine.together import Together
from core.language import _

_SHARE: Final = 0.9  # of the free memory: allocators round up, other processes breathe


@dataclass(frozen=True)
class Needs:
    """What a step will take."""

    bins_at_once: int
    recompute: bool
    peak_bytes: int  # on top of what the model itself takes
    step_seconds: float
    watts: float | None = None  # while it worked, where the card counts its energy


def measure(
    model: Any,
    rows: Sequence[Row],
    plan: Plan,
    layout: Layout,
    machine: Machine,
    *,
    half: bool,
    limit: int = 0,
    gauges: Gauges | None = None,
    objective: Objective | None = None,
    together: Together | None = None,
) -> Needs:
    """Measure, and decide. Raises a problem when not even one bin with recomputing fits. Several processes decide alike:
    what fits the one that has least."""
    objective, together = objective or Replies(Masked(), Masked()), together or Together()
    step = max(plan.epoch(0), key=len)
    groups = sorted(step, key=lambda group: -sum(plan.lengths[one] for one in group))
    groups = groups[: -(-len(groups) // together.world)]
    budget = limit or int(machine.memory_bytes * _SHARE)
    # Gradients and the optimiser's two moments come on top of what a forward and backward pass takes.
    trainable = sum(weight.numel() * weight.element_size() for weight in model.parameters() if weight.requires_grad)
    for again in (False, True):
        if again:
            recompute(model)
        before, began = gauges.joules() if gauges else None, time.monotonic()
        try:
            peak, seconds = _peak(model, rows, groups[:1], layout, machine, half, objective)
            per_bin, fixed = peak, 0
            if len(groups) == 1:
                seconds = _peak(model, rows, groups, layout, machine, half, objective)[
                    1
                ]  # the first pass of all is a slow one
            else:
                two, seconds_two = _peak(model, rows, groups[:2], layout, machine, half, objective)
                per_bin = max(two - peak, peak // 4)  # allocators reuse: never believe that a bin is free
                fixed, seconds = max(0, peak - per_bin), seconds_two / 2
        except (RuntimeError, MemoryError) as error:
            if together.sharded or not out_of_memory(error):
                raise  # sharded, the others wait for our part of the pass
            _forget(model, machine)
            together.least(0, machine.device)
            continue
        after = gauges.joules() if gauges else None
        watts = None if before is None or after is None else (after - before) / max(1e-9, time.monotonic() - began)
        base = fixed + 3 * trainable
        at_once = together.least(_most_at_once(base, per_bin, len(groups), budget), machine.device)
        if at_once:
            return Needs(at_once, again, base + per_bin * at_once, seconds * len(groups), watts)
    raise ModelProblem(
        "memory",
        _("A single step needs more memory than the {free:.1f} GiB that are free.").format(free=budget / 2**30),
        advice=_("Lower context, choose a smaller base or method=lora, or free memory."),
    )


def _most_at_once(fixed: int, per_bin: int, count: int, budget: int) -> int:
    """How many bins go through at once when a step is cut in the fewest pieces that fit; 0: not even one fits."""
    pieces = 1
    while pieces <= count:
        at_once = -(-count // pieces)
        if fixed + per_bin * at_once <= budget:
            return at_once
        pieces = pieces * 2 if at_once > 1 else count + 1
    return 0


def recompute(model: Any) -> None:
    """Keep no activations between forward and backward: they are computed again."""
    # transformers renames this for its version 6.
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.enable_input_require_grads()


def _peak(
    model: Any,
    rows: Sequence[Row],
    groups: Sequence[Sequence[int]],
    layout: Layout,
    machine: Machine,
    half: bool,
    objective: Objective,
) -> tuple[int, float]:
    """Bytes on top of what was taken before, and seconds, of one forward and backward pass."""
    _forget(model, machine)
    before = mark_memory(machine.device)
    began = time.monotonic()
    packed = collate(rows, objective.bins(groups, alone=layout.way == "alone"), layout).to(machine.device)
    if len(packed.targets):
        objective.loss(model, packed, groups, layout, half=half)[0].backward()
    if machine.device.type == "cuda":
        torch.cuda.synchronize(machine.device)
    seconds = time.monotonic() - began
    peak = max(0, peak_memory(machine.device) - before)
    _forget(model, machine)
    return peak, seconds


def _forget(model: Any, machine: Machine) -> None:
    for weight in model.parameters():
        weight.grad = None
    if machine.device.type == "cuda":
        torch.cuda.empty_cache()
