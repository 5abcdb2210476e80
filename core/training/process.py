"""Who a worker process is, beyond its number.

Numbers are used again, so a worker is known by its number, the moment it started (field 22 of /proc/PID/stat), and the
machine. The record stands in the run folder (`process.json`); the worker writes it itself, first thing, because whoever
started it may be gone by then. Standard library only: the engine imports this.
"""

from __future__ import annotations

import json
import os
import platform
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = "process.json"


@dataclass(frozen=True, slots=True)
class Process:
    """A process on one machine; `started` is in clock ticks since that machine's boot."""

    pid: int
    started: int
    host: str
    boot: str = ""

    def here(self) -> bool:
        """Whether it belongs to this machine: on a shared file system it may belong to another."""
        return self.host == platform.node() and self.boot == _boot()

    def alive(self) -> bool:
        """Whether this very process (not a later one of the same number) still runs on this machine."""
        return self.here() and _started(self.pid) == self.started

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal if it is still itself; says whether it was."""
        if not self.alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def of(pid: int) -> Process:
    """The identity of a process that runs now; `started` is −1 when it has already gone."""
    return Process(pid, _started(pid), platform.node(), _boot())


def write(folder: Path, process: Process) -> None:
    """Record the worker of a folder, whole or not at all."""
    write_whole(folder / FILE, json.dumps(asdict(process)).encode())


def read(folder: Path) -> Process | None:
    """The recorded worker, if there is a readable record."""
    try:
        told: Any = json.loads((folder / FILE).read_bytes())
        return Process(int(told["pid"]), int(told["started"]), str(told["host"]), str(told.get("boot", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader or a power cut sees all of it or the old one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started(pid: int) -> int:
    # The name in field 2 may hold spaces and brackets, so the fields are counted after its last bracket.
    try:
        rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return -1
    if len(rest) < 20 or rest[0] in (b"Z", b"X"):
        return -1  # a zombie has done all it will do
    return int(rest[19])
