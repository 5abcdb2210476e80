"""Training speed against its floors and peers, each in a process of its own, rounds interleaved, compared as ratios.

    python -m bench.training.throughput [--size small|mini] [--rounds 3] [--steps 8] [--trl FOLDER]

Contenders: `ours` (the engine's Stepper on packed bins), `bare` (the shortest packed PyTorch loop that does the same),
`padded` (the same loop on length-sorted padded batches) and, where TRL's packages lie in FOLDER, `trl` (SFTTrainer with
its defaults but fp32, for CPUs without bf16). All train the same LoRA on the same random model (`small`: about 30 million
weights; `mini`: the shape of the embedded toy, where a step is milliseconds) on the same tokens. Before anything is told
the supervised tokens must be equal and the first losses agree: to 1 % where batches differ, to 0.01 % where they do not;
and afterwards the perplexity of held-out replies must be the bare loop's to 0.5 %.

On a machine with a GPU everything runs there, in bf16 (`--size 1b`: about 1.2 billion weights from the configuration
alone); the clock is then the wall's, the processor's means nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BATCH, WARM = 8, 2
THREADS = 2
SIZE = "SINSONTE_BENCH_SIZE"
SHAPES: dict[str, dict[str, Any]] = {
    "small": {
        "vocab_size": 8192, "hidden_size": 448, "num_hidden_layers": 8, "num_attention_heads": 8,
        "num_key_value_heads": 8, "intermediate_size": 1536,
    },
    "mini": {
        "vocab_size": 1280, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "intermediate_size": 384, "tie_word_embeddings": True,
    },
    "1b": {
        "vocab_size": 128_256, "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
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


def model() -> Any:
    """The same random model everywhere."""
    import peft
    import torch
    import transformers

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    shape = SHAPES[os.environ.get(SIZE, "small")]
    config = transformers.LlamaConfig(
        max_position_embeddings=1024, bos_token_id=1, eos_token_id=2, pad_token_id=0, **shape
    )
    made: Any = transformers.LlamaForCausalLM(config)
    if torch.cuda.is_available():
        made = made.to("cuda", torch.bfloat16)
    torch.manual_seed(1)
    return peft.get_peft_model(
        made, peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    )


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
    """Wall and processor time since it was made: on a busy machine only the second can be compared."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def passed(self) -> tuple[float, float]:
        return time.perf_counter() - self.wall, time.process_time() - self.cpu


def tell(made: Any, first: float, supervised: int, tokens: int, passed: tuple[float, float]) -> None:
    """One contender's answer."""
    import torch

    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    held = held_out(made)
    rates = {"wall": tokens / passed[0], "cpu": tokens / passed[1]}
    print(json.dumps({"first": first, "supervised": supervised, "held": held, "peak": peak, **rates}))


def packed_batches(steps: int) -> tuple[list[Any], Any, list[Any]]:
    from core.engine.masking import Row
    from core.engine.packing import plan

    rows = [Row(tuple(ids), tuple(flags)) for ids, flags in data(BATCH * (steps + WARM))]
    cut = plan(rows, batch_size=BATCH, context=1024, seed=0)
    return rows, cut, cut.epoch(0)


def ours(steps: int) -> None:
    """The engine's own step."""
    from core.engine.packing import Layout
    from core.engine.stepping import Stepper

    rows, cut, batches = packed_batches(steps)
    made = model().train()
    stepper = Stepper(
        made, rate=2e-4, steps=steps + WARM, warmup=0, cosine=False, weight_decay=0.0, clip=1.0, half=half(),
        layout=Layout("mask", cut.width, 0), seed=0,
    )  # fmt: skip
    first, tokens, began = 0.0, 0, Watch()
    for number, groups in enumerate(batches):
        if number == WARM:
            began = Watch()
        done = stepper.step(rows, groups)
        first = first or done.loss
        tokens += done.tokens if number >= WARM else 0
    tell(made, first, sum(row.trained_tokens for row in rows), tokens, began.passed())


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
        first = first or float(loss)
        supervised += int((labels[:, 1:] >= 0).sum())
        tokens += int(mask.sum()) if number >= WARM else 0
    tell(made, first, supervised, tokens, began.passed())


def trl(steps: int) -> None:
    """SFTTrainer with its defaults."""
    import torch
    import transformers
    from datasets import Dataset, arrow_dataset  # pyright: ignore[reportMissingImports]
    from tokenizers import Tokenizer, models
    from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportMissingImports]

    # Some versions of pyarrow cannot be pickled, which the naming of a data set is done by; its name matters to nobody.
    arrow_dataset.generate_fingerprint = lambda _dataset: "chats"
    some = data(BATCH * (steps + WARM))
    words = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({f"w{i}": i for i in range(8192)}, unk_token="w3")),
        pad_token="w0", eos_token="w2", bos_token="w1",
    )  # fmt: skip
    rows = [{"input_ids": ids, "completion_mask": [int(flag) for flag in flags]} for ids, flags in some]
    marks: list[Watch] = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_given: Any, **_named: Any) -> None:
            marks.append(Watch())

    with tempfile.TemporaryDirectory() as place:
        config = SFTConfig(
            output_dir=place, per_device_train_batch_size=BATCH, max_steps=steps + WARM, learning_rate=2e-4,
            lr_scheduler_type="constant", bf16=half(), use_cpu=not half(), logging_steps=1, save_strategy="no", report_to=[],
            disable_tqdm=True, completion_only_loss=True,
        )  # fmt: skip
        trainer = SFTTrainer(model=model(), args=config, train_dataset=Dataset.from_list(rows), processing_class=words)
        trainer.add_callback(Clock())
        torch.set_num_threads(THREADS)
        trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    # Its batches are drawn by chance: on average they hold this share of the tokens.
    tokens = sum(len(ids) for ids, _flags in some) * steps / (steps + WARM)
    tell(
        trainer.model,
        losses[0],
        sum(sum(flags) for _ids, flags in some),
        int(tokens),
        (marks[-1].wall - marks[WARM - 1].wall, marks[-1].cpu - marks[WARM - 1].cpu),
    )


def main() -> None:
    """Run the rounds, or one contender."""
    words = argparse.ArgumentParser()
    words.add_argument("--size", choices=list(SHAPES), default="small")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--steps", type=int, default=8)
    words.add_argument("--trl", default="")
    words.add_argument("--only", default="")
    told = words.parse_args()
    if told.only:
        {"ours": ours, "bare": bare, "padded": padded, "trl": trl}[told.only](told.steps)
        return
    names = ["ours", "bare", "padded", *(["trl"] if told.trl else [])]
    rates: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    facts: dict[str, dict[str, Any]] = {}
    environment = {
        **os.environ,
        SIZE: told.size,
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    for turn in range(told.rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            path = os.pathsep.join([str(Path.cwd()), *([told.trl] if name == "trl" else [])])
            done = subprocess.run(
                [sys.executable, "-m", "bench.training.throughput", "--only", name, "--steps", str(told.steps)],
                env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                sys.exit(f"{name}: {done.stderr[-2000:]}")
            facts[name] = json.loads(done.stdout.strip().splitlines()[-1])
            rates[name].append(facts[name])
    supervised = {name: facts[name]["supervised"] for name in names}
    assert len(set(supervised.values())) == 1, f"not the same work: {supervised}"
    for name in names:
        assert abs(facts[name]["first"] / facts["ours"]["first"] - 1) < 0.01, f"not the same loss: {facts}"
    assert abs(facts["bare"]["first"] / facts["ours"]["first"] - 1) < 1e-4, f"not the same bins: {facts}"
    apart = math.expm1(facts["ours"]["held"] - facts["bare"]["held"])
    assert abs(apart) < 0.005, f"not the same perplexity: {facts}"
    for name in names:
        print(
            f"perplexity of held-out replies after {told.steps + WARM} steps: {name:8} {math.exp(facts[name]['held']):.3f}"
        )
    for clock in ("cpu", "wall"):
        print(f"useful tokens per {clock} second, median of {told.rounds} rounds")
        best = statistics.median(one[clock] for one in rates["ours"])
        for name in names:
            middle = statistics.median(one[clock] for one in rates[name])
            each = ", ".join(f"{one[clock]:.0f}" for one in rates[name])
            print(f"  {name:8} {middle:8.0f}   ours is {best / middle:5.2f} times it   ({each})")


if __name__ == "__main__":
    main()
