"""What `doctor` finds: the machine, the settings, the store, what is installed; each with what to do about it.

Nothing heavy is imported and nothing is changed: a missing workspace is reported, not made.
"""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from core.language import _
from core.problem import Problem
from core.settings import Settings

State = Literal["ok", "note", "bad"]

_WANTED_SPACE: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: str
    state: State
    text: str
    advice: str = ""


def sqlite_version() -> str:
    """The version of the SQLite that the store uses."""
    from core.store import sqlite

    return sqlite.sqlite_version()


def schema_version() -> int:
    """The schema that this Sinsonte writes."""
    from core.store.migrations import MIGRATIONS

    return len(MIGRATIONS)


def examine(folder: Path, settings: Settings) -> list[Finding]:
    """Look at everything."""
    return [*_machine(), *_sqlite(), *_workspace(folder), *_packages(), *_training(settings), *_settings(settings)]


def _machine() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", "ok", f"Python {version}")
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") == "utf8":
        yield Finding("locale", "ok", _("the terminal's text is UTF-8"))
    else:
        yield Finding(
            "locale",
            "bad",
            _("the locale's encoding is {encoding}; emoji and accents will not show.").format(encoding=encoding),
            _("Set LANG to a UTF-8 locale, for example: export LANG=C.UTF-8"),
        )
    term = os.environ.get("TERM", "")
    colours = os.environ.get("COLORTERM", "")
    yield Finding("terminal", "ok", _("terminal {term} {colours}").format(term=term or "—", colours=colours).strip())
    if os.environ.get("TMUX"):
        yield Finding(
            "tmux",
            "note",
            _("inside tmux: text can be sent to the clipboard only if tmux lets it through."),
            "tmux set -g set-clipboard on",
        )


def _sqlite() -> Iterator[Finding]:
    from core.store.sqlite import wal_reset_fixed

    version = sqlite_version()
    source = "pysqlite3" if find_spec("pysqlite3") else "Python"
    if wal_reset_fixed():
        yield Finding(
            "sqlite",
            "ok",
            _("SQLite {version} ({source}), with the WAL-reset fix").format(version=version, source=source),
        )
    else:
        yield Finding(
            "sqlite",
            "note",
            _("SQLite {version} ({source}) lacks the WAL-reset fix of 3.51.3.").format(version=version, source=source),
            _("Install pysqlite3, or use one Sinsonte at a time on a workspace."),
        )


def _workspace(folder: Path) -> Iterator[Finding]:
    if not (folder / "sinsonte.db").exists():
        yield Finding("workspace", "note", _("no workspace yet in {folder}").format(folder=folder))
        return
    from core.store import backups
    from core.store.opening import open_store

    try:
        store = open_store(folder)
    except Problem as problem:
        yield Finding("workspace", "bad", str(problem), problem.advice)
        return
    try:
        faults = backups.check(store)
        yield Finding("workspace", "ok", _("workspace in {folder}").format(folder=folder))
        if faults:
            yield Finding(
                "integrity",
                "bad",
                _("the database is damaged: {fault}").format(fault=faults[0]),
                _("Go back to a copy: sinsonte backup list; sinsonte backup restore NAME"),
            )
        else:
            yield Finding("integrity", "ok", _("database whole, schema {number}").format(number=schema_version()))
    finally:
        store.close()
    loose = folder.stat().st_mode & 0o077
    if loose:
        yield Finding(
            "private",
            "bad",
            _("other users can look into the workspace."),
            _("Close it with: chmod 700 {folder}").format(folder=folder),
        )
    free = shutil.disk_usage(folder).free
    if free < _WANTED_SPACE:
        yield Finding(
            "space", "note", _("only {megabytes} MB free on the workspace's disk.").format(megabytes=free // 1_000_000)
        )


def _packages() -> Iterator[Finding]:
    for package, what in (("torch", _("local training")), ("transformers", _("local training"))):
        try:
            yield Finding(package, "ok", f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            yield Finding(
                package,
                "note",
                _("{package} is not installed; it is needed for {what}.").format(package=package, what=what),
                _("It is installed when a command needs it, after saying its size."),
            )
    driver = Path("/proc/driver/nvidia/version")
    yield (
        Finding("gpu", "ok", _("NVIDIA driver found"))
        if driver.exists()
        else Finding("gpu", "note", _("no NVIDIA driver: training runs on the processor"))
    )
    if find_spec("bpe_openai") is None:
        yield Finding("vocabularies", "note", _("the offline vocabularies (bpe-openai) are not installed."))
    else:
        yield Finding("vocabularies", "ok", _("tokens are counted offline"))


def _training(settings: Settings) -> Iterator[Finding]:
    from core.training.backends import logout, slurm_script

    if logout.ends_workers():
        yield Finding(
            "logout",
            "note",
            _("logging out ends everything that was started in the login (KillUserProcesses), runs too."),
            "loginctl enable-linger; systemd-run --user --scope sinsonte ...",
        )
    else:
        yield Finding("logout", "ok", _("runs on this machine survive logging out"))
    if shutil.which("sbatch") and shutil.which("squeue"):
        yield Finding("slurm", "ok", _("Slurm is here: train start --on slurm"))
    else:
        yield Finding("slurm", "note", _("Slurm's commands (sbatch, squeue) are not on this machine."))
    for name, table in settings.slurm.items():
        try:
            slurm_script.profile_of(table, f"[slurm.{name}]")
        except Problem as problem:
            yield Finding(f"slurm {name}", "bad", str(problem), problem.advice)


def _settings(settings: Settings) -> Iterator[Finding]:
    from core.credentials import credentials_file, key_for

    yield Finding("settings", "ok", _("settings: {file}").format(file=settings.file))
    for endpoint in settings.endpoints.values():
        try:
            key = key_for(endpoint)
        except Problem as problem:
            yield Finding(f"key {endpoint.name}", "bad", str(problem), "")
            continue
        if key is not None:
            yield Finding(
                f"key {endpoint.name}",
                "ok",
                _("key for {name} found in {place}").format(name=endpoint.name, place=key.source),
            )
    file = credentials_file()
    if file.exists() and file.stat().st_mode & 0o077:
        yield Finding(
            "credentials",
            "bad",
            _("other users can read {file}").format(file=file),
            _("Close it with: chmod 600 {file}").format(file=file),
        )
