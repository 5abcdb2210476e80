"""The account's screen in a real pty of 120×40, against the tests' own provider: `python -m bench.terminal.account`.

From `8` to the first word and to the rows, when the workbench has just been opened and when it has asked before; what a
key waits for while the first question is on its way; how much of its own processor's time and memory the workbench spends
on it, and what the process beside it has. Bytes of a move, a page and a mark in a list of 400 files. Times stand beside
the first paint of a Textual app of twenty lines in the same run.
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import tempfile
import time
from pathlib import Path

from bench.terminal.first_paint import FLOOR, OURS, Program
from bench.terminal.lists import a_provider
from bench.terminal.recipe import Watched


def arrives(program: Watched, key: str, *words: str, limit: float = 60.0) -> list[float]:
    """Milliseconds from a key until each of these words is on the screen, in any order."""
    began = time.perf_counter()
    os.write(program.descriptor, key.encode())
    seen: dict[str, float] = {}
    while len(seen) < len(words) and time.perf_counter() - began < limit:
        if select.select([program.descriptor], [], [], 0.02)[0]:
            program.take(os.read(program.descriptor, 65_536))
            text = program.text()
            for word in words:
                if word in text:
                    seen.setdefault(word, (time.perf_counter() - began) * 1000)
    return [seen[word] for word in words]


def worst_key(program: Watched, limit: float = 30.0) -> float:
    """The longest that a key (the list of keys, and back) waited while a question is on its way, in milliseconds."""
    os.write(program.descriptor, b"8")
    worst, turn, began = 0.0, 0, time.perf_counter()
    while "train-399" not in program.text() and time.perf_counter() - began < limit:
        word = ("list.down", "asking|train-399")[turn % 2]
        pressed = time.perf_counter()
        os.write(program.descriptor, b"?" if turn % 2 == 0 else b"q")
        while not any(one in program.text() for one in word.split("|")) and time.perf_counter() - pressed < limit:
            if select.select([program.descriptor], [], [], 0.02)[0]:
                program.take(os.read(program.descriptor, 65_536))
        worst = max(worst, (time.perf_counter() - pressed) * 1000)
        turn += 1
    return worst


def once(folder: Path) -> dict[str, float]:
    told: dict[str, float] = {}
    program = Watched(OURS, str(folder))
    program.until("Chats")
    program.quiet(1.5)
    memory, spent = program.memory(), program.processor()
    told["asking"], told["rows"] = arrives(program, "8", "asking", "train-399")
    told["processor"] = (program.processor() - spent) * 1000
    told["memory"], told["beside"] = program.memory() - memory, program.beside()
    program.quiet(0.5)
    # `t` turns to the models, of which this account has two: an answer of a process that is already there.
    (told["again"],) = arrives(program, "t", "models at lab   2 things")
    arrives(program, "ttt", "files at lab   400 things")
    program.quiet(0.5)
    for name, key in (("move", b"j"), ("page", b"\x1b[6~"), ("mark", b"m")):
        told[name] = statistics.median(program.key(key)[0] for _turn in range(10))
    program.close()
    busy = Watched(OURS, str(folder))
    busy.until("Chats")
    busy.quiet(1.5)
    told["worst"] = worst_key(busy)
    busy.close()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.toml"
        os.environ.update(SINSONTE_CONFIG=str(config), SINSONTE_LANG="en")
        paints: list[float] = []
        turns: list[dict[str, float]] = []
        with a_provider(config):
            for _turn in range(given.turns):
                floor = Program(FLOOR)
                paints.append(floor.first_paint())
                floor.close()
                turns.append(once(Path(name) / "workspace"))
    paint = statistics.median(paints)
    print(f"the floor's first paint: {paint:.0f} ms")
    for what, said in (
        ("asking", "from 8 to “asking …”"), ("rows", "from 8 to the rows"), ("again", "from t to the models"),
        ("worst", "the longest that a key waited meanwhile"),
    ):  # fmt: skip
        times = [one[what] for one in turns]
        middle = statistics.median(times)
        print(f"{said:42} {middle:5.0f} ms ({middle / paint:.2f} of the floor's), at most {max(times):.0f}")
    for what, said in (
        ("processor", "processor's time of the workbench, ms"), ("memory", "memory that it took, MB"),
        ("beside", "memory of the process beside, MB"), ("move", "bytes of a move"), ("page", "bytes of a page"),
        ("mark", "bytes of a mark"),
    ):  # fmt: skip
        print(f"{said:42} {statistics.median(one[what] for one in turns):5.0f}")


if __name__ == "__main__":
    main()
