"""Frozen datasets: their examples, and from each example back to its messages. In and out: `core.chat.Example`.

An example is one row: its lines as JSON and the ids of their messages in one blob, 10 bytes each, in the order of the
lines. A table of (example, message) pairs would take eight rows an example and twice the room (18 MB against 8 for
100,000 examples); to find the datasets that hold a message, reading their blobs takes 0.3 s, and only `forget` asks.
"""

from __future__ import annotations

import json
import time
import uuid
from array import array
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

from core.chat import Example, Line, Role, Side
from core.language import _
from core.problem import Problem
from core.store.connection import Change, Readable, Row
from core.store.intake import UID


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A dataset without its examples. `recipe` and `counts` are JSON text."""

    id: int
    name: str
    recipe: str
    recipe_hash: str
    digest: str
    created_at: int
    counts: str
    tainted: bool


_HIDDEN = "\t"  # before the name of one that is not finished; nobody can type it
_ABANDONED = 600  # seconds without an example

_QUERY = "SELECT id, name, recipe, recipe_hash, digest, created_at, counts, tainted FROM datasets"


def create(change: Change, name: str, recipe: str, recipe_hash: str) -> int:
    """Begin a dataset; its examples, then `finish`, follow in the same transaction."""
    _refuse_taken(change, name)
    return change.insert(
        """INSERT INTO datasets (name, recipe, recipe_hash, digest, created_at, counts)
           VALUES (?, ?, ?, '', ?, '{}')""",
        (name, recipe, recipe_hash, int(time.time())),
    )


def begin(change: Change, recipe: str, recipe_hash: str) -> int:
    """Begin a dataset that is filled over several transactions and that nobody sees before `finish` names it.

    What a process left unfinished when it was killed is cleared away here, once nothing was added to it for a while.
    """
    long_ago = int(time.time()) - _ABANDONED
    change.execute(
        "DELETE FROM datasets WHERE digest = '' AND name LIKE ? AND created_at < ?", (f"{_HIDDEN}%", long_ago)
    )
    return create(change, f"{_HIDDEN}{uuid.uuid4().hex}", recipe, recipe_hash)


def add_examples(change: Change, dataset_id: int, examples: Iterable[Example], first: int = 0) -> int:
    """Add examples, numbered from `first` on; returns the number after the last."""
    last = first

    def rows() -> Generator[tuple[Any, ...]]:
        nonlocal last
        for example in examples:
            body, uids = _packed(example)
            yield dataset_id, last, example.side.value, example.conversation, body, bytearray(uids)
            last += 1

    change.many(
        "INSERT INTO examples (dataset_id, n, side, conversation, body, uids) VALUES (?, ?, ?, ?, ?, ?)", rows()
    )
    # So that it is seen to be alive, while it is filled.
    change.execute("UPDATE datasets SET created_at = ? WHERE id = ?", (int(time.time()), dataset_id))
    return last


def finish(change: Change, dataset_id: int, digest: str, counts: str, name: str = "") -> None:
    """Write the digest and the counts (JSON text) of a dataset that is complete, and the name of one that had none."""
    change.execute("UPDATE datasets SET digest = ?, counts = ? WHERE id = ?", (digest, counts, dataset_id))
    if name:
        _refuse_taken(change, name)
        change.execute("UPDATE datasets SET name = ? WHERE id = ?", (name, dataset_id))


def discard(change: Change, dataset_id: int) -> None:
    """Delete what was begun and will not be finished."""
    change.execute("DELETE FROM datasets WHERE id = ? AND digest = ''", (dataset_id,))


def _refuse_taken(change: Change, name: str) -> None:
    if change.read("SELECT 1 FROM datasets WHERE name = ?", (name,)):
        raise Problem(
            _("there is a dataset called {name} already.").format(name=name), advice=_("Choose another name.")
        )


def all_datasets(store: Readable) -> list[StoredDataset]:
    """Every dataset that is finished, newest first."""
    return [_dataset(row) for row in store.read(f"{_QUERY} WHERE name NOT LIKE ? ORDER BY id DESC", (f"{_HIDDEN}%",))]


def find(store: Readable, name: str) -> StoredDataset | None:
    """The dataset of this name."""
    rows = store.read(f"{_QUERY} WHERE name = ?", (name,))
    return _dataset(rows[0]) if rows else None


def numbers(store: Readable, dataset_id: int, side: Side | None = None) -> array[int]:
    """The numbers of a dataset's examples in order: what a list's row numbers stand for."""
    sql, values = "SELECT n FROM examples WHERE dataset_id = ?", [dataset_id]
    if side is None:
        return array("q", (row[0] for row in store.each(f"{sql} ORDER BY n", values)))
    return array("q", (row[0] for row in store.each(f"{sql} AND side = ? ORDER BY n", [*values, side.value])))


def examples(
    store: Readable, dataset_id: int, first: int = 0, count: int | None = None, side: Side | None = None
) -> Generator[Example]:
    """The examples from number `first` on, `count` numbers of them, of one side or both."""
    sql = "SELECT conversation, side, body, uids FROM examples WHERE dataset_id = ? AND n >= ? AND n < ?"
    values: list[Any] = [dataset_id, first, first + count if count is not None else 1 << 62]
    if side is not None:
        sql += " AND side = ?"
        values.append(side.value)
    for conversation, of_side, body, uids in store.each(f"{sql} ORDER BY n", values):
        yield _unpacked(conversation, of_side, body, uids)


def holding(store: Readable, uids: bytes) -> dict[int, int]:
    """Datasets with any of these messages (10 bytes each), and in how many examples."""
    wanted = {uids[at : at + UID] for at in range(0, len(uids), UID)}
    found: dict[int, int] = {}
    for dataset_id, held in store.each("SELECT dataset_id, uids FROM examples"):
        if any(held[at : at + UID] in wanted for at in range(0, len(held), UID)):
            found[dataset_id] = found.get(dataset_id, 0) + 1
    return found


def lines_with(store: Readable, uids: bytes) -> set[str]:
    """The texts of all lines, in any dataset, that hold one of these messages."""
    wanted = {uids[at : at + UID] for at in range(0, len(uids), UID)}
    found: set[str] = set()
    for body, held in store.each("SELECT body, uids FROM examples"):
        if not any(held[at : at + UID] in wanted for at in range(0, len(held), UID)):
            continue
        at = 0
        for _role, text, _trained, _name, count in json.loads(body):
            if any(held[start : start + UID] in wanted for start in range(at, at + count * UID, UID)):
                found.add(text)
            at += count * UID
    return found


def erase_examples(change: Change, uids: bytes) -> int:
    """Delete every example with any of these messages, mark its dataset and that one's models; returns how many."""
    wanted = {uids[at : at + UID] for at in range(0, len(uids), UID)}
    doomed: list[tuple[int, int]] = []
    for number, dataset_id, held in change.each("SELECT id, dataset_id, uids FROM examples"):
        if any(held[at : at + UID] in wanted for at in range(0, len(held), UID)):
            doomed.append((number, dataset_id))
    change.many("DELETE FROM examples WHERE id = ?", [(number,) for number, _dataset_id in doomed])
    for dataset_id in {one for _number, one in doomed}:
        change.execute("UPDATE datasets SET tainted = 1 WHERE id = ?", (dataset_id,))
        change.execute("UPDATE models SET tainted = 1 WHERE dataset_id = ?", (dataset_id,))
    return len(doomed)


def delete(change: Change, dataset_id: int) -> None:
    """Delete a dataset that no run and no model came from; their lineage would end in nothing."""
    runs = [row[0] for row in change.read("SELECT id FROM runs WHERE dataset_id = ? ORDER BY id", (dataset_id,))]
    models = [row[0] for row in change.read("SELECT name FROM models WHERE dataset_id = ?", (dataset_id,))]
    if runs or models:
        raise Problem(
            _("this dataset is used by: {names}.").format(names=", ".join(runs + models)),
            advice=_("Delete those runs and models first."),
        )
    change.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))


def _packed(example: Example) -> tuple[str, bytes]:
    lines = [[line.role.value, line.text, int(line.trained), line.name, len(line.messages)] for line in example.lines]
    uids = "".join(uid for line in example.lines for uid in line.messages)
    return json.dumps(lines, ensure_ascii=False, separators=(",", ":")), bytes.fromhex(uids)


def _unpacked(conversation: int, side: str, body: str, uids: bytes) -> Example:
    lines: list[Line] = []
    at = 0
    for role, text, trained, name, count in json.loads(body):
        held = tuple(uids[start : start + UID].hex() for start in range(at, at + count * UID, UID))
        at += count * UID
        lines.append(Line(Role(role), text, bool(trained), name, held))
    return Example(tuple(lines), conversation, Side(side))


def _dataset(row: Row) -> StoredDataset:
    return StoredDataset(*row[:7], tainted=bool(row[7]))
