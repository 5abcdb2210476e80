"""The process that asks a provider for another process: `python -P -m core.endpoints`; core/endpoints/beside.py starts it.

In, on standard input: a line that says which endpoint, then a line for each question. Out, on standard output: a line for
each answer, as it comes. It ends when its input does, in the middle of whatever it waits for.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from core.crash import report
from core.endpoints.asking import Desk
from core.endpoints.failures import Failure
from core.endpoints.profiles import profile_for
from core.problem import Problem
from core.settings import Endpoint


class Room:
    """Where questions are answered, each in a thread of its own."""

    def __init__(self, desk: Desk, logs: Path | None, out: int) -> None:
        self._desk, self._logs, self._out = desk, logs, out
        self._writing = threading.Lock()

    def answer(self, number: int, verb: str, given: dict[str, Any]) -> None:
        """Answer one."""
        told: dict[str, Any]
        try:
            told = {"answer": self._desk.answer(verb, given)}
        except Failure as failure:
            told = {"failure": {name: getattr(failure, name) for name in Failure.SAYS}}
        except Problem as problem:
            told = {"problem": {name: getattr(problem, name) for name in Problem.SAYS}}
        except Exception as error:  # noqa: BLE001 - whoever asked is told, with no value of it; the trace is in the log
            told = {"problem": {"what": report(error, self._logs)}}
        with self._writing, os.fdopen(os.dup(self._out), "wb") as out:
            out.write(json.dumps(told | {"number": number}).encode() + b"\n")


def main() -> None:
    os.umask(0o077)
    # Its output is for answers: whatever a library prints goes nowhere.
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    told: dict[str, Any] = json.loads(sys.stdin.buffer.readline() or b"{}")
    if told:
        desk = Desk(profile_for(Endpoint(**told["endpoint"])))
        room = Room(desk, Path(told["logs"]) if told["logs"] else None, out)
        for line in sys.stdin.buffer:
            asked: dict[str, Any] = json.loads(line)
            given = (asked["number"], asked["verb"], asked["given"])
            threading.Thread(target=room.answer, args=given, daemon=True).start()
    os._exit(0)  # what is still being asked nobody waits for: threads are not waited for either


if __name__ == "__main__":
    main()
