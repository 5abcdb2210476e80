"""The material of this workspace for the dataset stage: messages as columns, people, decisions; kept while they hold.

At a million messages the columns take 0.9 s to read and the scan of cleaning rules three seconds more, so both stay in
memory while `revision` says that the messages are the same; a recipe change then costs milliseconds, and a decision of
the curator what it touches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.workspace import revision
from core.workspace.opening import Workspace
from core.workspace.standing import Standing
from core.workspace.uids import Uids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.dataset.material import Material
    from core.dataset.recipe import Recipe
    from core.grouping import Columns


def of(workspace: Workspace) -> Material:
    """Everything that examples are made from, as the store has it now."""
    return workspace.derived("material", revision.of(workspace.store), lambda: _decided(workspace))


def hits(workspace: Workspace, recipe: Recipe) -> NDArray[np.uint16]:
    """Which cleaning rules each message falls under."""
    from core.cleaning.rules import scan_key
    from core.dataset.material import scan

    def made() -> NDArray[np.uint16]:
        having = of(workspace)
        # A decision changes what a scan found of the messages that it edits, and of no other.
        kept: dict[object, tuple[Material, NDArray[np.uint16]]] = workspace.derived(
            "scans", revision.of_messages(workspace.store), lambda: {}
        )
        name = scan_key(recipe.cleaning)
        found = scan(having, recipe, kept.get(name))
        kept.clear()
        kept[name] = (having, found)
        return found

    return workspace.derived("hits", (revision.of(workspace.store), scan_key(recipe.cleaning)), made)


def _decided(workspace: Workspace) -> Material:
    """The messages, read again only when there are others, with what the curator says of them now."""
    held = workspace.derived("messages", revision.of_messages(workspace.store), lambda: _Held(_read(workspace)))
    changed = held.standing.follow(workspace.store)
    held.material = held.material.deciding(held.standing.by_row, changed)
    return held.material


class _Held:
    """The material, and the decisions that it was last given."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.standing = Standing(cast("Uids", material.uids))


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
