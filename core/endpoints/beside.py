"""Asking a provider from a process beside this one (`python -m core.endpoints`), for programs that live long.

In: a profile, and the questions of core/endpoints/asking.py. Out: their answers, or the same failures. The package that
speaks the protocol, with its transport, takes 40 MB and most of a second to import: the workbench has neither to spare,
and asks a provider for minutes at most. One process asks one endpoint, and has its key and no other; it reads that by
itself, from where the settings say. Questions and answers are lines of JSON through two pipes.

    beside = Beside(logs)
    beside.provider(profile).listed("files")     # blocks: for worker threads, of which several may ask at once
    beside.leave()

It ends when nothing was asked for a minute, when it is left, and when this process ends, however that happens: it sees
its pipe close.
"""

from __future__ import annotations

import dataclasses
import json
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from core.endpoints.asking import CHANGING, Given, Provider
from core.endpoints.failures import Failure
from core.endpoints.profiles import Profile
from core.environment import with_key_of
from core.language import _, chosen
from core.problem import Problem, system_words
from core.settings import Endpoint

IDLE: Final = 60.0  # seconds


class Beside:
    """Starts the process when something is asked. `logs` is where one that fails in an unforeseen way says so."""

    def __init__(self, logs: Path | None = None, idle: float = IDLE) -> None:
        self._logs, self._idle = logs, idle
        self._lock = threading.RLock()
        self._processes: dict[Endpoint, _Process] = {}

    def provider(self, profile: Profile) -> Provider:
        """The endpoint, asked from beside."""
        return Provider(lambda verb, given: self._ask(profile, verb, given))

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that may be asked: one, but while two endpoints are busy at once."""
        with self._lock:
            return [one.pid for one in self._processes.values() if one.takes_questions]

    def leave(self) -> None:
        """Let it end; what changes something there is waited for, what only looks is not."""
        with self._lock:
            for one in self._processes.values():
                one.leave()

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()

    def _ask(self, profile: Profile, verb: str, given: Given) -> Any:
        answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._lock:
            process = self._processes.get(profile.endpoint)
            if process is None or not process.takes_questions:
                process = self._started(profile.endpoint)
            process.ask(verb, given, answers)
        told = answers.get()
        if "answer" in told:
            return told["answer"]
        if "failure" in told:
            raise Failure(**told["failure"])
        if "problem" in told:
            raise Problem(**told["problem"])
        raise Failure(
            "gone",
            _("The process that asks the provider ended unexpectedly."),
            where=profile.name,
            advice=_("It may have run out of memory; the next question starts it again."),
            retry=True,
        )

    def _started(self, endpoint: Endpoint) -> _Process:
        """One for this endpoint; another's ends, but where it has something to do."""
        for one in self._processes.values():
            if not one.busy:
                one.leave()
        self._processes = {other: one for other, one in self._processes.items() if one.takes_questions}
        self._processes[endpoint] = made = _Process(endpoint, self._logs, self._idle, self._lock)
        return made


class _Process:
    """One process, for one endpoint, and who waits for which of its answers. Its owner's lock guards all of it."""

    def __init__(self, endpoint: Endpoint, logs: Path | None, idle: float, lock: threading.RLock) -> None:
        self.takes_questions = True
        self._idle, self._lock = idle, lock
        self._waiting: dict[int, tuple[str, queue.SimpleQueue[dict[str, Any]]]] = {}
        self._number = 0
        self._rest: threading.Timer | None = None
        try:
            # In a session of its own: no key press and no hang-up of the terminal is meant for it.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.endpoints"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # where a library that somebody made talkative would write
                start_new_session=True,
                env=with_key_of(endpoint) | {"SINSONTE_LANG": chosen()},
            )
        except OSError as error:
            raise Problem(
                _("The process that asks the provider could not be started: {reason}.").format(
                    reason=system_words(error)
                ),
                where=endpoint.name,
            ) from None
        self.pid = self._process.pid
        self._write({"endpoint": dataclasses.asdict(endpoint), "logs": str(logs) if logs else ""})
        threading.Thread(target=self._listen, name="provider answers", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._waiting)

    def ask(self, verb: str, given: Given, answers: queue.SimpleQueue[dict[str, Any]]) -> None:
        """Send a question; what comes of it is put there, and nothing but {} if the process ends before."""
        if self._rest is not None:
            self._rest.cancel()
        self._number += 1
        self._waiting[self._number] = verb, answers
        self._write({"number": self._number, "verb": verb, "given": given})

    def leave(self) -> None:
        """Take no more questions, and end when nothing is on its way that changes anything."""
        self.takes_questions = False
        if self._rest is not None:
            self._rest.cancel()
        if not any(verb in CHANGING for verb, _answers in self._waiting.values()):
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()

    def _write(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it is gone, and whoever listens to it sees that
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with suppress(ValueError):  # a start-up file of somebody's that prints something
                    self._hear(json.loads(line))
        with self._lock:
            self.takes_questions = False
            if self._rest is not None:
                self._rest.cancel()
            for _verb, answers in self._waiting.values():
                answers.put({})
            self._waiting.clear()
        self._process.wait()

    def _hear(self, told: dict[str, Any]) -> None:
        with self._lock:
            _verb, answers = self._waiting.pop(told.pop("number"))
            if not self.takes_questions:
                self.leave()
            elif not self._waiting:
                self._rest = threading.Timer(self._idle, self._rested)
                self._rest.daemon = True
                self._rest.start()
        answers.put(told)

    def _rested(self) -> None:
        with self._lock:
            if not self._waiting:  # else something was asked in the moment in which it was to go
                self.leave()
