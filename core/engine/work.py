"""Opening a run: model, tokens, adapter and plan, everything that the steps depend on, decided before the first of
them.

In: the run folder and its job. Out: a `Work`, and the `plan` event that says what was decided. Knows nothing of how
steps follow each other.
"""

# pyright: basic

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from core.engine import loading
from core.engine.adapters import own_token, put_fresh
from core.engine.checkpoints import Progress
from core.engine.dry_run import Needs, measure, recompute
from core.engine.examples import read_examples
from core.engine.gauges import JOULES_A_KWH, Gauges
from core.engine.loading import Base
from core.engine.machine import Machine, mark_memory, this_machine, used_memory
from core.engine.masking import Masked, Masker
from core.engine.objectives import Objective, Pairs, Replies
from core.engine.packing import Layout, Plan, plan
from core.engine.pairs import mask_pairs, read_pairs
from core.engine.problems import ModelProblem
from core.engine.proving import layout_for
from core.engine.stepping import Stepper
from core.engine.templates import Said
from core.engine.together import Together, shard
from core.language import _, ngettext
from core.training.events import Log
from core.training.job import Job

_FORWARD: Final = 1 / 3  # of a step's time: the way back is twice the way forth
# What a run may change between its attempts without becoming another.
_UNIMPORTANT: Final = (
    "base",
    "adapter",
    "sample_every",
    "sample_prompts",
    "keep_checkpoints",
    "checkpoint_every",
    "device",
    "processes",
    "sharding",
    "threads",
    "memory_bytes",
    "allow_download",
)
_SAMPLES: Final = 2  # prompts that are asked again and again while it learns


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
    objective: Objective
    plan: Plan
    layout: Layout
    stepper: Stepper
    steps: int
    context: int
    ends: set[int]
    fingerprint: str
    needs: Needs
    together: Together
    targets: list[str] = field(default_factory=list[str])
    prompts: list[Prompt] = field(default_factory=list["Prompt"])
    gauges: Gauges = field(default_factory=lambda: Gauges(torch.device("cpu")))

    @property
    def train(self) -> Masked:
        """What is learnt from."""
        return self.objective.train

    @property
    def held_out(self) -> Masked:
        """What is measured on."""
        return self.objective.held_out


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a sample is asked with, and what the persona really answered, where that is known."""

    messages: list[Said]
    real: str | None = None


def open_work(folder: Path, job: Job, log: Log, together: Together, before: Progress | None = None) -> Work:
    """Open model and data, and decide everything that the steps depend on; what was decided `before` stays decided, for
    sums come out differently in their last bits with other threads, another number format or other pieces."""
    precision = job.precision if before is None else "bf16" if before.half else "fp32"
    machine = this_machine(
        precision=precision, threads=before.threads if before else job.threads, device=job.device, together=together
    )
    together.join(machine.device)
    if machine.trouble:
        log.write("log", level="warning", text=machine.trouble)
    base = loading.find_base(job.base, folder)
    start = folder / job.adapter if job.adapter else None
    if start is not None:
        loading.check_adapter(start, base)
    own_words = start is not None and (start / "tokenizer_config.json").is_file()
    tokenizer = loading.load_tokenizer(start if own_words and start else base.folder, label=base.name)
    half_weights = job.method != "full" and machine.device.type == "cuda" and machine.half
    model = loading.load_model(
        base,
        machine,
        half_weights=half_weights,
        four_bit=job.method == "qlora",
        wait=together.sharded,  # its parts go to the device one by one
    )
    token = own_token(model, tokenizer, job.separator)
    ends = loading.end_tokens(model, tokenizer)
    limit = loading.context_of(model.config, tokenizer)
    if job.context > limit:
        raise ModelProblem(
            "too-long",
            _("This model reads {limit} tokens at most, and context={context} asks for more.").format(
                limit=limit, context=job.context
            ),
            where="context",
            advice=_("Lower context, or leave it at 0."),
        )
    context = job.context or limit
    objective = _objective(folder, job, Masker(tokenizer, context=context, too_long=job.too_long))
    rows = objective.train
    _check(objective, log)
    targets: list[str] = []
    if start is not None:
        model = loading.put_on(model, start, "default", learning=True, dropout=job.lora_dropout)
        targets = sorted(model.peft_config["default"].target_modules or ())
    elif job.method != "full":
        model, targets = put_fresh(model, job, token)
    model.config.use_cache = False
    if together.sharded:
        shard(model, together, machine.device)
    filler = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(sorted(ends)), 0)
    lengths = objective.lengths(rows.rows)
    layout = layout_for(
        model,
        rows.rows,
        context,
        filler,
        lengths,
        half=machine.half,
        tell=lambda level, text: log.write("log", level=level, text=text),
    )
    alone = layout.way == "alone"
    cut = plan(rows.rows, batch_size=job.batch_size, context=context, seed=job.seed, alone=alone, lengths=lengths)
    steps = job.steps or max(1, math.ceil(job.epochs * cut.steps_an_epoch))
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
        objective=objective,
        together=together,
    )
    model.train()
    gauges = Gauges(machine.device)
    taken = used_memory(machine.device)
    if before is not None and before.bins_at_once:
        needs = Needs(before.bins_at_once, before.recompute, 0, 0.0)
        if needs.recompute:
            recompute(model)
    else:
        needs = measure(
            model,
            rows.rows,
            cut,
            layout,
            machine,
            half=machine.half,
            limit=job.memory_bytes,
            gauges=gauges,
            objective=objective,
            together=together,
        )
    stepper.bins_at_once = needs.bins_at_once
    if isinstance(objective, Pairs):
        objective.take_reference(
            model,
            layout,
            context,
            together,
            half=machine.half,
            measures_half=machine.measures_half,
            bins_at_once=max(1, needs.bins_at_once),
        )
    work = Work(
        folder,
        job,
        log,
        machine,
        base,
        tokenizer,
        model,
        objective,
        cut,
        layout,
        stepper,
        steps,
        context,
        ends | rows.end_tokens,
        _mark(job, base, rows, start),
        needs,
        together,
        targets,
        _prompts(job, folder),
        gauges,
    )
    _tell_plan(work, taken)
    _check_room(work)
    mark_memory(machine.device)
    return work


def _check_room(work: Work) -> None:
    """Refuse a disk that cannot hold the checkpoints, before hours are spent on the way to the first of them."""
    learnt = sum(weight.numel() * weight.element_size() for weight in work.stepper.weights)
    checkpoint = 3 * learnt  # the weights and two moments of each
    # One more than are kept is there while it is written; then the result, which is the weights alone.
    most = min(work.job.keep_checkpoints + 1, work.steps) * checkpoint + learnt
    there = sum(file.stat().st_size for file in (work.folder / "checkpoints").rglob("*") if file.is_file())
    free = shutil.disk_usage(work.folder).free
    if free + there < most:
        raise ModelProblem(
            "disk",
            _("The disk has {free} free, and the checkpoints of this run need up to {needed}.").format(
                free=_size(free), needed=_size(most - there)
            ),
            where=work.folder.name,
            advice=_("Free some space and resume the run, or start one with a lower keep_checkpoints or lora_rank."),
        )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _objective(folder: Path, job: Job, masker: Masker) -> Objective:
    held = folder / "validation.jsonl"
    if job.method == "dpo":
        train = mask_pairs(masker, read_pairs(folder / "train.jsonl"))
        return Pairs(train, mask_pairs(masker, read_pairs(held)) if held.is_file() else Masked(), job.beta)
    train = masker.mask(read_examples(folder / "train.jsonl"))
    return Replies(train, masker.mask(read_examples(held)) if held.is_file() else Masked())


def _mark(job: Job, base: Base, rows: Masked, start: Path | None) -> str:
    """A fingerprint of all that the steps depend on."""
    mark = hashlib.sha256(base.sha256.encode())
    if start is not None:
        mark.update(loading.fingerprint([start / loading.ADAPTER_WEIGHTS]).encode())
    settings = dataclasses.asdict(job)
    for unimportant in _UNIMPORTANT:
        del settings[unimportant]
    mark.update(json.dumps(settings, sort_keys=True).encode())
    for row in rows.rows:
        mark.update(repr((row.ids, row.trained)).encode())
    return mark.hexdigest()


def _tell_plan(work: Work, taken: int) -> None:
    rows, held_out, cut, needs, job = work.train, work.held_out, work.plan, work.needs, work.job
    seconds = _seconds(needs.step_seconds, work.steps, cut, held_out, job)
    work.log.write(
        "plan",
        steps=work.steps,
        examples=rows.examples,
        tokens=rows.tokens,
        trained_tokens=rows.trained_tokens,
        validation_examples=held_out.examples,
        validation_trained_tokens=held_out.trained_tokens,
        epochs=round(work.steps / cut.steps_an_epoch, 3),
        width=cut.width,
        packing=work.layout.way,
        attention=work.layout.attention,
        bins_a_step=cut.bins_a_step,
        context=work.context,
        machine=work.machine.words,
        base=work.base.name,
        base_sha256=work.base.sha256,
        method=job.method,
        learning_rate=job.rate,
        trainable=sum(weight.numel() for weight in work.stepper.weights),
        parameters=sum(weight.numel() for weight in work.model.parameters()),
        targets=work.targets,
        end_trained=rows.endless_replies == 0,
        shortened=rows.shortened,
        dropped=rows.dropped,
        split_examples=rows.split_examples,
        bins_at_once=needs.bins_at_once,
        recompute=needs.recompute,
        gpu=work.gauges.name or None,
        processes=work.together.world,
        sharding=job.sharding if work.together.sharded else "none",
        predicted_memory_bytes=taken + needs.peak_bytes if needs.peak_bytes else None,
        predicted_seconds=round(seconds, 1) if seconds else None,
        predicted_kwh=round(needs.watts * seconds / JOULES_A_KWH, 5) if needs.watts else None,
    )


def _seconds(step: float, steps: int, cut: Plan, held_out: Masked, job: Job) -> float:
    """How long the training will take: its steps, and the validations between them."""
    checks = 1 + -(-steps // (job.validate_every or cut.steps_an_epoch))
    an_epoch = max(1, sum(cut.lengths))
    return step * steps + checks * _FORWARD * step * cut.steps_an_epoch * held_out.tokens / an_epoch


def _check(objective: Objective, log: Log) -> None:
    rows = objective.train
    if isinstance(objective, Pairs) and not rows.rows:
        raise ModelProblem(
            "no-trained-tokens",
            _("There is nothing to learn: no pair has two different replies."),
            where="train.jsonl",
            advice=_("Correct some replies in a chat first."),
        )
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
            text=ngettext(
                "{count} reply has no end token after it: the model may not learn when to stop.",
                "{count} replies have no end token after them: the model may not learn when to stop.",
                rows.endless_replies,
            ).format(count=rows.endless_replies),
        )
    if rows.dropped or rows.shortened:
        log.write(
            "log",
            level="warning",
            text=_("Too long for the model: {shortened} examples shortened, {dropped} left out.").format(
                shortened=rows.shortened, dropped=rows.dropped
            ),
        )


def _prompts(job: Job, folder: Path) -> list[Prompt]:
    if job.sample_prompts:
        return [Prompt([Said(role="user", content=one)]) for one in job.sample_prompts]
    told: list[Prompt] = []
    held = folder / "validation.jsonl"
    from_ = held if held.is_file() else folder / "train.jsonl"
    examples = (chosen for chosen, _rejected in read_pairs(from_)) if job.method == "dpo" else read_examples(from_)
    for example in examples:
        messages = [Said(role=m["role"], content=m["content"]) for m in example["messages"]]
        real = messages.pop()["content"] if messages[-1]["role"] == "assistant" else None
        if all(one.messages != messages for one in told):
            told.append(Prompt(messages, real))
        if len(told) == _SAMPLES:
            break
    return told
