"""In a real terminal: nothing hostile reaches it, a hang-up loses nothing, a crash leaves one line."""

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

from core.chat import Kind, Message
from core.workspace import chats
from core.workspace.opening import open_workspace
from tests.hostile import HOSTILE, MARKERS
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


class Terminal:
    """A program in a pty; every byte that it writes is kept."""

    def __init__(
        self, folder: Path, before: str = "", size: tuple[int, int] = (24, 80), program: str = PROGRAM
    ) -> None:
        self.raw = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
            source = program.format(before=before) if program is PROGRAM else program
            os.execve(sys.executable, [sys.executable, "-c", source, str(folder)], environment)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self._screen = pyte.Screen(size[1], size[0])
        self._stream = pyte.ByteStream(self._screen)

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

    def until(self, words: str, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while words not in self.text():
            if not self.read(0.2) or time.monotonic() > end:
                raise AssertionError(f"“{words}” never came; the screen is:\n{self.text()}")

    def until_gone(self, words: str, seconds: float = 20.0) -> None:
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

    def ended(self, seconds: float = 15.0) -> int:
        """The exit status, once the program has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                while self.read(0.1) and select.select([self.descriptor], [], [], 0.1)[0]:
                    pass
                return status
        raise AssertionError("the program goes on")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)


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


def test_the_hostile_chat_reaches_no_terminal(tmp_path: Path) -> None:
    hostile_workspace(tmp_path / "w")
    trap = tmp_path / "\x1b]52;c;aGk=\x07[red].txt"
    trap.write_bytes(b"\x9b2J\x00")
    with terminal(tmp_path / "w") as made:
        made.until("messages")
        made.type("jjj")
        made.type("\x10")  # the palette, with every title in it
        made.type("\x1b[B\x1b[B")
        made.type("\x1b", 0.3)
        made.type("?")
        made.type("\x1b", 0.3)
        made.type("g\r")  # the long chat, page by page
        for _page in range(6):
            made.type("\x1b[5~")
        for _message in range(16):  # messages, whole
            os.write(made.descriptor, b"\r")
            made.until("╭")
            os.write(made.descriptor, b"q")
            made.until_gone("╭")
            os.write(made.descriptor, b"jjj")
        made.type("1i")
        made.type(f"\x1b[200~{tmp_path}/\x1b[201~")
        made.type("\t")  # a hostile file name is completed, and
        made.type("\r")  # said to be unusable
        made.type("\x1b", 0.3)
        made.type("\x1b[<0;20;8M\x1b[<0;20;8m")  # a click on text that asks for one
        made.until("q quit")
        assert not [marker for marker in MARKERS if marker in without_own(made.raw)]
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0


def without_own(raw: bytes) -> bytes:
    # What Textual itself sends at the start and the end: the alternate screen and questions about the terminal.
    return raw.replace(b"\x1b[?1049h", b"").replace(b"\x1b[2J", b"", 1)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_hang_up_ends_it_and_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(100))).close()
    with terminal(tmp_path / "w") as made:
        made.until("100 messages")
        os.kill(made.pid, number)
        assert os.waitstatus_to_exitcode(made.ended()) == 128 + number
        assert b"\x1b[?1049l" in made.raw  # the terminal was given back
    with open_workspace(tmp_path / "w") as workspace:
        assert [row.messages for row in chats.listing(workspace)] == [100]


def test_a_crash_leaves_one_line_and_a_private_log_without_chats(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(5))).close()
    broken = """
def broken(self):
    secret = "mi secreto"
    raise KeyError(secret)
tui.app.Workbench.action_how_to_quit = broken
"""
    with terminal(tmp_path / "w", broken) as made:
        made.until("5 messages")
        made.type("\x03")
        assert os.waitstatus_to_exitcode(made.ended()) == 1
        left = made.raw.split(b"\x1b[?1049l")[-1].decode()
    assert "KeyError" in left
    assert "secreto" not in left
    assert "Traceback" not in left
    log = tmp_path / "w" / "logs" / "errors.log"
    assert "KeyError" in log.read_text()
    assert "secreto" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_flood_of_keys_is_painted_once(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(3000))).close()
    with terminal(tmp_path / "w") as made:
        made.until("3,000 messages")
        made.type("\r")
        made.type("g")
        made.until("mensaje 0")
        before = len(made.raw)
        made.type("j" * 300, 0.5)
        made.until("mensaje 300")
        assert len(made.raw) - before < 300 * 210  # each by itself would be 210 bytes, and 30 pages besides


def test_a_move_to_the_other_pane_repaints_two_rows(tmp_path: Path) -> None:
    workspace_with(tmp_path / "w", ("Nico", many(3000))).close()
    with terminal(tmp_path / "w") as made:
        made.until("3,000 messages")
        made.type("\r")
        made.until("mensaje 2999")
        made.type("\t", 0.5)
        before = len(made.raw)
        for _there_and_back in range(2):
            made.type("\t", 0.5)
        assert 0 < len(made.raw) - before < 2 * 600  # the whole screen is 10 KB
