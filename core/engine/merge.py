"""Base and adapter made one plain model folder, for servers that know nothing of adapters.

In: a base and its adapter. Out: a folder with safetensors weights, the tokenizer and template of the training,
written whole or not at all. The merged model is compared with base plus adapter on a short text before it is kept.
"""

# pyright: basic

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import torch

from core.engine import loading
from core.engine.checkpoints import publish
from core.engine.machine import this_machine
from core.engine.problems import ModelProblem
from core.language import _
from core.training.events import Log


def merge(base_named: str, adapter: Path, target: Path, log: Log) -> None:
    """Write the merged model to `target`."""
    machine = this_machine(precision="fp32")
    base = loading.find_base(base_named)
    loading.check_adapter(adapter, base)
    if target.exists():
        raise ModelProblem(
            "exists", _("There is something here already."), where=target.name, advice=_("Name another folder.")
        )
    log.write("state", state="running")
    has_own = (adapter / "tokenizer_config.json").is_file()
    tokenizer = loading.load_tokenizer(adapter if has_own else base.folder, label=adapter.name)
    model = loading.put_on(loading.load_model(base, machine), adapter, "tuned")
    ids = tokenizer("The quick brown fox, el veloz zorro.", return_tensors="pt")["input_ids"].to(machine.device)
    with torch.inference_mode():
        apart = model(input_ids=ids, use_cache=False).logits.float()
    merged = model.merge_and_unload(safe_merge=True)
    with torch.inference_mode():
        difference = float((merged(input_ids=ids, use_cache=False).logits.float() - apart).abs().max())
    merged.generation_config.eos_token_id = sorted(loading.end_tokens(merged, tokenizer))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700, parents=True)
    try:
        loading.save_whole(merged, tokenizer, base, beside)
        lineage = {**loading.read_lineage(adapter), "merged": True}
        (beside / loading.LINEAGE).write_text(json.dumps(lineage, indent=1), encoding="utf-8")
        publish(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    log.write("summary", folder=target.name, difference=difference)
