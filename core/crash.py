"""What to keep of an error that nobody foresaw: enough to find it, nothing of the chats. For commands and screens.

The message of an exception may quote a chat (`KeyError: 'mi secreto'`), and so may locals: only types, files and
line numbers are written down, into a log that its owner alone can read.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from core.language import _

_ROOT = Path(__file__).parent.parent


def frames(error: BaseException) -> list[str]:
    """The places that an exception passed, as `file:line in function`, without any value."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None:
        lines.append(f"{type(current).__module__}.{type(current).__name__}")
        for frame in traceback.extract_tb(current.__traceback__):
            lines.append(f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name


def report(error: BaseException, folder: Path | None = None) -> str:
    """Write the log, into `folder` or the platform's place for logs; return the one line to show."""
    where = next((line.strip() for line in reversed(frames(error)) if line.startswith("  ")), "?")
    said = _("an error that we did not foresee: {kind} at {where}.").format(kind=type(error).__name__, where=where)
    try:
        if folder is None:
            from platformdirs import user_log_path

            folder = user_log_path("sinsonte", appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = folder / "errors.log"
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            version = ".".join(str(part) for part in sys.version_info[:3])
            out.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} python {version}\n")
            out.write("\n".join(frames(error)) + "\n\n")
    except OSError:
        return said
    return said + " " + _("Its trace, without any chat content, is in {file}.").format(file=log)
