"""Running pip: its chatter becomes one line of progress, its failures one line that says what to do.

In: a pip command and requirements. Out: nothing, or a `Problem`. It knows nothing of sets, torch or virtual
environments; whoever calls says which Python's pip it is.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from core.language import _
from core.problem import Problem

# Settings of the user's own that would send the packages elsewhere or keep us from seeing what happens.
UNWANTED = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_QUIET", "PIP_VERBOSE", "PIP_DRY_RUN", "PIP_LOG", "PYTHONHOME")
NOISE = re.compile(r"^(WARNING: (Location .* is ignored|Running pip as)|DEPRECATION|\[notice\])")
NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Name or service not known|Temporary failure in name resolution"
    r"|Network is unreachable|Connection refused|ConnectTimeout|Read timed out|ProxyError|Cannot connect to proxy"
    r"|getaddrinfo failed|No route to host"
)
DISK = re.compile(r"No space left on device|Disk quota exceeded|\[Errno (28|122)\]")
DENIED = re.compile(r"Read-only file system|Permission denied|\[Errno (13|30)\]")


class Progress:
    """One line that is written over on a terminal; elsewhere a line when something begins and now and then after."""

    def __init__(self, what: str, packages: int, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._what = what
        self._packages = packages
        self._began = time.monotonic()
        self._live = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._written = 0.0
        self._every = 0.1 if self._live else 10.0
        self.found = 0
        self.megabytes = 0.0
        self.installing = 0
        self.current = ""
        self.done_here: Callable[[], int] = lambda: 0

    def seconds(self) -> int:
        return round(time.monotonic() - self._began)

    def show(self) -> None:
        now = time.monotonic()
        if now - max(self._written, self._began if not self._live else 0.0) < self._every:
            return
        self._written = now
        if self.installing:
            doing = _("unpacking {done} of {all} packages").format(
                done=min(self.done_here(), self.installing), all=self.installing
            )
        else:
            doing = _("{found} of about {all} packages, {megabytes} MB").format(
                found=self.found, all=max(self._packages, self.found), megabytes=round(self.megabytes)
            )
            if self.current:
                doing += f" ({self.current})"
        line = f"{self._what}: {doing}, {self.seconds()} s"
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{line[:width]}")
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def end(self, text: str) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
        if text:
            self._stream.write(f"{self._what}: {text}\n")
        self._stream.flush()


class Pip:
    """A pip that can be called: `[python, -m, pip]`, with or without `--python OTHER`."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)

    def versions(self, name: str, *options: str, patience: int = 20) -> list[str]:
        """The versions of a distribution that this pip can reach; none where it fails."""
        quick = ["--timeout", str(patience), "--retries", "0", "--no-color", "--disable-pip-version-check"]
        try:
            said = subprocess.run(
                [*self.command, "index", "versions", name, *options, *quick],
                capture_output=True, text=True, errors="replace", timeout=6 * patience, check=False,
                env=environment(), stdin=subprocess.DEVNULL,
            ).stdout  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return []
        match = re.search(r"^Available versions: (.+)$", said, re.MULTILINE)
        return [one.strip() for one in match[1].split(",")] if match else []

    def install(
        self,
        arguments: Sequence[str],
        progress: Progress,
        *,
        on_unpacking: Callable[[], None] = lambda: None,
        keep_open: int | None = None,
    ) -> None:
        """Install, with progress. `on_unpacking` is called once, when pip says that it begins to write.

        `keep_open` is the lock's file descriptor: pip inherits it, so that the lock holds while an orphaned pip works.
        """
        # Byte-compiling everything takes 13 of 31 s for the light set; Python does it for what is imported, once.
        fixed = ["--no-compile", "--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
        process = subprocess.Popen(
            [*self.command, "install", *fixed, "--no-color", "--progress-bar", "off", "--retries", "2", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env=environment(), pass_fds=() if keep_open is None else (keep_open,),
        )  # fmt: skip
        said: deque[str] = deque(maxlen=400)
        try:
            for line in _lines(process):
                if line is not None:
                    said.append(line)
                    self._take_in(line, progress, on_unpacking)
                progress.show()
        except BaseException:
            _stop(process)
            progress.end("")
            raise
        if process.wait() != 0:
            progress.end("")
            raise failure(list(said), process.returncode)

    @staticmethod
    def _take_in(line: str, progress: Progress, on_unpacking: Callable[[], None]) -> None:
        word, _space, rest = line.strip().partition(" ")
        if word == "Collecting":
            progress.found += 1
            progress.current = re.split(r"[^\w.-]", rest, maxsplit=1)[0]
        elif word == "Downloading":
            match = re.search(r"\(([\d.]+) (kB|MB|GB)\)", rest)
            if match:
                progress.megabytes += float(match[1]) * {"kB": 0.001, "MB": 1, "GB": 1000}[match[2]]
                progress.current = f"{progress.current.partition(' ')[0]} {match[1]} {match[2]}"
        elif line.startswith("Installing collected packages:"):
            progress.installing = line.count(",") + 1
            on_unpacking()
        elif "Retrying (" in line:
            progress.current = _("the package index does not answer, trying again")


def _lines(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """The lines that a process says, and None five times a second while it says nothing."""
    heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            heard.put(line.rstrip("\n"))
        heard.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            line = heard.get(timeout=0.2)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def _stop(process: subprocess.Popen[str]) -> None:
    """End our own pip, gently first: it takes its temporary files along."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment() -> dict[str, str]:
    """The environment for pip: the user's indexes, proxies and certificates, without what would divert it."""
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    # PIP_USER=0 also overrules `user = true` in a pip.conf.
    return kept | {
        "PIP_USER": "0",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONSAFEPATH": "1",
    }


def failure(said: list[str], code: int) -> Problem:
    """What went wrong, in a line, with the end of what pip said beneath it where the line cannot say it all."""
    text = "\n".join(said)
    if DISK.search(text):
        free = shutil.disk_usage(tempfile.gettempdir()).free // 1_000_000
        return Problem(
            _("The disk is full."),
            advice=_(
                "Make room where the checkout lies and in {folder} ({free} MB free), or set SINSONTE_VENV and TMPDIR "
                "to folders with room; then start again."
            ).format(folder=tempfile.gettempdir(), free=free),
        )
    if NETWORK.search(text):
        return Problem(
            _("The package index cannot be reached: no network, or a proxy that pip does not know."),
            advice=_("Connect (or set HTTPS_PROXY, or PIP_INDEX_URL for a mirror) and start again."),
        )
    last = "\n".join("  " + line for line in [one for one in said if one.strip() and not NOISE.match(one)][-12:])
    if DENIED.search(text):
        return Problem(
            _("pip was not allowed to write."),
            advice=_("Copy the checkout to a folder of your own, or set SINSONTE_VENV.") + "\n" + last,
        )
    return Problem(
        _("pip could not install what is needed (exit code {code}).").format(code=code),
        advice=_("The end of what it said:") + "\n" + last,
    )
