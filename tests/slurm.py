"""A real Slurm of one node, in a folder of its own: munge, controller and node started by the tests that need them.

Nothing of it is the machine's: keys, sockets, ports, state and logs are its own, `SLURM_CONF` names its configuration, and
each daemon is ended by its number afterwards. Debian's packages (slurm-wlm, munge) come by tests/third_party.py. It
must run as root, as Slurm's node daemon does.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import third_party

CONFIGURATION = """
ClusterName=sinsonte
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
# Credentials of five seconds: a job that is queued again waits for its old one to run out, two minutes by default.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
MinJobAge=2
KillWait=5
InactiveLimit=0
SlurmdTimeout=5
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
{nodes}
PartitionName=debug Nodes=ALL Default=YES State=UP OverTimeLimit=0
"""


@dataclass
class Slurm:
    """A running Slurm."""

    folder: Path
    conf: Path
    daemons: list[int] = field(default_factory=list[int])
    nodes: dict[str, int] = field(default_factory=dict[str, int])  # the daemon of each

    def run(self, *words: str) -> str:
        """One of Slurm's commands."""
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=self.environment(), timeout=60)
        return done.stdout + done.stderr

    def node(self, name: str) -> None:
        """Start the daemon of one node."""
        words = [str(third_party.program("slurmd")), "-D", "-f", str(self.conf), "-N", name]
        self.nodes[name] = _daemon(self, words)

    def environment(self) -> dict[str, str]:
        """What Slurm's commands need to find it."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(there: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait for something that a daemon does."""
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise AssertionError(f"{what} never came")
        time.sleep(0.05)


@contextmanager
def started(nodes: int = 1) -> Iterator[Slurm]:
    """Slurm for as long as the block lasts. Several nodes are as many node daemons on this machine, each with a port."""
    controller = third_party.program("slurmctld")
    munged = third_party.program("munged")
    if os.geteuid() != 0:
        third_party.missing("slurmctld", "it must run as root")
    folder = Path(tempfile.mkdtemp(prefix="sinsonte-slurm-"))
    slurm = Slurm(folder, folder / "slurm.conf")
    try:
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        (folder / "state").mkdir()
        names = [f"n{number}" for number in range(1, nodes + 1)]
        for name in names:
            (folder / f"spool-{name}").mkdir()
        host = socket.gethostname().split(".")[0]
        slurm.conf.write_text(
            CONFIGURATION.format(
                host=host, folder=folder, controller=_free_port(), nodes="\n".join(_node(name, host) for name in names)
            )
        )
        files = {"key-file": key, "socket": "munge.socket", "pid-file": "munged.pid", "log-file": "munged.log"}
        files["seed-file"] = "munge.seed"
        options = [f"--{name}={folder / str(file)}" for name, file in files.items()]
        _daemon(slurm, [str(munged), "--foreground", "--force", *options])
        until((folder / "munge.socket").exists, "munge's socket")
        _daemon(slurm, [str(controller), "-D", "-f", str(slurm.conf)])
        for name in names:
            slurm.node(name)
        until(lambda: slurm.run("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * nodes, "idle nodes")
        yield slurm
    finally:
        if slurm.nodes:  # a job that a failed test left behind would outlive the daemons
            slurm.run("scancel", "--signal=KILL", "--full", "--state=RUNNING", "--user=root")
            slurm.run("scancel", "--user=root")
        for number in reversed(slurm.daemons):
            _end(number)
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_us() -> None:
    # A test run that is killed outright ends nothing itself; the kernel then does.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _node(name: str, host: str) -> str:
    return (
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={_free_port()} CPUs={os.cpu_count() or 1} "
        "RealMemory=2000 State=UNKNOWN"
    )


def _daemon(slurm: Slurm, command: list[str]) -> int:
    log = (slurm.folder / "daemons.log").open("ab")
    with log:
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=slurm.environment(),
            start_new_session=True,
            preexec_fn=_end_with_us,
        )
    slurm.daemons.append(daemon.pid)
    return daemon.pid


def _end(number: int) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(number, how)
        except ProcessLookupError:
            return
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                if os.waitpid(number, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                return
            time.sleep(0.02)
