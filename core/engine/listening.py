"""Where the model server listens: a Unix socket that only its owner can open, or a port on this machine.

In: a path, or a port. Out: a listening socket, or a problem that says what stands in the way. What a server that died
left behind is taken over; what belongs to somebody else is left alone.
"""

# pyright: basic

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

from core.engine.problems import ModelProblem
from core.language import _
from core.problem import system_words

LOOPBACK: Final = "127.0.0.1"


def open_socket(path: Path) -> socket.socket:
    """A Unix socket that only its owner can reach."""
    assert_free(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    return made


def assert_free(path: Path) -> None:
    """Refuse a place where something is. A socket left behind by a server that died is removed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o022:
        raise ModelProblem(
            "socket",
            _("The folder of the socket can be written by others."),
            where=path.parent.name,
            advice=_("Choose a folder with mode 0700."),
        )
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            # A plain file answers the same way, and is somebody's.
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise ModelProblem(
                    "socket", _("There is something here already."), where=path.name, advice=_("Choose another socket.")
                ) from None
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ModelProblem(
                "socket",
                _("The socket cannot be opened ({reason}).").format(reason=system_words(error)),
                where=path.name,
                advice=_("Its path may be too long (107 bytes) or not a socket."),
            ) from None
        else:
            raise ModelProblem(
                "socket",
                _("A server already listens here."),
                where=path.name,
                advice=_("Stop it, or choose another socket."),
            )


def open_port(port: int) -> socket.socket:
    """A port of the loopback address; 0 takes a free one. Other machines cannot reach it: a tunnel is theirs to make."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, port))
        made.listen(0)  # bound alone, two servers could still hold one port
        return made
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            what, advice = _("Port {port} is in use."), _("Choose another with --port, or stop what listens there.")
        else:
            what, advice = _("Port {port} cannot be opened."), _("Choose one above 1023.")
        raise ModelProblem("port", what.format(port=port), advice=advice) from None


def read_key(file: Path) -> str:
    """The key in a file that nobody else can read."""
    try:
        if file.stat().st_mode & 0o077:
            raise ModelProblem(
                "key", _("The key file can be read by others."), where=file.name, advice=_("Make it 0600.")
            )
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ModelProblem(
            "key", _("The key file cannot be read."), where=file.name, advice=_("Name another with --key-file.")
        ) from None
