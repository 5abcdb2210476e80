"""Everything that is asked of a GPU, in one go and within a time limit: one JSON file of figures with the card's name.

    python -m bench.training.card [--minutes 9] [--to figures.json] [--size 1b] [--steps 20] [--batch 64] [--rounds 5]
        [--trl FOLDER] [--llamafactory ENVIRONMENT] [--unsloth ENVIRONMENT]

The contenders and their work are those of bench/training/throughput.py, in bf16. Rounds are taken in turn until the time
is up, ours first; an answer counts only if it trained the supervised tokens that ours did and began at the same loss. The
file is written anew after every answer, so that whatever ends this leaves what was known by then. A contender that is not
there, fails, takes too long or does something else is left out and named with the reason.

Without a GPU it runs on the processor (`--size tiny --steps 2 --batch 8 --rounds 1`): that proves the path and measures
nothing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.training import throughput
from bench.training.throughput import Contender, Failed

ROUNDING = 0.02  # first losses may differ by so much: batches differ, and bf16 rounds
SHORT = 2.0  # seconds below which no contender is started
MOST = 0.25  # of all the time that one answer may take


def machine() -> dict[str, Any]:
    """What it was measured on."""
    import torch

    told: dict[str, Any] = {
        "gpu": None, "processor": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(), "cuda": torch.version.cuda,
        "packages": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")},
        "commit": _commit(),
    }  # fmt: skip
    if torch.cuda.is_available():
        facts = torch.cuda.get_device_properties(0)
        told |= {
            "gpu": facts.name,
            "gpu_memory_bytes": facts.total_memory,
            "capability": f"{facts.major}.{facts.minor}",
        }
        told["driver"] = _driver()
    return told


def _driver() -> str | None:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def differs(facts: dict[str, Any], ours: dict[str, Any]) -> str:
    """Why a contender does not do what ours does; empty if it does."""
    if facts["supervised"] != ours["supervised"]:
        return f"trains {facts['supervised']} supervised tokens, ours {ours['supervised']}"
    if abs(facts["first"] / ours["first"] - 1) > ROUNDING:
        return f"its first loss is {facts['first']:.4f}, ours {ours['first']:.4f}"
    return ""


def summed_up(rounds: dict[str, list[dict[str, Any]]], share: float) -> dict[str, dict[str, Any]]:
    """Medians of every contender's rounds, and ours as a multiple of it."""
    rows: dict[str, dict[str, Any]] = {}
    for name, some in rounds.items():
        if not some:
            continue
        useful = statistics.median(one["wall"] for one in some)
        energy = [one["joules"] / one["tokens"] for one in some if one["joules"] is not None]
        rows[name] = {
            "rounds": len(some),
            "useful_tokens_per_second": round(useful, 1),
            "supervised_tokens_per_second": round(useful * share, 1),
            "of_each_round": [round(one["wall"], 1) for one in some],
            "useful_tokens_per_processor_second": round(statistics.median(one["cpu"] for one in some), 1),
            "joules_per_useful_token": round(statistics.median(energy), 5) if energy else None,
            "peak_memory_bytes": max(one["peak"] for one in some),
            "seconds_to_first_step": round(statistics.median(one["start"] for one in some), 2),
            "held_out_perplexity": round(math.exp(some[-1]["held"]), 4),
            "attention": some[-1].get("attention", ""),
        }
    for row in rows.values():
        if "ours" in rows:
            row["ours_is"] = round(rows["ours"]["useful_tokens_per_second"] / row["useful_tokens_per_second"], 3)
    return rows


class Measuring:
    """One go: what is known so far stands in the file."""

    def __init__(self, told: argparse.Namespace, base: Path) -> None:
        self.told, self.base = told, base
        self.end = time.monotonic() + 60 * told.minutes
        self.left_out: dict[str, str] = {}
        self.ours: dict[str, Any] | None = None
        self.rounds: dict[str, list[dict[str, Any]]] = {}
        self.facts = machine()
        read = throughput.data(told.batch * (told.steps + throughput.WARM))
        self.share = sum(sum(flags) for _ids, flags in read) / sum(len(ids) for ids, _flags in read)

    def write(self, state: str) -> None:
        """The file, whole or as it was."""
        told = {
            "machine": self.facts, "state": state, "size": self.told.size, "batch": self.told.batch,
            "steps": self.told.steps, "rows": summed_up(self.rounds, self.share), "left_out": self.left_out,
        }  # fmt: skip
        beside = self.told.to.with_name(f".{self.told.to.name}")
        beside.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(self.told.to)

    def ask(self, one: Contender) -> dict[str, Any] | None:
        """One answer that counts; None where there is none, and why stands among those left out."""
        left = min(self.end - time.monotonic(), 60 * self.told.minutes * MOST)
        try:
            found = throughput.run(one, self.told.steps, self.base, self.told.size, limit=left)
        except subprocess.TimeoutExpired:
            self.left_out[one.name] = f"no answer within {left:.0f} s"
            return None
        except Failed as failed:
            self.left_out[one.name] = (str(failed).strip().splitlines() or ["it failed"])[-1][:300]
            return None
        self.ours = self.ours or found
        if reason := differs(found, self.ours):
            self.left_out[one.name] = reason
            return None
        return found

    def run(self) -> None:
        """Rounds until there were enough, or the time is up."""
        able, missing = throughput.contenders_of(self.told)
        self.left_out |= missing
        for name in ("trl", "llamafactory", "unsloth"):
            if not getattr(self.told, name):
                self.left_out.setdefault(name, f"no --{name} was given")
        self.rounds = {one.name: [] for one in able}
        state = "done"
        for turn in range(self.told.rounds):
            # Ours is the first to answer, for all others are held against it; then the order turns round.
            for one in able if turn % 2 == 0 else [*reversed(able)]:
                if self.end - time.monotonic() < SHORT:
                    state = "the time was up"
                    break
                found = self.ask(one)
                if found is None:
                    print(f"{one.name} is left out: {self.left_out[one.name]}", flush=True)
                    able = [other for other in able if other.name != one.name]
                else:
                    self.rounds[one.name].append(found)
                    print(f"round {turn + 1}, {one.name}: {found['wall']:,.0f} useful tokens/s", flush=True)
                self.write("under way")
        for name, some in self.rounds.items():
            if not some:
                self.left_out.setdefault(name, "no time was left")
        self.write(state)


def main() -> None:
    """Measure and write."""
    words = argparse.ArgumentParser()
    words.add_argument("--minutes", type=float, default=9)
    words.add_argument("--to", type=Path, default=Path("figures.json"))
    words.add_argument("--size", choices=list(throughput.SHAPES), default="1b")
    words.add_argument("--steps", type=int, default=20)
    words.add_argument("--batch", type=int, default=64)
    words.add_argument("--rounds", type=int, default=5)
    for name in ("trl", "llamafactory", "unsloth"):
        words.add_argument(f"--{name}", default="")
    told = words.parse_args()
    os.environ["SINSONTE_BENCH_BATCH"] = str(told.batch)
    with tempfile.TemporaryDirectory() as place:
        measuring = Measuring(told, Path(place))
        measuring.write("begun")
        throughput.write_base(Path(place), told.size)
        measuring.run()
    print(told.to.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
