"""What a live run costs the terminal: bytes a second while the run is shown, and how soon a long log is there.

    python -m bench.training.live_screen [--seconds 20] [--events 10000000]

A run writes what the engine writes, as often as it does (four steps a second, a validation and a sample now and then);
the workbench shows it in a pty of 120x40 and of 80x24, and every byte that it sends is counted, once with the log running
on and once with it held. Then logs of a thousand and of many events are opened: the list of runs, the run's screen and its
curves from the first key to the last line, and the same by the verbs alone. Peer: the same screen with nothing going on.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from core.training.events import FILE, Writer
from core.workspace import run_logs, runs
from core.workspace.opening import open_workspace
from tests.tui.runs import a_run, is_alive, learn

BUDGET = 20_000  # bytes a second


class Shown:
    """The workbench in a pty."""

    def __init__(self, folder: Path, columns: int, rows: int) -> None:
        self.bytes = 0
        self.raw = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "SINSONTE_LANG": "en"}
            words = [sys.executable, "-m", "core.commands", "--workspace", str(folder)]
            os.execve(sys.executable, words, environment)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def take(self, seconds: float, until: bytes = b"") -> float:
        """Read for so long, or until these bytes come; the seconds that it took."""
        began = time.monotonic()
        self.raw = b""
        while (passed := time.monotonic() - began) < seconds:
            if select.select([self.descriptor], [], [], min(0.05, seconds - passed))[0]:
                try:
                    chunk = os.read(self.descriptor, 65_536)
                except OSError:
                    break  # the program has ended
                self.bytes += len(chunk)
                self.raw += chunk
                if until and until in self.raw:
                    break
        return time.monotonic() - began

    def press(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def close(self) -> None:
        self.press("q")
        self.take(3)
        os.close(self.descriptor)
        os.waitpid(self.pid, 0)


def live(log: Path, stop: threading.Event) -> None:
    """What the engine says of a quick run."""
    with Writer(log, same_attempt=True) as writer:
        step = 120
        while not stop.wait(0.25):
            step += 3
            writer.write(
                "step",
                step=step,
                steps=4000,
                loss=round(1 / step + 0.4 + (step % 7) / 50, 5),
                lr=2e-4 * (1 - step / 4000),
                grad_norm=0.4,
                tokens_per_second=900.0 + step % 40,
                memory_bytes=812e6 + step,
                eta_seconds=(4000 - step) / 12,
            )
            if step % 60 == 0:
                writer.write("validation", step=step, loss=0.5, perplexity=1.6)
                writer.write("sample", step=step, prompt="¿venís mañana?", reply="nah, tranqui 🥹")
                writer.write("checkpoint", step=step, path=f"checkpoints/step-{step:06d}")


def measure(folder: Path, seconds: float) -> None:
    """Bytes a second at both sizes."""
    workspace = open_workspace(folder)
    run = a_run(workspace)
    learn(run, 120, 4000)
    is_alive(run)
    workspace.close()
    for columns, rows in ((120, 40), (80, 24)):
        shown = Shown(folder, columns, rows)
        shown.take(20, b"chats yet")
        shown.press("5")
        shown.take(20, b"under way")
        shown.press("\r")
        shown.take(20, b"checkpoint at")
        shown.take(2)
        shown.bytes = 0
        still = shown.take(seconds / 2)
        quiet = shown.bytes / still
        stop = threading.Event()
        writer = threading.Thread(target=live, args=(run / FILE, stop))
        writer.start()
        found: list[float] = []
        for keys in ("", "z"):
            shown.press(keys)
            shown.take(1)
            shown.bytes = 0
            passed = shown.take(seconds)
            found.append(shown.bytes / passed)
        stop.set()
        writer.join()
        shown.close()
        told = (
            f"{columns}x{rows}: nothing going on {quiet:,.0f}, running on {found[0]:,.0f}, held {found[1]:,.0f} bytes/s"
        )
        print(f"{told}; budget {BUDGET:,}: {'kept' if max(found) <= BUDGET else 'NOT KEPT'}", flush=True)


def long_log(folder: Path, events: int) -> None:
    """How soon a log of so many events is there."""
    workspace = open_workspace(folder)
    run = a_run(workspace, f"1124-0000-{events % 10_000:04d}")
    with (run / FILE).open("w", encoding="utf-8") as file:
        file.write('{"attempt":1,"seq":1,"at":1.7e9,"kind":"state","state":"running"}\n')
        for seq in range(2, events + 1):
            body = f'"step":{seq},"steps":{events},"loss":{1 / seq:.6f},"lr":0.0002,"tokens_per_second":900.0'
            kind = "step" if seq % 10_000 else "validation"
            file.write(f'{{"attempt":1,"seq":{seq},"at":1700000000.123,"kind":"{kind}",{body},"eta_seconds":12.5}}\n')
    is_alive(run)
    size = (run / FILE).stat().st_size / 1e6
    began = time.perf_counter()
    row = runs.look(workspace, run.name)
    looked = time.perf_counter()
    log = run_logs.RunLog(row)
    log.rows(log.count() - 40, 40)
    tail = time.perf_counter()
    log.rows(log.count() // 2, 256)
    page = time.perf_counter()
    curves = run_logs.Curves(row)
    curves.grow()
    drawn = time.perf_counter()
    workspace.close()
    told = {"state": looked - began, "tail": tail - looked, "a page": page - tail, "curves": drawn - page}
    words = ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in told.items())
    print(f"{events:,} events ({size:,.0f} MB): {words}; together {sum(told.values()):.3f} s", flush=True)
    shown = Shown(folder, 120, 40)
    shown.take(20, b"chats yet")
    shown.press("5")
    shown.take(20, b"under way")
    began = time.perf_counter()
    shown.press("\r")
    shown.take(30, "┤".encode())  # the axis comes with the first curve
    print(f"  in the workbench, from the key to log and curve: {time.perf_counter() - began:.2f} s", flush=True)
    shown.close()


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser()
    words.add_argument("--seconds", type=float, default=20)
    words.add_argument("--events", type=int, default=10_000_000)
    told = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        measure(Path(place) / "live", told.seconds)
        long_log(Path(place) / "short", 1000)
        long_log(Path(place) / "long", told.events)


if __name__ == "__main__":
    main()
