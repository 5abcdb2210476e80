"""Faults on purpose: processes that open together, writers killed by SIGKILL, a full disk, bytes that are wrong.

The tests of the store use these functions for seconds; `python -m bench.store.faults [SECONDS]` runs them for long.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path

from core.chat import Chat, Kind, Message
from core.problem import Problem
from core.store import backups, chats, columns, decisions, intake, messages, participants, searching, settings, standing
from core.store.connection import Store
from core.store.opening import open_store
from core.store.sqlite import sqlite3

ROOT = Path(__file__).parents[2]


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked process; returns its wait status: 0 done, 9 killed, 256 raised (shown on stderr)."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the end of a process, which shows it
        traceback.print_exc()
    finally:
        os._exit(code)


def _worker(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.store.faults", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def open_together(where: Path, rounds: int, processes: int = 3) -> tuple[int, list[str]]:
    """Have processes open a new workspace at one moment, again and again; returns how many did, and the complaints."""
    workers = [_worker("open") for _ in range(processes)]
    done, complaints = 0, list[str]()
    try:
        for turn in range(rounds):
            for worker in workers:
                assert worker.stdin
                worker.stdin.write(f"{where / str(turn)}\n".encode())
                worker.stdin.flush()
            for worker in workers:
                assert worker.stdout
                answer = worker.stdout.readline().decode().strip()
                if answer == "done":
                    done += 1
                else:
                    complaints.append(answer)
    finally:
        for worker in workers:
            worker.communicate()
    return done, complaints


def kill_writers(folder: Path, seconds: float, seed: int = 1) -> tuple[int, int]:
    """Kill two writers again and again; returns (kills, acknowledged writes). AssertionError when one is lost."""
    open_store(folder).close()
    draw = random.Random(seed)
    acknowledged: set[str] = set()
    kills = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        writers = [_worker("write", str(folder), f"{kills}-{n}") for n in range(2)]
        until = time.monotonic() + 10
        stop = None
        while time.monotonic() < (stop or until):
            ready, _, _ = select.select([w.stdout for w in writers if w.stdout], [], [], 0.01)
            for pipe in ready:
                # One read is one whole number of short lines: writes to a pipe are whole up to 4 KB.
                acknowledged.update(os.read(pipe.fileno(), 1 << 16).decode().split())
                stop = stop or time.monotonic() + draw.uniform(0.01, 0.15)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            kills += 1
            assert writer.stdout
            acknowledged.update(writer.stdout.read().decode().split())
            writer.communicate()
    with open_store(folder) as store:
        kept = settings.all_settings(store).keys()
        assert acknowledged, "the writers never got to write"
        assert acknowledged <= kept, f"lost: {len(acknowledged - kept)}"
        assert backups.check(store) == []
        # Each transaction writes two rows; half of one would show here.
        assert len(store.read("SELECT 1 FROM recipes")) == len(kept)
    return kills, len(acknowledged)


@contextlib.contextmanager
def small_disk(folder: Path, size: int = 64 << 20) -> Generator[bool]:
    """A disk of `size` at `folder` where this process may mount one; else nothing, and False."""
    folder.mkdir(exist_ok=True)
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)], capture_output=True
        ).returncode
        == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path, leave: int) -> None:
    """Fill the disk that `path` is on, but for `leave` bytes."""
    room = os.statvfs(path.parent)
    size = room.f_bavail * room.f_frsize - leave
    if size > 0:
        with path.open("ab") as ballast:
            os.posix_fallocate(ballast.fileno(), ballast.tell(), size)


def limit_files(size: int) -> None:
    """Make every file of this process end at `size`: the nearest to a full disk without rights."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def write_until_problem(folder: Path) -> tuple[int, Problem]:
    """Write growing rows until one fails; returns how many were acknowledged, and the Problem."""
    with open_store(folder) as store:
        for number in range(100_000):
            try:
                with store.write() as change:
                    settings.put(change, f"row-{number}", "x" * 20_000)
            except Problem as problem:
                return number, problem
    raise AssertionError("the disk was never full")


SECRET = "palabra-que-no-debe-verse"


def sound_workspace(folder: Path) -> None:
    """A small workspace with a bit of everything, closed, its messages full of SECRET."""
    with open_store(folder) as store, store.write() as change:
        chat, key = chats.upsert(change, Chat("Chat", "whatsapp"))
        made = [Message(f"P{n % 3}", n * 60, Kind.TEXT, f"{SECRET} número {n} ñandú", 0, n) for n in range(120)]
        intake.add(change, chat, key, made)
        settings.put(change, "language", "es")
        uids = [m.uid for m in messages.page(change, chat, 0, 20)]
        decisions.act(change, "drop", [decisions.Decision("drop", uids), decisions.Decision("weight", uids, "0.5")])


def use_all(folder: Path) -> list[str]:
    """Open, check, and, where the check is content, read everything; returns what the check said."""
    with open_store(folder) as store:
        said = backups.check(store)
        if said:
            # What a screen would do before anybody thinks of checking.
            with contextlib.suppress(Problem):
                _read_all(store)
        else:
            _read_all(store)
        return said


def _read_all(store: Store) -> None:
    for chat in chats.all_chats(store):
        messages.page(store, chat.id, 0, 1000)
        columns.columns(store, [chat.id])
        list(columns.texts(store, chat.id))
    searching.search(store, "numero ñandú")
    participants.all_participants(store)
    settings.all_settings(store)
    standing.Standing().follow(store)


def damage(original: bytes, draw: random.Random) -> bytes:
    """The file with one to four bytes changed; half of the time near the front, where the schema is."""
    wrong = bytearray(original)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(wrong) if draw.random() < 0.5 else min(len(wrong), 8192))
        wrong[at] ^= draw.randint(1, 255)
    return bytes(wrong)


def survive_damage(where: Path, variants: list[bytes]) -> dict[str, int]:
    """Open each variant of a database; returns how they ended. Any exception but a Problem comes out."""
    ended = {"sound": 0, "check": 0, "problem": 0}
    for number, content in enumerate(variants):
        folder = where / f"v{number}"
        folder.mkdir()
        (folder / "sinsonte.db").write_bytes(content)
        try:
            ended["check" if use_all(folder) else "sound"] += 1
        except Problem as problem:
            assert SECRET not in f"{problem}{problem.__cause__}", "a message is in the Problem"
            ended["problem"] += 1
        except Exception:
            shutil.copy(folder / "sinsonte.db", Path(tempfile.gettempdir()) / "store-damage.db")
            raise
        shutil.rmtree(folder)
    return ended


def _serve_openings() -> None:
    for line in sys.stdin:
        try:
            with open_store(Path(line.strip())) as store, store.write() as change:
                settings.put(change, f"process-{os.getpid()}", True)
            print("done", flush=True)
        except (Problem, sqlite3.Error, OSError) as error:
            print(f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)


def _write_for_ever(folder: Path, name: str) -> None:
    with open_store(folder) as store:
        for number in range(1 << 30):
            key = f"{name}-{number}"
            with store.write() as change:
                settings.put(change, key, number)
                change.execute("INSERT INTO recipes VALUES (NULL, ?, 1, '{}', '', 0)", (key,))
            os.write(1, f"{key} ".encode())


def _long(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        print("three processes, 300 new workspaces:", open_together(where / "together", 300))
        print("kills, acknowledged writes:", kill_writers(where / "killed", seconds))
        sound_workspace(where / "sound")
        original = (where / "sound" / "sinsonte.db").read_bytes()
        draw = random.Random()
        end = time.monotonic() + seconds
        total = {"sound": 0, "check": 0, "problem": 0}
        while time.monotonic() < end:
            for key, count in survive_damage(where, [damage(original, draw) for _ in range(50)]).items():
                total[key] += count
        print("damaged files:", total)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["open"]:
            _serve_openings()
        case ["write", folder_name, writer]:
            _write_for_ever(Path(folder_name), writer)
        case [length]:
            _long(float(length))
        case _:
            _long(30)
