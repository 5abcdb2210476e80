"""The training of one run folder, from its job to its adapter.

In: a folder with job.json, train.jsonl and validation.jsonl. Out: events, checkpoints, and `adapter/` (or `model/`
for a full tuning) when it has succeeded. A loop of our own rather than transformers.Trainer: packed bins need no
collator machinery, every step's chance comes from its number, so a run killed at any moment and resumed ends with the
same bytes, and a worker starts two seconds sooner (docs/decisions.md).

A stop (SIGTERM) is taken between two steps: checkpoint, then the end. Knows no screen, no database and no backend.
"""

# pyright: basic

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import torch

from core.engine import fetching, loading
from core.engine.checkpoints import Checkpoints, Progress, publish
from core.engine.gauges import JOULES_A_KWH
from core.engine.machine import peak_memory
from core.engine.problems import ModelProblem
from core.engine.telling import Since, sample, step
from core.engine.templates import mark_of, tokens_of
from core.engine.together import Together, like, whole
from core.engine.work import Work, open_work
from core.language import _, ngettext
from core.training import job as jobs
from core.training.events import Log

_EVENTS_EVERY: Final = 0.25  # seconds between two step events: a screen that follows over SSH gets under 2 KB/s


def train(folder: Path, log: Log, stop: Callable[[], str]) -> str:
    """Train; the answer is the state that the run ends in. `stop` gives "", "pause" or "cancel"."""
    job = jobs.read(folder)
    together = Together(sharded=job.sharding == "fsdp")
    if together.world == 1 and (asked := stop()):
        return _stopped(asked)
    try:
        if job.allow_download and not loading.is_here(job.base, folder):
            fetching.fetch(job.base, log, lambda: bool(stop()))
        return _train(folder, job, log, together, stop)
    except fetching.Stopped:
        return _stopped(stop())
    finally:
        together.leave()


def _train(folder: Path, job: jobs.Job, log: Log, together: Together, stop: Callable[[], str]) -> str:
    checkpoints = Checkpoints(folder / "checkpoints")
    found = checkpoints.newest()
    work = open_work(folder, job, log, together, checkpoints.load(found)[0] if found else None)
    progress = _begin(work, checkpoints, found)
    return _learn(work, checkpoints, progress, stop)


def _begin(work: Work, checkpoints: Checkpoints, found: Path | None) -> Progress:
    if found is None:
        return Progress(
            0,
            work.machine.threads,
            work.machine.half,
            work.fingerprint,
            bins_at_once=work.needs.bins_at_once,
            recompute=work.needs.recompute,
        )
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
    """What is learnt, whole; several processes must ask together."""
    return {name: whole(weight.detach()) for name, weight in _learning(work)}


def _learning(work: Work) -> Iterator[tuple[str, torch.Tensor]]:
    return zip(work.stepper.names, work.stepper.weights, strict=True)


def _put_weights(work: Work, weights: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, weight in _learning(work):
            weight.copy_(like(weight, weights[name]))


def _asked(work: Work, stop: Callable[[], str]) -> str:
    """What anybody of us was asked for: all stop at the same step."""
    wishes = ("", "pause", "cancel")
    return wishes[work.together.most(wishes.index(stop()), work.machine.device)]


def _learn(work: Work, checkpoints: Checkpoints, progress: Progress, stop: Callable[[], str]) -> str:
    job, log, stepper = work.job, work.log, work.stepper
    save_every = job.checkpoint_every or max(1, work.steps // 10)
    check_every = job.validate_every or work.plan.steps_an_epoch
    sample_every = job.sample_every or check_every
    before, first = progress.seconds, progress.step
    work.model.train()
    if progress.step == 0:
        # What the tuning is measured against: the base's own loss, and how it answers.
        if work.held_out.trained_tokens:
            _validate(work, progress)
        sample(work, 0)
    joules = work.gauges.joules()
    began = told = time.monotonic()
    since = Since(told)
    over = bool(job.patience) and progress.worse >= job.patience  # it was killed after it had decided to stop
    batches = work.plan.steps(progress.step)
    while progress.step < work.steps and not over:
        if asked := _asked(work, stop):
            log.write("state", state="pausing")
            if progress.step:
                _save(work, checkpoints, progress)
            return _stopped(asked)
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
            step(work, progress, since, one, now, pace * (work.steps - progress.step))
            told, since = now, Since(now)
        progress.seconds = before + now - began
        if (progress.step % check_every == 0 or last) and work.held_out.trained_tokens:
            over = _validate(work, progress) and not last
            told = time.monotonic()
            since.began = told
        if progress.step % sample_every == 0 or last:
            sample(work, progress.step)
        if progress.step % save_every == 0 or last or progress.best_step == progress.step:
            _save(work, checkpoints, progress)
    if over:
        log.write(
            "log",
            level="info",
            text=ngettext(
                "No better for {count} validation: stopping early.",
                "No better for {count} validations: stopping early.",
                progress.worse,
            ).format(count=progress.worse),
        )
        _save(work, checkpoints, progress)
    if job.keep == "best" and progress.best_step and progress.best_step != progress.step:
        work.together.most(0, work.machine.device)  # the one that writes has written it
        best = work.folder / "checkpoints" / f"step-{progress.best_step:06d}"
        _put_weights(work, checkpoints.load(best)[1])
    spent = work.gauges.joules()
    result = _result(work, progress)
    log.write(
        "summary",
        result=result,
        step=progress.step,
        best_step=progress.best_step,
        tokens=progress.tokens,
        trained_tokens=progress.trained_tokens,
        seconds=round(progress.seconds, 2),
        peak_memory_bytes=peak_memory(work.machine.device),
        kwh=round((spent - joules) / JOULES_A_KWH, 5) if joules is not None and spent is not None else None,
    )
    return "succeeded"


def _validate(work: Work, progress: Progress) -> bool:
    """Measure on the held-out side; says whether patience has run out."""
    work.model.eval()
    told = work.objective.validate(
        work.model,
        work.layout,
        work.context,
        half=work.machine.measures_half,
        bins_at_once=max(1, work.needs.bins_at_once),
        together=work.together,
    )
    work.model.train()
    work.log.write("validation", step=progress.step, **told)
    loss = told["loss"]
    if progress.step == 0:
        return False
    if progress.best_loss is None or loss < progress.best_loss:
        progress.best_loss, progress.best_step, progress.worse = loss, progress.step, 0
    else:
        progress.worse += 1
    return bool(work.job.patience) and progress.worse >= work.job.patience


def _save(work: Work, checkpoints: Checkpoints, progress: Progress) -> None:
    began = time.monotonic()
    weights, moments = _weights(work), work.stepper.moments()
    if not work.together.writes:
        return
    path = checkpoints.save(progress, weights, moments, work.job.keep_checkpoints)
    work.log.write(
        "checkpoint",
        step=progress.step,
        path=f"checkpoints/{path.name}",
        bytes=sum(file.stat().st_size for file in path.iterdir()),
        seconds=round(time.monotonic() - began, 3),
    )


def _stopped(asked: str) -> str:
    return "cancelled" if asked == "cancel" else "paused"


def _result(work: Work, progress: Progress) -> str:
    """Write adapter/ (or model/), whole or not at all."""
    full = work.job.method == "full"
    name = "model" if full else "adapter"
    weights = _weights(work) if full and work.together.sharded else None
    if not work.together.writes:
        return name
    beside = work.folder / f".{name}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    work.model.config.use_cache = True
    if full:
        loading.save_whole(work.model, work.tokenizer, work.base, beside, state_dict=weights)
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
        "template_sha256": mark_of(work.tokenizer),
        "separator": work.job.separator,
        "separator_tokens": tokens_of(work.tokenizer, work.job.separator),
        "context": work.context,
        "examples": work.train.examples,
        "trained_tokens": work.train.trained_tokens,
        "fingerprint": work.fingerprint,
        "targets": work.targets,
        "vocabulary": work.model.get_input_embeddings().weight.shape[0],
    }
    (beside / loading.LINEAGE).write_text(json.dumps(lineage, indent=1), encoding="utf-8")
    publish(beside, work.folder / name)
    return name
