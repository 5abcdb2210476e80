"""Who a worker process is, beyond its number.

Numbers are used again, so a worker is known by its number, the moment it started (field 22 of /proc/PID/stat), the
machine and that machine's boot. The record stands in the run folder (`process.json`); the worker writes it itself, first
thing, because whoever started it may be gone by then. From another machine none of that can be asked, so a worker also
touches `heartbeat` every few seconds, and looks at the same time whether somebody without a way to signal it left a
`wish`. Standard library only: the engine imports this.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = "process.json"
HEARTBEAT: Final = "heartbeat"
WISH: Final = "wish"  # "pause" or "cancel": what a stop that was asked for means
BEAT: Final = 5.0  # seconds
# A network folder may show another machine's touch late (NFS keeps attributes up to a minute).
SILENT_AFTER: Final = 90.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process on one machine; `started` is in clock ticks since that machine's boot."""

    pid: int
    started: int
    host: str
    boot: str = ""

    def here(self) -> bool:
        """Whether it belongs to this machine: on a shared file system it may belong to another."""
        return self.host == platform.node()

    def alive(self) -> bool:
        """Whether this very process (not a later one of the same number, or of before a restart) runs on this machine."""
        return self.here() and self.boot == _boot() and self.started >= 0 and _started(self.pid) == self.started

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


def beat(folder: Path, every: float = BEAT) -> None:
    """Touch the heartbeat of a folder from now on, in a thread that ends with the process; a wish found there is
    taken as the signal that could not be sent."""
    me = of(os.getpid())

    def on() -> None:
        told = False
        while (known := read(folder)) is None or known == me:
            with contextlib.suppress(OSError):  # a full or vanished disk is the work's to tell
                (folder / HEARTBEAT).touch(mode=0o600)
            if not told and (folder / WISH).exists():
                told = True
                os.kill(me.pid, signal.SIGTERM)
            time.sleep(every)

    threading.Thread(target=on, name="heartbeat", daemon=True).start()


def beats(folder: Path) -> bool | None:
    """Whether the heartbeat is a living one; None where there is none. Both times are the file server's: machines'
    clocks differ."""
    try:
        last = (folder / HEARTBEAT).stat().st_mtime
        look = folder / f".look.{os.getpid()}"
        look.touch(mode=0o600)
        now = look.stat().st_mtime
        look.unlink()
    except OSError:
        return None
    return now - last < SILENT_AFTER


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
