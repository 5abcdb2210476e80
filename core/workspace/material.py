"""The material of this workspace for the dataset stage: messages as columns, people, decisions; kept while they hold.

At a million messages the columns take 0.9 s to read and the scan of cleaning rules a second more, so both stay in
memory while `revision` says that the messages are the same; a recipe change then costs milliseconds, and a decision of
the curator what it touches. The scan is kept for the next process as well (core/workspace/shelf.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from core.store.standing import NOTHING, Standing
from core.workspace import curation, revision, shelf
from core.workspace.opening import Workspace
from core.workspace.texts import Texts
from core.workspace.uids import SIZE, Uids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.dataset.material import Decision, Material
    from core.dataset.recipe import Recipe
    from core.grouping import Columns

_MESSAGES: Final = "messages"
_RULES: Final = "rules"
_MANY: Final = 100_000


def of(workspace: Workspace) -> Material:
    """Everything that examples are made from, as the store has it now."""
    return workspace.derived("material", revision.of(workspace.store), lambda: _decided(workspace))


def ready(workspace: Workspace, recipe: Recipe, progress: Callable[[int, int], None]) -> None:
    """Read and scan what is not in memory yet, telling how far that is: at a million messages it takes seconds."""
    from core.store import chats

    store = workspace.store
    count = sum(chat.messages for chat in chats.all_chats(store))

    def step(before: int) -> Callable[[int], None]:
        return lambda done: progress(before * count + min(done, count), 3 * count)

    workspace.derived(_MESSAGES, revision.of_messages(store), lambda: _Held(*_read(workspace, step)))
    hits(workspace, recipe, step(2))


def hits(workspace: Workspace, recipe: Recipe, progress: Callable[[int], None] | None = None) -> NDArray[np.uint16]:
    """Which cleaning rules each message falls under; `progress` gets messages looked at."""
    from core.cleaning.rules import scan_key
    from core.dataset.material import scan

    def made() -> NDArray[np.uint16]:
        having = of(workspace)
        # A decision changes what a scan found of the messages that it edits, and of no other.
        kept: dict[object, tuple[Material, NDArray[np.uint16]]] = workspace.derived(
            "scans", revision.of_messages(workspace.store), lambda: {}
        )
        name = scan_key(recipe.cleaning)
        earlier = kept.get(name) or _shelved(workspace, having, name)
        began = time.monotonic()
        found = scan(having, recipe, earlier, progress)
        if earlier is None and time.monotonic() - began > shelf.LONG:
            plain = having.deciding({})  # what a scan finds of the messages as they were exported
            shelf.put(workspace, _RULES, shelf.key_of(having, name), {"hits": scan(plain, recipe, (having, found))})
        kept.clear()
        kept[name] = (having, found)
        return found

    return workspace.derived("hits", (revision.of(workspace.store), scan_key(recipe.cleaning)), made)


def _shelved(workspace: Workspace, having: Material, name: object) -> tuple[Material, NDArray[np.uint16]] | None:
    """The scan that another process made of the same messages."""
    if len(having.columns) < _MANY:
        return None  # made sooner than looked for
    found = shelf.take(workspace, _RULES, shelf.key_of(having, name))
    return None if found is None else (having.deciding({}), found["hits"])


def _decided(workspace: Workspace) -> Material:
    """The messages, read again only when there are others, with what the curator says of them now."""
    held = workspace.derived(_MESSAGES, revision.of_messages(workspace.store), lambda: _Held(*_read(workspace)))
    return held.now(curation.standing_now(workspace))


class _Held:
    """The material, with the decisions that it was last given."""

    def __init__(self, material: Material, packed: bytes) -> None:
        self._material = material
        self._packed = packed
        self._uids = Uids(packed)
        self._version = 0
        self._lock = threading.Lock()

    def now(self, standing: Standing) -> Material:
        """The material with what stands: only the rows of which something else stands than before are looked up."""
        with self._lock:
            version, changed = standing.since(self._version)
            if version == self._version:
                return self._material
            rows: set[int] = set()
            if changed is None:
                rows.update(self._material.decided)
                version, changed = standing.snapshot()
                decided: dict[int, Decision] = {}
            else:
                decided = dict(self._material.decided)
            for row in self._uids.rows(b"".join(changed)):
                rows.add(row)
                said = changed[self._packed[row * SIZE : (row + 1) * SIZE]]
                if said == NOTHING:
                    decided.pop(row, None)
                else:
                    decided[row] = curation.as_decision(said)
            self._material, self._version = self._material.deciding(decided, rows), version
            return self._material


def _read(workspace: Workspace, step: Callable[[int], Callable[[int], None]] | None = None) -> tuple[Material, bytes]:
    import numpy as np

    from core.dataset.material import Material
    from core.store import chats, columns, participants

    store = workspace.store
    ids = [chat.id for chat in sorted(chats.all_chats(store), key=lambda chat: chat.key)]
    read = columns.columns(store, ids, progress=None if step is None else step(0))
    packed = read.uids.tobytes()

    def parts() -> Iterator[list[bytes]]:
        done = 0
        for chat in ids:
            for some in columns.packed_texts(store, chat):
                yield some
                done += len(some)
                if step is not None:
                    step(1)(done)

    material = Material(
        columns=_as_grouped(read, np.zeros(len(read.ids), np.bool_)),
        texts=Texts(workspace.folder, parts()),
        uids=Uids(packed),
        participants={one.id: one for one in participants.all_participants(store)},
    )
    return material, packed


def _as_grouped(read: object, kept: NDArray[np.bool_]) -> Columns:
    import numpy as np

    from core.grouping import KIND_CODES, NOBODY, Columns
    from core.store.columns import Columns as Stored
    from core.store.kinds import CODE_OF

    assert isinstance(read, Stored)
    codes = np.zeros(256, np.uint8)
    for kind, code in CODE_OF.items():
        codes[code] = KIND_CODES[kind]
    return Columns(
        times=read.times,
        authors=np.where(read.authors == 0, NOBODY, read.authors).astype(np.int32),
        chats=read.chats,
        kinds=codes[read.kinds],
        marks=read.marks,
        kept=~kept,
        lengths=read.lengths,
    )
