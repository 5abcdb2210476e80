"""First paint, memory, and bytes for each key, in a real pty: `python bench/terminal/first_paint.py [--rows N]`.

The floor is a Textual app of twenty lines in the same run: times are compared with it, never with a number, since
machines differ. Bytes and memory are exact. Budgets: first paint ≤ 1.35 × the floor, ≤ 80 MB, a move ≤ 600 bytes with
p95 ≤ 30 ms, a page ≤ 8 KB, nothing while idle.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FLOOR = """
from textual.app import App
from textual.widgets import Footer, Header, OptionList
class Floor(App):
    def compose(self):
        yield Header()
        yield OptionList(*[f"row {n}" for n in range(200)], markup=False)
        yield Footer()
Floor().run()
"""
OURS = """
import sys
from pathlib import Path
from core.workspace.opening import open_workspace
from tui.app import run
workspace = open_workspace(Path(sys.argv[1]))
run(workspace, workspace.settings)
"""


class Program:
    """A program in a pty of 120×40, with a clock at each byte."""

    def __init__(self, source: str, *arguments: str) -> None:
        self.started = time.perf_counter()
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
            os.execve(sys.executable, [sys.executable, "-c", source, *arguments], environment)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def quiet(self, silence: float, limit: float = 30.0) -> tuple[int, float, float]:
        """Read until nothing comes for so long; bytes, and the seconds of the first byte and of the last."""
        size, first, last, begun = 0, 0.0, 0.0, time.perf_counter()
        while time.perf_counter() - begun < limit:
            if not select.select([self.descriptor], [], [], silence if size else limit)[0]:
                break
            size += len(os.read(self.descriptor, 65_536))
            last = time.perf_counter() - begun
            first = first or last
        return size, first, last

    def first_paint(self) -> float:
        """Milliseconds from the start to the first text on the alternate screen."""
        seen = b""
        while b"\x1b[?1049h" not in seen or len(seen.split(b"\x1b[?1049h")[1]) < 4000:
            seen += os.read(self.descriptor, 65_536)
        return (time.perf_counter() - self.started) * 1000

    def key(self, key: bytes) -> tuple[int, float]:
        os.write(self.descriptor, key)
        size, first, _last = self.quiet(0.12, 0.6)
        return size, first * 1000

    def memory(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def beside(self) -> float:
        """What the processes that it started have resident."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()  # a child is listed with the thread that started it
        children = [one for task in tasks for one in (task / "children").read_text().split()]
        return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in children) * 4096 / (1 << 20)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


def fill(folder: Path, rows: int) -> None:
    """A chat of so many messages."""
    from core.chat import Chat, Kind, Message
    from core.store import chats
    from core.store.intake import Intake
    from core.workspace.opening import open_workspace

    words = ("hola, ¿cómo va?", "dale 🥹", "mañana llego a las nueve y traigo la torta", "sí", "¡buenísimo, nos vemos!")
    with open_workspace(folder) as workspace, workspace.store.write() as change:
        chat_id, key = chats.upsert(change, Chat("Millón", "whatsapp"), 0)
        intake = Intake(change, chat_id, key)
        for start in range(0, rows, 5000):
            intake.add(
                [
                    Message(("Vera", "Nico")[n // 3 % 2], 1_600_000_000 + n * 47, Kind.TEXT, words[n % 5], 0, n + 1)
                    for n in range(start, min(start + 5000, rows))
                ]
            )
        intake.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        fill(folder, given.rows)
        floor: list[float] = []
        ours: list[float] = []
        for _run in range(given.runs):  # by turns, so that both see the same weather
            for source, times in ((FLOOR, floor), (OURS, ours)):
                program = Program(source, str(folder))
                times.append(program.first_paint())
                program.close()
        a, b = statistics.median(floor), statistics.median(ours)
        print(f"first paint: floor {a:.0f} ms, workbench {b:.0f} ms, ratio {b / a:.2f} (budget 1.35)")

        program = Program(OURS, str(folder))
        program.quiet(1.0)
        program.key(b"\r")
        program.key(b"g")
        moves = [program.key(b"j") for _key in range(80)]
        pages = [program.key(b"\x1b[6~") for _key in range(20)]
        program.quiet(1.0)  # what is said of a row once the cursor has rested on it belongs to the last key
        idle = program.quiet(3.0, 3.0)[0]
        near = [size for size, _first in moves if size < 2500]
        times = sorted(first for _size, first in moves + pages)
        print(f"a move: median {statistics.median(near):.0f} bytes, at most {max(near)} (budget 600)")
        print(f"half a page when the cursor leaves the view: {len(moves) - len(near)} of {len(moves)} moves")
        print(f"a page: median {statistics.median(size for size, _ in pages):.0f} bytes (budget 8192)")
        print(f"key to first byte: p50 {statistics.median(times):.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms")
        print(
            f"idle: {idle} bytes in 3 s; resident with {given.rows:,} messages: {program.memory():.0f} MB (budget 80)"
        )
        program.close()


if __name__ == "__main__":
    main()
