"""The index of signs: what FTS5 leaves out of a text, and what it is slow at. In: texts; out: which rows have a sign.

A sign is a character that is neither letter, number nor space, or several as they stand between two words (an emoji of
several characters is one, "?! 😂" is another). A letter that words begin with is a sign too: FTS5 puts together the lists
of all words with a beginning before it gives the first hit, 0.1 s for one letter at a million messages. So is a word with
ñ, which FTS5 folds into n, and the chat.

A block is 16,384 numbers of messages. Of each block and sign one row holds who has it: as 16-bit numbers within the
block, or as one bit for each where that is shorter. A block is made anew from its texts when messages come or go (10 ms),
at the end of the transaction; so every row of it is right, and no other place has to know how it is made.

In all this takes a twentieth of the room of the messages, and a million of them under a second.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from core.store.query import LETTERS_END, folded, is_accent, with_enye
from core.store.sqlite import sqlite3

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.store.connection import Change, Readable

BLOCK = 1 << 14
_BYTES = BLOCK // 8
_FEW = 256  # up to so many are told by their numbers, more by bits: reading 1,000 numbers takes 0.1 ms, bits 1 µs
_GATHERED = 24 << 20  # characters that an import keeps until SQLite is busy with its own indexes
_SLICE = 4096  # messages whose texts are looked at in one piece
_RUN, _AFTER_RUNS = "\1", "\2"  # before each of several signs, so that they lie together
_ALL_RUNS = "runs"  # all of them in one piece: where that lacks what is looked for, none of them needs a look
_SPACE, _WORD, _SIGN, _ACCENT = range(4)
# Every emoji, and every script in use, is below; above are rare ideographs, private characters, and some tags.
_KNOWN = 0x20000


# ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────


def changed(change: Change, blocks: Iterable[int]) -> None:
    """Have the blocks of messages that came or went made anew before the transaction ends."""
    change.at_the_end(_renew, blocks)


def blocks_of(change: Change, condition: str, values: Sequence[object]) -> list[int]:
    """The blocks of the messages for which an SQL condition holds."""
    return [row[0] for row in change.read(f"SELECT DISTINCT id / {BLOCK} FROM messages WHERE {condition}", values)]


def _renew(change: Change, blocks: Iterable[int]) -> None:
    change.settle()
    renew(change.connection, blocks)


class Gathered:
    """The texts of new messages on their way in, of which whole blocks are made without reading them again: in a big
    import while SQLite is busy with its own indexes. UTF-8, with a NUL between two texts."""

    def __init__(self, chat_id: int) -> None:
        self._chat = chat_id
        self._pieces: dict[int, list[tuple[int, bytes]]] = {}  # of each block, the first number of each and its texts
        self._size = 0
        self._made: dict[int, tuple[int, list[tuple[str, bytes]]]] = {}  # of each block, its messages and its rows

    def add(self, first: int, texts: Sequence[str]) -> None:
        """Take the texts of messages with rising numbers from `first` on."""
        at = 0
        while at < len(texts):
            block = (first + at) // BLOCK
            some = texts[at : (block + 1) * BLOCK - first]
            joined = "\0".join(some)
            if joined.count("\0") >= len(some):
                joined = "\0".join(text.replace("\0", "\n") for text in some)
            self._pieces.setdefault(block, []).append((first + at, joined.encode()))
            self._size += len(joined)
            at += len(some)
            if self._size > _GATHERED:
                for before in [one for one in self._pieces if one < block]:
                    self._make(before)

    def _make(self, block: int) -> None:
        import numpy as np

        made, rows = _Holders(), list["NDArray[np.int64]"]()
        for first, texts in self._pieces.pop(block):
            joined = texts.decode()
            rows.append(np.arange(first, first + joined.count("\0") + 1) - block * BLOCK)
            _look(joined, rows[-1], made)
        made.chats[self._chat] = rows
        self._made[block] = sum(map(len, rows)), list(_rows_of(made))

    def finish(self, change: Change, first: int, last: int) -> None:
        """Write the blocks of the messages of these numbers; those of which not all texts are here are read later."""
        for block in list(self._pieces):
            self._make(block)
        whole: dict[int, list[tuple[str, bytes]]] = {}
        for block in range(first // BLOCK, last // BLOCK + 1):
            begins, (count, rows) = max(block * BLOCK, 1), self._made.get(block, (0, []))
            # A message of a lower number may be another chat's; one of a higher number has this block made anew.
            if first <= begins and count == min(last + 1, (block + 1) * BLOCK) - begins:
                whole[block] = rows
            else:
                changed(change, [block])
        # What is there is of messages that went in the same change.
        change.many("DELETE FROM signs WHERE block = ?", ((block,) for block in whole))
        change.many(
            "INSERT INTO signs (block, sign, holders) VALUES (?, ?, ?)",
            ((block, sign, bytearray(held)) for block, rows in whole.items() for sign, held in rows),
        )


def renew(connection: sqlite3.Connection, blocks: Iterable[int]) -> None:
    """Make these blocks anew from the texts."""
    for block in sorted(set(blocks)):
        connection.execute("DELETE FROM signs WHERE block = ?", (block,))
        connection.executemany(
            "INSERT INTO signs (block, sign, holders) VALUES (?, ?, ?)",
            ((block, sign, bytearray(held)) for sign, held in _signs_of(connection, block)),
        )


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the whole index anew."""
    connection.execute("DELETE FROM signs")
    renew(connection, _all_blocks(connection))


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether the index is what the texts make it."""
    blocks = _all_blocks(connection)
    for block in blocks:
        kept = dict(connection.execute("SELECT sign, holders FROM signs WHERE block = ?", (block,)).fetchall())
        if kept != dict(_signs_of(connection, block)):
            return False
    return blocks == [row[0] for row in connection.execute("SELECT DISTINCT block FROM signs ORDER BY block")]


def _all_blocks(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute(f"SELECT DISTINCT id / {BLOCK} FROM messages ORDER BY 1")]


class _Holders:
    """Who has what within a block, before it is written."""

    def __init__(self) -> None:
        self.chats: dict[int, list[NDArray[np.int64]]] = {}
        self.letters: list[tuple[NDArray[np.uint16], NDArray[np.int64]]] = []
        self.signs: list[tuple[NDArray[np.uint32], NDArray[np.int64]]] = []
        self.runs: dict[str, set[int]] = {}  # what stands between two words, if it is more than one sign
        self.words: dict[str, set[int]] = {}  # those with ñ


def _signs_of(connection: sqlite3.Connection, block: int) -> Iterator[tuple[str, bytes]]:
    made = _Holders()
    for start in range(block * BLOCK, (block + 1) * BLOCK, _SLICE):
        for chat, rows, joined in _texts(connection, start, block * BLOCK):
            made.chats.setdefault(chat, []).append(rows)
            _look(joined, rows, made)
    yield from _rows_of(made)


def _rows_of(made: _Holders) -> Iterator[tuple[str, bytes]]:
    """The rows of a block in which this was found."""
    import numpy as np

    for chat, parts in made.chats.items():
        yield of_chat(chat), _packed(np.sort(np.concatenate(parts)))
    for pairs in (made.letters, made.signs):
        if pairs:
            yield from _each(np.concatenate([codes for codes, _rows in pairs]), np.concatenate([r for _c, r in pairs]))
    runs = {_RUN + run: holders for run, holders in made.runs.items()}
    words: dict[str, set[int]] = {}
    for word, holders in made.words.items():
        for one in with_enye(word):
            words.setdefault(one, set()).update(holders)
    if runs:
        yield _ALL_RUNS, "\0".join(runs).encode()
    for run, holders in (runs | words).items():
        rows = sorted(holders)
        few = len(rows) <= _FEW
        yield run, struct.pack(f"<{len(rows)}H", *rows) if few else _packed(np.array(rows, np.int64))


def _each(codes: NDArray[np.unsignedinteger[Any]], rows: NDArray[np.int64]) -> Iterator[tuple[str, bytes]]:
    """Each character with those who have it."""
    import numpy as np

    # There are few different ones, so each gets a line of flags: sorting all of them took a third of the whole.
    there = np.flatnonzero(np.bincount(codes, minlength=1))
    for first in range(0, len(there), 256):
        some = there[first : first + 256]
        number = np.zeros(there[-1] + 1, np.int64)
        number[some] = np.arange(1, len(some) + 1)
        flags = np.zeros((len(some) + 1, BLOCK), np.bool_)
        flags[number[codes], rows] = True
        packed = np.packbits(flags, axis=1, bitorder="little")
        counts = np.count_nonzero(flags, axis=1)
        for at, code in enumerate(some.tolist(), 1):
            dense = counts[at] > _FEW
            yield chr(code), packed[at].tobytes() if dense else _packed(np.flatnonzero(flags[at]))


def _texts(connection: sqlite3.Connection, start: int, base: int) -> Iterator[tuple[int, NDArray[np.int64], str]]:
    """Messages from a number on: a chat, their rows in the block, and their texts with a NUL between them."""
    import numpy as np

    # Put together by SQLite and cut apart by nobody: a third of the time of rows.
    where = f"id >= {start} AND id < {start + _SLICE}"
    first, last, count, chat, other, joined = connection.execute(
        f"""SELECT min(id), max(id), count(*), min(chat_id), max(chat_id), group_concat(text, char(0)) FROM
            (SELECT id, chat_id, text FROM messages WHERE {where} ORDER BY id)"""
    ).fetchone()
    if not count:
        return
    if chat == other and last - first + 1 == count and joined.count("\0") == count - 1:
        yield chat, np.arange(first - base, last - base + 1), joined
        return
    rows = connection.execute(f"SELECT chat_id, id, text FROM messages WHERE {where} ORDER BY chat_id, id").fetchall()
    for chat, group in groupby(rows, itemgetter(0)):
        mine = list(group)
        texts = "\0".join(text.replace("\0", "\n") for _chat, _number, text in mine)
        yield chat, np.array([number - base for _chat, number, _text in mine], np.int64), texts


def _look(joined: str, rows: NDArray[np.int64], made: _Holders) -> None:
    """Find the signs of texts with a NUL between them."""
    import numpy as np

    sorts, letters = _characters()
    codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
    if int(codes.max(initial=0)) < _KNOWN:
        sort = sorts[codes]
    else:
        sort = np.where(codes >> 12 == 0xE0, np.uint8(_SIGN), np.uint8(_WORD))
        known = codes < _KNOWN
        sort[known] = sorts[codes[known]]
    ends = np.flatnonzero(codes == 0)

    is_word = sort == _WORD
    inside = is_word.copy()
    for accent in np.flatnonzero(sort == _ACCENT).tolist():
        inside[accent] = accent > 0 and inside[accent - 1]  # a word goes on across its accents
    begins = is_word.copy()
    begins[1:] &= ~inside[:-1]
    at = np.flatnonzero(begins)
    letter = letters[np.minimum(codes[at], LETTERS_END)]
    at, letter = at[letter > 0], letter[letter > 0]
    holders = rows[np.searchsorted(ends, at)]
    made.letters.append((letter, holders))
    _enye(joined, codes, np.flatnonzero(begins), inside, rows, ends, made)

    words = np.flatnonzero(begins)
    at = np.flatnonzero(sort >= _SIGN)
    holders = rows[np.searchsorted(ends, at)]
    made.signs.append((codes[at], holders))
    # What stands between two words, with its spaces: signs behind as many words of one text are together.
    free = ~inside[at]
    at, holders = at[free], holders[free]
    gaps = np.searchsorted(words, at) * 2 * BLOCK + holders
    together = np.diff(gaps, prepend=-1, append=-1) == 0
    starts = at[np.flatnonzero(~together[:-1] & together[1:])]
    stops = np.flatnonzero(together[:-1] & ~together[1:])
    for start, stop, row in zip(starts.tolist(), (at[stops] + 1).tolist(), holders[stops].tolist(), strict=True):
        made.runs.setdefault(joined[start:stop], set()).add(row)


def _enye(
    joined: str,
    codes: NDArray[np.uint32],
    begins: NDArray[np.int64],
    inside: NDArray[np.bool_],
    rows: NDArray[np.int64],
    ends: NDArray[np.int64],
    made: _Holders,
) -> None:
    """The words with ñ, which the index of words folds into n."""
    import numpy as np

    apart = np.flatnonzero(codes == 0x303)  # n and its tilde, as some systems write it
    apart = apart[(apart > 0) & (codes[apart - 1] | 32 == ord("n"))]
    at = np.concatenate((np.flatnonzero((codes == ord("ñ")) | (codes == ord("Ñ"))), apart))
    if not len(at):
        return
    starts = begins[np.searchsorted(begins, at, side="right") - 1]
    stops = np.flatnonzero(inside & ~np.append(inside[1:], False))
    stops = stops[np.searchsorted(stops, starts)] + 1
    for start, stop, row in zip(
        starts.tolist(), stops.tolist(), rows[np.searchsorted(ends, starts)].tolist(), strict=True
    ):
        made.words.setdefault(joined[start:stop], set()).add(row)


def _packed(rows: NDArray[np.int64]) -> bytes:
    import numpy as np

    if len(rows) <= _FEW:
        return rows.astype("<u2").tobytes()
    bits = np.zeros(BLOCK, np.uint8)
    bits[rows] = 1
    return np.packbits(bits, bitorder="little").tobytes()


@cache
def _characters() -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Of each character its sort; of each up to LETTERS_END the letter that a word beginning with it is listed under."""
    import numpy as np

    every = "".join(" " if 0xD800 <= code < 0xE000 else chr(code) for code in range(_KNOWN))
    sorts = np.full(_KNOWN, _SIGN, np.uint8)
    for pattern, sort in ((r"[^\W_]+|[\ue000-\uf8ff]+", _WORD), (r"[\s\0]+", _SPACE)):
        for found in re.finditer(pattern, every):
            sorts[found.start() : found.end()] = sort
    for code in range(768, 818):
        if is_accent(code):
            sorts[code] = _ACCENT
    letters = np.zeros(LETTERS_END + 1, np.uint16)
    for code in np.flatnonzero(sorts[:LETTERS_END] == _WORD).tolist():
        letters[code] = ord(folded(chr(code)))
    return sorts, letters


# ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def of_chat(chat_id: int) -> str:
    """The sign of being in a chat: with a letter, a space and a digit, which no run of signs has."""
    return f"chat {chat_id}"


class Wanted:
    """Messages with all of some signs, block by block: a few are found without reading what lies behind them."""

    def __init__(
        self,
        store: Readable,
        signs: Iterable[str],
        letters: Iterable[str] = (),
        enye: Iterable[str] = (),
        chat_ids: Sequence[int] | None = None,
    ) -> None:
        self._store = store
        signs = list(signs)
        # Each character of a longer sign first: where one is missing, what stands between words needs no look.
        self._whole = list(dict.fromkeys([*letters, *(one for one in "".join(signs) if not one.isspace())]))
        self._within = [sign for sign in signs if len(sign) > 1]
        self._begun = list(enye)
        self._chats = None if chat_ids is None else [of_chat(one) for one in chat_ids]
        self._made: dict[int, bytes] = {}
        self.last = int(store.read("SELECT coalesce(max(block), -1) FROM signs")[0][0])

    def holders(self, block: int) -> bytes:
        """One bit for each message of the block, b"" where none has all of the signs."""
        found = self._made.get(block)
        if found is None:
            found = self._made[block] = self._holders(block)
        return found

    def has(self, number: int) -> bool:
        """Whether the message of this number is one of them."""
        holders, row = self.holders(number // BLOCK), number % BLOCK
        return bool(holders and holders[row >> 3] >> (row & 7) & 1)

    def ids(self) -> Generator[int]:
        """The numbers of the messages, rising."""
        for block in range(self.last + 1):
            if holders := self.holders(block):
                base = block * BLOCK
                for place, byte in enumerate(holders):
                    if byte:
                        yield from (base + place * 8 + bit for bit in range(8) if byte >> bit & 1)

    def array(self) -> NDArray[np.int64]:
        """The same at once."""
        import numpy as np

        parts = [np.empty(0, np.int64)]
        for block in range(self.last + 1):
            if holders := self.holders(block):
                bits = np.unpackbits(np.frombuffer(holders, np.uint8), bitorder="little")
                parts.append(np.flatnonzero(bits) + block * BLOCK)
        return np.concatenate(parts)

    def _holders(self, block: int) -> bytes:
        left = -1
        for sign in self._whole:
            left &= self._any("sign = ?", block, sign)
            if not left:
                return b""
        for word in self._begun:
            left &= self._any("sign >= ? AND sign < ?", block, word, word + "\U0010ffff")
        if self._chats is not None:
            marks = ",".join("?" * len(self._chats))
            left &= self._any(f"sign IN ({marks})", block, *self._chats)
        for run in self._within:
            left &= self._in_runs(block, run) if left else 0
        return (left & (1 << BLOCK) - 1).to_bytes(_BYTES, "little") if left else b""

    def _in_runs(self, block: int, run: str) -> int:
        sql = f"SELECT 1 FROM signs WHERE block = ? AND sign = '{_ALL_RUNS}' AND instr(holders, ?)"
        if not self._store.read(sql, (block, run.encode())):
            return 0
        return self._any("sign > ? AND sign < ? AND instr(sign, ?)", block, _RUN, _AFTER_RUNS, run)

    def _any(self, condition: str, block: int, *values: str) -> int:
        sql = f"SELECT holders FROM signs WHERE block = ? AND {condition}"
        some = bytearray(_BYTES)
        many = 0
        for (packed,) in self._store.read(sql, (block, *values)):
            # What only a damaged file has, another sort of value or a row beyond the block, finds something else, and
            # `check` tells it.
            if not isinstance(packed, bytes):
                continue
            if len(packed) == _BYTES:
                many |= int.from_bytes(packed, "little")
            else:
                for row in struct.unpack_from(f"<{len(packed) // 2}H", packed):
                    some[(row & BLOCK - 1) >> 3] |= 1 << (row & 7)
        return many | int.from_bytes(some, "little")
