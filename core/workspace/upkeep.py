"""Saving and going back: copies of the workspace's database."""

from __future__ import annotations

from pathlib import Path

from core.store import backups as copies
from core.workspace.opening import Workspace


def backup(workspace: Workspace, to: Path | None = None) -> Path:
    """Write a copy of the database; returns where."""
    return copies.backup(workspace.store, to)


def backups(folder: Path) -> list[Path]:
    """The copies that are kept, newest first."""
    return copies.list_backups(folder)


def restore(folder: Path, name: str) -> Path | None:
    """Go back to a copy, named as `backups` shows it or by its path; returns where the present one was put."""
    given = Path(name).expanduser()
    inside = folder / "backups" / name
    return copies.restore(folder, inside if inside.exists() else given)
