"""Base and tuned at once, many readers, and switching between voices, on one server.

    python -m bench.talking.side_by_side [--rounds 5] [--tokens 100] [--clients 50] [--base DIR --adapter DIR]

Without --base, the tests' tiny model and its adapter. Rounds are interleaved; the fair figure on a busy machine is the
server's processor seconds. Budgets: both at once <= 1.1 of one after the other; a switch <= 5 ms on the embedded model;
50 clients without an error, each with the log-probabilities of its own model asked alone (to 1e-4 of one).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["HF_HUB_OFFLINE"] = "1"

from bench.talking.streaming import processor_seconds
from core.chatting import doors, serving
from core.chatting.client import Client
from core.chatting.manner import Manner
from core.chatting.replies import Reply
from tests import tiny
from tests.chatting.logits import off_by


def main() -> None:
    """Measure."""
    told = argparse.ArgumentParser()
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--tokens", type=int, default=100)
    told.add_argument("--clients", type=int, default=50)
    told.add_argument("--base", type=Path)
    told.add_argument("--adapter", type=Path)
    options = told.parse_args()
    base, adapter = options.base or tiny.tuned().base, options.adapter or tiny.tuned().adapter
    switching(base, adapter)
    # Hot, so that replies are long; what is compared is the cost of a token.
    hot = Manner(temperature=1.5, top_p=1.0, max_tokens=options.tokens, seed=3)
    asked = [{"role": "user", "content": "¿Qué me cuentas del gato?"}]
    apart: list[tuple[float, float]] = []
    together: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as place:
        server = serving.start(Path(place), base, {"tuned": adapter})
        names = (server.base_name, "tuned")
        try:
            with Client(doors.of_server(server)) as client:
                for number in range(options.rounds + 1):
                    began, spent = time.perf_counter(), processor_seconds(server.process.pid)
                    alone = [client.ask(name, asked, hot) for name in names]
                    one = time.perf_counter() - began, processor_seconds(server.process.pid) - spent
                    began, spent = time.perf_counter(), processor_seconds(server.process.pid)
                    streams = [client.stream(name, asked, hot) for name in names]
                    both = [stream.whole() for stream in streams]
                    two = time.perf_counter() - began, processor_seconds(server.process.pid) - spent
                    assert [reply.text for reply in both] == [reply.text for reply in alone], (
                        "the same seed, the same words"
                    )
                    if number:
                        apart.append(one)
                        together.append(two)
            clock, cpu = (
                statistics.median(two[n] for two in together) / statistics.median(one[n] for one in apart)
                for n in (0, 1)
            )
            print(f"side by side: {clock:.2f} of one after the other by the clock, ", end="")
            print(f"{cpu:.2f} by processor seconds (budget 1.1)")
            crowd(server, options.clients)
        finally:
            serving.stop_servers(Path(place))


def switching(base: Path, adapter: Path) -> None:
    """What it costs to let the other voice speak, in this process: by its own processor time, for by the clock the worst
    of many is whatever else the machine did in the middle of one."""
    import torch

    from core.engine.voices import open_house

    house = open_house(str(base), "base", {"tuned": adapter})
    clock: list[float] = []
    own: list[float] = []
    with torch.inference_mode():
        for number in range(1000):
            began, spent = time.perf_counter(), time.thread_time()
            house.speak_as(house.voices[("base", "tuned")[number % 2]])
            own.append((time.thread_time() - spent) * 1000)
            clock.append((time.perf_counter() - began) * 1000)
    worst = clock.index(max(clock))
    print(f"a switch of voices by processor time: {statistics.median(own):.2f} ms, ", end="")
    print(f"99 of 100 within {sorted(own)[989]:.2f} ms, the first {own[0]:.2f} ms (budget 5 ms)")
    print(f"by the clock: {statistics.median(clock):.2f} ms, 99 of 100 within {sorted(clock)[989]:.2f} ms; ", end="")
    print(f"the worst, {clock[worst]:.2f} ms, had {own[worst]:.2f} ms of the processor")


def crowd(server: serving.Server, clients: int) -> None:
    """All at once, half of them to each voice."""
    still = Manner(temperature=0, max_tokens=24, logprobs=5)
    things = ("pan", "mate", "gato", "tren", "libro")
    names = (server.base_name, "tuned")

    def ask(number: int) -> tuple[tuple[str, str], Reply]:
        key = names[number % 2], things[number % 5]
        with Client(doors.of_server(server)) as client:
            reply = client.ask(key[0], [{"role": "user", "content": f"¿Qué me cuentas del {key[1]}?"}], still)
        assert reply.trouble is None or reply.trouble.kind == "cut_off", reply
        return key, reply

    alone = dict(map(ask, range(10)))
    before = memory(server.process.pid)
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, range(clients)))
    wrong = sum(alone[key].text != reply.text for key, reply in answers)
    off = max(off_by(alone[key], reply) for key, reply in answers)
    waits = sorted(reply.figures.seconds for _key, reply in answers)
    grown = (memory(server.process.pid) - before) / 2**20
    print(f"{clients} clients: {wrong} wrong answers, ", end="")
    print(f"log-probabilities off by {off:.1e} at most (budget 1e-4), memory +{grown:.0f} MiB, ", end="")
    print(f"answered after {waits[len(waits) // 2]:.2f} s (median), {waits[-1]:.2f} s (last)")


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
