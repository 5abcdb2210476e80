"""Starting the follower of a run, and asking the provider for a rest, an end, or to go on.

In: a run folder. Out: a detached process, or one request. Whoever looks at a run that has not ended starts its follower
again if it has gone (a restart of the machine, a kill): the job went on without it, and it takes up what happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from core import endpoints, settings
from core.endpoints.asking import Move
from core.environment import with_key_of
from core.language import _
from core.problem import Problem, system_words
from core.training import events, process
from core.training.backends import Ability, Holder
from core.training.backends.local import environment
from core.training.backends.openai import wanted
from core.training.backends.openai.follower import STATUS
from core.training.history import History, of_kinds
from core.training.states import TERMINAL, State

LOG: Final = "worker.log"
STARTED: Final = "follower.start"  # touched whenever one was started
ASKED: Final = "asked"  # touched whenever the provider was asked to pause, resume or cancel
_SHORT: Final = 5.0  # seconds that are waited without a word
AGAIN: Final = 15.0  # seconds after which a follower that did not come up is started again


def start(folder: Path) -> None:
    """Begin the run, or go on with it: a job that rests at the provider is asked to go on, and one whose following had
    stopped (for want of a key, say) is followed again."""
    (folder / process.WISH).unlink(missing_ok=True)
    (folder / STATUS).unlink(missing_ok=True)
    if wanted.reached(folder).job and _state(folder) is State.PAUSED:
        _ask(folder, "resume")
        if _poke(folder):
            return
    _spawn(folder)


def refresh(folder: Path) -> Holder:
    """Who follows the run; one that should be followed and is not gets a follower."""
    begun = (folder / STARTED).exists()
    status = _status(folder)
    now = _state(folder)
    job = wanted.reached(folder).job
    if now in TERMINAL:
        return Holder(working=False, begun=begun, where=job, over=True)
    note = _note(status)
    follower = process.read(folder)
    if follower is not None and follower.alive():
        # A job that rests is followed too, and is said to rest.
        moved = _asked_since(folder)
        working = None if now is State.PAUSED and not moved else True
        asked = "cancel" if (folder / process.WISH).exists() else ""
        return Holder(working, begun=begun, fresh=moved, pid=follower.pid, where=job, note=note, asked=asked)
    if follower is not None and not follower.here() and process.beats(folder):
        return Holder(True, begun=begun, where=f"{job} ({follower.host})", note=note)
    if not begun:
        return Holder(working=False, begun=False)
    if status.get("cause") == "halted":
        return Holder(False, where=job, note=note)  # its problem is in the log; resuming follows it again
    if _age(folder / STARTED) > AGAIN:
        try:
            # Not without a key: another terminal may have it, and a follower that lacks one gives up.
            endpoints.need_key(_profile(folder))
            _spawn(folder)
        except Problem as problem:
            return Holder(None, where=job, note=_("Not followed: {what}").format(what=problem.what))
    return Holder(None if now is State.PAUSED else True, where=job, fresh=now is State.PREPARED, note=note)


def pause(folder: Path) -> bool:
    """Ask the provider for a rest."""
    if not wanted.reached(folder).job:
        return False
    _ask(folder, "pause")
    _poke(folder)
    return True


def cancel(folder: Path) -> bool:
    """Ask the provider for the end; before there is a job, the follower ends."""
    if not wanted.reached(folder).job:
        follower = process.read(folder)
        if follower is None or not follower.alive():
            return False
        process.write_whole(folder / process.WISH, b"cancel")
        return follower.signal(signal.SIGTERM)
    if _state(folder) in TERMINAL:
        return False
    _ask(folder, "cancel")
    if not _poke(folder):
        _spawn(folder)
    return True


def abilities(folder: Path) -> frozenset[Ability]:
    """What the provider lets a job do, where this one stands."""
    profile = _profile(folder)
    can: set[Ability] = {"cancel"}
    if profile.can("pause"):
        can.add("pause")
    if _state(folder) is State.PAUSED or _status(folder).get("cause") == "halted":
        can.add("resume")
    return frozenset(can)


def _ask(folder: Path, how: Move) -> None:
    profile = _profile(folder)
    job = wanted.reached(folder).job
    # Asked from beside: whoever asks may be the workbench, which keeps the openai package out of its own memory.
    with endpoints.Beside(folder) as beside:
        provider = beside.provider(profile)
        # Somebody waits for it: a second or two at most, and then the failure says what to do.
        endpoints.call(
            lambda: provider.move(job, how),
            profile,
            tries=3,
            again=lambda failure: (failure.wait or 0.0) <= _SHORT,
        )
    (folder / ASKED).touch(mode=0o600)


def _asked_since(folder: Path) -> bool:
    """Whether the provider was asked to move the job after the log's last word: where it rested is then no longer so."""
    try:
        return (folder / ASKED).stat().st_mtime_ns >= (folder / events.FILE).stat().st_mtime_ns
    except OSError:
        return False


def _profile(folder: Path) -> endpoints.Profile:
    return endpoints.profile_of(settings.load(), wanted.read(folder).profile)


def _spawn(folder: Path) -> None:
    profile = _profile(folder)
    (folder / STARTED).touch(mode=0o600)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    log = os.open(folder / LOG, flags, 0o600)
    try:
        follower = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.training.backends.openai", str(folder.resolve())],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment() | with_key_of(profile.endpoint),  # the follower is the one that sends it
            start_new_session=True,
        )
    except OSError as error:
        raise Problem(
            _("The follower could not be started: {reason}.").format(reason=system_words(error)),
            where=folder.name,
        ) from None
    finally:
        os.close(log)
    # Nobody waits for it; subprocess reaps it when it next starts something.
    follower.returncode = 0 if follower.returncode is None else follower.returncode


def _poke(folder: Path) -> bool:
    follower = process.read(folder)
    return follower is not None and follower.signal(signal.SIGUSR1)


def _status(folder: Path) -> dict[str, Any]:
    try:
        told: Any = json.loads((folder / STATUS).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): value for key, value in told.items()} if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _note(status: dict[str, Any]) -> str:
    text, until = status.get("text"), status.get("until")
    if not isinstance(text, str) or not text:
        return ""
    left = until - time.time() if isinstance(until, int | float) else 0.0
    return _("{text} Next try in {seconds} s.").format(text=text, seconds=max(1, round(left))) if left > 0 else text


def _state(folder: Path) -> State:
    """Where the log says that the run stands."""
    for event in History(folder / events.FILE).backwards(of_kinds("state", "end")):
        if event.fields.get("state") in set(State):
            return State(str(event.fields["state"]))
    return State.PREPARED


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
