"""Starting, finding and stopping the model servers of this workspace's local models.

In: a folder to keep their records in, a base and its adapters. Out: a `Server` with a socket that answers. A base has
one server, which several terminals share: an adapter that it lacks is let in while it runs. It is a process of its own
that stops by itself when nobody asked anything for a while. Its record (`server.json`) says who it is and what it
serves from the moment when it begins to load, so that another terminal waits for it and a later one finds it; a dead one
is seen as dead.
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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from core.chatting import vllm
from core.chatting.loading import Loading, Queue, only_one
from core.language import _
from core.problem import Problem
from core.training import process
from core.training.backends import local
from core.training.events import parse
from core.training.process import Process

FILE: Final = "server.json"
LOG: Final = "server.log"
IDLE: Final = 900.0  # seconds without a question after which a server stops
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
    tell: Callable[[Loading], None] = lambda _loading: None,
) -> Server:
    """The server for this base and these adapters: the one that runs, the one that somebody is loading, or a new one.
    Returns when it answers (a tiny model takes about 4 s, nearly all of it imports). Whoever waits is told how it goes,
    and may give up: a load that this call began ends with it, unless others wait for it too.
    """
    place = place_for(folder, base)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = {label: str(Path(path).resolve()) for label, path in (adapters or {}).items()}
    named = _named(base)
    label = name or Path(named).name
    began = time.monotonic()
    own: subprocess.Popen[bytes] | None = None
    awaited: Server | None = None
    with Queue(place) as queue:
        try:
            while True:
                now = _recorded(place)
                if now and _answers(now.socket):
                    if now.base_name == label and wanted.items() <= now.adapters.items():
                        return _loaded(now, own)
                    with only_one(place, stop):
                        if _recorded(place) != now:
                            continue
                        if now.base_name == label:
                            for one, path in wanted.items():
                                now = _let_in(now, one, path, place)
                            return _loaded(now, own)
                        _end(now, place, 10.0)
                    continue
                if now is None:
                    _tell_why(place, own, awaited)
                    with only_one(place, stop):
                        if _recorded(place) is None:
                            now, own = _spawn(place, named, label, wanted, idle)
                awaited = now or awaited
                if stop() or time.monotonic() - began > wait:
                    raise Problem(
                        _("The model server did not answer in time."),
                        advice=_("Its words are in {file}.").format(file=LOG),
                    )
                if now:
                    pid = now.process.pid
                    tell(Loading(time.monotonic() - began, own is None or own.pid != pid, _resident(pid)))
                time.sleep(0.05)
        except BaseException:  # given up, or interrupted: nothing is left behind that nobody waits for
            if own is not None and (own.poll() is not None or queue.alone()):
                own.kill()  # it holds nothing yet but memory, and would hear of a wish only when all is loaded
                own.wait()
                if _recorded(place) is None:  # nobody has begun another one meanwhile
                    (place / FILE).unlink(missing_ok=True)
            raise


def _loaded(server: Server, own: subprocess.Popen[bytes] | None) -> Server:
    if own is not None:
        own.returncode = 0 if own.returncode is None else own.returncode  # not ours to wait for
    return server


def _tell_why(place: Path, own: subprocess.Popen[bytes] | None, awaited: Server | None) -> None:
    """Raise what a load that ended without a server says of itself; to load the same again would end the same. One that
    somebody killed says nothing, and those who waited for it may try."""
    if own is None and awaited is None:
        return
    try:
        said = os.open(place / LOG, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return  # served in the foreground: its words are on its own terminal
    try:
        if own is not None and own.poll() is not None:
            raise why(said, own.returncode)
        if problem := _problem_of(said):
            raise problem
    finally:
        os.close(said)


def _spawn(
    place: Path, base: str, name: str, adapters: dict[str, str], idle: float
) -> tuple[Server, subprocess.Popen[bytes]]:
    path = socket_for(place)
    if vllm.is_here():
        words, around = vllm.command(base, name, adapters, path), vllm.environment()
        path.unlink(missing_ok=True)  # ours takes a dead server's socket over by itself
    else:
        words = local.command("serve", "--socket", str(path), "--base", base, "--name", name, "--idle", str(idle))
        for one, folder in adapters.items():
            words += ["--adapter", f"{one}={folder}"]
        around = local.environment()
    log = os.open(place / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
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
    finally:
        os.close(log)
    server = Server(path, process.of(worker.pid), base, name, adapters)
    _write(server, place)
    return server, worker


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


def claim(place: Path, path: Path, base: str, name: str, adapters: Mapping[str, str]) -> bool:
    """Enter this very process as the server, which it is about to become: from now on others wait for it. False where
    one of this base runs or is being loaded already.
    """
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(place):
        if _recorded(place) is not None:
            return False
        (place / LOG).unlink(missing_ok=True)  # what it says is seen where it was started
        _write(Server(path, process.of(os.getpid()), _named(base), name, dict(adapters)), place)
    return True


def processes(folder: Path) -> frozenset[Process]:
    """Of every server under this folder, those that are still loading too."""
    found = (_recorded(record.parent) for record in folder.glob(f"*/{FILE}"))
    return frozenset(server.process for server in found if server)


def stop_servers(folder: Path, *, wait: float = 10.0, but: frozenset[Process] = frozenset()) -> int:
    """Stop the servers under this folder, those that are still loading too, but for some; returns how many there were."""
    found = [
        server
        for record in sorted(folder.glob(f"*/{FILE}"))
        if (server := _recorded(record.parent)) and server.process not in but
    ]
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
    """The server of this place, if it answers."""
    server = _recorded(place)
    return server if server is not None and _answers(server.socket) else None


def _recorded(place: Path) -> Server | None:
    """The server of this place, if its process lives: it may be loading still."""
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
    return server if server.process.alive() else None


def _write(server: Server, place: Path) -> None:
    record = {**asdict(server), "socket": str(server.socket), "adapters": dict(server.adapters)}
    process.write_whole(place / FILE, json.dumps(record).encode())


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
    if problem := _problem_of(log):
        return problem
    if status == -signal.SIGKILL:
        return Problem(
            _("The system ended the model server, most likely because memory ran out."),
            advice=_("Choose a smaller base, or free memory."),
        )
    return Problem(
        _("The model server stopped without saying why."), advice=_("Its words are in {file}.").format(file=LOG)
    )


def _problem_of(log: int) -> Problem | None:
    for line in os.pread(log, 1 << 20, 0).splitlines():
        event = parse(line)
        if event and event.kind == "problem":
            return Problem(str(event.fields.get("text", "")), advice=str(event.fields.get("advice", "")))
    return None


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
