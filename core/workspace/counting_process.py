"""The process that counts beside a workbench: `python -m core.workspace.counting_process PIPE FOLDER IDLE`.

In: questions through the pipe (core/workspace/counting.py). Out: answers, and how far each is. It ends when the other end
is closed, whoever closed it, and after some time in which nothing was asked. It knows no screen.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from core.crash import report
from core.problem import Problem
from core.workspace import counting, memory
from core.workspace.opening import Cancelled, Workspace, open_workspace
from core.workspace.precedence import Precedence

_SAY_EVERY: Final = 0.1  # seconds
_REST: Final = 2.0  # seconds
_GIVE_WAY: Final = 0.0005  # quick counters must not wait for the count of all: see tui/app.py


class _Room:
    """What is being answered."""

    def __init__(self, connection: Connection[Any, Any], workspace: Workspace) -> None:
        self._connection = connection
        self._workspace = workspace
        self._sending = threading.Lock()
        self._precedence = Precedence()
        self.stopped: set[int] = set()
        self.busy: set[int] = set()

    def answer(self, number: int, verb: str, given: tuple[Any, ...]) -> None:
        """Do what was asked, in a thread of its own, and send what came of it."""
        said = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal said
            if number in self.stopped:
                raise Cancelled
            if time.monotonic() - said > _SAY_EVERY:
                said = time.monotonic()
                self._send(number, "progress", (done, total))

        try:
            self._send(number, "done", counting.do(self._workspace, verb, given, progress, self._precedence))
        except (Problem, Cancelled) as error:
            self._send(number, "raised", error)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, with no value of it; the trace is in the log
            self._send(number, "raised", Problem(report(error, self._workspace.folder / "logs")))
        finally:
            self.busy.discard(number)
            self.stopped.discard(number)

    def _send(self, number: int, sort: str, value: Any) -> None:
        with self._sending:
            self._connection.send((number, sort, value))


def main() -> None:
    pipe, folder, idle = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    sys.setswitchinterval(_GIVE_WAY)
    memory.share()
    connection: Connection[Any, Any] = Connection(pipe)
    workspace = open_workspace(folder)
    room = _Room(connection, workspace)
    quiet = 0.0  # seconds in which nothing was asked and nothing answered
    while quiet < idle:
        try:
            if not connection.poll(min(_REST, idle)):
                if not quiet and not room.busy:
                    memory.give_back(
                        workspace
                    )  # not after each answer: the next question would pay for having it again
                quiet = 0.0 if room.busy else quiet + _REST
                continue
            quiet = 0.0
            sort, number, verb, given = connection.recv()
        except (EOFError, OSError):
            break
        if sort == "wait":
            idle = float(given[0])
            continue
        if sort == "stop":
            if number in room.busy:
                room.stopped.add(number)
            continue
        room.busy.add(number)
        threading.Thread(target=room.answer, args=(number, verb, given), daemon=True).start()
    # What is still being answered nobody waits for: threads are not waited for either.
    os._exit(0)


if __name__ == "__main__":
    main()
