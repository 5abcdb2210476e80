"""Opening a workspace: the folder that holds one person's chats, datasets, runs and models.

Comes in: a folder (made on first use, and gone again if nothing was kept in it) and the settings. Goes out: a
`Workspace`, which every verb takes first. Every path kept inside the database is relative to the folder, so that it can
be moved.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from core.settings import Settings, load, workspace_folder

if TYPE_CHECKING:
    from types import TracebackType

    from core.store.opening import Store

T = TypeVar("T")


class Cancelled(Exception):
    """The person stopped the work; nothing of it was kept."""


@dataclass
class Workspace:
    """One open workspace; its store serves every thread.

    Derived data (column arrays, groupings, token counts) is kept here and never in the store.
    """

    folder: Path
    settings: Settings
    store: Store = field(repr=False)
    _derived: dict[str, tuple[object, Any]] = field(default_factory=dict[str, "tuple[object, Any]"], repr=False)
    # One lock a name: a key press that wants quick counters must not wait for the exact ones to be counted. What is
    # derived from something else asks for it by its own name, and never the other way round.
    _locks: dict[str, threading.RLock] = field(default_factory=dict[str, threading.RLock], repr=False)

    def derived(self, name: str, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made again only when `key` (what it depends on) has changed."""
        with self._locks.setdefault(name, threading.RLock()):
            kept = self._derived.get(name)
            if kept is not None and kept[0] == key:
                return cast("T", kept[1])
            value = make()
            self._derived[name] = (key, value)
            return value

    def peek(self, name: str, key: object) -> object:
        """What is kept under this name, if it still holds; nothing is made, and nothing waited for."""
        kept = self._derived.get(name)
        return kept[1] if kept is not None and kept[0] == key else None

    def newest(self, name: str) -> object:
        """What was last kept under this name, whether or not it still holds."""
        kept = self._derived.get(name)
        return kept[1] if kept is not None else None

    def close(self) -> None:
        """Close it; one that was made by being opened, and in which nothing was kept, is not left behind."""
        from core.store import unkept

        self._derived.clear()
        self.store.close()
        unkept.take_back(self.store)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def open_workspace(folder: Path | None = None, settings: Settings | None = None) -> Workspace:
    """Open the workspace in `folder`, or the one that the settings name; made when it is not there."""
    from core.store.opening import open_store

    known = settings or load()
    place = folder or workspace_folder(None, known)
    return Workspace(place, known, open_store(place))
