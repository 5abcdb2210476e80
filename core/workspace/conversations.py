"""A chat's conversations, and what the curator's decisions left of them: what one curates by.

In: a workspace and a chat. Out: a `History`, which tells where each conversation of the whole chat begins and pages
through them. These are conversations of everything that was said, at the recipe's gap and with the curator's splits and
joins, so they stand still while messages are dropped; what is trained is grouped from what is kept
(core.workspace.recipe), and cut at the recipe's maximum.

A History of a million messages takes 0.6 s to make, 5 MB, and is kept while the messages are; a decision moves a few of
its numbers, no more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.chat import Kind, Mark, local_seconds
from core.language import _
from core.problem import Misuse
from core.workspace import curation, memory, revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.store.standing import Said

DROPPED, KEPT, EDITED, TAGGED, WEIGHED = 1, 2, 4, 8, 16  # bits of what was said of a message
_OPENING: Final = 4  # messages looked at for the first words of a conversation
_CLIPPED: Final = 200
_PAGE: Final = 256
_FEW: Final = 2_000  # messages worth repainting one by one
_MANY: Final = 20_000  # messages looked up at once; from there on, going through the chat's ids is quicker


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation as lists show it: the messages at places `first` to before `end` of its chat."""

    number: int
    first: int
    end: int
    started_at: int | None  # None where the export told no time
    ended_at: int | None
    opening: str  # its first words
    author: str  # whose they are
    mine: bool
    dropped: int
    kept: int
    said: int  # messages of which something was said, dropped ones too

    @property
    def messages(self) -> int:
        """How many messages it has."""
        return self.end - self.first


class History:
    """The conversations of one chat. `follow` takes in what was decided since."""

    def __init__(self, workspace: Workspace, chat: int, gap: int, persona: str) -> None:
        import numpy as np

        from core.store import columns

        self._workspace = workspace
        self.chat = chat
        self._persona = persona
        self._lock = threading.Lock()
        starts: list[NDArray[np.bool_]] = []
        ids: list[NDArray[np.int64]] = []
        # Piece by piece: all columns of a million messages are 30 MB, of which 5 are kept.
        for piece in columns.neighbours(workspace.store, chat):
            begins = (piece.marks & Mark.STARTS) != 0
            untimed = (piece.marks & Mark.UNTIMED) != 0
            begins[1:] |= (np.diff(piece.times) > gap) & ~(untimed[1:] | untimed[:-1])
            begins[0] = True  # of the first piece; of any other it is the last message of the one before
            starts.append(begins[1:] if starts else begins)
            ids.append(piece.ids[1:] if ids else piece.ids)
        size = sum(map(len, starts))
        # A chat imported whole has its ids in the order of its places; otherwise each id is looked up.
        self._first_id = int(ids[0][0]) if size else 0
        self._by_id: tuple[NDArray[np.int64], NDArray[np.intp]] | None = None
        numbers = np.concatenate(ids) if size else np.zeros(0, np.int64)
        if size and not (np.diff(numbers) == 1).all():
            order = np.argsort(numbers)
            self._by_id = (numbers[order], order)
        self._natural: NDArray[np.int64] = np.flatnonzero(np.concatenate(starts)) if size else np.zeros(0, np.int64)
        self.starts: NDArray[np.int64] = self._natural
        self.flags: NDArray[np.uint8] = np.zeros(size, np.uint8)
        self._begins: dict[int, bool] = {}
        self._version = 0

    @property
    def size(self) -> int:
        """How many messages the chat has."""
        return len(self.flags)

    def follow(self) -> bool:
        """Take in what was decided since, by whoever; true when conversations begin elsewhere now."""
        import numpy as np

        standing = curation.standing_now(self._workspace)
        with self._lock:
            version, said = standing.since(self._version)
            if version == self._version:
                return False
            before = dict(self._begins)
            if said is None:
                version, said = standing.snapshot()
                self.flags[:] = 0
                self._begins = {}
            for place, one in self._places(said):
                self.flags[place] = _bits(one)
                if one.begins is None:
                    self._begins.pop(place, None)
                else:
                    self._begins[place] = one.begins
            self._version = version
            if self._begins == before:
                return False
            split = [place for place, begins in self._begins.items() if begins]
            joined = [place for place, begins in self._begins.items() if not begins and place]
            self.starts = np.setdiff1d(np.union1d(self._natural, np.array(split, np.int64)), joined)
            return True

    def _places(self, said: dict[bytes, Said]) -> Iterable[tuple[int, Said]]:
        from core.store import messages

        if len(said) > _MANY:
            packed = messages.uids_between(self._workspace.store, self.chat, 0, self.size)
            for place in range(len(packed) // 10):
                if (one := said.get(packed[place * 10 : place * 10 + 10])) is not None:
                    yield place, one
            return
        for uid, chat, place in messages.places_of(self._workspace.store, said):
            if chat == self.chat and place < self.size:
                yield place, said[uid]

    def places_of_ids(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places of those of these messages (by number in the table, sorted) that are in this chat; sorted."""
        import numpy as np

        if self._by_id is None:
            places = ids - self._first_id
            return places[(places >= 0) & (places < self.size)]
        known, order = self._by_id
        at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.sort(order[at[known[at] == ids]])

    def count(self) -> int:
        """How many conversations there are."""
        return len(self.starts)

    def number_of(self, place: int) -> int:
        """The conversation that a message is in."""
        import numpy as np

        return max(0, int(np.searchsorted(self.starts, place, side="right")) - 1)

    def bounds(self, number: int) -> tuple[int, int]:
        """The places of a conversation's first message, and of the first one after it."""
        end = int(self.starts[number + 1]) if number + 1 < len(self.starts) else self.size
        return int(self.starts[number]), end

    def rows(self, first: int, n: int) -> list[ConversationRow]:
        """`n` conversations from the one with this number on."""
        import numpy as np

        from core.store import messages

        numbers = range(first, min(first + n, self.count()))
        bounds = [self.bounds(number) for number in numbers]
        wanted: set[int] = set()
        for start, end in bounds:
            wanted.update(range(start, min(end, start + _OPENING)))
            wanted.add(end - 1)
        found = {row.place: row for row in messages.at_places(self._workspace.store, self.chat, sorted(wanted))}
        rows: list[ConversationRow] = []
        for number, (start, end) in zip(numbers, bounds, strict=True):
            near = [found[place] for place in range(start, min(end, start + _OPENING)) if place in found]
            if not near or end - 1 not in found:
                break  # another process took messages out meanwhile; the screen is told of it
            opening = next((one for one in near if one.kind is Kind.TEXT), near[0])
            said = self.flags[start:end]
            rows.append(
                ConversationRow(
                    number,
                    start,
                    end,
                    None if near[0].marks & Mark.UNTIMED else near[0].sent_at,
                    None if found[end - 1].marks & Mark.UNTIMED else found[end - 1].sent_at,
                    opening.text[:_CLIPPED],
                    opening.author,
                    bool(self._persona) and opening.author == self._persona,
                    int(np.count_nonzero(said & DROPPED)),
                    int(np.count_nonzero(said & KEPT)),
                    int(np.count_nonzero(said)),
                )
            )
        return rows


def history(workspace: Workspace, chat: int) -> History:
    """The conversations of a chat, at the recipe's gap; made in 0.6 s for a million messages, then kept."""
    from core.workspace import recipe

    now = recipe.current(workspace)
    key = (revision.of_messages(workspace.store), chat, now.conversation_gap, now.persona)

    def make() -> History:
        new = History(workspace, chat, now.conversation_gap, now.persona)
        memory.give_back(workspace)
        return new

    made = workspace.derived("history", key, make)
    made.follow()
    return made


def listing(workspace: Workspace, chat: int | None = None) -> Iterator[tuple[str, ConversationRow]]:
    """The title of its chat and each conversation, of one chat or of all: what the list of the screen shows."""
    from core.workspace import chats

    for row in chats.listing(workspace):
        if chat in (None, row.id):
            there = history(workspace, row.id)
            for first in range(0, there.count(), _PAGE):
                for one in there.rows(first, _PAGE):
                    yield row.title, one


def known_history(workspace: Workspace, chat: int) -> History | None:
    """The same if it is there already: for a key press that must not wait."""
    from core.workspace import recipe

    now = recipe.current(workspace)
    key = (revision.of_messages(workspace.store), chat, now.conversation_gap, now.persona)
    made = workspace.peek("history", key)
    return made if isinstance(made, History) else None


def touched(workspace: Workspace, chat: int, since: int) -> tuple[int, list[int] | None]:
    """The version of what stands now, and the places in this chat of which something else stood at an earlier one.

    None when those are too many to tell one by one.
    """
    from core.store import messages

    standing = curation.standing_now(workspace)
    version, said = standing.since(since)
    if said is None or len(said) > _FEW:
        return version, None
    found = messages.places_of(workspace.store, said)
    return version, [place for _uid, there, place in found if there == chat]


def moment(typed: str) -> int:
    """The first second of a day, a month or a year, written as ISO writes it."""
    from datetime import datetime

    parts = typed.strip().replace("/", "-").split("-")
    try:
        year, month, day, *more = [*(int(part) for part in parts), 1, 1][: max(3, len(parts))]
        if more:
            raise ValueError
        return local_seconds(datetime(year, month, day))
    except (TypeError, ValueError):
        raise Misuse(
            _("“{text}” is no day.").format(text=typed.strip()[:40]),
            advice=_("Write it as 2025-06-15, or 2025-06 for a month."),
        ) from None


def place_of(workspace: Workspace, uid: str) -> tuple[int, int] | None:
    """The chat and the place of a message, if it is still there."""
    from core.store import messages

    found = messages.places_of(workspace.store, [bytes.fromhex(uid)])
    return (found[0][1], found[0][2]) if found else None


def place_on(workspace: Workspace, chat: int, seconds: int) -> int:
    """The place of the first message at or after a moment; the last one when there is none."""
    from core.store import messages

    return max(0, min(messages.place_at(workspace.store, chat, seconds), messages.count(workspace.store, chat) - 1))


def _bits(said: Said) -> int:
    return (
        (DROPPED if said.state == "drop" else KEPT if said.state == "keep" else 0)
        | (EDITED if said.text is not None else 0)
        | (TAGGED if said.tags else 0)
        | (WEIGHED if said.weight != 1 else 0)
    )
