"""Whether something changed in the workspace, by whoever: what screens poll.

SQLite's `data_version` moves when another connection commits; our own writes are told by `total_changes`.
"""

from __future__ import annotations

from core.workspace.opening import Workspace


def version(workspace: Workspace) -> tuple[int, int]:
    """A value that differs from the last one when the database may have changed; 7 µs."""
    store = workspace.store
    return store.data_version(), store.connection.total_changes
