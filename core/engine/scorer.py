"""Measuring replies: how surprised is the base, and how surprised the tuned model, by what the persona really wrote.

In: a folder with score.json (`base`, `adapter` or none, `examples`). Out: scores.jsonl in it (an example a line:
tokens, bytes and characters of its replies, summed −log p under each model) and a summary event. Everything is
teacher-forced on the full chat, each chat by itself; only reply tokens count, the one that ends the reply included;
log-softmax in float32.

"Base" is the loaded model with its adapter off. That this is the clean base is not believed but measured: the logits
of the first examples before any adapter was put on are compared with those with the adapter off, and the largest
difference is reported.
"""

# pyright: basic

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from core.engine import loading
from core.engine.examples import read_examples
from core.engine.machine import this_machine
from core.engine.masking import Masker, Row
from core.engine.packing import Layout, collate
from core.engine.problems import ModelProblem
from core.engine.proving import layout_for
from core.engine.stepping import losses, summed_losses
from core.language import _
from core.training.events import Log

_PROOF_ROWS: Final = 4
_EVENTS_EVERY: Final = 0.25


def score(folder: Path, log: Log, stop: Callable[[], bool]) -> None:
    """Score the examples that score.json names."""
    try:
        told: Any = json.loads((folder / "score.json").read_bytes())
        base_named, adapter_named = str(told["base"]), told.get("adapter")
        examples = folder / str(told["examples"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelProblem(
            "data", _("There is nothing to score: score.json cannot be read."), where=folder.name
        ) from None
    machine = this_machine(precision=str(told.get("precision", "auto")), threads=int(told.get("threads", 0)))
    base = loading.find_base(base_named, folder)
    adapter = folder / str(adapter_named) if adapter_named else None
    tokenizer = loading.load_tokenizer(base.folder, label=base.name)
    if adapter is not None:
        loading.check_adapter(adapter, base)
        if (adapter / "tokenizer_config.json").is_file():  # the template as trained
            tokenizer = loading.load_tokenizer(adapter, label=adapter.name)
    model = loading.load_model(base, machine, half_weights=machine.device.type == "cuda" and machine.half)
    if adapter is not None:
        loading.widen(model, loading.rows_of(adapter))  # the base reads the same tokens
    model.eval()
    context = loading.context_of(model.config, tokenizer)
    masker = Masker(tokenizer, context=context, too_long="shorten")
    masked = masker.mask(read_examples(examples))
    rows = masked.rows
    if not masked.trained_tokens:
        raise ModelProblem(
            "data", _("There is nothing to score: no example has a reply of the persona."), where=examples.name
        )
    half = machine.measures_half
    layout = layout_for(model, rows, context, tokenizer.pad_token_id or 0, half=half)
    last = time.monotonic()

    def progress(share: float, what: str) -> None:
        nonlocal last
        if stop():
            raise ModelProblem("stopped", _("The measurement was stopped."))
        now = time.monotonic()
        if now - last >= _EVENTS_EVERY or share >= 1:
            last = now
            log.write("progress", model=what, share=round(share, 4))

    log.write("state", state="running")
    base_sums = _sums(model, rows, layout, half, lambda share: progress(share, "base"))
    tuned_sums, proof = None, None
    if adapter is not None:
        clean = _logits(model, rows[:_PROOF_ROWS], layout, half)
        model = loading.put_on(model, adapter, "tuned")
        with model.disable_adapter():
            proof = float((_logits(model, rows[:_PROOF_ROWS], layout, half) - clean).abs().max())
        tuned_sums = _sums(model, rows, layout, half, lambda share: progress(share, "tuned"))
    _write(folder / "scores.jsonl", rows, base_sums, tuned_sums)
    tokens = masked.trained_tokens
    log.write(
        "summary",
        examples=masked.examples,
        tokens=tokens,
        base=base.name,
        base_sha256=base.sha256,
        base_loss=sum(base_sums) / tokens,
        tuned_loss=sum(tuned_sums) / tokens if tuned_sums is not None else None,
        base_difference=proof,
        shortened=masked.shortened,
        dropped=masked.dropped,
        end_scored=masked.endless_replies == 0,
        machine=machine.words,
    )


def _sums(model: Any, rows: list[Row], layout: Layout, half: bool, progress: Callable[[float], None]) -> list[float]:
    done = 0
    # The number of bins is not known before packing; rows are: report by tokens seen.
    total = sum(len(row.ids) for row in rows)

    def each(bins: int) -> None:
        nonlocal done
        done += bins * layout.width
        progress(min(1.0, done / max(1, total)))

    return summed_losses(model, rows, layout, half=half, each=each)


def _logits(model: Any, rows: list[Row], layout: Layout, half: bool) -> torch.Tensor:
    device = next(model.parameters()).device
    packed = collate(rows, [[i] for i in range(len(rows))], layout).to(device)
    with torch.inference_mode():
        return losses(model, packed, layout, half=half, raw=True).float()


def _write(path: Path, rows: list[Row], base: list[float], tuned: list[float] | None) -> None:
    examples: dict[int, dict[str, Any]] = {}
    for number, row in enumerate(rows):  # an example may have several rows: a row a reply
        one = examples.setdefault(
            row.example,
            {
                "example": row.example,
                "conversation": row.conversation,
                "tokens": 0,
                "bytes": 0,
                "chars": 0,
                "base_nll": 0.0,
            },
        )
        one["tokens"] += row.trained_tokens
        one["bytes"] += row.text_bytes
        one["chars"] += row.text_chars
        one["base_nll"] += base[number]
        if tuned is not None:
            one["tuned_nll"] = one.get("tuned_nll", 0.0) + tuned[number]
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in examples.values())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
