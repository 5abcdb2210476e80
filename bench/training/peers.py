"""Other people's trainers on the same model and the same tokens: TRL, LLaMA-Factory, Unsloth.

Each is a function that trains and tells what `bench.training.throughput` asks of every contender. They run in processes of
their own, LLaMA-Factory and Unsloth with the Python of an environment of their own: their packages want other versions.
All get token ids and flags, not texts, so that nobody's template decides what is learnt.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from bench.training.throughput import (
    BATCH,
    THREADS,
    WARM,
    Watch,
    base_folder,
    between,
    data,
    first_step,
    half,
    lora,
    model,
    tell,
)

RATE = 2e-4


def _rows(steps: int) -> list[dict[str, list[int]]]:
    return [
        {"input_ids": ids, "completion_mask": [int(flag) for flag in flags]}
        for ids, flags in data(BATCH * (steps + WARM))
    ]


def _clock() -> tuple[Any, list[Watch]]:
    """A callback that notes the end of every step."""
    import transformers

    marks: list[Watch] = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_given: Any, **_named: Any) -> None:
            if not marks:
                first_step()
            marks.append(Watch())

    return Clock(), marks


def _tell(trained: Any, history: list[dict[str, Any]], marks: list[Watch], steps: int) -> None:
    losses = [one["loss"] for one in history if "loss" in one]
    some = data(BATCH * (steps + WARM))
    # Their batches are drawn by chance: on average they hold this share of the tokens.
    share = steps / (steps + WARM)
    tokens = sum(len(ids) for ids, _flags in some) * share
    supervised = sum(sum(flags) for _ids, flags in some)
    tell(trained, losses[0], supervised, int(tokens), between(marks[WARM - 1], marks[-1]))


def trl(steps: int, *, tuned: bool = False) -> None:
    """SFTTrainer with its defaults; or tuned: nothing is computed again on the way back, and rows of like length share a
    batch, or, where FlashAttention is installed, a bin (TRL's packing wants it)."""
    import torch
    from datasets import Dataset, arrow_dataset  # pyright: ignore[reportMissingImports]
    from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportMissingImports]

    # Some versions of pyarrow cannot be pickled, which the naming of a data set is done by; its name matters to nobody.
    arrow_dataset.generate_fingerprint = lambda _dataset: "chats"
    more: dict[str, Any] = {}
    made = model()
    if tuned:
        more = {"gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"}
        if torch.cuda.is_available() and _is_there("flash_attn"):
            made.set_attn_implementation("flash_attention_2")
            more = {"gradient_checkpointing": False, "packing": True, "max_length": 1024}
    clock, marks = _clock()
    with tempfile.TemporaryDirectory() as place:
        config = SFTConfig(
            output_dir=place, per_device_train_batch_size=BATCH, max_steps=steps + WARM, learning_rate=RATE,
            lr_scheduler_type="constant", bf16=half(), use_cpu=not half(), logging_steps=1, save_strategy="no", report_to=[],
            disable_tqdm=True, completion_only_loss=True, **more,
        )  # fmt: skip
        trainer = SFTTrainer(
            model=made, args=config, train_dataset=Dataset.from_list(_rows(steps)), processing_class=_words()
        )
        trainer.add_callback(clock)
        torch.set_num_threads(THREADS)
        trainer.train()
    _tell(trainer.model, trainer.state.log_history, marks, steps)


def llamafactory(steps: int, *, tuned: bool = False) -> None:
    """LLaMA-Factory's `sft` stage with its defaults; or tuned: nothing is computed again, like lengths together."""
    import peft
    import torch
    import transformers
    from datasets import Dataset, DatasetDict  # pyright: ignore[reportMissingImports]
    from llamafactory.train.tuner import run_exp  # pyright: ignore[reportMissingImports]

    rows = [
        {
            "input_ids": one["input_ids"],
            "attention_mask": [1] * len(one["input_ids"]),
            "labels": [t if f else -100 for t, f in zip(one["input_ids"], one["completion_mask"], strict=True)],
        }
        for one in _rows(steps)
    ]
    clock, marks = _clock()
    history: list[dict[str, Any]] = []

    class Listen(transformers.TrainerCallback):
        def on_train_end(self, _args: Any, state: Any, *_given: Any, **_named: Any) -> None:
            history.extend(state.log_history)

    with tempfile.TemporaryDirectory() as place:
        DatasetDict({"train": Dataset.from_list(rows)}).save_to_disk(f"{place}/tokens")
        torch.set_num_threads(THREADS)
        more = {"disable_gradient_checkpointing": True, "train_sampling_strategy": "group_by_length"} if tuned else {}
        told = {
            "stage": "sft", "do_train": True, "dataset": "chats", "model_name_or_path": str(base_folder()),
            "finetuning_type": "lora",
            "lora_rank": 8, "lora_alpha": 16, "lora_target": "all", "template": "empty",
            "tokenized_path": f"{place}/tokens", "output_dir": f"{place}/out", "per_device_train_batch_size": BATCH,
            "max_steps": steps + WARM, "learning_rate": RATE, "lr_scheduler_type": "constant", "logging_steps": 1,
            "save_strategy": "no", "report_to": "none", "bf16": half(), "use_cpu": not half(), "disable_tqdm": True, **more,
        }  # fmt: skip
        run_exp(told, callbacks=[clock, Listen()])
        base = transformers.AutoModelForCausalLM.from_pretrained(str(base_folder()), dtype=_dtype())
        trained = peft.PeftModel.from_pretrained(base, f"{place}/out").to("cuda" if half() else "cpu")
    _tell(trained, history, marks, steps)


def unsloth(steps: int) -> None:
    """Unsloth's own path with its defaults. It wants a GPU, and never ran where this was written."""
    from unsloth import FastLanguageModel  # pyright: ignore[reportMissingImports]  # isort: skip - before transformers
    from datasets import Dataset  # pyright: ignore[reportMissingImports]
    from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportMissingImports]

    made, words = FastLanguageModel.from_pretrained(
        str(base_folder()), max_seq_length=1024, dtype=_dtype(), load_in_4bit=False
    )
    wanted = lora()
    made = FastLanguageModel.get_peft_model(
        made, r=wanted["r"], lora_alpha=wanted["lora_alpha"], lora_dropout=0,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    )  # fmt: skip
    clock, marks = _clock()
    with tempfile.TemporaryDirectory() as place:
        config = SFTConfig(
            output_dir=place, per_device_train_batch_size=BATCH, max_steps=steps + WARM, learning_rate=RATE,
            lr_scheduler_type="constant", bf16=True, logging_steps=1, save_strategy="no", report_to=[], disable_tqdm=True,
            completion_only_loss=True,
        )  # fmt: skip
        trainer = SFTTrainer(
            model=made, args=config, train_dataset=Dataset.from_list(_rows(steps)), processing_class=words
        )
        trainer.add_callback(clock)
        trainer.train()
    FastLanguageModel.for_inference(made)
    _tell(made, trainer.state.log_history, marks, steps)


def why_not(name: str, python: Path) -> str:
    """Why a contender cannot run here, in one line; empty if it can."""
    if not python.is_file():
        return f"{name}: no Python in {python.parent.parent}: left out"
    if name == "unsloth":
        import torch

        if not torch.cuda.is_available():
            return f"{name}: needs a GPU, and there is none here: left out"
    return ""


def _words() -> Any:
    """A tokenizer whose tokens are numbers: the trainers want one, and nobody uses it."""
    import transformers

    return transformers.AutoTokenizer.from_pretrained(str(base_folder()))


def _dtype() -> Any:
    import torch

    return torch.bfloat16 if half() else torch.float32


def _is_there(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


def ways() -> dict[str, Any]:
    """Every peer by its name."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return {
        "trl": trl,
        "trl-tuned": lambda steps: trl(steps, tuned=True),
        "llamafactory": llamafactory,
        "llamafactory-tuned": lambda steps: llamafactory(steps, tuned=True),
        "unsloth": unsloth,
    }
