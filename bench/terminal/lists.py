"""Every list of the workbench in a real pty of 120×40, in a long workspace: `python -m bench.terminal.lists`.

A million messages in 50 chats with 300 people, 30 datasets, 200 runs, 60 models, 300 talks, an account of 400 files at the
tests' own provider. Of each list: bytes of a move, bytes of a page, of a move of the focus where there are two panes, and
the milliseconds to the first byte, beside those of a Textual app of twenty lines asked by turns in the same run. Budgets: a
move ≤ 600 bytes with p95 ≤ 30 ms, a page ≤ 8 KB, first paint ≤ 1.35 × the floor. A line that breaks one ends in ✗.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.dataset.talk import chat
from bench.terminal.conversations import after
from bench.terminal.first_paint import FLOOR, OURS
from bench.terminal.recipe import Watched

MOVE, PAGE, LATE = 600, 8_192, 30.0
_ACTS = 12  # moves, and pages, of each list


class Walk(NamedTuple):
    """A list: the keys that lead to it from the chats, words that show that it is there, the keys that lead back."""

    name: str
    keys: tuple[str, ...]
    words: str
    panes: bool = False


LISTS = (
    Walk("chats", ("1",), "Persona 001"),
    Walk("people", ("1", "p"), "not asked"),
    Walk("palette", ("1", ":"), "What to do"),
    Walk("keys", ("1", "?"), "list.down"),
    Walk("messages", ("1", "\r"), "┃", True),
    Walk("messages, found", ("2", "/", "torta", "\r"), "torta"),
    Walk("parameters", ("3",), "burst_window"),
    Walk("rules", ("3", "r"), "are kept"),
    Walk("example, all of it", ("3", "e"), "y copy"),
    Walk("findings", ("4", "c"), "esc back"),
    Walk("datasets", ("4",), "half ≤"),
    Walk("runs", ("5",), "1124-"),
    Walk("run log", ("5", "", "", "", "\r"), "Log: everything"),  # the runs are read beside the keys
    Walk("models", ("6",), "modelo-"),
    Walk("talks", ("7", "\x1b", "o"), "charla"),
    Walk("account", ("8",), "train-"),
)


def serve() -> None:
    """A provider with much in it, until standard input ends."""
    from tests.cloud import server
    from tests.cloud.world import World

    world = World(now=1_760_000_000)
    for n in range(400):
        world.add_file(f"train-{n:03}.jsonl", b"{}\n" * (n + 1), "fine-tune")
    with server.running(world) as provider:
        print(json.dumps({"url": provider.url, "key": provider.key}), flush=True)
        sys.stdin.read()


@contextmanager
def a_provider(config: Path) -> Iterator[None]:
    """The settings name a provider that answers."""
    words = [sys.executable, "-m", "bench.terminal.lists", "--serve"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout is not None and provider.stdin is not None
        told = json.loads(provider.stdout.readline())
        os.environ["LAB_KEY"] = told["key"]
        config.write_text(f'[endpoints.lab]\nbase_url = "{told["url"]}"\napi_key_env = "LAB_KEY"\n', encoding="utf-8")
        yield
        provider.stdin.close()


def fill(folder: Path, rows: int) -> None:
    """A long workspace."""
    from core.chat import Chat, Message
    from core.store import chats, runs, talks
    from core.store import models as stored
    from core.store.intake import Intake
    from core.workspace import datasets, recipe, revision
    from core.workspace.opening import open_workspace
    from tests.tui.runs import learn

    with open_workspace(folder) as workspace:
        for number in range(50):
            _head, messages = chat(rows // 50, seed=number)
            with workspace.store.write() as change:
                title = f"Persona {number:03}"
                chat_id, key = chats.upsert(change, Chat(title, "whatsapp"), 0)
                intake = Intake(change, chat_id, key)
                others = [f"Persona {number * 6 + n:03}" for n in range(6)]
                said = [
                    one if one.author == "Ana" else Message(others[n // 40 % 6], *one[1:])
                    for n, one in enumerate(messages)
                ]
                for start in range(0, len(said), 5_000):
                    intake.add(said[start : start + 5_000])
                intake.finish()
                revision.move(change)
        recipe.change(workspace, {"persona": "Persona 000", "model": "gpt-4.1-mini", "without_context": "keep"})
        for number in range(30):
            recipe.change(workspace, {"buffer_size": 1 + number % 9})
            datasets.build(workspace, f"charlas-{number:02}")
        recipe.change(workspace, {"persona": "Ana"})  # who is in all of the chats
        with workspace.store.write() as change:
            for number in range(60):
                stored.add(change, stored.StoredModel(f"modelo-{number:02}", "remote", "gpt-4.1-mini"))
            for number in range(300):
                talks.start(change, ["mini"], f"charla sobre la torta número {number}")
            for number in range(200):
                name = f"1124-{number // 60:02}{number % 60:02}-aaaa"
                runs.create(
                    change,
                    runs.StoredRun(
                        id=name, dataset_id=None, backend="local", base="mini", state="succeeded", folder=f"runs/{name}",
                        options="{}",
                    ),
                )  # fmt: skip
        for number in range(200):
            place = folder / "runs" / f"1124-{number // 60:02}{number % 60:02}-aaaa"
            place.mkdir(parents=True)
            learn(place, 2_000 if number in (0, 199) else 20, 2_000, "succeeded")


def told(name: str, sizes: list[int], times: list[float], most: int, floor: float) -> None:
    """One line of figures."""
    late = sorted(times)[int(len(times) * 0.95)]
    bad = max(sizes) > most
    print(
        f"  {name:32} {statistics.median(sizes):6.0f} bytes, at most {max(sizes):6}; first byte p50 "
        f"{statistics.median(times):5.1f} ms ({statistics.median(times) / floor:.1f} of the floor's), p95 {late:5.1f}"
        f"{'  ✗' if bad else ''}"
    )


def walk(program: Watched, floor: Watched, lists: tuple[Walk, ...]) -> None:
    """Each list by its keys, then back to the chats."""
    for one in lists:
        for key in one.keys:
            os.write(program.descriptor, key.encode())
            for chunk in program.chunks(b"", 0.5, 3.0):
                program.take(chunk.data)
        try:
            program.until(one.words, 30.0)
        except SystemExit as missing:
            print(f"  {one.name}: not there: {missing}")
            continue
        _settled(program)
        peer: list[float] = []
        sizes: list[int] = []
        times: list[float] = []
        rests: list[int] = []  # bytes of what is said of a row once the cursor has stayed on it
        for key in (b"\x1b[B", b"\x1b[A") * (_ACTS // 2):
            peer.append(after(floor, b"\x1b[B")[1])
            got = program.chunks(key, 0.1, 0.6)
            if got:  # the end of a short list answers nothing
                sizes.append(sum(len(chunk.data) for chunk in got))
                times.append(got[0].at)
            for chunk in got:
                program.take(chunk.data)
            rests.append(_settled(program))
        base = statistics.median(peer)
        if not sizes:
            print(f"  {one.name}: one row, no move")
        else:
            told(f"{one.name}: a move", sizes, times, MOVE, base)
            if any(rests):
                print(f"  {'':32} {statistics.median(rests):6.0f} bytes more once the cursor has rested")
        for name, key in (("a page", b"\x1b[6~"),) + ((("the other pane", b"\t"),) if one.panes else ()):
            sizes, times = [], []
            for _act in range(_ACTS // 2):
                got = program.chunks(key, 0.1, 0.6)
                if got:
                    sizes.append(sum(len(chunk.data) for chunk in got))
                    times.append(got[0].at)
                for chunk in got:
                    program.take(chunk.data)
                _settled(program)
            if sizes:
                told(f"{one.name}: {name}", sizes, times, PAGE if key != b"\t" else MOVE, base)
        for _back in range(3):
            os.write(program.descriptor, b"\x1b")
            _settled(program)


def _settled(program: Watched) -> int:
    """Take what comes of itself when the cursor has rested; how many bytes that were."""
    got = program.chunks(b"", 0.4, 5.0)
    for chunk in got:
        program.take(chunk.data)
    return sum(len(chunk.data) for chunk in got)


def measure(folder: Path, runs: int, only: str) -> None:
    times: dict[str, list[float]] = {FLOOR: [], OURS: []}
    for _run in range(runs):
        for source, own in times.items():
            program = Watched(source, str(folder))
            own.append(program.first_paint())
            program.close()
    floor, ours = (statistics.median(own) for own in times.values())
    print(f"first paint: floor {floor:.0f} ms, workbench {ours:.0f} ms, ratio {ours / floor:.2f} (1.35)")
    peer, program = Watched(FLOOR), Watched(OURS, str(folder))
    peer.chunks(b"", 1.0, 5.0)
    program.until("Persona 001")
    program.until("tokens")
    end = time.monotonic() + 120
    while "≈" in program.text() and time.monotonic() < end:
        _settled(program)
    print(f"resident when all is counted: {program.memory():.0f} MB, and {program.beside():.0f} MB beside it")
    walk(program, peer, tuple(one for one in LISTS if only in one.name))
    idle = sum(len(chunk.data) for chunk in program.chunks(b"", 3.0, 3.0))
    print(
        f"idle: {idle} bytes in 3 s; resident after the walk: {program.memory():.0f} MB, {program.beside():.0f} beside"
    )
    program.close()
    peer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="lists whose name holds this")
    parser.add_argument("--workspace", type=Path, help="one that was filled before, or is to be kept")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.toml"
        os.environ.update(SINSONTE_CONFIG=str(config), SINSONTE_LANG="en")
        folder = given.workspace or Path(name) / "workspace"
        with a_provider(config):
            if not folder.exists():
                fill(folder, given.rows)
            measure(folder, given.runs, given.only)


if __name__ == "__main__":
    main()
