"""The library and the conversations at a million messages, in a real pty: `python bench/terminal/conversations.py`.

Bytes and memory are exact; times are noisy on a machine that does other work, so a floor (a Textual app of twenty lines)
answers keys in the same run. Budgets: a move ≤ 600 bytes with p95 ≤ 30 ms, a page ≤ 8 KB, a search's first screen
≤ 100 ms, nothing while idle, ≤ 80 MB.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from bench.terminal.first_paint import FLOOR, OURS, Program


def fill(folder: Path, rows: int) -> None:
    """A chat of so many messages in conversations of forty, and a small one besides."""
    from core.chat import Chat, Kind, Message
    from core.store import chats
    from core.store.intake import Intake
    from core.workspace import revision
    from core.workspace.opening import open_workspace

    words = ("hola, ¿cómo va?", "dale 🥹", "mañana llego a las nueve y traigo la torta", "sí", "¡buenísimo, nos vemos!")
    with open_workspace(folder) as workspace, workspace.store.write() as change:
        for title, size in (("Corto", 50), ("Millón", rows)):
            chat_id, key = chats.upsert(change, Chat(title, "whatsapp"), 0)
            intake = Intake(change, chat_id, key)
            for start in range(0, size, 5000):
                intake.add(
                    [
                        Message(
                            ("Vera", "Nico")[n // 3 % 2], 1_600_000_000 + n * 47 + n // 40 * 20_000, Kind.TEXT,
                            words[n % 5], 0, n + 1,
                        )
                        for n in range(start, min(start + 5000, size))
                    ]
                )  # fmt: skip
            intake.finish()
        revision.move(change)


def after(program: Program, key: bytes, silence: float = 0.12, limit: float = 0.6) -> tuple[int, float, float]:
    """A key: its bytes, and the milliseconds to the first and the last of them."""
    os.write(program.descriptor, key)
    size, first, last = program.quiet(silence, limit)
    return size, first * 1000, last * 1000


def told(name: str, keys: list[tuple[int, float, float]], budget: str) -> None:
    """One line of figures."""
    sizes = sorted(size for size, _first, _last in keys)
    times = sorted(first for _size, first, _last in keys)
    middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
    print(
        f"{name:34} {statistics.median(sizes):6.0f} bytes (at most {sizes[-1]}), first byte p50 {middle:5.1f} ms, "
        f"p95 {late:5.1f} ms   ({budget})"
    )


def moves(program: Program, key: bytes, count: int = 60) -> list[tuple[int, float, float]]:
    """Moves within the view: those that turn half a page are pages."""
    found = [after(program, key) for _key in range(count)]
    return [one for one in found if one[0] < 2500] or found


def measure(folder: Path, rows: int) -> None:
    floor = Program(FLOOR)
    floor.quiet(1.0)
    told("the floor: down in an OptionList", [after(floor, b"\x1b[B") for _key in range(40)], "no budget")
    floor.close()

    program = Program(OURS, str(folder))
    program.quiet(1.0)
    told("chats: a move", [one for key in (b"j", b"k") * 5 for one in moves(program, key, 1)], "600 bytes, 30 ms")
    began = time.perf_counter()
    os.write(program.descriptor, b"\r")
    program.quiet(0.8, 20)
    print(f"open the chat and know its conversations: {time.perf_counter() - began - 0.8:.2f} s")
    after(program, b"g")
    told("messages: a move", moves(program, b"j"), "600 bytes, 30 ms")
    told("messages: a page", [after(program, b"\x1b[6~") for _key in range(15)], "8192 bytes")
    told("messages: drop and go on", moves(program, b"d", 30), "saved at the key press")
    told("messages: undo", moves(program, b"u", 15), "saved at the key press")
    after(program, b"\t")
    after(program, b"g", 0.5)
    told("conversations: a move", [after(program, b"j", 0.04) for _key in range(30)], "600 bytes, 30 ms")
    program.quiet(0.5, 1.0)
    told("conversations: a page", [after(program, b"\x1b[6~") for _key in range(15)], "8192 bytes")
    os.write(program.descriptor, b"j")
    program.quiet(0.04, 0.1)
    size = program.quiet(0.3, 1.0)[0]
    print(f"the messages of a conversation, when the cursor has rested: {size} bytes")
    after(program, b"/")
    for typed in (b"to", b"r", b"ta"):
        size, _first, last = after(program, typed, 0.4, 3.0)
        print(f"search as typed, +{typed.decode()!r}: {size} bytes, whole after {last:.0f} ms (100 ms)")
    after(program, b"\r", 0.4)
    told("found: a move", moves(program, b"j", 30), "600 bytes, 30 ms")
    told("found: a page", [after(program, b"\x1b[6~") for _key in range(10)], "8192 bytes")
    after(program, b"\x1b", 0.5)
    idle = program.quiet(3.0, 3.0)[0]
    print(f"idle: {idle} bytes in 3 s; resident with {rows:,} messages: {program.memory():.0f} MB (80)")
    program.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workspace", type=Path, help="one that was filled before")
    given = parser.parse_args()
    if given.workspace:
        measure(given.workspace, given.rows)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        fill(folder, given.rows)
        measure(folder, given.rows)


if __name__ == "__main__":
    main()
