"""Models: base, adapter or remote, with what each came from. In and out: plain rows; weights are files or elsewhere."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from core.language import _
from core.problem import Problem
from core.store.connection import Change, Readable, Row


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model. `folder` is named from the workspace's; `details` is JSON text of what only its kind has."""

    name: str
    kind: str  # base, adapter or remote
    base: str = ""
    base_sha256: str = ""
    run_id: str | None = None
    dataset_id: int | None = None
    folder: str = ""
    details: str = "{}"
    created_at: int = 0
    tainted: bool = False
    id: int = 0


_FIELDS = tuple(field for field in StoredModel.__dataclass_fields__ if field != "id")
_QUERY = f"SELECT {', '.join(_FIELDS)}, id FROM models"


def add(change: Change, model: StoredModel) -> int:
    """Enter a model; returns its number. A name is given once."""
    if change.read("SELECT 1 FROM models WHERE name = ?", (model.name,)):
        raise Problem(
            _("there is a model called {name} already.").format(name=model.name), advice=_("Choose another name.")
        )
    values = [getattr(model, field) for field in _FIELDS]
    values[_FIELDS.index("created_at")] = model.created_at or int(time.time())
    values[_FIELDS.index("tainted")] = int(model.tainted)
    return change.insert(f"INSERT INTO models ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})", values)


def all_models(store: Readable) -> list[StoredModel]:
    """Every model, newest first."""
    return [_model(row) for row in store.read(f"{_QUERY} ORDER BY id DESC")]


def find(store: Readable, name: str) -> StoredModel | None:
    """The model of this name."""
    rows = store.read(f"{_QUERY} WHERE name = ?", (name,))
    return _model(rows[0]) if rows else None


def set_details(change: Change, name: str, details: str) -> None:
    """Replace the details (JSON text) of a model."""
    change.execute("UPDATE models SET details = ? WHERE name = ?", (details, name))


def rename(change: Change, name: str, to: str) -> None:
    """Call a model otherwise."""
    if find(change, to) is not None:
        raise Problem(_("there is a model called {name} already.").format(name=to), advice=_("Choose another name."))
    change.execute("UPDATE models SET name = ? WHERE name = ?", (to, name))


def delete(change: Change, name: str) -> None:
    """Take a model off the list; its files are the workspace's to remove."""
    change.execute("DELETE FROM models WHERE name = ?", (name,))


def made_with(store: Readable, participant: int) -> list[str]:
    """The names of the bases that were built from chats with this person's words."""
    found: list[str] = []
    for one in all_models(store):
        people: object = json.loads(one.details).get("people") if one.kind == "base" else None
        if isinstance(people, list) and participant in people:
            found.append(one.name)
    return found


def taint(change: Change, name: str) -> None:
    """Mark a model: it learnt from words that were forgotten since."""
    change.execute("UPDATE models SET tainted = 1 WHERE name = ?", (name,))


def _model(row: Row) -> StoredModel:
    return StoredModel(*row[:9], tainted=bool(row[9]), id=row[10])
