"""Saving and going back: copies of the workspace's database."""

from __future__ import annotations

from pathlib import Path

from core.language import _
from core.problem import Problem
from core.store import backups as copies
from core.workspace.opening import Workspace


def backup(workspace: Workspace, to: Path | None = None) -> Path:
    """Write a copy of the database; returns where."""
    return copies.backup(workspace.store, to)


def backups(folder: Path) -> list[Path]:
    """The copies that are kept, newest first."""
    return copies.list_backups(folder)


def must_be_there(folder: Path, name: str) -> None:
    """A Problem where there is no such copy, so that nobody is asked about one."""
    if not _copy_named(folder, name).is_file():
        raise Problem(
            _("there is no such backup."), where=name, advice=_("`sinsonte backup list` names those that there are.")
        )


def restore(folder: Path, name: str) -> Path | None:
    """Go back to a copy, named as `backups` shows it or by its path; returns where the present one was put."""
    return copies.restore(folder, _copy_named(folder, name))


def _copy_named(folder: Path, name: str) -> Path:
    inside = folder / "backups" / name
    return inside if inside.exists() else Path(name).expanduser()
