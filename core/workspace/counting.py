"""What is counted of the messages for screens: here, or beside the workbench in a process of its own where there are many.

In: a workspace and what is asked (a verb of this room, with plain arguments). Out: its answer, or its Problem. At a
million messages the columns, the examples' plan and a vocabulary take 150 MB, and a thread that counts takes turns with
the one that answers keys; a process beside it has its own memory and its own turn, and goes when nothing was asked for
a minute. It reads the same database, so nothing but questions and answers passes between them. With few messages all
is done here: a process takes a third of a second to start.

    counting = Counting(workspace)
    counting.counters(); counting.exact_counters(progress)   # blocks: for worker threads
    counting.close()
"""

from __future__ import annotations

import importlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from core.language import _
from core.problem import Problem
from core.workspace import recipe
from core.workspace.opening import Workspace
from core.workspace.precedence import Precedence

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from core.workspace.datasets import DatasetRow
    from core.workspace.final_page import Tokens
    from core.workspace.findings import Findings
    from core.workspace.preview import ExampleShown, FrozenShape, Shape
    from core.workspace.recipe import Counters
    from core.workspace.rules import SwitchRow

MANY: Final = 100_000  # messages from which on a process of its own counts
# Seconds without a question after which it ends: while somebody works on the recipe, whose keys must not wait for a start,
# and at any other time.
LONG, SHORT = 600.0, 60.0
_LOOK: Final = 0.1  # seconds between two looks at whether the one who asked still wants it
Progress = Callable[[int, int], None]
# What may be asked, and of which it is told how far they are: nothing else is ever called, whatever comes through the pipe.
_AT_ONCE: Final = frozenset(
    {
        "recipe.saved_counters", "preview.shape", "preview.example", "preview.frozen_example",
        "rules.rows", "final_page.tokens_of",
    }
)  # fmt: skip
_LONG: Final = frozenset(
    {
        "recipe.counters", "recipe.exact_counters", "recipe.exact_saved_counters", "preview.frozen_shape",
        "rules.count_private",
        "findings.of_recipe", "findings.of_dataset", "datasets.build",
    }
)  # fmt: skip
# What a key waits for: all else gives way to it.
_FIRST: Final = _AT_ONCE | {"recipe.counters"}


def do(
    workspace: Workspace, verb: str, given: tuple[Any, ...], progress: Progress | None, precedence: Precedence
) -> Any:
    """Do what a verb says, in this process; what takes long gives way to what does not."""
    if verb not in _AT_ONCE | _LONG:
        raise ValueError(verb)
    module, _dot, name = verb.partition(".")
    act: Callable[..., Any] = getattr(importlib.import_module(f"core.workspace.{module}"), name)
    if verb in _FIRST:
        with precedence.first():
            return act(workspace, *given, progress=progress) if verb in _LONG else act(workspace, *given)

    def giving_way(done: int, total: int) -> None:
        precedence.give_way()
        if progress is not None:
            progress(done, total)

    return act(workspace, *given, progress=giving_way)


class Counting:
    """Asks, here or beside. Threads may ask at once."""

    def __init__(self, workspace: Workspace, many: int = MANY, idle: float = SHORT) -> None:
        self._workspace = workspace
        self._many = many
        self._idle = idle
        self._beside: _Beside | None = None
        self._precedence = Precedence()
        self._starting = threading.Lock()

    def counters(self, progress: Progress | None = None) -> Counters:
        """`recipe.counters`."""
        return recipe.known_counters(self._workspace) or self._ask("recipe.counters", progress=progress)

    def saved_counters(self) -> Counters:
        """`recipe.saved_counters`."""
        return recipe.known_saved_counters(self._workspace) or self._ask("recipe.saved_counters")

    def exact_counters(self, progress: Progress) -> Counters:
        """`recipe.exact_counters`."""
        return recipe.known_counters(self._workspace) or self._ask("recipe.exact_counters", progress=progress)

    def exact_saved_counters(self, progress: Progress) -> Counters:
        """`recipe.exact_saved_counters`."""
        known = recipe.known_saved_counters(self._workspace)
        return known or self._ask("recipe.exact_saved_counters", progress=progress)

    def whole_counters(self, progress: Progress) -> Counters:
        """The same as `exact_counters`, counted where it is counted even if they are known: the examples are shown by
        what such a count finds of each."""
        return self._ask("recipe.exact_counters", progress=progress)

    def shape(self) -> Shape | None:
        """`preview.shape` of the working recipe."""
        return self._ask("preview.shape")

    def example(self, n: int) -> ExampleShown | None:
        """`preview.example`."""
        return self._ask("preview.example", n)

    def frozen_shape(self, name: str, progress: Progress) -> FrozenShape:
        """`preview.frozen_shape`."""
        return self._ask("preview.frozen_shape", name, progress=progress)

    def frozen_example(self, name: str, at: int) -> ExampleShown | None:
        """`preview.frozen_example`."""
        return self._ask("preview.frozen_example", name, at)

    def rules(self) -> list[SwitchRow]:
        """`rules.rows`."""
        return self._ask("rules.rows")

    def count_private(self, progress: Progress) -> None:
        """`rules.count_private`."""
        self._ask("rules.count_private", progress=progress)

    def check_recipe(self, progress: Progress) -> Findings:
        """`findings.of_recipe`."""
        return self._ask("findings.of_recipe", progress=progress)

    def check_dataset(self, name: str, progress: Progress) -> Findings:
        """`findings.of_dataset`."""
        return self._ask("findings.of_dataset", name, progress=progress)

    def build(self, name: str, progress: Progress) -> DatasetRow:
        """`datasets.build` of the working recipe."""
        return self._ask("datasets.build", name, progress=progress)

    def tokens_to_train(self, dataset: str, model: str, form: str) -> Tokens:
        """`final_page.tokens_of`."""
        return self._ask("final_page.tokens_of", dataset, model, form)

    def wait_for(self, idle: float) -> None:
        """Let the process go when nothing was asked for so many seconds."""
        if idle != self._idle:
            self._idle = idle
            if (beside := self._beside) is not None:
                beside.wait_for(idle)

    def is_cold(self) -> bool:
        """Whether the next question takes seconds, for a process has to be started and to read all messages first."""
        return (self._beside is None or self._beside.gone) and self._are_many()

    @property
    def pid(self) -> int:
        """The number of the process beside this one; 0 while there is none."""
        return self._beside.pid if self._beside is not None else 0

    def close(self) -> None:
        """End the process beside, if there is one."""
        with self._starting:
            if self._beside is not None:
                self._beside.close()
                self._beside = None

    def _ask(self, verb: str, *given: Any, progress: Progress | None = None) -> Any:
        if not self._are_many():
            return do(self._workspace, verb, given, progress, self._precedence)
        for again in (True, False):
            try:
                return self._process().ask(verb, given, progress)
            except _GoneError:
                # It ended of itself just when it was asked, or was killed: once more, from the beginning.
                if not again:
                    break
        raise Problem(
            _("The process that counts ended unexpectedly."),
            advice=_("It may have run out of memory; the next change starts it again."),
        )

    def _are_many(self) -> bool:
        from core.store import chats

        return sum(row.messages for row in chats.all_chats(self._workspace.store)) >= self._many

    def _process(self) -> _Beside:
        with self._starting:
            if self._beside is None or self._beside.gone:
                self._beside = _Beside(self._workspace, self._idle)
            return self._beside


class _GoneError(Exception):
    """The process is no longer there."""


class _Beside:
    """The process, and who waits for which of its answers."""

    def __init__(self, workspace: Workspace, idle: float) -> None:
        from multiprocessing.connection import Pipe

        from core.training.backends import local  # which environment a process may see: no keys

        self._connection: Connection[Any, Any]
        self._connection, theirs = Pipe()
        self.gone = False
        self._sending = threading.Lock()
        self._number = 0
        self._waiting: dict[int, queue.SimpleQueue[tuple[str, Any]]] = {}
        with theirs:
            # In a session of its own: it ends when our end of the pipe is closed, however we end, and by no signal.
            self._process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "core.workspace.counting_process", str(theirs.fileno()),
                    str(workspace.folder), str(idle),
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), start_new_session=True, env=local.environment(),
            )  # fmt: skip
        self.pid = self._process.pid
        threading.Thread(target=self._listen, name="counting answers", daemon=True).start()

    def ask(self, verb: str, given: tuple[Any, ...], progress: Progress | None) -> Any:
        """Ask, and wait for the answer. When `progress` raises, the process is told to stop."""
        answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        wait = _LOOK if progress is not None else None
        with self._sending:
            self._number += 1
            number = self._number
            self._waiting[number] = answers
        try:
            self._send(("do", number, verb, given))
            so_far = (0, 0)
            while True:
                try:
                    sort, value = answers.get(timeout=wait)
                except queue.Empty:
                    sort, value = "progress", so_far
                if sort == "done":
                    return value
                if sort == "raised":
                    assert isinstance(value, Exception)
                    raise value
                if sort == "gone":
                    raise _GoneError
                so_far = value
                if progress is not None:
                    progress(*so_far)
        except BaseException:
            if not self.gone:
                self._send(("stop", number, "", ()))
            raise
        finally:
            self._waiting.pop(number, None)

    def wait_for(self, idle: float) -> None:
        """Tell it when to end by itself."""
        with suppress(_GoneError):
            self._send(("wait", 0, "", (idle,)))

    def _send(self, what: tuple[str, int, str, tuple[Any, ...]]) -> None:
        try:
            with self._sending:
                self._connection.send(what)
        except OSError:
            self._end()
            raise _GoneError from None

    def _listen(self) -> None:
        """Hand each answer to who waits for it."""
        while True:
            try:
                number, sort, value = self._connection.recv()
            except (EOFError, OSError):
                break
            if (waiting := self._waiting.get(number)) is not None:
                waiting.put((sort, value))
        self._end()
        self._process.wait()

    def _end(self) -> None:
        self.gone = True
        for waiting in list(self._waiting.values()):
            waiting.put(("gone", None))

    def close(self) -> None:
        """Let it end."""
        self.gone = True
        self._process.terminate()
        self._process.wait()
        self._connection.close()
