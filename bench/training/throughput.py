"""Training speed against its floors and peers, each in a process of its own, rounds interleaved, compared as ratios.

    python -m bench.training.throughput [--size small|mini|1b] [--rounds 3] [--steps 8]
        [--trl FOLDER] [--llamafactory ENVIRONMENT] [--unsloth ENVIRONMENT]

Contenders: `ours` (the engine's Stepper on packed bins), `bare` (the shortest packed PyTorch loop that does the same),
`padded` (the same loop on length-sorted padded batches) and peers (bench/training/peers.py), each with its defaults and
tuned: TRL's SFTTrainer where its packages lie in FOLDER (pip install --target FOLDER trl datasets), LLaMA-Factory and
Unsloth in environments of their own (folders with bin/python). What cannot run here says so in one line and is left out.

All train the same LoRA on the same random model (`small`: about 30 million weights; `mini`: the shape of the embedded toy,
where a step is milliseconds) on the same tokens, in fp32 on a processor. **Before anything is timed** every contender takes
a few steps: the supervised tokens must be equal, and the first losses agree, to 2 % where batches differ, to 0.01 % where
they do not. Afterwards the perplexity of held-out replies must be the bare loop's to 0.5 %.

On a machine with a GPU everything runs there, in bf16 (`--size 1b`: about 1.2 billion weights from the configuration
alone), ours with the attention that the engine would choose; the clock is then the wall's, the processor's means nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Passed = tuple[float, float, float | None]  # seconds by the wall's clock and the processor's, and a card's joules
BATCH, WARM = int(os.environ.get("SINSONTE_BENCH_BATCH", "8")), 2
THREADS = 2
SIZE = "SINSONTE_BENCH_SIZE"
BASE = "SINSONTE_BENCH_BASE"  # the folder of the random base, which all use
BEGAN = "SINSONTE_BENCH_BEGAN"  # when a contender's process was started
SHAPES: dict[str, dict[str, Any]] = {
    "small": {
        "vocab_size": 8192, "hidden_size": 448, "num_hidden_layers": 8, "num_attention_heads": 8,
        "num_key_value_heads": 8, "intermediate_size": 1536,
    },
    "mini": {
        "vocab_size": 1280, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "intermediate_size": 384, "tie_word_embeddings": True,
    },
    "tiny": {  # nothing to measure: a dry run of everything else
        "vocab_size": 512, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "intermediate_size": 64, "tie_word_embeddings": True,
    },
    "1b": {
        "vocab_size": 128_256, "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 8192, "tie_word_embeddings": True,
    },
    "3b": {
        "vocab_size": 128_256, "hidden_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 24,
        "num_key_value_heads": 8, "intermediate_size": 8192, "tie_word_embeddings": True,
    },
}  # fmt: skip


def data(count: int, seed: int = 5) -> list[tuple[list[int], list[bool]]]:
    """Chats of short lines, as people write: 25 to 190 tokens, about two fifths of them the reply. Each token leaves
    three choices for the next, so that there is something to learn."""
    chance = random.Random(seed)
    told: list[tuple[list[int], list[bool]]] = []
    for _number in range(count):
        size = min(190, max(25, round(chance.lognormvariate(4.2, 0.45))))
        reply = max(4, round(size * chance.uniform(0.2, 0.6)))
        ids = [chance.randrange(5, 505)]
        while len(ids) < size:
            ids.append(5 + (ids[-1] * 7 + chance.randrange(3)) % 500)
        told.append((ids, [i >= size - reply for i in range(size)]))
    return told


def lora() -> dict[str, Any]:
    """The adapter that all train."""
    return {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}


def base_folder() -> Path:
    """Where the random base lies."""
    return Path(os.environ[BASE])


def configuration(size: str) -> Any:
    """What the random base is like."""
    import transformers

    return transformers.LlamaConfig(
        max_position_embeddings=1024, bos_token_id=1, eos_token_id=2, pad_token_id=0, **SHAPES[size]
    )


def write_base(folder: Path, size: str) -> None:
    """The random base, written once: other versions of transformers would draw other weights."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models

    torch.manual_seed(0)
    shape = SHAPES[size]
    made: Any = transformers.LlamaForCausalLM
    if half():  # on a card a billion weights are drawn in a second, and half of the bytes are written
        with torch.device("cuda"):
            made(configuration(size)).to(torch.bfloat16).save_pretrained(str(folder))
        torch.cuda.empty_cache()
    else:
        made(configuration(size)).save_pretrained(str(folder))
    words = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({f"w{i}": i for i in range(shape["vocab_size"])}, unk_token="w3")),
        pad_token="w0", eos_token="w2", bos_token="w1",
    )  # fmt: skip
    words.save_pretrained(str(folder))


def model() -> Any:
    """The base with a fresh adapter, the same everywhere."""
    import peft
    import torch
    import transformers

    torch.set_num_threads(THREADS)
    dtype = torch.bfloat16 if half() else torch.float32
    made: Any = transformers.AutoModelForCausalLM.from_pretrained(str(base_folder()), dtype=dtype)
    if half():
        made = made.to("cuda")
    torch.manual_seed(1)
    return peft.get_peft_model(made, peft.LoraConfig(**lora()))


def held_out(made: Any) -> float:
    """The mean −log p of replies that nobody trained on, one chat at a time: the same measure for all."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    made.eval()
    device = next(made.parameters()).device
    total, count = 0.0, 0
    for ids, flags in data(32, seed=6):
        given = torch.tensor([ids], device=device)
        labels = torch.tensor([t if f else -100 for t, f in zip(ids, flags, strict=True)][1:], device=device)
        with torch.inference_mode():
            logits = made(input_ids=given, use_cache=False).logits[0, :-1].float()
        total += float(F.cross_entropy(logits, labels, reduction="sum"))
        count += int((labels >= 0).sum())
    return total / count


def half() -> bool:
    """Whether the arithmetic is bf16: on a GPU, for all."""
    import torch

    return torch.cuda.is_available()


class Watch:
    """Wall and processor time since it was made, and a card's joules: on a busy machine only the second can be compared.
    A card works on after it was asked to, so it is waited for."""

    def __init__(self) -> None:
        self.wall, self.cpu, self.joules = now()

    def passed(self) -> Passed:
        return between(self, Watch())


def now() -> Passed:
    """Both clocks, once the card has done what it was asked for, and its energy so far, where it counts that."""
    import torch

    if not torch.cuda.is_available():
        return time.perf_counter(), time.process_time(), None
    from core.engine.gauges import Gauges

    torch.cuda.synchronize()
    if not _gauges:
        _gauges.append(Gauges(torch.device("cuda", 0)))
    return time.perf_counter(), time.process_time(), _gauges[0].joules()


_gauges: list[Any] = []


def between(first: Watch, last: Watch) -> Passed:
    """What passed from one to the other."""
    joules = None if first.joules is None or last.joules is None else last.joules - first.joules
    return last.wall - first.wall, last.cpu - first.cpu, joules


_first: list[float] = []


def first_step() -> None:
    """The first step is done: how long it took from the start of the process."""
    if not _first:
        _first.append(time.time() - float(os.environ[BEGAN]))


def tell(made: Any, first: float, supervised: int, tokens: int, passed: Passed, **more: Any) -> None:
    """One contender's answer."""
    import torch

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    held = held_out(made)
    rates = {"wall": tokens / passed[0], "cpu": tokens / passed[1], "joules": passed[2], "tokens": tokens}
    print(
        json.dumps(
            {"first": first, "supervised": supervised, "held": held, "peak": peak, "start": _first[0], **rates, **more}
        )
    )


def packed_batches(steps: int) -> tuple[list[Any], Any, list[Any]]:
    from core.engine.masking import Row
    from core.engine.packing import plan

    rows = [Row(tuple(ids), tuple(flags)) for ids, flags in data(BATCH * (steps + WARM))]
    cut = plan(rows, batch_size=BATCH, context=1024, seed=0)
    return rows, cut, cut.epoch(0)


def ours(steps: int) -> None:
    """The engine's own step."""
    from core.engine.proving import layout_for
    from core.engine.stepping import Stepper

    rows, cut, batches = packed_batches(steps)
    made = model().train()
    layout = layout_for(made, rows, 1024, 0, half=half())
    layout = replace(layout, width=cut.width)
    stepper = Stepper(
        made, rate=2e-4, steps=steps + WARM, warmup=0, cosine=False, weight_decay=0.0, clip=1.0, half=half(),
        layout=layout, seed=0,
    )  # fmt: skip
    first, tokens, began = 0.0, 0, Watch()
    for number, groups in enumerate(batches):
        if number == WARM:
            began = Watch()
        done = stepper.step(rows, groups)
        first_step()
        first = first or done.loss
        tokens += done.tokens if number >= WARM else 0
    supervised = sum(row.trained_tokens for row in rows)
    tell(made, first, supervised, tokens, began.passed(), attention=f"{layout.attention}, {layout.way}")


def bare(steps: int) -> None:
    """The shortest loop on the same bins."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    rows, cut, batches = packed_batches(steps)
    made = model().train()
    weights = [weight for weight in made.parameters() if weight.requires_grad]
    device = weights[0].device
    optimiser = torch.optim.AdamW(weights, lr=2e-4, weight_decay=0.0, fused=True)
    first, tokens, began, supervised = 0.0, 0, Watch(), 0
    for number, groups in enumerate(batches):
        if number == WARM:
            began = Watch()
        ids = torch.zeros(len(groups), cut.width, dtype=torch.long)
        positions, document = torch.zeros_like(ids), torch.full_like(ids, -1)
        labels = torch.full_like(ids, -100)
        for bin_, group in enumerate(groups):
            at = 0
            for one in group:
                size = len(rows[one].ids)
                ids[bin_, at : at + size] = torch.tensor(rows[one].ids)
                labels[bin_, at : at + size] = torch.tensor(
                    [t if f else -100 for t, f in zip(rows[one].ids, rows[one].trained, strict=True)]
                )
                positions[bin_, at : at + size] = torch.arange(size)
                document[bin_, at : at + size] = one
                at += size
                tokens += size if number >= WARM else 0
        mask = (document[:, :, None] == document[:, None, :]) & torch.ones(cut.width, cut.width).tril().bool()
        ids, positions, mask, labels = (t.to(device) for t in (ids, positions, mask, labels))
        logits = made(input_ids=ids, position_ids=positions, attention_mask=mask[:, None], use_cache=False).logits
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        first_step()
        first = first or float(loss)
        supervised += int((labels[:, 1:] >= 0).sum())
    tell(made, first, supervised, tokens, began.passed())


def padded(steps: int) -> None:
    """The same loop on batches of like lengths, padded to the longest: what a usual data loader gives."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    some = sorted(data(BATCH * (steps + WARM)), key=lambda one: len(one[0]))
    batches = [some[i : i + BATCH] for i in range(0, len(some), BATCH)]
    random.Random(0).shuffle(batches)
    made = model().train()
    weights = [weight for weight in made.parameters() if weight.requires_grad]
    device = weights[0].device
    optimiser = torch.optim.AdamW(weights, lr=2e-4, weight_decay=0.0, fused=True)
    first, tokens, began, supervised = 0.0, 0, Watch(), 0
    for number, batch in enumerate(batches):
        if number == WARM:
            began = Watch()
        width = max(len(ids) for ids, _flags in batch)
        ids = torch.tensor([one + [0] * (width - len(one)) for one, _flags in batch])
        labels = torch.tensor(
            [[t if f else -100 for t, f in zip(*one, strict=True)] + [-100] * (width - len(one[0])) for one in batch]
        )
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one, _flags in batch])
        ids, mask, labels = (t.to(device) for t in (ids, mask, labels))
        logits = made(input_ids=ids, attention_mask=mask, use_cache=False).logits
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        first_step()
        first = first or float(loss)
        supervised += int((labels[:, 1:] >= 0).sum())
        tokens += int(mask.sum()) if number >= WARM else 0
    tell(made, first, supervised, tokens, began.passed())


def main() -> None:
    """Run the rounds, or one contender."""
    words = argparse.ArgumentParser()
    words.add_argument("--size", choices=list(SHAPES), default="small")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--steps", type=int, default=8)
    words.add_argument("--trl", default="")
    words.add_argument("--llamafactory", default="")
    words.add_argument("--unsloth", default="")
    words.add_argument("--only", default="")
    told = words.parse_args()
    if told.only:
        from bench.training import peers

        {"ours": ours, "bare": bare, "padded": padded, **peers.ways()}[told.only](told.steps)
        return
    with tempfile.TemporaryDirectory() as place:
        write_base(Path(place), told.size)
        try:
            compare(contenders(told), told, Path(place))
        except Failed as failed:
            sys.exit(str(failed))


@dataclass(frozen=True)
class Contender:
    """Who trains, by which Python, with what on its path."""

    name: str
    python: str
    path: str = ""


def contenders(told: argparse.Namespace) -> list[Contender]:
    """Ours, the floors, and the peers that can run here; what cannot is said."""
    found, missing = contenders_of(told)
    for reason in missing.values():
        print(reason)
    return found


def contenders_of(told: argparse.Namespace) -> tuple[list[Contender], dict[str, str]]:
    """Those that can run here, and why others cannot, by their names."""
    from bench.training import peers

    found = [Contender(name, sys.executable) for name in ("ours", "bare", "padded")]
    missing: dict[str, str] = {}
    if told.trl and not (Path(told.trl) / "trl").is_dir():
        missing["trl"] = f"trl: no package trl in {told.trl}: left out"
    elif told.trl:
        found += [Contender(name, sys.executable, told.trl) for name in ("trl", "trl-tuned")]
    for name, folder, rows in (
        ("llamafactory", told.llamafactory, ("llamafactory", "llamafactory-tuned")),
        ("unsloth", told.unsloth, ("unsloth",)),
    ):
        if not folder:
            continue
        python = Path(folder).expanduser().absolute() / "bin" / "python"
        if reason := peers.why_not(name, python):
            missing[name] = reason
        else:
            found += [Contender(row, str(python)) for row in rows]
    return found, missing


class Failed(Exception):
    """A contender gave no answer."""


def run(one: Contender, steps: int, base: Path, size: str, limit: float | None = None) -> dict[str, Any]:
    """One contender's answer, from a process of its own."""
    environment = {
        **os.environ,
        SIZE: size,
        BASE: str(base),
        BEGAN: str(time.time()),
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "DISABLE_VERSION_CHECK": "1",  # LLaMA-Factory's
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *([one.path] if one.path else [])]),
    }
    done = subprocess.run(
        [one.python, "-m", "bench.training.throughput", "--only", one.name, "--steps", str(steps)],
        env=environment, capture_output=True, text=True, check=False, timeout=limit,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"{one.name}: {done.stderr[-2000:]}")
    return json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{")))


def same_work(facts: dict[str, dict[str, Any]]) -> None:
    """Fail where the contenders do not do the same."""
    supervised = {name: one["supervised"] for name, one in facts.items()}
    assert len(set(supervised.values())) == 1, f"not the same work: {supervised}"
    first = {name: one["first"] for name, one in facts.items()}
    for name, loss in first.items():
        near = 1e-4 if name == "bare" else 0.02
        assert abs(loss / first["ours"] - 1) < near, f"not the same first loss: {first}"


def compare(every: list[Contender], told: argparse.Namespace, base: Path) -> None:
    """Look whether all do the same; then time them, and print."""
    facts = {one.name: run(one, 1, base, told.size) for one in every}
    same_work(facts)
    print("the same supervised tokens and first losses, before timing: " + ", ".join(facts))
    rates: dict[str, list[dict[str, Any]]] = {one.name: [] for one in every}
    for turn in range(told.rounds):
        for one in every if turn % 2 == 0 else reversed(every):
            facts[one.name] = run(one, told.steps, base, told.size)
            rates[one.name].append(facts[one.name])
    same_work(facts)
    apart = math.expm1(facts["ours"]["held"] - facts["bare"]["held"])
    assert abs(apart) < 0.005, f"not the same perplexity: {facts}"
    print(f"attention of ours: {facts['ours']['attention']}")
    # Everybody learns from the same share of what they read.
    read = sum(len(ids) for ids, _flags in data(BATCH * (told.steps + WARM)))
    share = facts["ours"]["supervised"] / read
    clocks = ("cpu", "wall")
    middle = {name: {key: statistics.median(one[key] for one in some) for key in (*clocks, "peak", "start")}
              for name, some in rates.items()}  # fmt: skip
    print(f"medians of {told.rounds} rounds; tokens a second by the processor's clock and by the wall's")
    print(
        f"  {'':20}{'useful':>9}{'learnt':>9}{'ours is':>9}{'useful':>9}{'learnt':>9}{'ours is':>9}{'peak':>9}"
        f"{'1st step':>10}{'perplexity':>12}"
    )
    for name, one in middle.items():
        columns = "".join(
            f"{one[clock]:9.0f}{one[clock] * share:9.0f}{middle['ours'][clock] / one[clock]:8.2f}×" for clock in clocks
        )
        print(
            f"  {name:20}{columns}{one['peak'] / 1e6:6.0f} MB{one['start']:8.1f} s{math.exp(facts[name]['held']):12.3f}"
        )


if __name__ == "__main__":
    main()
