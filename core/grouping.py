"""Turns and conversations: where they begin, found over columns of numbers.

In: the messages as columns (times, authors, chats, kinds, marks, and which of them are kept), sorted by chat and then
by their place in it. Out: the boundaries, as indexes. It never sees a text, and does not know what an example is.

Measured on two shared cores: boundaries of 1,000,000 messages in about 10 ms, where a loop in Python needs 270 ms;
that is what lets a screen show new counts while a window is being changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.chat import Kind, Mark, Message

KINDS: Final[tuple[Kind, ...]] = tuple(Kind)  # the place of a kind here is its code in `Columns.kinds`
KIND_CODES: Final[Mapping[Kind, int]] = {kind: code for code, kind in enumerate(KINDS)}
NOBODY: Final = -1  # the author of a line that names nobody
# In `Columns.marks` beside the marks of the export: the curator said that this message goes on with what is before it.
JOINED: Final = 128


@dataclass(frozen=True, slots=True)
class Columns:
    """The messages of all chats, one array for each thing known of them, sorted by chat and then place in the chat."""

    times: NDArray[np.int64]  # seconds of the local wall clock
    authors: NDArray[np.int32]  # participant ids, NOBODY where a line names nobody
    chats: NDArray[np.int32]  # any number that tells chats apart; equal ones stand together
    kinds: NDArray[np.uint8]  # codes of KINDS
    marks: NDArray[np.uint8]  # of core.chat.Mark
    kept: NDArray[np.bool_]  # what cleaning, consent and the curator left
    lengths: NDArray[np.int32]  # characters of the text

    def __len__(self) -> int:
        return len(self.times)

    def keeping(self, kept: NDArray[np.bool_]) -> Columns:
        """The same messages, with another choice of what is kept."""
        return replace(self, kept=kept)


def columns_of(chats: Sequence[Sequence[Message]], participants: Mapping[str, int]) -> Columns:
    """Columns of whole chats, all kept; `participants` gives the number of every author's name.

    Numbers of chats are their places in `chats`.
    """
    count = sum(len(chat) for chat in chats)
    times = np.fromiter((m.sent_at for chat in chats for m in chat), np.int64, count)
    authors = np.fromiter((participants.get(m.author, NOBODY) for chat in chats for m in chat), np.int32, count)
    places = np.repeat(np.arange(len(chats), dtype=np.int32), [len(chat) for chat in chats])
    kinds = np.fromiter((KIND_CODES[m.kind] for chat in chats for m in chat), np.uint8, count)
    marks = np.fromiter((m.marks for chat in chats for m in chat), np.uint8, count)
    lengths = np.fromiter((len(m.text) for chat in chats for m in chat), np.int32, count)
    return Columns(times, authors, places, kinds, marks, np.ones(count, np.bool_), lengths)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Where turns and conversations begin.

    Turn t is the messages `rows[turns[t]:turns[t + 1]]`; conversation c is the turns
    `conversations[c]:conversations[c + 1]`. Both arrays end with one entry more: the count.
    """

    rows: NDArray[np.intp]  # the kept messages, as rows of the columns
    turns: NDArray[np.intp]  # where turns start in `rows`, and len(rows)
    conversations: NDArray[np.intp]  # where conversations start among the turns, and the count of turns
    authors: NDArray[np.int32]  # the author of each turn

    @property
    def turn_count(self) -> int:
        return len(self.turns) - 1

    @property
    def conversation_count(self) -> int:
        return len(self.conversations) - 1

    def opens(self) -> NDArray[np.bool_]:
        """For each turn, whether it is the first of its conversation."""
        flags = np.zeros(self.turn_count, np.bool_)
        flags[self.conversations[:-1]] = True
        return flags

    def turn_conversations(self) -> NDArray[np.intp]:
        """For each turn, the number of its conversation."""
        return np.repeat(np.arange(self.conversation_count), np.diff(self.conversations))


def boundaries(columns: Columns, burst_window: int, conversation_gap: int, max_turns: int) -> Grouping:
    """The turns and conversations of what is kept.

    A turn goes on while the same author writes again within `burst_window` seconds of the message before. A
    conversation goes on while no gap is above `conversation_gap` seconds, in one chat, and up to `max_turns` turns (0:
    no maximum). A message marked STARTS begins a conversation, and so does what follows it when the marked one is not
    kept. Messages marked UNTIMED have no gaps: only STARTS parts them. A clock set back makes a negative gap, which
    parts nothing. A message marked JOINED goes on with what is kept before it, and so does the rest of its conversation
    when it is not kept itself.
    """
    rows = np.flatnonzero(columns.kept)
    count = len(rows)
    if not count:
        none = np.zeros(1, np.intp)
        return Grouping(rows, none, none, np.zeros(0, np.int32))
    whole = count == len(columns)
    times = columns.times if whole else columns.times[rows]
    authors = columns.authors if whole else columns.authors[rows]
    gaps = np.diff(times)
    untimed = (columns.marks & Mark.UNTIMED) != 0
    if untimed.any():
        untimed = untimed if whole else untimed[rows]
        gaps[untimed[1:] | untimed[:-1]] = 0
    apart = gaps > conversation_gap
    # A new chat or a start parts what is kept before it from what is kept from there on, be the message itself kept or
    # not. Looked up in `rows`, for there are few: taking two more columns costs 5 ms of a million.
    hard = (columns.marks & Mark.STARTS) != 0
    hard[1:] |= columns.chats[1:] != columns.chats[:-1]
    places = np.flatnonzero(hard)
    places = places if whole else np.searchsorted(rows, places)
    apart[places[(places > 0) & (places < count)] - 1] = True
    joined = np.flatnonzero(columns.marks & JOINED)
    if len(joined):
        _join(columns, rows, joined, apart, conversation_gap)
    changes = authors[1:] != authors[:-1]
    changes |= gaps > burst_window
    changes |= apart

    # One flag a message, the first always set: shifting flags is cheaper than shifting the indexes found from them.
    begins = np.empty(count + 1, np.bool_)
    begins[0] = begins[-1] = True
    begins[1:-1] = changes
    turns = np.flatnonzero(begins)
    begins[1:-1] = apart
    opening = np.flatnonzero(begins[turns])  # the last is the count of turns
    return Grouping(rows, turns, _cut(opening, max_turns) if max_turns else opening, authors[turns[:-1]])


def _join(
    columns: Columns, rows: NDArray[np.intp], joined: NDArray[np.intp], apart: NDArray[np.bool_], gap: int
) -> None:
    """Take away what parts joined messages from those before them; a curator joins by hand, so there are few.

    Where neighbours are not kept, the nearest kept ones stand for them, as far as they are of the same conversations:
    a join never glues what lies beyond the two that it was said of.
    """
    for row, place in zip(joined.tolist(), np.searchsorted(rows, joined).tolist(), strict=True):
        if 0 < place < len(rows) and columns.chats[rows[place - 1]] == columns.chats[row]:
            before, heir = int(rows[place - 1]), int(rows[place])
            if _in_one(columns, before, row - 1, gap) and _in_one(columns, row, heir, gap):
                apart[place - 1] = False


def _in_one(columns: Columns, first: int, last: int, gap: int) -> bool:
    """Whether no gap or start parts these rows."""
    if first == last:
        return True
    inner = slice(first + 1, last + 1)
    untimed = (columns.marks[first : last + 1] & Mark.UNTIMED) != 0
    gaps = np.where(untimed[1:] | untimed[:-1], 0, np.diff(columns.times[first : last + 1]))
    starts = ((columns.marks[inner] & Mark.STARTS) != 0) | (columns.chats[inner] != columns.chats[first:last])
    return not bool((((gaps > gap) & ((columns.marks[inner] & JOINED) == 0)) | starts).any())


def _cut(conversations: NDArray[np.intp], max_turns: int) -> NDArray[np.intp]:
    """The same conversations, each cut into pieces of at most so many turns."""
    sizes = np.diff(conversations)
    if not len(sizes) or sizes.max() <= max_turns:
        return conversations
    pieces = -(-sizes // max_turns)
    before = np.cumsum(pieces) - pieces
    place = np.arange(int(pieces.sum())) - np.repeat(before, pieces)
    return np.append(np.repeat(conversations[:-1], pieces) + place * max_turns, conversations[-1])


def examples_by_author(grouping: Grouping, *, without_context: bool, buffer_size: int) -> NDArray[np.int64]:
    """How many replies each participant gives, indexed by participant id: the examples, were they the persona.

    Turns of one author that stand together in a conversation are one reply. A reply that opens its conversation has no
    context: it counts only if `without_context`, or if no context is wanted at all (`buffer_size` 0).
    """
    authors = grouping.authors
    if not len(authors):
        return np.zeros(0, np.int64)
    opens = grouping.opens()
    begins = opens.copy()
    begins[1:] |= authors[1:] != authors[:-1]
    if not without_context and buffer_size > 0:
        begins &= ~opens
    return np.bincount(authors[begins & (authors >= 0)])


@dataclass(frozen=True, slots=True)
class Counts:
    """What a grouping gives, before duplicates are looked for."""

    messages: int
    turns: int
    conversations: int
    examples: Mapping[int, int]  # of each participant, were they the persona


def counts(grouping: Grouping, *, without_context: bool = False, buffer_size: int = 4) -> Counts:
    """The counters of a live preview."""
    by_author = examples_by_author(grouping, without_context=without_context, buffer_size=buffer_size)
    return Counts(
        messages=len(grouping.rows),
        turns=grouping.turn_count,
        conversations=grouping.conversation_count,
        examples={author: int(by_author[author]) for author in np.flatnonzero(by_author).tolist()},
    )
