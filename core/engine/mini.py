"""The embedded model: a toy of 0.6 million weights, made from a corpus in seconds, so that the whole path can be walked
offline on any machine. It speaks only the corpus's sentences; its figures prove the path, not the quality.

In: a corpus of conversations with voices. Out: a model folder like any other (safetensors, tokenizer, chat template).
The same corpus, steps and seed give the same bytes on the same machine.

The recipe is measured on the sample chats, in perplexity of held-out replies: 900 steps of 4 conversations, one round of
the corpus, take the base to 16 and the tuned model to 2.2, and what both say can be read. Twice as many conversations a
step and half the steps cost the same and learn less. The base must have heard the persona's words: without them the
tuned text comes out garbled while perplexity "improves" from 376 to 4. 1,280 entries of vocabulary do better than 1,536
(2.5) and 3,000: a word in known pieces needs no learning of its own.
"""

# pyright: basic

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

from core.engine.checkpoints import publish
from core.engine.machine import this_machine
from core.engine.masking import Row
from core.engine.packing import Layout, plan
from core.engine.problems import ModelProblem
from core.engine.stepping import Stepper
from core.engine.templates import CHATML, control_words, defused, render
from core.language import _
from core.training.events import Log

SEPARATOR: Final = "<|msg_sep|>"
_CONTROL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_VOCABULARY: Final = 1280
_CONTEXT: Final = 512
_CONVERSATIONS: Final = 4  # a step
_RATE: Final = 3e-3
_EVENTS_EVERY: Final = 0.2  # seconds


def read_corpus(path: Path) -> list[list[dict[str, str]]]:
    """The conversations of a corpus file."""
    told: list[list[dict[str, str]]] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    messages = json.loads(line)["messages"]
                    told.append([{"role": str(m["role"]), "content": str(m["content"])} for m in messages])
                except (ValueError, KeyError, TypeError):
                    raise ModelProblem(
                        "data",
                        _("This line is no conversation."),
                        where=f"{path.name}:{number}",
                        advice=_("A line is an object with messages, each with role and content."),
                    ) from None
    except (OSError, UnicodeDecodeError):
        raise ModelProblem("data", _("The corpus cannot be read."), where=path.name) from None
    if not told:
        raise ModelProblem("data", _("The corpus has no conversations."), where=path.name)
    return told


def make_tokenizer(conversations: list[list[dict[str, str]]]) -> Any:
    """A byte-level tokenizer of the corpus: any text can be written with it. The separator of messages is a token of
    its own, but an ordinary one: it belongs to what is said."""
    raw = tokenizers.Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    raw.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=list(_CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )

    def texts() -> Iterator[str]:
        for conversation in conversations:
            for message in conversation:
                yield from message["content"].split(SEPARATOR)

    raw.train_from_iterator(texts(), trainer)
    raw.add_tokens([tokenizers.AddedToken(SEPARATOR, special=False, normalized=False)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token=None,
        model_max_length=_CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = CHATML
    return tokenizer


def make_model(tokenizer: Any, seed: int) -> Any:
    """The untrained model; its shape is Llama's."""
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=-(-len(tokenizer) // 8) * 8,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=384,
        max_position_embeddings=_CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = transformers.LlamaForCausalLM(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def build(corpus: Path, target: Path, log: Log, *, steps: int = 900, seed: int = 0, threads: int = 0) -> None:
    """Corpus to model folder."""
    began = time.monotonic()
    machine = this_machine(threads=threads)
    conversations = read_corpus(corpus)
    log.write("state", state="running")
    tokenizer = make_tokenizer(conversations)
    words = control_words(tokenizer)
    texts = [
        render(tokenizer, [{"role": m["role"], "content": defused(m["content"], words)} for m in conversation])
        for conversation in conversations
    ]
    rows: list[Row] = []
    for number, ids in enumerate(tokenizer(texts, add_special_tokens=False)["input_ids"]):
        ids = ids[:_CONTEXT]
        # All of the text is learnt here, the questions too: it is a language that is being taught, not a voice.
        rows.append(Row(tuple(ids), (False, *(True for _ in ids[1:])), number, number))
    cut = plan(rows, batch_size=_CONVERSATIONS, context=_CONTEXT, seed=seed)
    model = make_model(tokenizer, seed)
    layout = Layout("mask", cut.width, tokenizer.pad_token_id)
    stepper = Stepper(
        model,
        rate=_RATE,
        steps=steps,
        warmup=20,
        cosine=True,
        weight_decay=0.01,
        clip=1.0,
        half=machine.half,
        layout=layout,
        seed=seed,
    )
    log.write(
        "plan",
        steps=steps,
        examples=len(rows),
        tokens=sum(map(len, texts)) and sum(len(r.ids) for r in rows),
        trained_tokens=sum(r.trained_tokens for r in rows),
        parameters=sum(p.numel() for p in model.parameters()),
        machine=machine.words,
    )
    model.train()
    told, learning = 0.0, time.monotonic()
    for groups in cut.steps():
        if stepper.done >= steps:
            break
        one = stepper.step(rows, groups)
        now = time.monotonic()
        if now - told >= _EVENTS_EVERY or stepper.done == steps:
            left = (now - learning) / stepper.done * (steps - stepper.done)
            log.write("step", step=stepper.done, steps=steps, loss=round(one.loss, 5), eta_seconds=round(left, 1))
            told = now
    model.eval()
    _save(model, tokenizer, target)
    log.write("summary", folder=target.name, seconds=round(time.monotonic() - began, 1))
    log.write("end", state="succeeded")


def _save(model: Any, tokenizer: Any, target: Path) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700, parents=True)
    model.save_pretrained(str(beside), safe_serialization=True)
    tokenizer.save_pretrained(str(beside))
    publish(beside, target)
