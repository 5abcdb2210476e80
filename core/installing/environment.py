"""The environment: `.venv` built, completed or built anew, by one start at a time, and never half built unnoticed.

In: the checkout, the folder, a `Wish`. Out: an environment whose stamp covers the wish. The order is what makes it
safe against being killed at any point: the lock (which pip inherits, so that an orphaned pip keeps it), then a mark
that something is under way, then pip, then the stamp, then the mark goes. A mark that a start finds is of a start that
died: everything is built anew, from pip's cache. It knows nothing of what is installed: `sets` and `torch_choice` do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from core.installing import sets, starting, torch_choice
from core.installing.pip_run import Pip, Progress
from core.language import _
from core.problem import Problem, system_words

LOCK, MARK, OUTSIDE = "sinsonte.lock", "sinsonte.unfinished", "sinsonte-outside.pth"
CHECKOUT = "sinsonte-checkout.pth"


def prepare_or_exit(checkout: str, folder: str, wish: starting.Wish) -> None:
    """`prepare`, with its problems shown: this is the launcher's edge."""
    _continue_outside(folder)
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGHUP, _as_interrupt)
    try:
        prepare(Path(checkout), Path(folder), wish)
    except Problem as problem:
        sys.stderr.write(f"sinsonte: {problem}\n")
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\n" + _("Interrupted. The next start goes on with the installation.") + "\n")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _as_interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _continue_outside(folder: str) -> None:
    """An environment cannot build itself anew: go on with the Python that it was made from."""
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        base = str(getattr(sys, "_base_executable", "") or "")
        if base and base != sys.executable:
            os.execv(base, [base, *sys.argv])
        # Without a base the environment is broken beyond use; making it anew with this Python would saw off its branch.
        sys.stderr.write("sinsonte: " + _("Remove {folder} and start again.").format(folder=folder) + "\n")
        sys.exit(1)


def prepare(checkout: Path, folder: Path, wish: starting.Wish) -> None:
    """Build what the wish needs and the environment lacks."""
    known = sets.read(checkout)
    sets.require_known(wish.sets, known)
    _require_ours(folder)
    with locked(folder) as lock:
        # Whoever held the lock may have built just this.
        if starting.is_ready(str(checkout), str(folder), wish):
            return
        _build(checkout, folder, wish, known, lock)


def _build(checkout: Path, folder: Path, wish: starting.Wish, known: dict[str, list[str]], lock: int) -> None:
    stamp = starting.read_stamp(str(folder))
    anew = stamp is None or (folder / MARK).exists() or not starting.is_whole(str(checkout), str(folder), stamp)
    held = () if stamp is None or anew else stamp.sets
    changed = bool(stamp and not anew and stamp.requirements != _requirements_signature(checkout, known, held))
    torch = "" if stamp is None or anew else stamp.torch

    wanted = [one for one in wish.sets if one not in held]
    if wish.torch == "skip":
        wanted = [one for one in wanted if one != starting.LOCAL]
    other_torch = bool(wish.torch not in ("", "skip", torch) and starting.LOCAL in wish.sets)
    if other_torch and starting.LOCAL in held:
        wanted.append(starting.LOCAL)
    if changed:
        # New requirements: everything that is there is brought up to them, the sets of this wish with it.
        wanted = list(dict.fromkeys([*held, *wanted]))

    pip = _find_pip(folder, anew)
    choice: torch_choice.Choice | None = None
    if starting.LOCAL in wanted and not (changed and torch and not other_torch):
        choice = torch_choice.choose(
            wish.torch,
            requirement=next(one for one in known[starting.LOCAL] if sets.name_of(one) == "torch"),
            pip=pip,
            yes=wish.yes,
            command=wish.rest,
            ask=_ask,
            talk=_say,
        )
        torch = choice.name
    _require_room(folder, wanted, choice)

    if anew:
        (folder / MARK).touch()
        _make(folder)
        pip = _find_pip(folder, anew=False)
    packages = _packages_folder(folder)
    for name in wanted:
        _install(
            name,
            known[name],
            choice if name == starting.LOCAL else None,
            pip,
            checkout,
            folder,
            lock,
            changed or name in held,
        )
        held = (*held, *([name] if name not in held else []))
        _point_at(packages, checkout)
        _write_stamp(checkout, folder, known, held, torch if starting.LOCAL in held else "")
        (folder / MARK).unlink(missing_ok=True)
    if not wanted:
        # The files changed and the requirements did not (a checker's settings, a comment): no reason to ask pip.
        _write_stamp(checkout, folder, known, held, torch)


def _install(
    name: str,
    requirements: list[str],
    choice: torch_choice.Choice | None,
    pip: Pip,
    checkout: Path,
    folder: Path,
    lock: int,
    replaces: bool,
) -> None:
    size = sets.SIZES.get(name, sets.Size(0, 0, 0))
    megabytes = size.download_mb + (choice.download_mb if choice else 0)
    if choice:
        requirements = [one for one in requirements if sets.name_of(one) != "torch"] + list(choice.requirements)
        if choice.note:
            _say(choice.note)
    packages = _packages_folder(folder)
    outside = packages / OUTSIDE
    if choice and choice.outside:
        outside.write_text("".join(f"{one}\n" for one in choice.outside), encoding="utf-8")
    elif choice:
        outside.unlink(missing_ok=True)
    mark = folder / MARK
    fresh = mark.exists()
    mark.touch()
    what = _("Installing ({name})").format(name=name)
    if replaces:
        _say(_("{what}: bringing what is there up to date").format(what=what))
    else:
        cost = _("{what}: about {megabytes} MB to download, into {folder}")
        _say(cost.format(what=what, megabytes=megabytes, folder=folder))
    progress = Progress(what, size.packages)
    before = _count_packages(packages)
    progress.done_here = lambda: _count_packages(packages) - before
    unpacking: list[bool] = []
    arguments = [*(choice.options if choice else ()), *_constraints(checkout), *requirements]

    def begins_to_write() -> None:
        unpacking.append(True)
        if replaces:
            # A set that is only added leaves what stood before whole; this one does not.
            (folder / starting.STAMP).unlink(missing_ok=True)

    try:
        pip.install(arguments, progress, on_unpacking=begins_to_write, keep_open=lock)
    except BaseException:
        # Nothing was written yet: what stood before still stands, and need not be built anew.
        if not unpacking and not fresh:
            mark.unlink(missing_ok=True)
        raise
    progress.end(_("done in {seconds} s").format(seconds=progress.seconds()))


def _constraints(checkout: Path) -> list[str]:
    path = checkout / "constraints.txt"
    return ["-c", str(path)] if path.exists() else []


def _requirements_signature(checkout: Path, known: dict[str, list[str]], held: tuple[str, ...]) -> str:
    path = checkout / "constraints.txt"
    pins = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pins = [line for line in pins if line and not line.startswith("#")]
    wanted = [known.get(name, []) for name in sorted(held)]
    return hashlib.sha256(repr((wanted, pins)).encode()).hexdigest()


def _count_packages(packages: Path) -> int:
    try:
        return sum(1 for one in packages.iterdir() if one.suffix == ".dist-info")
    except OSError:
        return 0


def _require_ours(folder: Path) -> None:
    """Building anew empties the folder, so it must be ours or empty."""
    try:
        names = {one.name for one in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if names and LOCK not in names:
        raise Problem(
            _("This folder was not made by Sinsonte's launcher."),
            where=str(folder),
            advice=_("Remove it, or set SINSONTE_VENV to another folder."),
        )


@contextlib.contextmanager
def locked(folder: Path) -> Generator[int]:
    """Hold the environment for this process and the pip that it starts; wait, and say so, while another one does."""
    path = folder / LOCK
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        _wait_for(lock)
        # Somebody may have removed the folder while we waited: then we hold the lock of a file that is gone.
        with contextlib.suppress(OSError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                break
        os.close(lock)
    try:
        yield lock
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise _cannot_write(folder, error) from error
        raise
    finally:
        os.close(lock)


def _wait_for(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        pass
    except OSError as error:
        # Some cluster file systems have no locks at all.
        _say(
            _("No lock can be had here ({why}): please do not start Sinsonte twice now.").format(
                why=system_words(error)
            )
        )
        return
    _say(_("Another start is installing; waiting for it to finish..."))
    fcntl.flock(lock, fcntl.LOCK_EX)


def _cannot_write(folder: Path, error: OSError) -> Problem:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Problem(
            _("The disk is full."),
            where=str(folder),
            advice=_("Make room, or set SINSONTE_VENV to a folder on another disk; then start again."),
        )
    return Problem(
        _("This cannot be written: {why}.").format(why=system_words(error)),
        where=str(folder),
        advice=_("Copy the checkout to a folder of your own, or set SINSONTE_VENV to one."),
    )


def _require_room(folder: Path, wanted: list[str], choice: torch_choice.Choice | None) -> None:
    need = sum(sets.SIZES[one].disk_mb for one in wanted if one in sets.SIZES) + (choice.disk_mb if choice else 0)
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < need:
        raise Problem(
            _("The disk is too full: about {need} MB are needed and {free} MB are free.").format(need=need, free=free),
            where=str(folder),
            advice=_("Make room, or set SINSONTE_VENV to a folder on another disk; then start again."),
        )


def _make(folder: Path) -> None:
    """An empty environment; whatever was in the folder goes, but for the lock that we hold and the mark."""
    for one in folder.iterdir():
        if one.name in (LOCK, MARK):
            continue
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()
    # Without pip: Debian's Python has no ensurepip, and `pip --python` does not need one in there.
    venv.EnvBuilder(symlinks=True, with_pip=False, prompt="sinsonte").create(folder)


def _packages_folder(folder: Path) -> Path:
    return folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def _find_pip(folder: Path, anew: bool) -> Pip:
    """The environment's own pip once it has one (sqlite-utils brings it), else ours working on the environment."""
    python = starting.python_of(str(folder))
    if not anew and (_packages_folder(folder) / "pip" / "__main__.py").exists():
        return Pip([python, "-m", "pip"])
    try:
        import pip

        version = [int(one) for one in pip.__version__.split(".")[:2]]
    except (ImportError, ValueError):
        version = [0, 0]
    if version >= [22, 3]:  # the first with --python
        # A folder that is not an environment yet cannot be named; looking up versions needs none.
        return Pip([sys.executable, "-m", "pip", *([] if anew else ["--python", python])])
    if not anew and _ensurepip(python):
        return Pip([python, "-m", "pip"])
    if anew and _has_ensurepip():
        return Pip([sys.executable, "-m", "pip"])
    raise Problem(
        _("{python} has no pip (22.3 or newer).").format(python=sys.executable),
        advice=_("Install it (Debian, Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip --user)."),
    )


def _has_ensurepip() -> bool:
    import importlib.util

    return importlib.util.find_spec("ensurepip") is not None


def _ensurepip(python: str) -> bool:
    if not _has_ensurepip():
        return False
    return subprocess.run([python, "-m", "ensurepip"], capture_output=True, check=False).returncode == 0


def _point_at(packages: Path, checkout: Path) -> None:
    """Make `core` and `tui` importable: what an editable install does, without a build backend to fetch (3 s less)."""
    (packages / CHECKOUT).write_text(f"{checkout}\n", encoding="utf-8", errors="surrogateescape")


def _write_stamp(checkout: Path, folder: Path, known: dict[str, list[str]], held: tuple[str, ...], torch: str) -> None:
    python = os.path.realpath(starting.python_of(str(folder)))
    lines = [
        starting.FORMAT, python, str(checkout), starting.files_signature(str(checkout)), " ".join(held), torch,
        _requirements_signature(checkout, known, held), "end",
    ]  # fmt: skip
    temporary = folder / (starting.STAMP + ".new")
    with temporary.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / starting.STAMP)


def _ask(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(question + " " + _("Go on? [y/N]") + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "s", "sí", "si")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
