"""Every check in one command: `./sinsonte check [pytest arguments]`.

The static checks run side by side, each with its time and, where it fails, its words; then the tests. The exit code is
0 only when all of them passed. `--static` leaves the tests out. Branches are counted; that doubles the time of the
tests, so CI runs `./sinsonte test`, without.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

# Scripts by their path beside this Python: the environment need not be active.
STATIC: dict[str, Sequence[str]] = {
    "ruff check": (str(BIN / "ruff"), "check", "--quiet", "."),
    "ruff format": (str(BIN / "ruff"), "format", "--check", "--quiet", "."),
    "pyright": (sys.executable, "-m", "pyright", "--pythonpath", sys.executable),
    "import contracts": (sys.executable, "-P", "-c", "from importlinter.cli import lint_imports_command as c; c()"),
    "deptry": (sys.executable, "-P", "-c", "from deptry.cli import deptry as c; c()", "."),
}


class Outcome(NamedTuple):
    name: str
    passed: bool
    seconds: float
    said: str


def run(name: str, command: Sequence[str]) -> Outcome:
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        # pyright looks for node on PATH, and the environment's is the one that the test set brought.
        env=os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"},
    )
    return Outcome(name, done.returncode == 0, time.monotonic() - began, done.stdout)


def static_checks() -> bool:
    # pyright takes ten times as long as the others together: beside it they cost nothing.
    with ThreadPoolExecutor(len(STATIC)) as pool:
        outcomes = list(pool.map(run, STATIC, STATIC.values()))
    for outcome in outcomes:
        print(f"{'passed' if outcome.passed else 'FAILED':7} {outcome.name:17} {outcome.seconds:5.1f} s", flush=True)
        if not outcome.passed:
            print(outcome.said, flush=True)
    return all(outcome.passed for outcome in outcomes)


def main(arguments: Sequence[str]) -> int:
    passed = static_checks()
    rest = [one for one in arguments if one != "--static"]
    if len(rest) < len(arguments):
        return 0 if passed else 1
    began = time.monotonic()
    words = ["-m", "pytest", "--cov", "--cov-report=term:skip-covered", *rest]
    code = subprocess.run([sys.executable, "-P", *words], cwd=ROOT, check=False).returncode
    tests = "passed" if code == 0 else "FAILED"
    static = "all passed" if passed else "FAILED, see above"
    print(f"{tests:7} {'tests':17} {time.monotonic() - began:5.1f} s (static checks: {static})", flush=True)
    return 0 if passed and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
