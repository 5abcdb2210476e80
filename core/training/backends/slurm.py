"""Runs on a cluster: sbatch hands our own script in (slurm_script.py), squeue is asked how it stands.

In: a prepared run folder on a file system that the nodes share, and a profile (`[slurm.NAME]` of the settings), which
stands in place.json. Out: a job whose engine writes the folder's events.jsonl itself; the node needs the folder and our
Python, and never opens the database. Before the time limit Slurm sends TERM to the script, the engine writes a checkpoint
and stops, and the script queues its own job again: a run may take longer than any limit. What a job does is learnt from
squeue and from the events; sacct is never asked, for many clusters keep no accounts.

No login environment is relied on: sbatch is called with the worker's own environment, from which keys are left out.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from core.language import _
from core.problem import Problem
from core.training import backends, events, job, process
from core.training.backends import ALL, Ability, Holder, local
from core.training.backends.slurm_script import TOO_SHORT, profile_of, text
from core.training.states import State

NAME: Final = "slurm"
SCRIPT: Final = "slurm.sh"
_PATIENCE: Final = 20.0  # seconds for one of Slurm's commands; a busy controller takes several
_ASK_EVERY: Final = 2.0  # seconds between two questions about one job: clusters ask for mercy on their controller

_WAITING: Final = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "SUSPENDED"}
)
_NO_CLUSTER: Final = ("Could not establish a configuration source", "Unable to contact slurm controller")
_WORKING: Final = frozenset({"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "STOPPED", "RESIZING"})


# The functions of a backend


def start(folder: Path) -> int:
    """Hand the run in; the job's number. A job that Slurm does not take leaves its reason in the run's log."""
    told = backends.place(folder)
    profile = profile_of(told.get("profile") or {})
    for left in (process.WISH, TOO_SHORT):
        (folder / left).unlink(missing_ok=True)
    wanted = job.read(folder)
    script = folder / SCRIPT
    process.write_whole(script, text(folder.resolve(), profile).encode())
    script.chmod(0o700)
    done = _slurm(["sbatch", "--parsable", str(script.resolve())], folder, allow_download=wanted.allow_download)
    number = done.stdout.strip().split(";")[0]
    if done.returncode or not number.isdigit():
        raise _rejected(folder, done.stderr)
    backends.put(folder, NAME, profile=asdict(profile), job=int(number))
    _kept.pop(folder, None)
    return int(number)


def refresh(folder: Path) -> Holder:
    """What squeue says of the job, at most every two seconds."""
    kept = _kept.get(folder)
    if kept is not None and time.monotonic() - kept[0] < _ASK_EVERY:
        return kept[1]
    number = _job(folder)
    holder = Holder(working=False, begun=False) if number is None else _asked_for(folder, number)
    _kept[folder] = (time.monotonic(), holder)
    return holder


_kept: Final[dict[Path, tuple[float, Holder]]] = {}


def pause(folder: Path) -> bool:
    """Ask for a checkpoint and a rest; a job that still waits is taken out of the queue."""
    return _stop(folder, "pause")


def cancel(folder: Path) -> bool:
    """Ask for a checkpoint and the end; a job that still waits is taken out of the queue."""
    return _stop(folder, "cancel")


def abilities(_folder: Path) -> frozenset[Ability]:
    """Everything."""
    return ALL


# Asking Slurm


def _job(folder: Path) -> int | None:
    number = backends.place(folder).get("job")
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _asked_for(folder: Path, number: int) -> Holder:
    asked = local.read_wish(folder) if local.was_asked(folder) else ""
    where = _("job {number}").format(number=number)
    try:
        done = _slurm(["squeue", "-h", "-t", "all", "-j", str(number), "-o", "%T|%N|%r"], folder)
    except Problem as problem:
        return Holder(None, where=where, note=problem.what, asked=asked)
    state, node, reason = (*done.stdout.strip().split("|"), "", "", "")[:3]
    if done.returncode and "Invalid job id" not in done.stderr:
        return Holder(
            None, where=where, note=_("Slurm does not answer: {words}").format(words=_said(done.stderr)), asked=asked
        )
    if state in _WAITING:
        return Holder(True, waiting=True, where=where, note=_reason(reason), asked=asked)
    if state in _WORKING:
        return Holder(True, where=f"{where} · {node}" if node else where, asked=asked)
    # Gone from the queue, or listed as over for a while: its last state says why it stopped, if it stopped badly.
    note = ""
    if (folder / TOO_SHORT).exists():
        note = _("The time limit came before it got any further: give it more time.")
    elif state and state not in ("COMPLETED", "CANCELLED"):
        note = _("Slurm says {state}").format(state=state)
    return Holder(False, where=where, note=note, asked=asked)


def _reason(word: str) -> str:
    return "" if word in ("", "None") else _("waits: {reason}").format(reason=word)


def _stop(folder: Path, wanted: local.Wish) -> bool:
    number = _job(folder)
    _kept.pop(folder, None)
    holder = refresh(folder)
    if number is None or not holder.working:
        return False
    if holder.waiting:
        _slurm(["scancel", str(number)], folder)
        # Nothing has begun that could say so; the lock in the log keeps it to one writer.
        with events.Writer(folder / events.FILE, same_attempt=True) as log:
            log.write("end", state=State.CANCELLED.value if wanted == "cancel" else State.PAUSED.value)
    else:
        process.write_whole(folder / process.WISH, wanted.encode())
        _slurm(["scancel", "--signal=TERM", "--batch", str(number)], folder)
    _kept.pop(folder, None)
    return True


def _slurm(words: list[str], folder: Path, *, allow_download: bool = False) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            cwd=folder,
            env=local.environment(allow_download=allow_download),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise Problem(
            _("Slurm's {command} is not on this machine.").format(command=words[0]),
            advice=_("Use the cluster's login node, or --on local."),
        ) from None
    except (OSError, subprocess.TimeoutExpired):
        raise Problem(
            _("Slurm's {command} does not answer.").format(command=words[0]),
            advice=_("Try again; `sinfo` shows whether the cluster is well."),
        ) from None


def _rejected(folder: Path, words: str) -> Problem:
    """What Slurm said, in the run's record and as the error."""
    if any(sign in words for sign in _NO_CLUSTER):
        problem = Problem(
            _("Slurm's commands are on this machine, but no cluster answers them."),
            where=folder.name,
            advice=_("Use the cluster's login node, or --on local."),
        )
    else:
        problem = Problem(
            _("Slurm did not take the job: {words}").format(words=_said(words)),
            where=folder.name,
            advice=_("Correct the profile, then start again; the script is {file}.").format(file=folder / SCRIPT),
        )
    with events.Writer(folder / events.FILE) as log:
        log.write("problem", cause="rejected", text=problem.what, advice=problem.advice)
        log.write("end", state=State.FAILED.value)
    return problem


def _said(words: str) -> str:
    """Slurm's own words, without the names of its programs."""
    for name in ("sbatch: ", "squeue: ", "error: "):
        words = words.replace(name, "")
    return " ".join(words.split())[:300] or _("no reason was given")
