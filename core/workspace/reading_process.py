"""The process that reads an export beside an import: `python -m core.workspace.reading_process PIPE FOLDER`.

In: through the pipe, which file and how (core/workspace/reading_beside.py). Out: its messages as columns, how far it is
with the report as it stands, and at the end the whole report, or the Problem. It opens no workspace and writes nothing
but the trace of an error that nobody foresaw. It ends when the other end is closed, whoever closed it.
"""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from core import reading
from core.crash import report
from core.problem import Problem
from core.store.intake import Columns

_SAY_EVERY: Final = 0.1  # seconds


def main() -> None:
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    said = 0.0

    def progress(done: int, total: int, messages: int) -> None:
        nonlocal said
        if time.monotonic() - said > _SAY_EVERY:
            said = time.monotonic()
            connection.send(("progress", (done, total, messages), source.report.so_far()))

    try:
        path, options = connection.recv()
        source = reading.read_export(path, options=options, progress=progress)
        for batch in source:
            connection.send(("batch", batch.chat, Columns.of(batch.messages)))
        size = path.stat().st_size
        connection.send(("progress", (size, size, source.report.messages), source.report.so_far()))
        connection.send(("done", None, None))
    except (EOFError, BrokenPipeError, ConnectionError):
        return  # nobody wants it any more
    except Problem as error:
        connection.send(("raised", error, None))
    except Exception as error:  # noqa: BLE001 - whoever imports is told, with no value of it; the trace is in the log
        connection.send(("raised", Problem(report(error, Path(sys.argv[2]) / "logs")), None))


if __name__ == "__main__":
    main()
