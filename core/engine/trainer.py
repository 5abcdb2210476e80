"""The training of one run folder, from its job to its adapter.

In: a folder with job.json, train.jsonl and validation.jsonl. Out: events, checkpoints, and `adapter/` (or `model/` for a
full tuning) when it has succeeded. A loop of our own rather than transformers.Trainer: packed bins need no collator
machinery, every step's chance comes from its number, so a run killed at any moment and resumed ends with the same bytes,
and a worker starts two seconds sooner (docs/decisions.md).

A stop (SIGTERM) is taken between two steps: checkpoint, then the end. Knows no screen, no database and no backend.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from core.engine import loading
from core.engine.adapters import put_fresh
from core.engine.checkpoints import Checkpoints, Progress, publish
from core.engine.examples import read_examples
from core.engine.generation import Choice, write
from core.engine.loading import Base, ModelProblem
from core.engine.machine import Machine, this_machine, used_memory
from core.engine.masking import Masked, Masker, Row
from core.engine.packing import Plan, plan, width_for
from core.engine.stepping import Layout, Stepped, Stepper, layout_for, summed_losses
from core.engine.templates import render
from core.language import _
from core.training import job as jobs
from core.training.events import Log
from core.training.job import Job

_EVENTS_EVERY: Final = 0.25  # seconds between two step events: a screen that follows over SSH gets under 2 KB/s
_SAMPLE_TOKENS: Final = 60


@dataclass
class Work:
    """Everything that a training holds while it runs."""

    folder: Path
    job: Job
    log: Log
    machine: Machine
    base: Base
    tokenizer: Any
    model: Any
    train: Masked
    held_out: Masked
    plan: Plan
    layout: Layout
    stepper: Stepper
    steps: int
    context: int
    ends: set[int]
    fingerprint: str
    targets: list[str] = field(default_factory=list[str])
    prompts: list[list[dict[str, str]]] = field(default_factory=list[list[dict[str, str]]])


@dataclass
class Since:
    """What happened since the last step event: figures of many steps are told as one."""

    began: float
    loss: float = 0.0
    trained: int = 0
    tokens: int = 0
    norm: float = 0.0

    def add(self, one: Stepped) -> None:
        """Count one step in."""
        self.loss += one.loss * one.trained
        self.trained += one.trained
        self.tokens += one.tokens
        self.norm = max(self.norm, one.grad_norm)


def train(folder: Path, log: Log, stop: Callable[[], str]) -> str:
    """Train; the answer is the state that the run ends in. `stop` gives "", "pause" or "cancel"."""
    log.write("state", state="running")
    job = jobs.read(folder)
    if asked := stop():
        return _stopped(log, asked)
    work = open_work(folder, job, log)
    checkpoints = Checkpoints(folder / "checkpoints")
    progress = _begin(work, checkpoints)
    return _learn(work, checkpoints, progress, stop)


def open_work(folder: Path, job: Job, log: Log) -> Work:
    """Open model and data, and decide everything that the steps depend on."""
    kept = _threads_before(folder)
    machine = this_machine(precision=job.precision, threads=kept or job.threads)
    base = loading.find_base(job.base, folder)
    tokenizer = loading.load_tokenizer(base.folder, label=base.name)
    adapter = job.method != "full"
    half_weights = adapter and machine.device.type == "cuda" and machine.half
    model = loading.load_model(base, machine, half_weights=half_weights, four_bit=job.method == "qlora")
    ends = loading.end_tokens(model, tokenizer)
    limit = loading.context_of(model.config, tokenizer)
    context = min(job.context or limit, limit)
    masker = Masker(tokenizer, context=context, too_long=job.too_long)
    rows = masker.mask(read_examples(folder / "train.jsonl"))
    held = folder / "validation.jsonl"
    held_out = masker.mask(read_examples(held)) if held.is_file() else Masked()
    _check(rows, log)
    targets: list[str] = []
    if adapter:
        model, targets = put_fresh(model, job)
    model.config.use_cache = False
    cut = plan(rows.rows, batch_size=job.batch_size, context=context, seed=job.seed)
    steps = job.steps or max(1, math.ceil(job.epochs * cut.steps_an_epoch))
    filler = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(sorted(ends)), 0)
    layout = layout_for(model, cut.width, filler)
    stepper = Stepper(
        model,
        rate=job.rate,
        steps=steps,
        warmup=math.ceil(job.warmup * steps),
        cosine=job.schedule == "cosine",
        weight_decay=job.weight_decay,
        clip=job.clip,
        half=machine.half,
        layout=layout,
        seed=job.seed,
    )
    mark = hashlib.sha256(base.sha256.encode())
    settings = dataclasses.asdict(job)
    for unimportant in (
        "base",
        "sample_every",
        "sample_prompts",
        "keep_checkpoints",
        "checkpoint_every",
        "threads",
        "memory_bytes",
        "allow_download",
    ):
        del settings[unimportant]
    mark.update(json.dumps(settings, sort_keys=True).encode())
    for row in rows.rows:
        mark.update(repr((row.ids, row.trained)).encode())
    log.write(
        "plan",
        steps=steps,
        examples=rows.examples,
        tokens=rows.tokens,
        trained_tokens=rows.trained_tokens,
        validation_examples=held_out.examples,
        validation_trained_tokens=held_out.trained_tokens,
        epochs=round(steps / cut.steps_an_epoch, 3),
        width=cut.width,
        bins_a_step=cut.bins_a_step,
        context=context,
        machine=machine.words,
        base=base.name,
        base_sha256=base.sha256,
        method=job.method,
        learning_rate=job.rate,
        trainable=sum(weight.numel() for weight in stepper.weights),
        parameters=sum(weight.numel() for weight in model.parameters()),
        targets=targets,
        end_trained=rows.endless_replies == 0,
        shortened=rows.shortened,
        dropped=rows.dropped,
        split_examples=rows.split_examples,
    )
    return Work(
        folder,
        job,
        log,
        machine,
        base,
        tokenizer,
        model,
        rows,
        held_out,
        cut,
        layout,
        stepper,
        steps,
        context,
        ends | rows.end_tokens,
        mark.hexdigest(),
        targets,
        _prompts(job, folder, held),
    )


def _threads_before(folder: Path) -> int:
    # Sums come out differently with another number of threads: a resumed run keeps to the number it began with.
    for path in sorted((folder / "checkpoints").glob("step-[0-9]*/progress.json"), reverse=True):
        try:
            return int(json.loads(path.read_bytes())["threads"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return 0


def _check(rows: Masked, log: Log) -> None:
    if rows.trained_tokens == 0:
        raise ModelProblem(
            "no-trained-tokens",
            _("There is nothing to learn: no example has a reply of the persona."),
            where="train.jsonl",
            advice=_("Check the persona and the recipe; a reply is an assistant message."),
        )
    if rows.endless_replies:
        log.write(
            "log",
            level="warning",
            text=_("{count} replies have no end token after them: the model may not learn when to stop.").format(
                count=rows.endless_replies
            ),
        )
    if rows.dropped or rows.shortened:
        log.write(
            "log",
            level="warning",
            text=_("Too long for the model: {shortened} examples shortened, {dropped} left out.").format(
                shortened=rows.shortened, dropped=rows.dropped
            ),
        )


def _prompts(job: Job, folder: Path, held: Path) -> list[list[dict[str, str]]]:
    if job.sample_prompts:
        return [[{"role": "user", "content": one}] for one in job.sample_prompts]
    told: list[list[dict[str, str]]] = []
    for example in read_examples(held if held.is_file() else folder / "train.jsonl"):
        messages = [{"role": m["role"], "content": m["content"]} for m in example["messages"]]
        while messages and messages[-1]["role"] == "assistant":
            messages.pop()
        if messages and messages not in told:
            told.append(messages)
        if len(told) == 2:
            break
    return told


def _begin(work: Work, checkpoints: Checkpoints) -> Progress:
    found = checkpoints.newest()
    fresh = Progress(0, work.machine.threads, work.machine.half, work.fingerprint)
    if found is None:
        return fresh
    progress, weights, moments = checkpoints.load(found)
    if progress.fingerprint != work.fingerprint:
        raise ModelProblem(
            "changed",
            _("The job, its examples or its base changed since the last checkpoint."),
            where=found.name,
            advice=_("Put them back as they were, or start a new run."),
        )
    _put_weights(work, weights)
    work.stepper.take_up(progress.step, moments)
    work.log.write("log", level="info", text=_("Going on from step {step}.").format(step=progress.step))
    return progress


def _weights(work: Work) -> dict[str, torch.Tensor]:
    return dict(zip(work.stepper.names, work.stepper.weights, strict=True))


def _put_weights(work: Work, weights: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, weight in _weights(work).items():
            weight.copy_(weights[name])


def _learn(work: Work, checkpoints: Checkpoints, progress: Progress, stop: Callable[[], str]) -> str:
    job, log, stepper = work.job, work.log, work.stepper
    save_every = job.checkpoint_every or max(1, work.steps // 10)
    check_every = job.validate_every or work.plan.steps_an_epoch
    sample_every = job.sample_every or check_every
    began = told = time.monotonic()
    before, first = progress.seconds, progress.step
    since = Since(began)
    work.model.train()
    if progress.step == 0 and work.held_out.trained_tokens:
        _validate(work, progress)  # the base's own loss: what the tuning is measured against
    told = time.monotonic()
    since = Since(told)
    over = False
    batches = work.plan.steps(progress.step)
    while progress.step < work.steps and not over:
        if asked := stop():
            log.write("state", state="pausing")
            _save(work, checkpoints, progress)
            return _stopped(log, asked)
        one = stepper.step(work.train.rows, next(batches))
        progress.step = stepper.done
        progress.tokens += one.tokens
        progress.trained_tokens += one.trained
        since.add(one)
        if not (math.isfinite(one.loss) and math.isfinite(one.grad_norm)):
            raise ModelProblem(
                "diverged",
                _("The loss is no longer a number at step {step}.").format(step=progress.step),
                advice=_("Lower the learning rate (it is {rate:g}), or set precision=fp32.").format(rate=job.rate),
            )
        now = time.monotonic()
        last = progress.step == work.steps
        if now - told >= _EVENTS_EVERY or last:
            pace = (now - began) / max(1, progress.step - first)
            _tell(work, progress, since, one, now, pace * (work.steps - progress.step))
            told, since = now, Since(now)
        progress.seconds = before + now - began
        if (progress.step % check_every == 0 or last) and work.held_out.trained_tokens:
            over = _validate(work, progress) and not last
            told = time.monotonic()
            since.began = told
        if progress.step % sample_every == 0 or last:
            _sample(work, progress.step)
        if progress.step % save_every == 0 or last or progress.best_step == progress.step:
            _save(work, checkpoints, progress)
    if over:
        log.write(
            "log",
            level="info",
            text=_("No better for {count} validations: stopping early.").format(count=progress.worse),
        )
        _save(work, checkpoints, progress)
    if job.keep == "best" and progress.best_step and progress.best_step != progress.step:
        best = work.folder / "checkpoints" / f"step-{progress.best_step:06d}"
        _put_weights(work, checkpoints.load(best)[1])
    result = _result(work, progress)
    log.write(
        "summary",
        result=result,
        step=progress.step,
        best_step=progress.best_step,
        tokens=progress.tokens,
        trained_tokens=progress.trained_tokens,
        seconds=round(progress.seconds, 2),
    )
    return "succeeded"


def _tell(work: Work, progress: Progress, since: Since, one: Stepped, now: float, left: float) -> None:
    passed = max(1e-9, now - since.began)
    work.log.write(
        "step",
        step=progress.step,
        steps=work.steps,
        loss=round(since.loss / max(1, since.trained), 6),
        lr=one.rate,
        grad_norm=round(since.norm, 5),
        tokens_per_second=round(since.tokens / passed, 1),
        eta_seconds=round(left, 1),
        memory_bytes=used_memory(work.machine.device),
        epoch=round(progress.step / work.plan.steps_an_epoch, 3),
    )


def _validate(work: Work, progress: Progress) -> bool:
    """Pooled loss on the held-out replies; says whether patience has run out."""
    work.model.eval()
    rows = work.held_out.rows
    layout = layout_for(work.model, width_for([len(row.ids) for row in rows], work.context), work.layout.filler)
    loss = sum(summed_losses(work.model, rows, layout, half=work.machine.half)) / work.held_out.trained_tokens
    work.model.train()
    work.log.write("validation", step=progress.step, loss=round(loss, 6), perplexity=round(math.exp(min(loss, 700)), 5))
    if progress.step == 0:
        return False
    if progress.best_loss is None or loss < progress.best_loss:
        progress.best_loss, progress.best_step, progress.worse = loss, progress.step, 0
    else:
        progress.worse += 1
    return bool(work.job.patience) and progress.worse >= work.job.patience


def _sample(work: Work, step: int) -> None:
    work.model.eval()
    for messages in work.prompts:
        text = render(work.tokenizer, messages, ask=True)  # pyright: ignore[reportArgumentType]
        ids = work.tokenizer(text, add_special_tokens=False)["input_ids"]
        choice = Choice(temperature=0.7, top_p=0.9, max_tokens=_SAMPLE_TOKENS, seed=work.job.seed)
        pieces = write(work.model, work.tokenizer, ids, choice, ends=work.ends, context=work.context)
        work.log.write("sample", step=step, prompt=messages[-1]["content"], reply="".join(p.text for p in pieces))
    work.model.train()


def _save(work: Work, checkpoints: Checkpoints, progress: Progress) -> None:
    path = checkpoints.save(progress, _weights(work), work.stepper.moments(), work.job.keep_checkpoints)
    work.log.write("checkpoint", step=progress.step, path=f"checkpoints/{path.name}")


def _stopped(log: Log, asked: str) -> str:
    del log
    return "cancelled" if asked == "cancel" else "paused"


def _result(work: Work, progress: Progress) -> str:
    """Write adapter/ (or model/), whole or not at all."""
    full = work.job.method == "full"
    name = "model" if full else "adapter"
    beside = work.folder / f".{name}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    work.model.config.use_cache = True
    if full:
        work.model.save_pretrained(str(beside), safe_serialization=True)
    else:
        for config in work.model.peft_config.values():
            config.base_model_name_or_path = work.base.name
        work.model.save_pretrained(str(beside), safe_serialization=True, save_embedding_layers=False)
        (beside / "README.md").unlink(missing_ok=True)  # the model card is written from the lineage, by the workspace
    work.tokenizer.save_pretrained(str(beside))
    lineage = {
        "base": work.base.name,
        "base_sha256": work.base.sha256,
        "method": work.job.method,
        "step": progress.step,
        "best_step": progress.best_step,
        "best_loss": progress.best_loss,
        "end_tokens": sorted(work.ends),
        "context": work.context,
        "examples": work.train.examples,
        "trained_tokens": work.train.trained_tokens,
        "fingerprint": work.fingerprint,
        "targets": work.targets,
    }
    (beside / loading.LINEAGE).write_text(json.dumps(lineage, indent=1), encoding="utf-8")
    publish(beside, work.folder / name)
    return name


__all__ = ["Row", "Work", "open_work", "train"]
