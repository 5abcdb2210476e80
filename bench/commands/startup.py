"""How long light commands take to start, beside `python -c "import click, sqlite_utils"` in the same run (budget: 2×).

    .venv/bin/python bench/commands/startup.py [ROUNDS]

The rounds are interleaved, so that a noisy machine disturbs both alike; medians are compared.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LIGHT = (["--version"], ["--help"], ["chats"], ["recipe", "show"], ["dataset", "list"], ["doctor"], ["config"])


def seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "HOME": home,
            "SINSONTE_WORKSPACE": f"{home}/workspace",
            "SINSONTE_CONFIG": f"{home}/config.toml",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        commands = {"floor": [sys.executable, "-c", "import click, sqlite_utils"]}
        commands |= {" ".join(words): [sys.executable, "-m", "core.commands", *words] for words in LIGHT}
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for command in commands.values():
            seconds(command, environment)  # bytecode and caches
        for _round in range(rounds):
            for name, command in commands.items():
                taken[name].append(seconds(command, environment))
    floor = statistics.median(taken["floor"])
    print(f"floor {floor * 1000:.0f} ms")
    worst = 0.0
    for name, times in taken.items():
        ratio = statistics.median(times) / floor
        worst = max(worst, ratio) if name != "floor" else worst
        print(f"{name:<16} {statistics.median(times) * 1000:6.0f} ms  {ratio:.2f}×")
    print("within the budget of 2×" if worst <= 2 else "OVER the budget of 2×")
    sys.exit(worst > 2)


if __name__ == "__main__":
    main()
