"""What the workbench and the process that counts have resident on every screen, in a real pty of 120×40:
`python -m bench.terminal.memory [--rows N] [--workspace DIR]`.

The workspace is opened twice: first when nothing was ever counted, then when nothing has changed since. Of each opening:
when the first figures stand and when the exact ones do, beside the first paint of a Textual app of twenty lines in the
same run, whose memory is the floor. Then a session that visits every screen: of each the workbench's own memory, that of
the process beside it, and both. Budget: 80 MB of its own; the whole while one browses, searches and reads. A line that
breaks it ends in ✗. The account is asked of a provider that does not answer, so its client is loaded as well.
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
from bench.terminal.recipe import Watched, fill

BUDGET = 80.0
# The keys of a session, what is looked at, and whether a process may count beside it: only the recipe needs one.
SESSION = (
    ("1", "chats", False),
    ("1p", "people", False),
    ("1\r", "messages", False),
    ("g", "messages, from the beginning", False),
    ("\t", "conversations", False),
    ("/torta\r", "search", False),
    ("\x1b", "all again", False),
    ("4", "datasets", False),
    ("5", "runs", False),
    ("6", "models", False),
    ("7", "talk", False),
    ("\x1bo", "earlier talks", False),
    ("\x1b", "talk again", False),
    ("3", "recipe", True),
    ("r", "rules", True),
    ("\x1be", "an example, all of it", True),
    ("\x1b8", "account", True),
    ("1", "chats again", True),
)


def foot(program: Watched) -> str:
    """The line of the counters."""
    return program.text().splitlines()[-1]


def opened(folder: Path, limit: float) -> tuple[Watched, dict[str, float], float]:
    """Open the workspace; the seconds until the first figures and until exact ones, and the most that both ever had."""
    program = Watched(OURS, str(folder))
    began, most = time.monotonic(), 0.0
    times: dict[str, float] = {}
    while "exact" not in times and time.monotonic() - began < limit:
        if select.select([program.descriptor], [], [], 0.05)[0]:
            program.take(os.read(program.descriptor, 65_536))
        line = foot(program)
        if "messages" in line:
            times.setdefault("first", time.monotonic() - began)
            if "≈" not in line:
                times["exact"] = time.monotonic() - began
        most = max(most, program.memory() + program.beside())
    return program, times, most


def settled(program: Watched, silence: float = 1.0, limit: float = 15.0) -> None:
    for chunk in program.chunks(b"", silence, limit):
        program.take(chunk.data)


def open_and_tell(name: str, folder: Path, limit: float, paint: float) -> Watched:
    program, times, most = opened(folder, limit)
    line = ", ".join(f"{what} figures after {at:.1f} s ({at / paint:.1f})" for what, at in times.items())
    print(f"{name}: {line}; at most {most:.0f} MB in all (times beside the floor's first paint)")
    return program


def told(name: str, program: Watched, floor: float, alone: bool) -> None:
    own, beside = program.memory(), program.beside()
    bad = own > BUDGET or (alone and own + beside > BUDGET)
    print(
        f"  {name:30} {own:4.0f} MB of its own ({own / floor:.2f} of the floor's), {beside:4.0f} beside, "
        f"{own + beside:4.0f} in all{'  ✗' if bad else ''}"
    )


def measure(folder: Path, limit: float, patience: float) -> None:
    paints: list[float] = []
    floor = 0.0
    for _run in range(3):
        peer = Program(FLOOR)
        paints.append(peer.first_paint() / 1000)
        peer.quiet(1.0)
        floor = peer.memory()
        peer.close()
    paint = statistics.median(paints)
    print(f"the floor: first paint {paint:.2f} s, {floor:.0f} MB")
    first = open_and_tell("never counted", folder, limit, paint)
    settled(first, 3.0)
    told("  at rest", first, floor, False)
    first.close()
    program = open_and_tell("opened again", folder, limit, paint)
    for keys, name, may_count in SESSION:
        for key in keys:
            os.write(program.descriptor, key.encode())
            settled(program, 0.7, 5.0)
        settled(program, 2.5)
        told(name, program, floor, not may_count)
    began = time.monotonic()
    while program.beside() and time.monotonic() - began < patience:
        settled(program, 0.5, 1.0)
    print(f"away from the recipe, the process beside ended after {time.monotonic() - began:.0f} s")
    told("and then", program, floor, True)
    program.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that a first count may take")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds to wait for the process's end")
    parser.add_argument("--workspace", type=Path, help="one that was filled before; what it remembers is taken away")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.toml"
        config.write_text('[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "LAB_KEY"\n')
        os.environ.update(SINSONTE_CONFIG=str(config), SINSONTE_LANG="en", LAB_KEY="none")
        folder = given.workspace or Path(name) / "workspace"
        if not folder.exists():
            fill(folder, given.rows, "gpt-4.1-mini")
        forget(folder)
        measure(folder, given.limit, given.patience)


def forget(folder: Path) -> None:
    """As if nothing had been counted yet."""
    from core.store import settings
    from core.workspace import shelf
    from core.workspace.opening import open_workspace

    with open_workspace(folder) as workspace, workspace.store.write() as change:
        settings.put(change, "counted", None)
        shelf.clear(workspace)


if __name__ == "__main__":
    main()
