"""What the launcher adds to a start: `python bench/launcher/start_up.py [ROUNDS]`, in a checkout that has been started.

Prints the median of `./sinsonte NO-OP` and of the same command without the launcher, taken in turns in one run, and
their difference; exits 1 when it is above the budget of 100 ms. The command is replaced by one that does nothing
(`core.commands` takes a time of its own, which is not the launcher's).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUDGET = 0.100


def seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main(rounds: int) -> int:
    python = str(Path(os.environ.get("SINSONTE_VENV") or ROOT / ".venv") / "bin" / "python")
    base = str(Path(python).resolve())  # what `python3` is to a newcomer, without a version manager's shim
    with tempfile.TemporaryDirectory() as folder:
        # PYTHONPATH goes before the environment's packages: this `core.commands` is taken, and does nothing.
        commands = Path(folder, "core", "commands")
        commands.mkdir(parents=True)
        (commands.parent / "__init__.py").touch()
        (commands / "__init__.py").touch()
        (commands / "__main__.py").touch()
        direct_environment = os.environ | {"PYTHONPATH": folder}
        direct = [python, "-P", "-m", "core.commands", "chats"]
        # The launcher shields its own `core` from that path, so the path is set at the last moment, behind its back.
        program = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); import core.installing.starting as s, os;"
            f"execv = os.execv; s.os.execv = lambda p, a: (os.environ.update(PYTHONPATH={folder!r}), execv(p, a));"
            f"s.start({str(ROOT)!r}, ['chats'])"
        )
        launched = [base, "-c", program]
        pairs = [(seconds(launched, dict(os.environ)), seconds(direct, direct_environment)) for _round in range(rounds)]
    with_launcher, without = (statistics.median(column) for column in zip(*pairs, strict=True))
    added = statistics.median(one - other for one, other in pairs)
    print(f"with the launcher {with_launcher * 1000:.0f} ms, without {without * 1000:.0f} ms", end=", ")
    print(f"ratio {with_launcher / without:.2f}, added {added * 1000:.0f} ms (budget {BUDGET * 1000:.0f} ms)")
    return 0 if added <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 25))
