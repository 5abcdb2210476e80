"""Starting, finding and stopping the model server of this workspace's local models.

In: a folder to keep its record in, a base and its adapters. Out: a `Server` with a socket that answers. The server is
a process of its own that several terminals may share; it stops by itself when nobody asked anything for a while. Its
record (`server.json`) says who it is and what it serves, so that a later terminal finds it, and a dead one is seen as
dead.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from core.language import _
from core.problem import Problem
from core.training import process
from core.training.backends import local
from core.training.events import parse
from core.training.process import Process

FILE: Final = "server.json"
LOG: Final = "server.log"
_LONGEST_SOCKET: Final = 100  # the system takes 107 bytes


@dataclass(frozen=True, slots=True)
class Server:
    """A model server that runs."""

    socket: Path
    process: Process
    base: str
    base_name: str
    adapters: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def models(self) -> tuple[str, ...]:
        """The names that it answers to, the base first."""
        return (self.base_name, *self.adapters)


def find(folder: Path) -> Server | None:
    """The server that this folder's record tells of, if it lives and answers."""
    try:
        told: Any = json.loads((folder / FILE).read_bytes())
        server = Server(
            Path(told["socket"]),
            Process(**told["process"]),
            str(told["base"]),
            str(told["base_name"]),
            dict(told["adapters"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return server if server.process.alive() and _answers(server.socket) else None


def start(
    folder: Path,
    base: str | Path,
    adapters: Mapping[str, str | Path] | None = None,
    *,
    name: str = "",
    idle: float = 900.0,
    wait: float = 600.0,
    stop: Callable[[], bool] = lambda: False,
) -> Server:
    """The server for this base and these adapters: the one that runs, or a new one in its place. Returns when it
    answers (a tiny model takes about 4 s, nearly all of it imports)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = {label: str(Path(place).resolve()) for label, place in (adapters or {}).items()}
    named = str(Path(base).resolve()) if Path(base).is_dir() else str(base)
    label = name or Path(named).name
    now = find(folder)
    if now and (now.base, now.base_name) == (named, label) and wanted.items() <= now.adapters.items():
        return now
    if now:
        if now.base == named:  # what it spoke with is likely to be asked for again
            wanted = {voice: place for voice, place in now.adapters.items() if Path(place).is_dir()} | wanted
        stop_server(folder)
    path = socket_for(folder)
    words = ["serve", "--socket", str(path), "--base", named, "--name", label, "--idle", str(idle)]
    for one, place in wanted.items():
        words += ["--adapter", f"{one}={place}"]
    log = os.open(folder / LOG, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(log, "rb") as said:
        worker = subprocess.Popen(
            local.command(*words),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=local.environment(),
            start_new_session=True,
        )
        identity = process.of(worker.pid)
        server = Server(path, identity, named, label, wanted)
        record = {**asdict(server), "socket": str(path), "adapters": wanted}
        process.write_whole(folder / FILE, json.dumps(record).encode())
        until = time.monotonic() + wait
        while not _answers(path):
            if worker.poll() is not None:
                raise _why(said.fileno())
            if stop() or time.monotonic() > until:
                worker.terminate()
                raise Problem(
                    _("The model server did not answer in time."), advice=_("Its words are in {file}.").format(file=LOG)
                )
            time.sleep(0.05)
    worker.returncode = 0 if worker.returncode is None else worker.returncode  # not ours to wait for
    return server


def stop_server(folder: Path, *, wait: float = 10.0) -> bool:
    """Stop the server of this folder; False: there was none."""
    now = find(folder)
    if now is None:
        return False
    now.process.signal(signal.SIGTERM)
    until = time.monotonic() + wait
    while now.process.alive():
        if time.monotonic() > until:
            now.process.signal(signal.SIGKILL)
        time.sleep(0.05)
    (folder / FILE).unlink(missing_ok=True)
    return True


def socket_for(folder: Path) -> Path:
    """Where the socket of this folder lies: inside it, or, if that path is too long for a socket, in the user's own
    run-time folder under a name made from it."""
    here = folder.resolve() / "server.sock"
    if len(os.fsencode(here)) <= _LONGEST_SOCKET:
        return here
    mark = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    place = Path(runtime) / "sinsonte" if runtime else Path(tempfile.gettempdir()) / f"sinsonte-{os.getuid()}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.stat().st_uid != os.getuid() or place.stat().st_mode & 0o077:
        raise Problem(_("The folder for the socket belongs to somebody else."), where=place.name)
    return place / f"{mark}.sock"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _why(log: int) -> Problem:
    for line in os.pread(log, 1 << 20, 0).splitlines():
        event = parse(line)
        if event and event.kind == "problem":
            return Problem(str(event.fields.get("text", "")), advice=str(event.fields.get("advice", "")))
    return Problem(
        _("The model server stopped without saying why."), advice=_("Its words are in {file}.").format(file=LOG)
    )
