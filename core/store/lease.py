"""One host at a time on a network home. In: a connection and who we are; out: nothing, or a Problem.

A rollback journal is safe between processes of one host; between hosts it is only as safe as the file system's locks,
which is what nobody can promise. So each process that opens a workspace on a network file system leaves a row, rows of
this host's dead processes are swept, and rows of another host refuse. On local disks this module is not called.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from core.language import _
from core.problem import Problem
from core.store.sqlite import sqlite3


@dataclass(frozen=True, slots=True)
class Holder:
    """One process on one boot of one host; the start time tells a reused process id from the first."""

    host: str
    boot: str
    pid: int
    started: int


def this_process() -> Holder:
    """Who we are."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    return Holder(socket.gethostname(), boot, os.getpid(), process_started(os.getpid()) or 0)


def process_started(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold anything, so count from its end.
    fields = stat[stat.rfind(b")") + 2 :].split()
    # A zombie has ended: its locks are gone.
    return None if fields[0] == b"Z" else int(fields[19])


def take(connection: sqlite3.Connection, me: Holder, take_over: str = "") -> None:
    """Enter this process in the lease, or refuse because another host holds it. Called inside a transaction.

    `take_over` names the host whose rows may be thrown away: the user says that Sinsonte no longer runs there.
    """
    rows = connection.execute("SELECT host, boot, pid, started, at FROM lease").fetchall()
    for host, boot, pid, started, at in rows:
        # One boot is one machine, whatever it calls itself by now; one name with another boot was restarted.
        other = boot != me.boot and host != me.host
        if other and host != take_over:
            raise Problem(
                _(
                    "this workspace is on a network file system and open on another machine, {host}, since {when}."
                ).format(host=host, when=time.strftime("%Y-%m-%d %H:%M", time.localtime(at))),
                advice=_(
                    "Close Sinsonte there first, or keep the workspace on a local disk. If that machine is gone, "
                    "start once with SINSONTE_TAKE_OVER={host} in the environment."
                ).format(host=host),
            )
        if other or boot != me.boot or process_started(pid) != started:
            connection.execute(
                "DELETE FROM lease WHERE host = ? AND boot = ? AND pid = ? AND started = ?", (host, boot, pid, started)
            )
    connection.execute(
        "INSERT OR REPLACE INTO lease (host, boot, pid, started, at) VALUES (?, ?, ?, ?, ?)",
        (me.host, me.boot, me.pid, me.started, int(time.time())),
    )


def give_back(connection: sqlite3.Connection, me: Holder) -> None:
    """Take this process out of the lease. Called inside a transaction."""
    connection.execute(
        "DELETE FROM lease WHERE host = ? AND boot = ? AND pid = ? AND started = ?",
        (me.host, me.boot, me.pid, me.started),
    )
