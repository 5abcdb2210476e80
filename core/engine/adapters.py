"""Putting a fresh LoRA adapter on a model: which layers it adapts is found in the model, never assumed.

In: a model and the job. Out: the same model with trainable adapter weights, and the names of the layers adapted. A
named target that matches nothing is an error with the names that exist: families with fused projections (`qkv_proj`,
`gate_up_proj`) would otherwise be adapted in half their layers without a word.
"""

# pyright: basic

from __future__ import annotations

from collections import Counter
from typing import Any

import peft
import torch

from core.engine.problems import ModelProblem
from core.language import _
from core.training.job import Job


def linear_names(model: Any) -> list[str]:
    """Last names of the layers that an adapter can sit on, the output layer aside, most frequent first."""
    output = model.get_output_embeddings()
    found: Counter[str] = Counter()
    for name, module in model.named_modules():
        kind = type(module).__name__
        if module is not output and (isinstance(module, torch.nn.Linear) or kind in ("Conv1D", "Linear4bit")):
            found[name.rpartition(".")[2]] += 1
    return [name for name, _count in found.most_common()]


def put_fresh(model: Any, job: Job) -> tuple[Any, list[str]]:
    """A new adapter, as the job says, drawn from its seed."""
    there = linear_names(model)
    wanted = list(job.lora_targets) or there
    lost = [name for name in wanted if name not in there]
    if lost:
        raise ModelProblem(
            "target-modules",
            _("This model has no layer named {names}.").format(names=", ".join(lost)),
            where="lora_targets",
            advice=_("It has: {names}. Leave lora_targets empty to adapt all of them.").format(names=", ".join(there)),
        )
    if not wanted:
        raise ModelProblem(
            "target-modules",
            _("This model has no linear layer that an adapter could sit on."),
            advice=_("Use method=full."),
        )
    torch.manual_seed(job.seed)
    config = peft.LoraConfig(
        r=job.lora_rank,
        lora_alpha=job.lora_alpha,
        lora_dropout=job.lora_dropout,
        target_modules=wanted,
        task_type="CAUSAL_LM",
        bias="none",
    )
    model = peft.get_peft_model(model, config)
    return model, wanted
