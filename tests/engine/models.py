"""Models of every family that people tune, a few thousand weights each, made from their configurations alone, with chat
templates of each family's shape (written for these tests)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from tests import tiny

_SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
}

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Thoughts are written before the last reply and taken out of earlier ones, so earlier texts do not begin later ones.
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# Every finished text ends with one more token.
CLOSED = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% else %}<|endoftext|>{% endif %}"
)
# No system line, and roles must alternate, beginning with the user.
STRICT = (
    "{% for m in messages %}{% if m['role'] == 'system' or (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "<|im_start|>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
# Questions in brackets, replies bare, each closed by the end of the text; the system line goes into the first question.
INSTRUCT = (
    "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}"
    "{% else %}{{ raise_exception('no system line') }}{% endif %}{% endfor %}"
)
# A reply that nothing ends.
ENDLESS = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)

FAMILIES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}, None),
    "llama": ("Llama", _SMALL, CHATML),
    "mistral": ("Mistral", {**_SMALL, "sliding_window": None}, INSTRUCT),
    "qwen3": ("Qwen3", {**_SMALL, "head_dim": 8}, THINKING),
    "phi3": ("Phi3", {**_SMALL, "sliding_window": 200}, CLOSED),
    "gemma3": ("Gemma3Text", {**_SMALL, "head_dim": 8, "sliding_window": 32, "sliding_window_pattern": 2}, STRICT),
    # Convolutions remember their neighbours whatever the mask says.
    "lfm2": ("Lfm2", {**_SMALL, "layer_types": ["conv", "full_attention"]}, CHATML),
    "smollm3": ("SmolLM3", {**_SMALL, "no_rope_layers": [1, 0]}, THINKING),
}


def tokenizer() -> Any:
    """The tiny base's tokenizer, to be given another template."""
    return transformers.AutoTokenizer.from_pretrained(str(tiny.tiny().base))


def make(family: str, folder: Path, **other: Any) -> Path:
    """A model folder of a family."""
    name, settings, template = FAMILIES[family]
    words = tokenizer()
    words.chat_template = template
    torch.manual_seed(0)
    ids = {"bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    config = getattr(transformers, f"{name}Config")(vocab_size=len(words), **settings, **ids, **other)
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(str(folder))
    words.save_pretrained(str(folder))
    return folder
