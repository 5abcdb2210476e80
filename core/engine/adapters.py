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
import transformers

from core.engine.loading import widen
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


def own_token(model: Any, tokenizer: Any, text: str) -> int | None:
    """Make a text one token, which begins as what a line break means; None where it is one already, or none is wanted.

    An ordinary token, not a control one: it belongs to what is said.
    """
    if not text or len(tokenizer(text, add_special_tokens=False)["input_ids"]) == 1:
        return None
    pieces = tokenizer("\n", add_special_tokens=False)["input_ids"]
    tokenizer.add_tokens([transformers.AddedToken(text, special=False, normalized=False)])
    number = int(tokenizer.convert_tokens_to_ids(text))
    widen(model, number + 1)
    with torch.no_grad():
        for layer in {model.get_input_embeddings(), model.get_output_embeddings()}:
            layer.weight[number] = layer.weight[pieces].mean(0)
    return number


def _token_layers(model: Any, number: int) -> dict[str, list[int]]:
    """The layers that hold a token's row: one where input and output share it."""
    seen: set[int] = set()
    told: dict[str, list[int]] = {}
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        if layer.weight.data_ptr() not in seen:
            seen.add(layer.weight.data_ptr())
            told[next(name for name, module in model.named_modules() if module is layer)] = [number]
    return told


def put_fresh(model: Any, job: Job, token: int | None = None) -> tuple[Any, list[str]]:
    """A new adapter, as the job says, drawn from its seed; with the row of a new token, if there is one."""
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
        trainable_token_indices=None if token is None else _token_layers(model, token),
    )
    model = peft.get_peft_model(model, config)
    return model, wanted
