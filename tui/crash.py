"""What is kept of an error that nobody foresaw: enough to find it, nothing of the chats.

In: an exception and the workspace's folder. Out: a log in its `logs/` that its owner alone can read, and one line for
the person. An exception's message and locals may quote a chat, so only types, files and line numbers are written.
Textual's own way, a traceback with all locals into the scrollback, is never taken.
"""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from core.language import _

_ROOT = Path(__file__).parent.parent


def report(error: BaseException, folder: Path) -> str:
    """Write the log; return the one line to leave in the terminal."""
    lines = trace(error)
    where = next((line.strip() for line in reversed(lines) if line.startswith("  ")), "?")
    said = _("an error that we did not foresee: {kind} at {where}.").format(kind=type(error).__name__, where=where)
    log = folder / "logs" / "errors.log"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(time.strftime("%Y-%m-%dT%H:%M:%S%z workbench\n") + "\n".join(lines) + "\n\n")
    except OSError:
        return said
    return said + " " + _("Its trace, without any chat content, is in {file}.").format(file=log)


def trace(error: BaseException) -> list[str]:
    """The places that an exception passed, as `file:line in function`, without any value."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None:
        lines.append(f"{type(current).__module__}.{type(current).__name__}")
        lines.extend(
            f"  {_short(Path(frame.filename))}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)
        )
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def _short(path: Path) -> str:
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name
