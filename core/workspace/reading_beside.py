"""An export that is read by a process beside, while its messages go into the store here.

In: a file and how to read it, as for `core.reading.read_export`. Out: its messages as columns, chat by chat, and the
report, which follows the other one. Reading is Python's own work and so is a part of storing: in one process they take
turns. What a hostile file could do to who reads it, it does there. Starting one takes 0.16 s, so small files are read
here.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core import language
from core.language import _
from core.problem import Problem

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from core.chat import Chat
    from core.reading.export import ReadOptions
    from core.store.intake import Columns

LARGE: Final = 24 << 20  # bytes of a file that is read beside


def is_large(path: Path) -> bool:
    """Whether this is a file, and one that is worth a process of its own."""
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size >= LARGE


class ReadBeside:
    """One export being read elsewhere. Iterate it once, to the end or not; `report` is whole at the end."""

    def __init__(
        self,
        path: Path,
        options: ReadOptions,
        folder: Path,
        progress: Callable[[int, int, int], None] | None,
    ) -> None:
        from core.reading.report import ImportReport
        from core.reading.source import name_of

        self.report = ImportReport(name_of(path))
        self._path = path
        self._options = options
        self._folder = folder
        self._progress = progress

    def __iter__(self) -> Iterator[tuple[Chat, Columns]]:
        import subprocess  # of what takes a few milliseconds nothing is imported before it is needed
        from multiprocessing.connection import Pipe

        from core.training.backends import local  # which environment a process may see: no keys

        connection, theirs = Pipe()
        with connection:
            with theirs:
                # In a session of its own: it ends when our end of the pipe is closed, however we end, and by no signal
                # from a keyboard.
                process = subprocess.Popen(
                    [
                        sys.executable, "-P", "-m", "core.workspace.reading_process", str(theirs.fileno()),
                        str(self._folder),
                    ],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),), start_new_session=True,
                    env=local.environment() | {"SINSONTE_LANG": language.chosen()},
                )  # fmt: skip
            try:
                yield from self._listen(connection)
            finally:
                process.kill()
                process.wait()

    def _listen(self, connection: Connection[Any, Any]) -> Iterator[tuple[Chat, Columns]]:
        with suppress(ConnectionError):  # gone already: nothing will come
            connection.send((self._path.absolute(), self._options))
        while (told := _next(connection)) is not None:
            sort, first, second = told
            if sort == "batch":
                yield first, second
            elif sort == "progress":
                self.report.become(second)
                if self._progress is not None:
                    self._progress(*first)
            elif sort == "raised":
                assert isinstance(first, Problem)
                raise first
            else:
                return
        raise Problem(
            _("the process that reads it ended unexpectedly; nothing was imported."),
            where=self.report.file,
            advice=_("It may have run out of memory; close other programs and try again."),
        )


def _next(connection: Connection[Any, Any]) -> tuple[str, Any, Any] | None:
    """What comes next; None where the other end is gone. What whoever is told of it raises is not caught with it."""
    try:
        return connection.recv()
    except (EOFError, ConnectionError):
        return None
