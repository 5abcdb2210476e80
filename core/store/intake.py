"""Messages on their way in: from batches of one file's chat to rows, each once, in the chat's order.

`Intake` is fed the batches of one chat in the file's order and finished once, all in the caller's transaction. What it
has to keep of a million messages is 26 bytes each (digest, time, place), never their text.

**The stable id** (`uid`, 10 bytes) is a digest of the chat's key, the exported author, the time (not for a source
without times), the exact text, and which occurrence of these four it is within the file. So a message has one id in
every export that holds it, and reading a longer export adds only what is new.

**The order** is by time, then by the file. Where a new message shares its second with messages that are there already,
its neighbours in the file say where it goes; a source without times is merged by its neighbours alone. Places are
dense, so a row number of a list is a place and any page costs the page.

**Speed** (see bench/store): inserting is 0.7 µs a row because blobs go in as bytearray (as bytes the driver takes 1.5 µs
more for each), because one statement takes thousands of rows, and because a big intake drops the index of the ids and
makes it once at the end: ids are like chance, so keeping it up to date costs more than all the rest. The search index
is fed by INSERT ... SELECT, as fast as a rebuild and six times as fast as a trigger, and does not grow with what is
there already. All this is SQLite's own work, two fifths of an import's, and goes on behind (`Change.behind`) while the next
messages are read and the index of signs is made.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import compress, islice
from time import time as now
from typing import TYPE_CHECKING, Any, NamedTuple

from core.chat import Kind, Mark, Message
from core.store import signs
from core.store.connection import Change
from core.store.kinds import CODE_OF
from core.store.sqlite import sqlite3

if TYPE_CHECKING:
    import numpy as np

    Words = np.ndarray[Any, np.dtype[np.uint64]]
    Places = np.ndarray[Any, np.dtype[np.int64]]

UID = 10
# Messages at a time: 4,096 of them are 1.5 MB with their text.
CHUNK = 4096
# Rows of one statement, which takes 32,766 values at most.
_ROWS = 2048
_COLUMNS = 9
# Rows that the search index takes at once: at the end of a statement it puts what it has in memory onto its pages.
_SEARCHED = 65_536
# From this many new rows on, and an eighth of what is there, making the indexes anew is cheaper than keeping them.
MANY = 20_000

_ROW = f"({', '.join('?' * _COLUMNS)})"
_INSERT = f"INSERT INTO messages VALUES {_ROW}"
_INSERT_MANY = f"INSERT INTO messages VALUES {', '.join([_ROW] * _ROWS)}"
_BY_UID = "CREATE UNIQUE INDEX IF NOT EXISTS messages_by_uid ON messages (uid)"
_BY_PLACE = "CREATE INDEX messages_by_place ON messages (chat_id, place)"


@dataclass(frozen=True, slots=True)
class Added:
    """What an intake came to."""

    added: int = 0
    already_there: int = 0
    forgotten: int = 0  # left out because their author asked to be forgotten


class Columns(NamedTuple):
    """Messages on their way in, each of their sides by itself."""

    authors: Sequence[str]
    times: Sequence[int]
    kinds: Sequence[Kind]
    texts: Sequence[str]
    marks: Sequence[int]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Columns:
        """The columns of some messages."""
        if not messages:
            return cls([], [], [], [], [])
        authors, times, kinds, texts, marks, _lines = zip(*messages, strict=True)
        return cls(authors, times, kinds, texts, list(map(int, marks)))

    def part(self, first: int, end: int) -> Columns:
        """Those from row `first` to before `end`."""
        here = slice(first, end)
        return Columns(self.authors[here], self.times[here], self.kinds[here], self.texts[here], self.marks[here])

    def those(self, chosen: Sequence[bool]) -> Columns:
        """Those that are chosen."""
        authors, times, kinds, texts, marks = (list[Any](compress(column, chosen)) for column in self)
        return Columns(authors, times, kinds, texts, marks)


def add(change: Change, chat_id: int, chat_key: str, messages: Iterable[Message]) -> Added:
    """Add all messages of one chat of one file: an `Intake` in one call."""
    intake = Intake(change, chat_id, chat_key)
    intake.add(messages)
    return intake.finish()


def author_digest(chat_key: str, author: str) -> bytes:
    """Whose message it is, within its chat; begins every uid's digest and marks who was forgotten."""
    # The key is hexadecimal digits, so the first NUL ends it whatever the name holds.
    return blake2b(f"{chat_key}\0{author}".encode(), digest_size=16).digest()


class Intake:
    """One chat of one file, being added."""

    def __init__(self, change: Change, chat_id: int, chat_key: str) -> None:
        self._change = change
        self._chat = chat_id
        self._key = chat_key
        self._authors: dict[str, tuple[bytes, int | None] | None] = {}
        self._seen = _Seen()
        self._there = _There(change, chat_id)
        self._first_id = int(change.read("SELECT coalesce(max(id), 0) + 1 FROM messages")[0][0])
        self._added = self._met = self._forgotten = 0
        # Of every message of the file: its time as ordered by, and its old place, or -1 - n for the nth new one.
        self._times = array("q")
        self._sources = array("q")
        self._indexed = True
        self._untimed = False
        self._signs: signs.Gathered | None = None  # of a big intake
        self._searched = 0  # of those that were added, how many are in the search index

    def add(self, messages: Iterable[Message]) -> None:
        """Take the next messages of the file."""
        pending = iter(messages)
        while chunk := list(islice(pending, CHUNK)):
            self._take(Columns.of(chunk))

    def take(self, columns: Columns) -> None:
        """The same of messages that come as columns."""
        for first in range(0, len(columns.authors), CHUNK):
            self._take(columns.part(first, first + CHUNK))

    def finish(self) -> Added:
        """Put the new messages into the chat's order and into the search indexes."""
        if self._added:
            self._put_in_order()
            if not self._indexed:
                self._change.behind(partial(_execute, _BY_UID))
            self._make_searchable()
            first, last = self._first_id, self._first_id + self._added - 1
            if self._signs is not None:
                self._signs.finish(self._change, first, last)
            else:
                signs.changed(self._change, range(first // signs.BLOCK, last // signs.BLOCK + 1))
        return Added(self._added, self._met, self._forgotten)

    def _take(self, chunk: Columns) -> None:
        chunk = self._known_authors(chunk)
        try:
            digests = self._digests(chunk)
        except UnicodeEncodeError:
            # Half of a surrogate pair, which JSON can spell and UTF-8 cannot.
            chunk = chunk._replace(texts=list(map(_whole, chunk.texts)))
            digests = self._digests(chunk)
        if not digests:
            return
        self._seen.number(digests, _words(digests))
        ordered_by = chunk.times
        if any(map(Mark.UNTIMED.value.__and__, chunk.marks)):
            self._untimed = True
            ordered_by = [0 if mark & Mark.UNTIMED else at for at, mark in zip(chunk.times, chunk.marks, strict=True)]
        self._times.extend(ordered_by)
        added = self._added
        if not self._there.count:
            self._sources.extend(range(-1 - added, -1 - added - len(digests), -1))
            self._insert(digests, chunk)
            return
        places = self._there.places(_words(digests), digests)
        new = [place < 0 for place in places]
        for number, at in enumerate(compress(range(len(places)), new), added):
            places[at] = -1 - number
        self._sources.extend(places)
        self._met += new.count(False)
        if any(new):
            self._insert(list(compress(digests, new)), chunk.those(new))

    def _insert(self, digests: Sequence[bytes], chunk: Columns) -> None:
        names = {author: known[1] for author, known in self._authors.items() if known}
        place = self._there.count + self._added
        first = self._first_id + self._added
        self._added += len(digests)
        there = self._first_id - 1  # or a few less
        if self._indexed and (not there or self._added > max(MANY, there // 8)):
            # It may be gone already, for another chat of the same file.
            self._change.execute("DROP INDEX IF EXISTS messages_by_uid")
            self._indexed = False
            self._signs = signs.Gathered(self._chat)
        if self._signs is not None:
            self._signs.add(first, chunk.texts)
        count = len(digests)
        values: list[Any] = [self._chat] * (_COLUMNS * count)
        values[0::_COLUMNS] = range(first, first + count)
        values[1::_COLUMNS] = map(bytearray, digests)
        values[3::_COLUMNS] = range(place, place + count)
        values[4::_COLUMNS] = chunk.times
        values[5::_COLUMNS] = map(names.__getitem__, chunk.authors)
        values[6::_COLUMNS] = map(CODE_OF.__getitem__, chunk.kinds)
        values[7::_COLUMNS] = chunk.marks
        values[8::_COLUMNS] = chunk.texts
        self._change.behind(partial(_insert_rows, values))
        if self._added - self._searched >= _SEARCHED:
            self._make_searchable()

    def _make_searchable(self) -> None:
        # Its own alone: behind them may lie those of another chat of the file, which has an intake of its own.
        first, last = self._first_id + self._searched, self._first_id + self._added - 1
        self._searched = self._added
        self._change.behind(
            partial(
                _execute,
                f"""INSERT INTO messages_fts (rowid, text)
                    SELECT id, text FROM messages WHERE id BETWEEN {first} AND {last}""",
            )
        )

    def _digests(self, chunk: Columns) -> list[bytes]:
        # Going on from the author's digest state: 1.0 µs a message, where hashing author and text together takes 1.3.
        begun = {author: blake2b(known[0], digest_size=UID) for author, known in self._authors.items() if known}
        untimed = Mark.UNTIMED.value
        made: list[bytes] = []
        for author, sent_at, text, marks in zip(chunk.authors, chunk.times, chunk.texts, chunk.marks, strict=True):
            state = begun[author].copy()
            state.update((f"\0{text}" if marks & untimed else f"{sent_at}\0{text}").encode())
            made.append(state.digest())
        return made

    def _known_authors(self, chunk: Columns) -> Columns:
        """Enter authors that are new, mend names that are no text, and leave out who was forgotten."""
        for author in set(chunk.authors) - self._authors.keys():
            self._authors[author] = self._enter(author)
        if all(self._authors.values()):
            return chunk
        kept = [self._authors[author] is not None for author in chunk.authors]
        self._forgotten += kept.count(False)
        return chunk.those(kept)

    def _enter(self, author: str) -> tuple[bytes, int | None] | None:
        name = _whole(author)
        digest = author_digest(self._key, name)
        if self._change.read("SELECT 1 FROM forgotten WHERE author = ?", (digest,)):
            return None
        if not name:
            return digest, None
        found = self._change.read("SELECT id FROM names WHERE chat_id = ? AND name = ?", (self._chat, name))
        if found:
            return digest, int(found[0][0])
        return digest, self._change.insert(
            "INSERT INTO names (chat_id, name, participant_id) VALUES (?, ?, ?)", (self._chat, name, self._person(name))
        )

    def _person(self, name: str) -> int:
        """Who bears this name: in another chat (where the name may have been joined with others), or somebody new."""
        for query in (
            "SELECT participant_id FROM names WHERE name = ? ORDER BY id DESC LIMIT 1",
            "SELECT id FROM participants WHERE name = ?",
        ):
            if found := self._change.read(query, (name,)):
                return int(found[0][0])
        return self._change.insert("INSERT INTO participants (name) VALUES (?)", (name,))

    def _put_in_order(self) -> None:
        """Move what is not in its place; nothing, when the new messages simply follow in time."""
        import numpy as np

        there = self._there
        times = np.frombuffer(self._times, dtype=np.int64)
        sources = np.frombuffer(self._sources, dtype=np.int64)
        is_new = sources < 0
        new_times = times[is_new]
        follows = not there.count or bool(new_times[0] > there.times[-1])
        if follows and bool((np.diff(new_times) >= 0).all()):
            self._count_untimed()
            return
        if not there.count:
            order = np.argsort(times, kind="stable")
            self._move(order, self._first_id + order)
            return
        # Sorted by time, file order within a second: then the largest old place so far is the neighbour to follow.
        by_time = np.argsort(times, kind="stable")
        times, sources = times[by_time], sources[by_time]
        after = np.maximum.accumulate(np.where(sources >= 0, sources, -1))
        is_new = sources < 0
        # A second in which the file holds no message that was there: new ones follow the old ones.
        _seconds, second = np.unique(times, return_inverse=True)
        alone = np.bincount(second, weights=~is_new)[second] == 0
        after = np.where(alone, there.count, after)[is_new]
        old_places = np.arange(there.count, dtype=np.int64)
        all_times = np.concatenate((there.times, times[is_new]))
        all_after = np.concatenate((old_places, after))
        # An old message stands before the new ones that follow it.
        turn = np.concatenate((np.zeros(there.count, np.int64), np.arange(1, len(after) + 1, dtype=np.int64)))
        ids = np.concatenate((there.ids, self._first_id + (-1 - sources[is_new])))
        was = np.concatenate((old_places, there.count + (-1 - sources[is_new])))
        order = np.lexsort((turn, all_after, all_times))
        self._move(was[order], ids[order])

    def _move(self, was: Places, ids: Places) -> None:
        """Give these messages the places in which they stand here; they had others, or the same."""
        import numpy as np

        moved = np.flatnonzero(was != np.arange(len(was)))
        many = len(moved) > MANY
        if many:
            self._change.execute("DROP INDEX messages_by_place")
        self._change.many(
            "UPDATE messages SET place = ? WHERE id = ?", zip(moved.tolist(), ids[moved].tolist(), strict=True)
        )
        if many:
            self._change.execute(_BY_PLACE)
        self._count_untimed()

    def _count_untimed(self) -> None:
        if self._untimed:
            # Without times, sent_at only counts the order, which the merge may have changed.
            self._change.execute(
                f"UPDATE messages SET sent_at = place WHERE chat_id = ? AND marks & {Mark.UNTIMED.value}"
                " AND sent_at <> place",
                (self._chat,),
            )


def _execute(statement: str, connection: sqlite3.Connection) -> None:
    connection.execute(statement)


def _insert_rows(values: list[Any], connection: sqlite3.Connection) -> None:
    """Insert rows, whose values follow one another."""
    # Many in one statement: three quarters of the time, and SQLite works on them while others use the interpreter.
    step = _COLUMNS * _ROWS
    whole = len(values) // step * step
    for at in range(0, whole, step):
        connection.execute(_INSERT_MANY, values[at : at + step])
    rest = iter(values[whole:])
    connection.executemany(_INSERT, zip(*[rest] * _COLUMNS, strict=True))


class _Seen:
    """Which digests the file has had, 8 bytes each: sorted runs, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[Words] = []
        self._times: dict[bytes, int] = {}  # of those met more than once

    def number(self, digests: list[bytes], words: Words) -> None:
        """Give the second, third ... occurrence of a digest one of its own, in place."""
        import numpy as np

        # Looked for in order: at a million, unordered look-ups miss the cache each time and cost five times as much.
        run = np.sort(words)
        met = np.zeros(len(run), np.bool_)
        for earlier in self._runs:
            at = np.minimum(np.searchsorted(earlier, run), len(earlier) - 1)
            met |= earlier[at] == run
        twice = run[1:][run[1:] == run[:-1]]
        if met.any() or len(twice):
            again = np.isin(words, run[met]).tolist()
            here: set[bytes] = set()
            for place, digest in enumerate(digests):
                if again[place] or digest in here:
                    count = self._times[digest] = self._times.get(digest, 0) + 1
                    digests[place] = blake2b(digest + b"%d" % count, digest_size=UID).digest()
                here.add(digest)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        self._runs.append(run)


class _There:
    """What the chat held before: the digests to recognise messages by, and the times to place new ones by."""

    def __init__(self, change: Change, chat_id: int) -> None:
        import numpy as np

        from core.store.columns import columns

        held = columns(change, [chat_id], lengths=False)
        self.count = len(held.ids)
        self.ids = held.ids
        self.times = np.where(held.marks & Mark.UNTIMED.value, 0, held.times)
        self._uids = held.uids
        words = _words_of(held.uids)
        self._order = np.argsort(words)
        self._sorted = words[self._order]

    def places(self, words: Words, digests: list[bytes]) -> list[int]:
        """The place of each digest in the chat, -1 for those that are new."""
        import numpy as np

        if not self.count:
            return [-1] * len(words)
        order = np.argsort(words)
        asked = words[order]
        at = np.minimum(np.searchsorted(self._sorted, asked), self.count - 1)
        found = np.empty(len(words), np.int64)
        found[order] = np.where(self._sorted[at] == asked, self._order[at], -1)
        place = found.tolist()
        # The search was for 8 of the 10 bytes.
        return [p if p >= 0 and self._uids[p].tobytes() == d else -1 for p, d in zip(place, digests, strict=True)]


def _words(digests: list[bytes]) -> Words:
    import numpy as np

    return _words_of(np.frombuffer(b"".join(digests), dtype=f"V{UID}"))


def _words_of(uids: np.ndarray[Any, np.dtype[np.void]]) -> Words:
    import numpy as np

    return uids.view(np.uint8).reshape(-1, UID)[:, :8].copy().view(np.uint64).ravel()


def _whole(text: str) -> str:
    """Text with lone halves of surrogate pairs replaced, pairs joined; unchanged when it has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def forget_author(change: Change, chat_key: str, name: str) -> None:
    """Have every later intake leave this author of this chat out."""
    change.execute(
        "INSERT INTO forgotten (author, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (author_digest(chat_key, name), int(now())),
    )
