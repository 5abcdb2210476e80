"""The material of this workspace for the dataset stage: messages as columns, people, decisions; kept while they hold.

At a million messages the columns take 0.9 s to read and the scan of cleaning rules a second more, so both stay in
memory while the messages do; a recipe change then costs milliseconds, and so does a curator's key press: of what stands,
only the messages that a decision touched are looked up again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

from core.workspace import curation, revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.dataset.material import Decision, Material
    from core.dataset.recipe import Recipe
    from core.grouping import Columns
    from core.store.standing import Standing

_MANY = 20_000  # messages looked up at once; from there on, going through all ids is quicker


def of(workspace: Workspace) -> Material:
    """Everything that examples are made from, as the store has it now."""
    return _decided(workspace).now(workspace, curation.standing_now(workspace))


def hits(workspace: Workspace, recipe: Recipe) -> NDArray[np.uint16]:
    """Which cleaning rules each message falls under."""
    return _decided(workspace).hits(of(workspace), recipe)


def _decided(workspace: Workspace) -> _Decided:
    return workspace.derived("material", revision.content(workspace.store), lambda: _Decided(workspace))


class _Decided:
    """The messages as they are stored, and the newest material and scan of rules that were made of them."""

    def __init__(self, workspace: Workspace) -> None:
        self._material, self._starts = _read(workspace)
        self._version = 0
        self._scanned: dict[tuple[object, ...], tuple[Material, NDArray[np.uint16]]] = {}
        self._lock = threading.Lock()

    def now(self, workspace: Workspace, standing: Standing) -> Material:
        with self._lock:
            touched = standing.touched(self._version)
            if touched is not None and not touched:
                return self._material
            version, said = standing.snapshot()
            decided: dict[int, Decision] = {}
            if touched is None:
                touched = set(said)
            else:
                decided = dict(self._material.decided)
            for uid, row in self._rows(workspace, touched):
                if uid in said:
                    decided[row] = curation.as_decision(said[uid])
                else:
                    decided.pop(row, None)
            self._material, self._version = self._material.deciding(decided), version
            return self._material

    def hits(self, material: Material, recipe: Recipe) -> NDArray[np.uint16]:
        from core.cleaning.rules import scan_key
        from core.dataset.material import scan

        key = scan_key(recipe.cleaning)
        with self._lock:
            earlier = self._scanned.get(key)
            if earlier is None or earlier[0] is not material:
                self._scanned = {key: (material, scan(material, recipe, earlier))}
            return self._scanned[key][1]

    def _rows(self, workspace: Workspace, uids: set[bytes]) -> Iterable[tuple[bytes, int]]:
        from core.store import messages

        if len(uids) > _MANY:
            assert isinstance(self._material.uids, Uids)
            return self._material.uids.rows(uids)
        found = messages.places_of(workspace.store, uids)
        return [(uid, self._starts[chat] + place) for uid, chat, place in found if chat in self._starts]


def _read(workspace: Workspace) -> tuple[Material, dict[int, int]]:
    """The messages without decisions, and the row at which each chat starts."""
    import numpy as np

    from core.dataset.material import Material
    from core.store import chats, columns, participants

    store = workspace.store
    listed = sorted(chats.all_chats(store), key=lambda chat: chat.key)
    ids = [chat.id for chat in listed]
    read = columns.columns(store, ids)
    starts: dict[int, int] = {}
    at = 0
    for chat in listed:
        starts[chat.id] = at
        at += chat.messages
    material = Material(
        columns=_as_grouped(read, np.zeros(len(read.ids), np.bool_)),
        texts=[text for chat in ids for some in columns.texts(store, chat) for text in some],
        uids=Uids(read.uids.tobytes()),
        participants={one.id: one for one in participants.all_participants(store)},
    )
    return material, starts


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


class Uids(Sequence[str]):
    """Stable ids as text, made when asked for: a million of them as texts would be 70 MB."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed) // 10

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self._packed[place * 10 : place * 10 + 10].hex()

    def rows(self, uids: set[bytes]) -> list[tuple[bytes, int]]:
        """The rows of these ids, of those that are here."""
        packed = self._packed
        each = ((packed[at : at + 10], at // 10) for at in range(0, len(packed), 10))
        return [(uid, row) for uid, row in each if uid in uids]
