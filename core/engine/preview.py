"""What exactly is learnt from one example: its tokens as text, each with whether the loss is taken on it.

In: a run folder and the number of an example. Out: a summary event with the pieces in order. Opens the tokenizer only.
"""

# pyright: basic

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import transformers

from core.engine import loading
from core.engine.examples import read_examples
from core.engine.masking import Masker
from core.engine.problems import ModelProblem
from core.language import _
from core.training import job as jobs
from core.training.events import Log


def preview(folder: Path, number: int, log: Log) -> None:
    """Tell the tokens of example `number` (from 0) of train.jsonl."""
    job = jobs.read(folder)
    base = loading.find_base(job.base, folder)
    tokenizer = loading.load_tokenizer(base.folder, label=base.name)
    config: Any = transformers.AutoConfig.from_pretrained(
        str(base.folder), trust_remote_code=False, local_files_only=True
    )
    limit = loading.context_of(config, tokenizer)
    example = next(itertools.islice(read_examples(folder / "train.jsonl"), number, None), None)
    if example is None:
        raise ModelProblem("data", _("There is no such example."), where=str(number))
    masked = Masker(tokenizer, context=min(job.context or limit, limit), too_long=job.too_long).mask([example])
    rows = [
        [
            {"token": token, "text": tokenizer.decode([token]), "trained": trained}
            for token, trained in zip(row.ids, row.trained, strict=True)
        ]
        for row in masked.rows
    ]
    log.write(
        "summary",
        example=number,
        rows=rows,
        tokens=masked.tokens,
        trained_tokens=masked.trained_tokens,
        end_trained=masked.endless_replies == 0,
    )
