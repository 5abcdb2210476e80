"""Streamed chat through the real server, socket and client, against plain `generate` in one process; rounds interleaved.

    python -m bench.talking.streaming [--rounds 5] [--tokens 120] [--hidden 512] [--load 2]

The model is random (8 layers of --hidden), the choice greedy, and it cannot end early, so both write the same number of
tokens. Prints tokens a second of both by the clock and by processor seconds (the fair one on a busy machine; the client
is another process), their ratios, and the time to the first piece beside that of a bare forward pass; that
once more with --load processes that do nothing but keep the processors busy.
Budgets: streamed >= 0.95 of generate; first piece <= 1.2 of a bare forward + 20 ms, alone and under load.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
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

_TICK = os.sysconf("SC_CLK_TCK")


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


def processor_seconds(pid: int) -> float:
    """What a process has taken of the processors so far."""
    rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(rest[11]) + int(rest[12])) / _TICK


Round = tuple[float, float, float, float, float, float]


def main() -> None:
    """Measure."""
    told = argparse.ArgumentParser()
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--tokens", type=int, default=120)
    told.add_argument("--hidden", type=int, default=512)
    told.add_argument("--load", type=int, default=2)
    options = told.parse_args()
    import torch
    import transformers

    messages = [{"role": "user", "content": "hola, ¿cómo estás? " * 10}]
    manner = Manner(temperature=0, max_tokens=options.tokens)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder / "m", options.hidden)
        words: Any = transformers.AutoTokenizer.from_pretrained(str(folder / "m"))
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(str(folder / "m")).eval()
        ids = words.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        server = serving.start(folder / "s", folder / "m")

        def once(client: Client) -> Round:
            began, spent = time.perf_counter(), time.process_time()
            out = model.generate(**ids, do_sample=False, max_new_tokens=options.tokens)
            generate, generate_cpu = time.perf_counter() - began, time.process_time() - spent
            assert out.shape[1] - ids["input_ids"].shape[1] == options.tokens
            began = time.perf_counter()
            model(**ids, use_cache=True)
            forward = time.perf_counter() - began
            began, spent = time.perf_counter(), processor_seconds(server.process.pid)
            reply = client.ask(server.base_name, messages, manner)
            streamed = time.perf_counter() - began
            streamed_cpu = processor_seconds(server.process.pid) - spent
            assert reply.reply_tokens == options.tokens, reply
            return generate, streamed, generate_cpu, streamed_cpu, forward, reply.figures.first_token or 0.0

        print(f"{torch.get_num_threads()} threads, a prompt of {ids['input_ids'].shape[1]} tokens")
        try:
            with Client(doors.of_server(server)) as client, torch.inference_mode():
                once(client)  # warms both up
                report("alone", [once(client) for _round in range(options.rounds)], options.tokens)
                busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _one in range(options.load)]
                try:
                    rounds = [once(client) for _round in range(options.rounds)]
                finally:
                    for one in busy:
                        one.kill()
                        one.wait()
                report(f"beside {options.load} busy processes", rounds, options.tokens)
        finally:
            serving.stop_servers(folder / "s")


def report(how: str, rounds: list[Round], tokens: int) -> None:
    """The medians, each beside its budget."""
    generate, streamed, generate_cpu, streamed_cpu, forward, first = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    if how == "alone":  # the rate's budget is that of a machine with nothing else to do
        for clock, plain, ours in (("clock", generate, streamed), ("processor seconds", generate_cpu, streamed_cpu)):
            rates = f"generate {tokens / plain:.0f}/s, streamed {tokens / ours:.0f}/s"
            print(f"by the {clock}: {rates}, streamed/generate {plain / ours:.2f} (budget >= 0.95)")
    budget = forward * 1200 + 20
    print(f"{how}: first piece after {first * 1000:.0f} ms, bare forward {forward * 1000:.0f} ms ", end="")
    print(f"(budget 1.2 of it + 20 ms: <= {budget:.0f} ms)")


if __name__ == "__main__":
    main()
