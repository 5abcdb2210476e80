"""Recipes by name and version: each saving of a changed recipe is a new version, none is ever edited.

The body is JSON text made by core.dataset, which also makes the hash; nothing here looks inside.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.store.connection import Change, Readable


@dataclass(frozen=True, slots=True)
class StoredRecipe:
    """One version of a recipe."""

    name: str
    version: int
    body: str
    hash: str
    created_at: int


_QUERY = "SELECT name, version, body, hash, created_at FROM recipes"


def save(change: Change, name: str, body: str, recipe_hash: str) -> StoredRecipe:
    """Keep this as the newest version; the newest itself when nothing has changed."""
    newest = latest(change, name)
    if newest is not None and newest.hash == recipe_hash:
        return newest
    made = StoredRecipe(name, newest.version + 1 if newest else 1, body, recipe_hash, int(time.time()))
    change.execute(
        "INSERT INTO recipes (name, version, body, hash, created_at) VALUES (?, ?, ?, ?, ?)",
        (made.name, made.version, made.body, made.hash, made.created_at),
    )
    return made


def latest(store: Readable, name: str) -> StoredRecipe | None:
    """The newest version of a recipe."""
    rows = store.read(f"{_QUERY} WHERE name = ? ORDER BY version DESC LIMIT 1", (name,))
    return StoredRecipe(*rows[0]) if rows else None


def all_recipes(store: Readable) -> list[StoredRecipe]:
    """Every version of every recipe, by name, newest version first."""
    return [StoredRecipe(*row) for row in store.read(f"{_QUERY} ORDER BY name, version DESC")]
