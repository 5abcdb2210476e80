"""`python -P -m core.training.backends.openai FOLDER`: the follower of one run, as a process of its own.

One lives at a time: the lock of the event log says so, and a second one leaves without a word. SIGTERM ends it, and the
job goes on; what a stop means before there is a job is in the folder's `wish`. SIGUSR1 makes it look at once.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

from core import endpoints, settings
from core.crash import report
from core.language import _, choose
from core.problem import Problem
from core.training import events, process
from core.training.backends.openai import wanted
from core.training.backends.openai.follower import Follower, Stopped, halt
from core.training.states import State

BUSY: Final = 75  # EX_TEMPFAIL: another follower has it


class Signals:
    """What was asked of us since the start."""

    def __init__(self) -> None:
        self.ended = False
        self._poked = False
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, and meant for whoever started us
        signal.signal(signal.SIGUSR1, self._poke)

    def _end(self, _number: int, _frame: object) -> None:
        self.ended = True

    def _poke(self, _number: int, _frame: object) -> None:
        self._poked = True

    def poked(self) -> bool:
        """Whether it is time to look; asking forgets it."""
        was, self._poked = self._poked, False
        return was


def main(folder: Path) -> int:
    """Follow the run of a folder until it has ended or we were asked to go."""
    os.umask(0o077)
    choose()
    signals = Signals()
    try:
        log = events.Writer(folder / events.FILE, same_attempt=True)
    except Problem:
        return BUSY
    with log:
        process.write(folder, process.of(os.getpid()))
        process.beat(folder)
        try:
            told = wanted.read(folder)
            profile = endpoints.profile_of(settings.load(), told.profile)
            with endpoints.open_client(profile) as client:
                Follower(folder, told, profile, client, log, stop=lambda: signals.ended, poked=signals.poked).work()
        except Stopped:
            if not wanted.reached(folder).job and _wish(folder) == "cancel":
                log.write("end", state=State.CANCELLED.value)
        except Problem as problem:
            # No key, no endpoint: said in the log, and the run waits for somebody to mend it.
            again = _("`train resume` goes on when that is mended.")
            log.write("problem", cause="settings", text=problem.what, advice=f"{problem.advice} {again}".strip())
            halt(folder, problem.what)
            return 1
        except Exception as error:  # noqa: BLE001 - the edge: Python's own trace prints values, and so a key or a chat
            said = report(error, folder)
            log.write("problem", cause="unforeseen", text=said, advice=_("`train resume` tries it again."))
            halt(folder, said)
            return 1
    return 0


def _wish(folder: Path) -> str:
    try:
        return (folder / process.WISH).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
