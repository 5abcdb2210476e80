"""Starting, finding and stopping the model servers of this workspace's local models.

In: a folder to keep their records in, a base and its adapters. Out: a `Server` with a socket that answers. A base has
one server, which several terminals share: an adapter that it lacks is let in while it runs. It is a process of its own
that stops by itself when nobody asked anything for a while. Its record (`server.json`) says who it is and what it
serves, so that a later terminal finds it, and a dead one is seen as dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from core.chatting import vllm
from core.language import _
from core.problem import Problem
from core.training import process
from core.training.backends import local
from core.training.events import parse
from core.training.process import Process

FILE: Final = "server.json"
LOG: Final = "server.log"
IDLE: Final = 900.0  # seconds without a question after which a server stops
_LOCK: Final = "lock"
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


def place_for(folder: Path, base: str | Path) -> Path:
    """Where the record of a base's server lies."""
    return folder / hashlib.sha256(_named(base).encode()).hexdigest()[:12]


def find(folder: Path, base: str | Path) -> Server | None:
    """The server of this base, if it lives and answers."""
    return _read(place_for(folder, base))


def find_all(folder: Path) -> list[Server]:
    """Every server under this folder that lives and answers."""
    return [server for record in sorted(folder.glob(f"*/{FILE}")) if (server := _read(record.parent))]


def start(
    folder: Path,
    base: str | Path,
    adapters: Mapping[str, str | Path] | None = None,
    *,
    name: str = "",
    idle: float = IDLE,
    wait: float = 600.0,
    stop: Callable[[], bool] = lambda: False,
) -> Server:
    """The server for this base and these adapters: the one that runs, or a new one. Returns when it answers (a tiny
    model takes about 4 s, nearly all of it imports)."""
    place = place_for(folder, base)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = {label: str(Path(path).resolve()) for label, path in (adapters or {}).items()}
    named = _named(base)
    label = name or Path(named).name
    now = _read(place)
    if now and now.base_name == label and wanted.items() <= now.adapters.items():
        return now
    with _only_one(place, wait):  # two terminals must not load the same weights twice
        now = _read(place)
        if now and now.base_name == label:
            for one, path in wanted.items():
                now = _let_in(now, one, path, place)
            return now
        if now:
            _end(now, place, 10.0)
        return _start(place, named, label, wanted, idle, wait, stop)


def _start(
    place: Path, base: str, name: str, adapters: dict[str, str], idle: float, wait: float, stop: Callable[[], bool]
) -> Server:
    path = socket_for(place)
    if vllm.is_here():
        words, around = vllm.command(base, name, adapters, path), vllm.environment()
        path.unlink(missing_ok=True)  # ours takes a dead server's socket over by itself
    else:
        words = local.command("serve", "--socket", str(path), "--base", base, "--name", name, "--idle", str(idle))
        for one, folder in adapters.items():
            words += ["--adapter", f"{one}={folder}"]
        around = local.environment()
    log = os.open(place / LOG, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(log, "rb") as said:
        worker = subprocess.Popen(
            words,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=around,
            start_new_session=True,
            umask=0o077,  # vLLM makes its socket by this; ours makes its own 0600
        )
        server = Server(path, process.of(worker.pid), base, name, adapters)
        _write(server, place)
        until = time.monotonic() + wait
        try:
            while not _answers(path):
                if worker.poll() is not None:
                    raise why(said.fileno(), worker.returncode)
                if stop() or time.monotonic() > until:
                    raise Problem(
                        _("The model server did not answer in time."),
                        advice=_("Its words are in {file}.").format(file=LOG),
                    )
                time.sleep(0.05)
        except BaseException:  # given up, or interrupted: nothing is left behind
            worker.terminate()
            worker.wait()
            (place / FILE).unlink(missing_ok=True)
            raise
    worker.returncode = 0 if worker.returncode is None else worker.returncode  # not ours to wait for
    return server


def _let_in(server: Server, name: str, path: str, place: Path) -> Server:
    """Have a running server take an adapter in; the one that bore the name before goes."""
    if server.adapters.get(name) == path:
        return server
    kept = {one: folder for one, folder in server.adapters.items() if one != name}
    if name in server.adapters:
        _tell(server, "unload_lora_adapter", lora_name=name)
    _tell(server, "load_lora_adapter", lora_name=name, lora_path=path)
    server = replace(server, adapters={**kept, name: path})
    _write(server, place)
    return server


def _tell(server: Server, what: str, **told: str) -> None:
    import httpx2

    try:
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(server.socket)), timeout=120, trust_env=False) as web:
            answer = web.post(f"http://sinsonte.invalid/v1/{what}", json=told)
    except httpx2.HTTPError:
        raise Problem(
            _("The model does not answer."), where=server.base_name, advice=_("Its server may have stopped: try again.")
        ) from None
    if answer.status_code != 200:
        try:
            error: Any = answer.json()
            reason = str(error["error"]["message"])
        except (ValueError, KeyError, TypeError):
            reason = f"HTTP {answer.status_code}"
        raise Problem(_("The model's server refused: {reason}").format(reason=reason))


def note(place: Path, path: Path, base: str, name: str, adapters: Mapping[str, str]) -> None:
    """Enter this very process as the server, which it is about to become."""
    _write(Server(path, process.of(os.getpid()), _named(base), name, dict(adapters)), place)


def stop_servers(folder: Path, *, wait: float = 10.0) -> int:
    """Stop the servers under this folder; returns how many there were."""
    found = find_all(folder)
    for server in found:
        _end(server, place_for(folder, server.base), wait)
    return len(found)


def _end(server: Server, place: Path, wait: float) -> None:
    server.process.signal(signal.SIGTERM)
    until = time.monotonic() + wait
    while server.process.alive():
        if time.monotonic() > until:
            server.process.signal(signal.SIGKILL)
        time.sleep(0.05)
    (place / FILE).unlink(missing_ok=True)


def _named(base: str | Path) -> str:
    return str(Path(base).resolve()) if Path(base).is_dir() else str(base)


def _read(place: Path) -> Server | None:
    try:
        told: Any = json.loads((place / FILE).read_bytes())
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


def _write(server: Server, place: Path) -> None:
    record = {**asdict(server), "socket": str(server.socket), "adapters": dict(server.adapters)}
    process.write_whole(place / FILE, json.dumps(record).encode())


@contextlib.contextmanager
def _only_one(place: Path, wait: float) -> Generator[None]:
    until = time.monotonic() + wait
    handle = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Problem(_("The model server did not answer in time."), advice=_("Try again.")) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def socket_for(place: Path) -> Path:
    """Where the socket of this place lies: inside it, or, if that path is too long for a socket, in the user's own
    run-time folder under a name made from it."""
    here = place.resolve() / "server.sock"
    if len(os.fsencode(here)) <= _LONGEST_SOCKET:
        return here
    mark = hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "sinsonte" if runtime else Path(tempfile.gettempdir()) / f"sinsonte-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise Problem(_("The folder for the socket belongs to somebody else."), where=folder.name)
    return folder / f"{mark}.sock"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def why(log: int, status: int) -> Problem:
    """What a server that ended before it answered says of itself in its log, or what its status says."""
    for line in os.pread(log, 1 << 20, 0).splitlines():
        event = parse(line)
        if event and event.kind == "problem":
            return Problem(str(event.fields.get("text", "")), advice=str(event.fields.get("advice", "")))
    if status == -signal.SIGKILL:
        return Problem(
            _("The system ended the model server, most likely because memory ran out."),
            advice=_("Choose a smaller base, or free memory."),
        )
    return Problem(
        _("The model server stopped without saying why."), advice=_("Its words are in {file}.").format(file=LOG)
    )
