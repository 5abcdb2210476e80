"""What a training tells while it goes on: figures of steps, and samples of the voice.

In: the open work, where it stands, what the last steps gave. Out: `step` and `sample` events (docs/training.md has
their fields). Figures of many steps are told as one event: a screen that follows over SSH is not drowned, and telling
costs less than half a percent of a step.
"""

# pyright: basic

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.engine.checkpoints import Progress
from core.engine.generation import Choice, write
from core.engine.machine import used_memory
from core.engine.stepping import Stepped
from core.engine.templates import opening
from core.engine.work import Work

_SAMPLE_TOKENS: Final = 60


@dataclass
class Since:
    """What happened since the last step event: figures of many steps are told as one."""

    began: float
    loss: float = 0.0
    weight: int = 0
    sums: tuple[float, float] = (0.0, 0.0)
    trained: int = 0
    tokens: int = 0
    norm: float = 0.0

    def add(self, one: Stepped) -> None:
        """Count one step in."""
        self.loss += one.loss * one.weight
        self.weight += one.weight
        self.sums = (self.sums[0] + one.sums[0], self.sums[1] + one.sums[1])
        self.trained += one.trained
        self.tokens += one.tokens
        self.norm = max(self.norm, one.grad_norm)


def step(work: Work, progress: Progress, since: Since, one: Stepped, now: float, left: float) -> None:
    """Tell the steps since the last event."""
    passed = max(1e-9, now - since.began)
    work.log.write(
        "step",
        step=progress.step,
        steps=work.steps,
        loss=round(since.loss / max(1, since.weight), 6),
        lr=one.rate,
        grad_norm=round(since.norm, 5),
        tokens_per_second=round(since.tokens / passed, 1),
        trained_tokens_per_second=round(since.trained / passed, 1),
        tokens=progress.tokens,
        trained_tokens=progress.trained_tokens,
        eta_seconds=round(left, 1),
        memory_bytes=used_memory(work.machine.device),
        epoch=round(progress.step / work.plan.steps_an_epoch, 3),
        **work.objective.figures(since.sums, since.weight),
        **work.gauges.read(),
    )


def sample(work: Work, at: int) -> None:
    """Let the model answer what it never learnt the answer to, and set the real reply beside it."""
    if not (work.together.writes or work.together.sharded):
        return  # a sharded model can only be asked by all at once
    was_training = work.model.training
    work.model.eval()
    for prompt in work.prompts:
        ids = work.tokenizer(opening(work.tokenizer, prompt.messages), add_special_tokens=False)["input_ids"]
        choice = Choice(temperature=0.7, top_p=0.9, max_tokens=_SAMPLE_TOKENS, seed=work.job.seed)
        pieces = write(work.model, work.tokenizer, ids, choice, ends=work.ends, context=work.context)
        work.log.write(
            "sample",
            step=at,
            prompt=prompt.messages[-1]["content"] if prompt.messages else "",
            reply="".join(piece.text for piece in pieces),
            real=prompt.real,
        )
    work.model.train(was_training)
