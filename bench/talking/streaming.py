"""Streamed chat through the real server, socket and client, against plain `generate` in one process; rounds interleaved.

    python -m bench.talking.streaming [--rounds 5] [--tokens 120] [--hidden 512]

The model is random (8 layers of --hidden), the choice greedy, and it cannot end early, so both write the same number of
tokens. Prints tokens a second of both, their ratio, and the time to the first piece.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["HF_HUB_OFFLINE"] = "1"

from core.chatting import doors, serving
from core.chatting.client import Client
from core.chatting.manner import Manner
from tests import tiny


def make(folder: Path, hidden: int) -> None:
    """A random model with the tiny one's tokenizer, whose end token is never the likeliest."""
    import torch
    import transformers

    words: Any = transformers.AutoTokenizer.from_pretrained(str(tiny.tiny().base))
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=8192, hidden_size=hidden, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=8,
        intermediate_size=hidden * 3, max_position_embeddings=1024, tie_word_embeddings=False,
        bos_token_id=None, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    model: Any = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[len(words) :] = 0.0
        model.lm_head.weight[words.eos_token_id] = 0.0
    model.save_pretrained(str(folder))
    words.save_pretrained(str(folder))


def main() -> None:
    """Measure."""
    told = argparse.ArgumentParser()
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--tokens", type=int, default=120)
    told.add_argument("--hidden", type=int, default=512)
    options = told.parse_args()
    import torch
    import transformers

    messages = [{"role": "user", "content": "hola, ¿cómo estás?"}]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder / "m", options.hidden)
        words: Any = transformers.AutoTokenizer.from_pretrained(str(folder / "m"))
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(str(folder / "m")).eval()
        ids = words.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        server = serving.start(folder / "s", folder / "m")
        plain: list[float] = []
        streamed: list[float] = []
        first: list[float] = []
        try:
            with Client(doors.of_server(server)) as client:
                for number in range(options.rounds + 1):
                    began = time.perf_counter()
                    with torch.inference_mode():
                        out = model.generate(**ids, do_sample=False, max_new_tokens=options.tokens)
                    generate = options.tokens / (time.perf_counter() - began)
                    assert out.shape[1] - ids["input_ids"].shape[1] == options.tokens
                    began = time.perf_counter()
                    manner = Manner(temperature=0, max_tokens=options.tokens)
                    reply = client.ask(server.base_name, messages, manner)
                    assert reply.reply_tokens == options.tokens, reply
                    opened = reply.figures.first_token or 0.0
                    if number:  # the first round warms both up
                        plain.append(generate)
                        streamed.append(options.tokens / (time.perf_counter() - began))
                        first.append(opened)
        finally:
            serving.stop_servers(folder / "s")
    ratios = [a / b for a, b in zip(streamed, plain, strict=True)]
    print(f"generate {statistics.median(plain):.0f} tokens/s, streamed {statistics.median(streamed):.0f} tokens/s")
    print(f"ratio of medians {statistics.median(streamed) / statistics.median(plain):.2f}, of rounds {ratios}")
    print(f"first piece after {statistics.median(first) * 1000:.0f} ms", file=sys.stdout)


if __name__ == "__main__":
    main()
