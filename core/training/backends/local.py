"""Runs on this machine: the engine as a process of its own that outlives whoever started it.

In: a prepared run folder. Out: a process with its identity recorded; a stop is asked for with SIGTERM, and what the
stop means is told by the small `wish` file (pause, cancel). A worker on another machine that shares the folder looks
for that file at each heartbeat, so it can be asked from here too. Never imports the engine: it only names it on a
command line.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from core.environment import without_keys
from core.language import _
from core.problem import Problem, system_words
from core.training import events, job, launching, process
from core.training.backends import ALL, Ability, Holder
from core.training.launching import command as command
from core.training.process import Process

LOG: Final = "worker.log"
Wish = Literal["pause", "cancel"]


def environment(*, allow_download: bool = False, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a worker may see: everything but secrets, and the settings that it needs before torch is imported."""
    before = os.environ if given is None else given
    kept = without_keys(before)  # a worker has no business with them: it reads a folder and writes a folder
    # libgomp spins while it waits: on a busy two-core machine the same training did 595 tokens/s without this line and
    # 16,167 with it (docs/decisions.md).
    kept["OMP_WAIT_POLICY"] = "PASSIVE"
    kept["HF_HUB_DISABLE_TELEMETRY"] = "1"
    kept["DO_NOT_TRACK"] = "1"
    kept["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    kept["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"
    kept["TOKENIZERS_PARALLELISM"] = "true"
    kept["PYTHONUNBUFFERED"] = "1"
    if allow_download:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):  # a gated base asks for it
            if name in before:
                kept[name] = before[name]
        kept.pop("HF_HUB_OFFLINE", None)
    else:
        kept["HF_HUB_OFFLINE"] = "1"
    return kept


def start(folder: Path) -> Process:
    """Start the engine on a run folder, detached: it survives this process, its terminal and its session."""
    with _one_at_a_time(folder):  # two workbenches may resume the same run in one moment
        now = process.read(folder)
        if now and (now.alive() or (not now.here() and process.beats(folder))):
            raise Problem(_("This run already has a worker."), where=folder.name)
        told = job.read(folder)
        line = launching.training(folder.resolve(), processes=told.processes)
        try:
            (folder / process.WISH).unlink(missing_ok=True)
            return detached(folder, line, allow_download=told.allow_download)
        except OSError as error:  # a disk that was mounted anew to be read only, a folder of somebody else
            raise Problem(
                _("The run's folder cannot be written to: {reason}.").format(reason=system_words(error)),
                where=folder.name,
                advice=_("Make it writable, or copy the workspace elsewhere; the run can be resumed from there."),
            ) from None


@contextmanager
def _one_at_a_time(folder: Path) -> Generator[None]:
    """Between looking whether a run has a worker and writing down who it is, nobody else of this machine looks."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def detached(folder: Path, line: Sequence[str], *, allow_download: bool = False) -> Process:
    """The engine in a process of its own, with what it says to nobody in the folder's worker.log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    log = os.open(folder / LOG, flags, 0o600)
    try:
        worker = subprocess.Popen(
            line,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(allow_download=allow_download),
            start_new_session=True,
        )
    except OSError as error:
        raise Problem(
            _("The engine could not be started: {reason}.").format(reason=system_words(error)),
            where=folder.name,
        ) from None
    finally:
        os.close(log)
    identity = process.of(worker.pid)
    process.write(folder, identity)
    # Whoever starts a worker does not wait for it; subprocess reaps it when it next starts something.
    worker.returncode = 0 if worker.returncode is None else worker.returncode
    return identity


def refresh(folder: Path) -> Holder:
    """Whether the worker lives. On another machine its heartbeat tells, not its number."""
    worker = process.read(folder)
    if worker is None:
        return Holder(working=False, begun=False)
    asked = read_wish(folder) if was_asked(folder) else ""
    if worker.alive():
        return Holder(True, fresh=_younger(folder), pid=worker.pid, asked=asked)
    if worker.here():
        return Holder(False, asked=asked)
    return Holder(process.beats(folder), where=worker.host, asked=asked)


def _younger(folder: Path) -> bool:
    # The record of the worker is newer than the last word in the log: a new attempt is starting up.
    try:
        return (folder / process.FILE).stat().st_mtime_ns >= (folder / events.FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return not (folder / events.FILE).exists()


def pause(folder: Path) -> bool:
    """Ask for a checkpoint and a rest."""
    return wish(folder, "pause")


def cancel(folder: Path) -> bool:
    """Ask for a checkpoint and the end."""
    return wish(folder, "cancel")


def abilities(_folder: Path) -> frozenset[Ability]:
    """Everything."""
    return ALL


def wish(folder: Path, wanted: Wish) -> bool:
    """Ask the worker to checkpoint and stop. False: there is no worker to ask."""
    now = process.read(folder)
    if now is None:
        return False
    if now.alive():
        process.write_whole(folder / process.WISH, wanted.encode())
        return now.signal(signal.SIGTERM)
    if now.here() or process.beats(folder) is False:
        return False
    process.write_whole(folder / process.WISH, wanted.encode())  # no signal gets there; the file does
    return True


def read_wish(folder: Path) -> Wish:
    """What the last stop meant; a stop that nobody explained (a shutdown) is a pause."""
    try:
        told = (folder / process.WISH).read_text(encoding="ascii", errors="replace")
    except OSError:
        return "pause"
    return "cancel" if told == "cancel" else "pause"


def was_asked(folder: Path) -> bool:
    """Whether the present worker was asked to stop; starting one forgets it."""
    return (folder / process.WISH).exists()


def kill(folder: Path) -> bool:
    """End the worker at once, without a checkpoint; for one that no longer answers."""
    now = process.read(folder)
    return now is not None and now.signal(signal.SIGKILL)
