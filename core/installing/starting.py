"""Starting: from the launcher's command line to the process that does the work, fast when all is there.

In: the checkout's folder and the arguments. Out: never returns; the process becomes the command. It reads the
environment's stamp and compares; only when something is missing does it call `core.installing.environment`, which is
where the slow imports are (subprocess, venv and tomllib together cost 40 ms; this module needs os, sys and zlib).
"""

from __future__ import annotations

import os
import sys
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs 5 ms here
    from typing import NoReturn

LIGHT, LOCAL, TEST, TELEGRAM = "light", "local", "test", "telegram"
STAMP = "sinsonte.stamp"
FORMAT = "1"

# Commands whose models may be remote (PROFILE:ID) and then need no torch; the number is how many models they name.
TALKING = {"chat": 1, "ask": 1, "serve": 1, "evaluate": 1, "blind": 1, "compare": 2}
OPTIONS_WITH_VALUE = ("--workspace",)


class Wish:
    """What the command line asks of the launcher; `rest` goes on untouched."""

    __slots__ = ("install_only", "rest", "sets", "torch", "yes")

    def __init__(self, sets: tuple[str, ...], torch: str, yes: bool, install_only: bool, rest: list[str]) -> None:
        self.sets = sets
        self.torch = torch  # "" when nobody said: the launcher chooses
        self.yes = yes
        self.install_only = install_only
        self.rest = rest


class Stamp:
    """What a finished environment says of itself."""

    __slots__ = ("checkout", "files", "python", "requirements", "sets", "torch")

    def __init__(self, lines: list[str]) -> None:
        self.python, self.checkout, self.files, sets, self.torch, self.requirements = lines
        self.sets = tuple(sets.split())


def start(checkout: str, arguments: list[str]) -> NoReturn:
    """Become the command. Builds what is missing first."""
    try:
        wish = read_wish(arguments)
        folder = environment_folder(checkout)
        if not is_ready(checkout, folder, wish):
            from core.installing import environment

            environment.prepare_or_exit(checkout, folder, wish)
        if wish.install_only:
            sys.exit(0)
        become(checkout, folder, wish.rest)
    except KeyboardInterrupt:
        sys.exit(130)


def environment_folder(checkout: str) -> str:
    """`.venv` in the checkout, or where SINSONTE_VENV says (a small or read-only home)."""
    return os.path.abspath(os.environ.get("SINSONTE_VENV") or os.path.join(checkout, ".venv"))


def read_wish(arguments: list[str]) -> Wish:
    """The launcher's own options stand first; the first word that is not one of them ends them."""
    torch, install, rest = os.environ.get("SINSONTE_TORCH", ""), list[str](), list(arguments)
    while rest:
        if rest[0].startswith("--torch="):
            torch = rest.pop(0).partition("=")[2]
        elif rest[0] == "--torch" and len(rest) > 1:
            torch = rest[1]
            del rest[:2]
        elif rest[0] == "--install":
            install = [word for word in rest[1:] if not word.startswith("-")] or [LIGHT]
            yes = "--yes" in rest
            return Wish(_with_light(install), torch, yes, True, [])
        else:
            break
    return Wish(_with_light(sets_for(rest)), torch, "--yes" in rest, False, rest)


def _with_light(sets: list[str]) -> tuple[str, ...]:
    return (LIGHT, *sorted({one for one in sets if one != LIGHT}))


def sets_for(arguments: list[str]) -> list[str]:
    """The sets, besides the light one, that a command line needs as far as its words tell.

    A command may still discover later that it needs more: that is what `core.installing.later` is for.
    """
    words = _words(arguments)
    if not words:
        return []
    command = words[0]
    if command in ("test", "check"):
        return [LOCAL, TEST]
    if "--help" in arguments or "-h" in arguments:
        return []
    if command == "demo":
        return [LOCAL]
    if command == "train" and words[1:2] == ["start"]:
        place = _value_of("--on", arguments)
        return [LOCAL] if place in ("", "local", "slurm") else []
    if command == "train" and words[1:2] == ["resume"]:
        return [LOCAL]
    if command == "models" and words[1:2] == ["merge"]:
        return [LOCAL]
    if command == "bot":
        return [TELEGRAM] if words[2:] and _is_remote(words[2]) else [LOCAL, TELEGRAM]
    if command in TALKING:
        models = words[1 : 1 + TALKING[command]]
        return [LOCAL] if not models or not all(_is_remote(model) for model in models) else []
    return []


def _words(arguments: list[str]) -> list[str]:
    """The arguments without options; only the options before the command are known here to take a value."""
    words: list[str] = []
    skip = False
    for one in arguments:
        if skip:
            skip = False
        elif one in OPTIONS_WITH_VALUE:
            skip = True
        elif not one.startswith("-"):
            words.append(one)
    return words


def _value_of(option: str, arguments: list[str]) -> str:
    for index, one in enumerate(arguments):
        if one == option and index + 1 < len(arguments):
            return arguments[index + 1]
        if one.startswith(option + "="):
            return one.partition("=")[2]
    return ""


def _is_remote(model: str) -> bool:
    # PROFILE:ID; a Windows drive or a path is not one.
    profile, colon, _model = model.partition(":")
    return bool(colon) and "/" not in profile


def files_signature(checkout: str) -> str:
    """What the environment was made from. CRC and length rather than SHA: importing hashlib loads OpenSSL, 5 ms."""
    parts: list[str] = []
    for name in ("pyproject.toml", "constraints.txt"):
        try:
            with open(os.path.join(checkout, name), "rb") as file:
                content = file.read()
        except FileNotFoundError:
            content = b""
        parts.append(f"{zlib.crc32(content):08x}.{len(content)}")
    return "-".join(parts)


def read_stamp(folder: str) -> Stamp | None:
    """The stamp, or None where the environment is absent, half built or of another format."""
    try:
        with open(os.path.join(folder, STAMP), encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return None
    # The closing "end" proves that the whole of it reached the disk.
    if len(lines) < 8 or lines[0] != FORMAT or lines[7] != "end":
        return None
    return Stamp(lines[1:7])


def python_of(folder: str) -> str:
    return os.path.join(folder, "bin", "python")


def is_whole(checkout: str, folder: str, stamp: Stamp) -> bool:
    """True while the environment still stands where and on what it was built: the system's Python may have gone."""
    python = os.path.realpath(python_of(folder))
    return stamp.python == python and stamp.checkout == checkout and os.access(python, os.X_OK)


def is_ready(checkout: str, folder: str, wish: Wish) -> bool:
    """True when nothing has to be installed for this wish."""
    stamp = read_stamp(folder)
    if stamp is None or not is_whole(checkout, folder, stamp) or stamp.files != files_signature(checkout):
        return False
    needed = set(wish.sets)
    if wish.torch == "skip":
        needed.discard(LOCAL)
    elif wish.torch and LOCAL in needed and wish.torch != stamp.torch:
        return False
    return needed <= set(stamp.sets)


def become(checkout: str, folder: str, arguments: list[str]) -> NoReturn:
    """Replace this process by the command.

    `-P` keeps the current folder off the path: a chat export may well lie beside somebody's `core` or `random.py`.
    """
    python = python_of(folder)
    if arguments[:1] == ["test"]:
        os.chdir(checkout)
        module, arguments = "pytest", arguments[1:]
    elif arguments[:1] == ["check"]:
        os.chdir(checkout)
        module, arguments = "tests.check", arguments[1:]
    else:
        module = "core.commands"
    _shield_from_pythonpath(checkout)
    try:
        os.execv(python, [python, "-P", "-m", module, *arguments])
    except OSError as error:
        sys.stderr.write(f"sinsonte: {python}: {error.strerror}\n")
        sys.exit(1)


def _shield_from_pythonpath(checkout: str) -> None:
    """PYTHONPATH (cluster modules set it) goes before the environment: a `core` in there would be taken for ours."""
    path = os.environ.get("PYTHONPATH", "")
    for one in path.split(os.pathsep) if path else ():
        if any(os.path.exists(os.path.join(one, name)) for name in ("core", "core.py", "tui", "tui.py", "tests")):
            os.environ["PYTHONPATH"] = checkout + os.pathsep + path
            return
