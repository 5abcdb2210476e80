"""Settings that live in the workspace: a name and a JSON value each. No keys, no secrets: backups carry this table."""

from __future__ import annotations

import json
from typing import Any

from core.store.connection import Change, Readable


def get(store: Readable, key: str, default: Any = None) -> Any:
    """The value of a setting, `default` when it is not set."""
    rows = store.read("SELECT value FROM settings WHERE key = ?", (key,))
    return json.loads(rows[0][0]) if rows else default


def put(change: Change, key: str, value: Any) -> None:
    """Set a value; None takes the setting away."""
    if value is None:
        change.execute("DELETE FROM settings WHERE key = ?", (key,))
    else:
        change.execute(
            "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, json.dumps(value, ensure_ascii=False)),
        )


def all_settings(store: Readable) -> dict[str, Any]:
    """Every setting by name."""
    return {key: json.loads(value) for key, value in store.read("SELECT key, value FROM settings ORDER BY key")}
