"""An sshd of the tests' own on the loopback address, and a terminal at the other end of it.

`server()` makes a host key, one user's key and a configuration in a folder of its own, lets in by that key alone, and
ends what it started. `Session` is a terminal in which somebody typed `ssh host` and then a command; what runs at the
other end gets none of this process's environment, as with any login.
"""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import third_party
from tests.tui.terminal import ROOT, Pty

PRIVILEGE_SEPARATION: Final = Path("/run/sshd")  # sshd wants it when root starts it; a service would have made it


@dataclass(frozen=True)
class Server:
    """Where it listens, and the key that it lets in."""

    port: int
    key: Path
    folder: Path

    def command(self, remote: str) -> list[str]:
        """What somebody types to run something there, in a terminal."""
        options = (
            "StrictHostKeyChecking=no",
            f"UserKnownHostsFile={self.folder}/known",
            "LogLevel=ERROR",
            "BatchMode=yes",
        )
        return [
            str(third_party.program("ssh")), "-tt", "-F", "none", "-p", str(self.port), "-i", str(self.key),
            *(part for option in options for part in ("-o", option)), f"{getpass.getuser()}@127.0.0.1", remote,
        ]  # fmt: skip


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A real sshd, key only, for as long as this lasts."""
    sshd, keygen = third_party.program("sshd"), third_party.program("ssh").parent / "ssh-keygen"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile {folder}/pid\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPubkeyAuthentication yes\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin prohibit-password\nStrictModes no\n"
        "PrintMotd no\nPrintLastLog no\nAcceptEnv none\n"
    )
    log = (folder / "log").open("wb")
    running = subprocess.Popen([sshd, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=log)
    try:
        _until_it_listens(running, port, folder / "log")
        yield Server(port, folder / "user", folder)
    finally:
        running.terminate()
        running.wait(20)
        log.close()


def _until_it_listens(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if running.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"sshd does not listen: {log.read_text()}")
        time.sleep(0.05)


def workbench(folder: Path, **environment: str) -> str:
    """The command line that opens the workbench on a workspace, for a shell that knows nothing of us."""
    ours = {
        "HOME": str(folder.parent / "home"),
        "SINSONTE_CONFIG": str(folder.parent / "config.toml"),
        "SINSONTE_LANG": "en",
        "PYTHONPATH": str(ROOT),
        **environment,
    }
    words = ["env", *(f"{name}={value}" for name, value in ours.items())]
    return shlex.join([*words, sys.executable, "-m", "core.commands", "--workspace", str(folder)])


class Session(Pty):
    """A terminal with ssh in it: lines and columns of a window, and what TERM says that it can."""

    def __init__(
        self, at: Server, remote: str, terminal: str = "xterm-256color", size: tuple[int, int] = (24, 80)
    ) -> None:
        environment: Mapping[str, str] = {"TERM": terminal, "PATH": os.environ["PATH"], "HOME": str(at.folder)}
        super().__init__(at.command(remote), environment, size)


@contextmanager
def session(at: Server, remote: str, terminal: str = "xterm-256color") -> Iterator[Session]:
    """The same, closed at the end."""
    made = Session(at, remote, terminal)
    try:
        yield made
    finally:
        made.close()


def processes(folder: Path) -> dict[int, str]:
    """The processes whose command line names this folder."""
    found: dict[int, str] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it has just ended
        if str(folder) in line and int(place.name) != os.getpid():
            found[int(place.name)] = line
    return found


def workbenches(folder: Path) -> list[int]:
    """The workbenches that are open on this workspace; not the shells and multiplexers around them."""
    return [pid for pid, line in processes(folder).items() if line.startswith(sys.executable)]


def until_none(folder: Path, seconds: float = 60.0) -> None:
    """Wait until no process is left that names this folder."""
    end = time.monotonic() + seconds
    while left := processes(folder):
        if time.monotonic() > end:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"left behind: {left}")
        time.sleep(0.1)
