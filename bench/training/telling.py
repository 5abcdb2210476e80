"""What telling costs a training, and how near the plan's figures come to what happens.

    python -m bench.training.telling [--steps 400]

The first: processor time of one step event (figures, JSON, one write to a real file) against the processor time that a
training has between two of them. The second: a real run of the embedded model's shape by the real backend; its `plan`
event against its `summary`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import training
from core.training.events import FILE, Writer
from tests import tiny

EVENTS, A_SECOND = 20_000, 4  # a training tells so often at most


def cost(folder: Path) -> float:
    """Seconds of processor time that one step event takes."""
    with Writer(folder / FILE) as log:
        began = time.process_time()
        for number in range(EVENTS):
            log.write(
                "step", step=number, steps=EVENTS, loss=1.234567, lr=0.0002, grad_norm=0.98765, tokens_per_second=9876.5,
                trained_tokens_per_second=4321.0, tokens=number * 999, trained_tokens=number * 333, eta_seconds=123.4,
                memory_bytes=678_901_234, epoch=1.234,
            )  # fmt: skip
        return (time.process_time() - began) / EVENTS


def main() -> None:
    """Measure both."""
    words = argparse.ArgumentParser()
    words.add_argument("--steps", type=int, default=400)
    told = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        one = cost(Path(place))
        print(
            f"a step event takes {1e6 * one:.0f} µs; {A_SECOND} a second are {100 * A_SECOND * one:.3f} % of one core"
        )
        run = tiny.prepare(
            Path(place) / "run", steps=told.steps, validate_every=told.steps // 4, checkpoint_every=99_999
        )
        training.start(run)
        plan: Mapping[str, Any] = {}
        for event in training.follow(run):
            if event.kind == "plan":
                plan = event.fields
            elif event.kind == "summary":
                for what, before, after in (
                    ("seconds", plan["predicted_seconds"], event.fields["seconds"]),
                    ("MiB", plan["predicted_memory_bytes"] / 2**20, event.fields["peak_memory_bytes"] / 2**20),
                ):
                    print(f"predicted {before:.1f} {what}, measured {after:.1f}: {before / after:.2f} of it")


if __name__ == "__main__":
    main()
