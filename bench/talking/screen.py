"""The chat screen on the wire and on the processor, in a real pty: `python -m bench.talking.screen [--tokens N]`.

A server on the loopback address speaks at 30 tokens a second for `--seconds`; what the workbench sends to its terminal is
counted, and the processor time that its process takes. Then pages are turned in a transcript of `--tokens` tokens and in
one of a few hundred, in the same run: the ratio is what counts. Budgets: ≤ 20 KB/s and ≤ 10 % of a core while it streams,
nothing while idle, and a long transcript scrolls like a short one (≤ 1.5 × in processor time, bytes alike).
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from core.workspace import transcripts
from core.workspace.opening import open_workspace
from tests.tui.talks import Chunk, answering, delta, with_endpoint
from tests.tui.terminal import Terminal

PROGRAM = """
import sys
from pathlib import Path
from core.settings import Endpoint, Settings
from core.workspace.opening import open_workspace
import tui.app
settings = Settings(Path("none.toml"), endpoints={{"lab": Endpoint("lab", "{base_url}")}})
workspace = open_workspace(Path(sys.argv[1]), settings)
tui.app.run(workspace, settings)
workspace.close()
"""
WORDS = ["el", "puente", "de", "la", "plaza", "está", "re", "lindo", "y", "nadie", "lo", "cruza", "cuando", "llueve"]


class Screen(Terminal):
    """The workbench in a pty, its bytes counted without being drawn."""

    def __init__(self, folder: Path, base_url: str, size: tuple[int, int] = (40, 120)) -> None:
        super().__init__(folder, size=size, program=PROGRAM.format(base_url=base_url))

    def processor(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def over(self, seconds: float) -> tuple[int, float]:
        """Bytes that come in so many seconds, and the processor time that they took."""
        size, before, until = 0, self.processor(), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.descriptor], [], [], left)[0]:
                size += len(os.read(self.descriptor, 65_536))
        return size, self.processor() - before

    def pages(self, count: int) -> tuple[float, float]:
        """Median bytes and processor milliseconds for a page up."""
        sizes: list[int] = []
        before = self.processor()
        for _page in range(count):
            os.write(self.descriptor, b"\x1b[5~")
            size = 0
            while select.select([self.descriptor], [], [], 0.3)[0]:
                size += len(os.read(self.descriptor, 65_536))
            sizes.append(size)
        return statistics.median(sizes), (self.processor() - before) * 1000 / count


def words(count: int) -> str:
    return " ".join(WORDS[n % len(WORDS)] for n in range(count))


def talk_of(folder: Path, base_url: str, tokens: int) -> None:
    """A talk of so many tokens, about 100 a message, made directly."""
    with open_workspace(folder, with_endpoint(base_url, folder)) as workspace:
        number = transcripts.start(workspace, ["lab:m"], title="larga")
        parent: int | None = None
        for one in range(max(2, tokens // 100)):
            role = "assistant" if one % 2 else "user"
            parent = transcripts.put(workspace, number, parent, role, words(75), model="lab:m")
        transcripts.go_to(workspace, number, 0, parent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=30.0)
    told = parser.parse_args()

    def speaking(_asked: dict[str, object]) -> Iterator[Chunk]:
        begun = time.monotonic()
        for number in range(int(told.rate * (told.seconds + 8))):
            time.sleep(max(0.0, begun + number / told.rate - time.monotonic()))
            yield delta(WORDS[number % len(WORDS)] + " ")
        yield delta("", "stop")

    wrong = 0
    figures: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as place, answering(speaking) as base_url:
        for name, tokens in (("8,000", 8_000), (f"{told.tokens:,}", told.tokens)):
            folder = Path(place) / str(tokens)
            talk_of(folder, base_url, tokens)
            made = Screen(folder, base_url)
            try:
                made.until("Chats", 60)
                made.type("7")
                made.until("A new talk", 60)
                made.type("\x1b", 0.5)
                made.type("o", 0.5)
                made.type("\r", 1.0)
                made.until("larga", 60)
                idle, _cpu = made.over(2.0)
                made.pages(2)
                figures[name] = made.pages(12)
                size, cost = figures[name]
                print(f"{name} tokens: a page {size:,.0f} bytes, {cost:.1f} ms of processor; idle {idle} B/s")
                wrong += idle > 0
                made.type("i", 0.5)
                made.type("hola", 0.5)
                os.write(made.descriptor, b"\r")
                made.until("tokens/s", 60)
                made.over(2.0)  # the imports of the first question are not the stream's
                size, cpu = made.over(told.seconds)
                rate, share = size / told.seconds, cpu / told.seconds
                print(
                    f"{name} tokens: {told.rate:g} tokens/s stream in at {rate / 1000:.1f} KB/s, {share:.1%} of a core"
                )
                wrong += (rate > 20_000) + (share > 0.10)
            finally:
                os.kill(made.pid, signal.SIGTERM)
                made.close()
    short, long = figures.values()
    print(f"long against short: bytes {long[0] / short[0]:.2f}, processor {long[1] / short[1]:.2f}")
    wrong += (long[0] > 1.5 * short[0]) + (long[1] > 1.5 * short[1])
    print("within the budgets" if not wrong else f"{wrong} budgets are broken")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
