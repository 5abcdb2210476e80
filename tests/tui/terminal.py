"""A terminal for tests: a program in a pty, every byte that it writes kept, and the screen that they make."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

from core.chat import Kind, Message
from tests.hostile import HOSTILE
from tests.tui.hosts import START, many, workspace_with

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import sys
from pathlib import Path
from core.workspace.opening import open_workspace
import tui.app
{before}
workspace = open_workspace(Path(sys.argv[1]))
code = tui.app.run(workspace, workspace.settings)
workspace.close()
sys.exit(code)
"""


class Pty:
    """Any program in a pty."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int]) -> None:
        self.raw = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(command[0], list(command), {**environment})
        self._screen = pyte.Screen(size[1], size[0])
        self._stream = pyte.ByteStream(self._screen)
        self._say_size(size)

    def _say_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def resize(self, size: tuple[int, int]) -> None:
        """Make the window larger or smaller, as somebody does who drags its corner: lines, columns."""
        self._screen.resize(*size)
        self._say_size(size)

    def read(self, seconds: float) -> bool:
        """Take in what comes; false when the program has ended."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.descriptor, 65_536)
        except OSError:
            return False
        self.raw += chunk
        self._stream.feed(chunk.replace(b"\x1b[?2026h", b"").replace(b"\x1b[?2026l", b""))
        return bool(chunk)

    def text(self) -> str:
        return "\n".join(
            "".join(self._screen.buffer[y][x].data for x in range(self._screen.columns))
            for y in range(self._screen.lines)
        )

    def colours(self) -> set[tuple[str, str]]:
        """The pairs of ink and ground that words stand in now."""
        cells = (self._screen.buffer[y][x] for y in range(self._screen.lines) for x in range(self._screen.columns))
        return {(one.fg, one.bg) for one in cells if one.data.isalnum()}

    def until(self, words: str, seconds: float = 60.0) -> None:
        """Wait until the words are on the screen. So long only where something is wrong, or the machine very busy."""
        end = time.monotonic() + seconds
        while words not in self.text():
            if not self.read(0.2) or time.monotonic() > end:
                raise AssertionError(f"“{words}” never came; the screen is:\n{self.text()}")

    def until_gone(self, words: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while words in self.text():
            if not self.read(0.2) or time.monotonic() > end:
                raise AssertionError(f"“{words}” stays; the screen is:\n{self.text()}")

    def type(self, keys: str, settle: float = 0.15) -> None:
        """Press keys and wait until the screen is quiet."""
        os.write(self.descriptor, keys.encode())
        before = -1
        while before != len(self.raw):
            before = len(self.raw)
            if not self.read(settle):
                return

    def ended(self, seconds: float = 60.0) -> int:
        """The exit status, once the program has ended and its last byte was read."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                # The kernel hands on what a program wrote last in its own time: it is all there when reading fails.
                while self.read(0.1) and time.monotonic() < end:
                    pass
                return status
        raise AssertionError("the program goes on")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)


class Terminal(Pty):
    """The workbench in a pty."""

    def __init__(
        self, folder: Path, before: str = "", size: tuple[int, int] = (24, 80), program: str = PROGRAM
    ) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
        source = program.format(before=before) if program is PROGRAM else program
        super().__init__([sys.executable, "-c", source, str(folder)], environment, size)


@contextmanager
def terminal(folder: Path, before: str = "") -> Iterator[Terminal]:
    made = Terminal(folder, before)
    try:
        yield made
    finally:
        made.close()


def hostile_workspace(folder: Path) -> None:
    storable = [text for text in HOSTILE if not any(0xD800 <= ord(one) <= 0xDFFF for one in text[:100])]
    messages = [
        Message(f"{storable[n % 12]}{n % 3}", START + n * 60, kind, text, n % 8, n + 1)
        for n, (text, kind) in enumerate((text, kind) for text in storable for kind in (Kind.TEXT, Kind.MEDIA))
    ]
    titles = [(title, messages[n : n + 3]) for n, title in enumerate(storable[:12])]
    workspace_with(folder, *titles, ("Todo", messages + many(3))).close()


def without_own(raw: bytes) -> bytes:
    # What Textual itself sends at the start and the end: the alternate screen and questions about the terminal.
    return raw.replace(b"\x1b[?1049h", b"").replace(b"\x1b[2J", b"", 1)
