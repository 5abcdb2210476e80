"""The material of this workspace for the dataset stage: messages as columns, people, decisions; kept while they hold.

At a million messages the columns take 0.9 s to read and the scan of cleaning rules a second more, so both stay in
memory until `revision` moves; a recipe change then costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from core.workspace import curation, revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.dataset.material import Material
    from core.dataset.recipe import Recipe
    from core.grouping import Columns


def of(workspace: Workspace) -> Material:
    """Everything that examples are made from, as the store has it now."""
    return workspace.derived("material", revision.of(workspace.store), lambda: _read(workspace))


def hits(workspace: Workspace, recipe: Recipe) -> NDArray[np.uint16]:
    """Which cleaning rules each message falls under."""
    from core.cleaning.rules import scan_key
    from core.dataset.material import scan

    material = of(workspace)
    key = (revision.of(workspace.store), scan_key(recipe.cleaning))
    return workspace.derived("hits", key, lambda: scan(material, recipe))


def _read(workspace: Workspace) -> Material:
    import numpy as np

    from core.dataset.material import Material
    from core.store import chats, columns, participants

    store = workspace.store
    ids = [chat.id for chat in sorted(chats.all_chats(store), key=lambda chat: chat.key)]
    read = columns.columns(store, ids)
    return Material(
        columns=_as_grouped(read, np.zeros(len(read.ids), np.bool_)),
        texts=[text for chat in ids for some in columns.texts(store, chat) for text in some],
        uids=Uids(read.uids.tobytes()),
        participants={one.id: one for one in participants.all_participants(store)},
        decisions=curation.standing(workspace),
    )


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
