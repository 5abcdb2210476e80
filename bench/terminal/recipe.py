"""The recipe screen in a real pty of 120×40: `python -m bench.terminal.recipe [--rows N] [--lines N] [--keys N] [--first]`.

From a key that changes a parameter to the first new counter on the screen, at a million messages, and from there to the
exact ones at 153,700; the same, and moves of the cursor, while all tokens are counted for the first time (`--first`: these
alone); bytes for a move of the cursor, for a change, and while idle. Times stand beside those of a Textual
app of twenty lines in the same run (`bench.terminal.first_paint`), asked by turns; bytes are exact. Budgets: new counters
in 50 ms at a million messages, exact tokens in 300 ms at 153,700 lines, 600 bytes a move, 8 KB a change, nothing idle.

Every chunk is stamped as it is read and the screen is replayed afterwards, so that the emulation costs no time.
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pyte

from bench.dataset.talk import chat
from bench.terminal.first_paint import FLOOR, OURS, Program
from core.dataset.recipe import PARAMETERS

_FIGURES = slice(5, 13)  # the lines of the counters
_MORE, _LESS = b"\x1b[C", b"\x1b[D"
_STEPS = 9  # that the parameter can be taken up, and down: no recipe is met twice, for what was counted is remembered


class Chunk(NamedTuple):
    """Bytes that came at once: milliseconds since the key, and those of processor that the program had meanwhile."""

    at: float
    processor: float
    data: bytes


class Watched(Program):
    """A program whose screen is known at any moment."""

    def __init__(self, source: str, *arguments: str) -> None:
        super().__init__(source, *arguments)
        self.screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self.screen)

    def take(self, data: bytes) -> None:
        self._stream.feed(data.replace(b"\x1b[?2026h", b"").replace(b"\x1b[?2026l", b""))

    def text(self) -> str:
        return "\n".join(
            "".join(self.screen.buffer[y][x].data for x in range(120)).rstrip() for y in range(self.screen.lines)
        )

    def figures(self) -> str:
        return "\n".join(
            "".join(self.screen.buffer[y][x].data for x in range(60, 105)) for y in range(*_FIGURES.indices(40))
        )

    def until(self, words: str, limit: float = 120.0) -> None:
        end = time.monotonic() + limit
        while words not in self.text():
            if time.monotonic() > end:
                raise SystemExit(f"“{words}” never came:\n{self.text()}")
            if select.select([self.descriptor], [], [], 0.2)[0]:
                self.take(os.read(self.descriptor, 65_536))

    def processor(self) -> float:
        """The seconds of processor that all its threads have had: what others do on the machine does not count in it."""
        tasks = Path(f"/proc/{self.pid}/task")
        return sum(int((one / "schedstat").read_text().split()[0]) for one in tasks.iterdir()) / 1e9

    def chunks(self, key: bytes, silence: float, limit: float) -> list[Chunk]:
        """Press a key; what came, each chunk with its times since."""
        got: list[Chunk] = []
        spent = self.processor()
        began = time.perf_counter()
        os.write(self.descriptor, key)
        while time.perf_counter() - began < limit:
            if not select.select([self.descriptor], [], [], silence)[0]:
                break
            data = os.read(self.descriptor, 65_536)
            got.append(Chunk((time.perf_counter() - began) * 1000, (self.processor() - spent) * 1000, data))
        return got

    def change(self, key: bytes, silence: float, limit: float) -> tuple[int, Chunk | None, Chunk | None]:
        """Bytes of a change, the chunk with the first new counter and the one with the exact ones."""
        before = self.figures()
        got = self.chunks(key, silence, limit)
        first = exact = None
        for chunk in got:
            self.take(chunk.data)
            now = self.figures()
            if now != before:
                first = first or chunk
                if "≈" not in now and "—" not in now:
                    exact = exact or chunk
        return sum(len(chunk.data) for chunk in got), first, exact


def fill(folder: Path, rows: int, model: str) -> None:
    """A chat of so many messages with silences of every length, and a persona."""
    from core.store import chats
    from core.store.intake import Intake
    from core.workspace import recipe, revision
    from core.workspace.opening import open_workspace

    with open_workspace(folder) as workspace:
        head, messages = chat(rows)
        with workspace.store.write() as change:
            chat_id, key = chats.upsert(change, head, 0)
            intake = Intake(change, chat_id, key)
            for start in range(0, rows, 5_000):
                intake.add(messages[start : start + 5_000])
            intake.finish()
            revision.move(change)
        recipe.change(workspace, {"persona": "Ana", "model": model})


def told(name: str, values: list[float], budget: str) -> None:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    print(
        f"{name}: p50 {statistics.median(ordered):.0f}, p95 {p95:.0f}, most {ordered[-1]:.0f} ({budget}; n={len(ordered)})"
    )


def both(name: str, chunks: list[Chunk], budget: str) -> None:
    told(f"{name}, clock", [one.at for one in chunks], budget)
    told(f"{name}, processor", [one.processor for one in chunks], budget)


def to_recipe(program: Watched, parameter: str) -> None:
    program.until("Chats")
    os.write(program.descriptor, b"3")
    program.until("burst_window")
    os.write(program.descriptor, b"j" * list(PARAMETERS).index(parameter))
    program.until(f"▌ {parameter}")


def while_counting(ours: Watched, keys: int) -> tuple[list[Chunk], list[Chunk]]:
    """Moves and changes, by turns, until all is counted: the first chunk of each move, and that with the new counters."""
    moves: list[Chunk] = []
    changes: list[Chunk] = []
    for at in range(keys):
        if "≈" not in ours.figures() and "—" not in ours.figures():
            break
        for key in (b"k", b"j"):
            got = ours.chunks(key, 0.1, 0.3)
            for one in got:
                ours.take(one.data)
            moves += got[:1]
        _size, new, _exact = ours.change(_MORE if at // _STEPS % 2 == 0 else _LESS, 0.6, 0.6)
        changes += [new] if new is not None else []
    return moves, changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=153_700)
    parser.add_argument("--keys", type=int, default=30)
    parser.add_argument(
        "--rest", type=float, default=1.5, help="seconds of silence after which a key has had its effect"
    )
    parser.add_argument(
        "--first", action="store_true", help="only what is asked while all is counted for the first time"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        # Counted by a vocabulary, as any model of a provider is: a local tokenizer needs the extra `local`.
        for rows, settle in ((given.rows, 60.0), (given.lines, 30.0)):
            folder = Path(name) / str(rows)
            fill(folder, rows, "gpt-4.1-mini")
            floor, ours = Watched(FLOOR), Watched(OURS, str(folder))
            floor.chunks(b"", 1.0, 5.0)
            to_recipe(ours, "conversation_gap")
            ours.until("held out")
            print(f"{rows:,} messages; milliseconds of the clock, then of processor")
            moved, changed = while_counting(ours, 2 * given.keys)
            if moved and changed:
                both("  a move while all is counted", moved, "budget 30")
                both("  new counters while all is counted", changed, "budget 50 at 1,000,000")
            if given.first:
                floor.close()
                ours.close()
                continue
            end = time.monotonic() + settle * 4
            while "≈" in ours.figures() and time.monotonic() < end:  # the first count of everything
                for one in ours.chunks(b"", 1.0, 5.0):
                    ours.take(one.data)
            moves: list[float] = []
            for key in (b"j", b"k") * (given.keys // 2):
                got = ours.chunks(key, 0.15, 1.0)
                moves.append(sum(len(one.data) for one in got))
                for one in got:
                    ours.take(one.data)
            peer: list[Chunk] = []
            first: list[Chunk] = []
            exact: list[Chunk] = []
            sizes: list[float] = []
            steps = min(_STEPS, given.keys // 2)
            for at, key in enumerate([_MORE] * steps + [_LESS] * 2 * steps):
                if steps <= at < 2 * steps:  # back to where the walk began: what was counted is remembered
                    ours.change(key, given.rest, settle)
                    continue
                # By turns, so that both see the same weather.
                peer += floor.chunks(b"\x1b[B", 0.1, 1.0)[:1]
                size, new, settled = ours.change(key, given.rest, settle)
                sizes.append(size)
                first += [new] if new is not None else []
                exact += [settled] if settled is not None else []
            ours.chunks(b"", 3.0, 3.0)
            idle = sum(len(one.data) for one in ours.chunks(b"", 3.0, 3.0))
            both("  the floor's key to its first byte", peer, "what a key costs in Textual here and now")
            both("  a parameter's key to new counters", first, "budget 50 at 1,000,000")
            if exact:
                both("  a parameter's key to exact ones", exact, "budget 300 at 153,700")
            clock = statistics.median(one.at for one in first) / statistics.median(one.at for one in peer)
            own = statistics.median(one.processor for one in first) / statistics.median(one.processor for one in peer)
            print(f"  new counters: {clock:.1f} times the floor's key by the clock, {own:.1f} by the processor")
            told("  bytes of a move", moves, "budget 600")
            told("  bytes of a change", sizes, "budget 8192")
            print(f"  idle: {idle} bytes in 3 s; resident {ours.memory():.0f} MB, and {ours.beside():.0f} MB beside it")
            floor.close()
            ours.close()


if __name__ == "__main__":
    main()
