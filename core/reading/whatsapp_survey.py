"""The first pass over a WhatsApp export: everything that must be known of the whole file before a message can be made.

In: the export's bytes from some offset. Out: a `Survey`: the shape of headers, the runs of equal dates, who speaks
and whose name holds a colon, where another chat begins. It keeps counts and runs, never the text, so that its memory
does not grow with the file. Knows nothing of kinds of messages.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, compress, islice, repeat
from operator import ne
from typing import BinaryIO, Final, NamedTuple, cast

from core.reading.export import collection_paused
from core.reading.phrases import Phrases
from core.reading.source import CHUNK, read_full
from core.reading.whatsapp_header import Shape, has_header, header_pattern, headers_in

HEAD: Final = 1 << 16
WHOLE: Final = 12 << 20  # bytes: of files up to this size the survey's split is kept, at twice their memory
LONGEST_MESSAGE: Final = 4 << 20  # WhatsApp ends a message at 65,536 characters
# `in` takes twice as long to look for these: their first byte begins every curly quotation mark, too.
_LRM: Final = re.compile(b"\xe2\x80\x8e")
_BOM_LINE: Final = re.compile(b"\n\xef\xbb\xbf")
_SAMPLES: Final = 12
_FEW_NAMES: Final = 32
_LOOKED_AT: Final = 4000  # headers of a piece that samples are taken from: 1 ms
_NAMES_KEPT: Final = 50_000  # a hostile file could give every line another name
_RUNS_WITH_NAMES: Final = 100_000
_OTHER_CHAT: Final = 20  # so many headers of another shape in a row are another export, fewer are a quotation


class Run(NamedTuple):
    """Consecutive headers with the same date."""

    date: bytes
    first: int  # which header of the part it begins with
    headers: int
    names: frozenset[bytes | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part of a file begins: a line, and a byte offset not far before it."""

    line: int = 0  # lines before it
    offset: int = 0
    offset_line: int = 0  # lines before that offset


@dataclass(slots=True)
class Split:
    """A text in columns: of each header its date, time and name, and what follows it.

    Equal dates, times and names are one object each: a chat has few, and 400,000 objects of their own cost more time in
    memory that is touched for the first time than in making them.
    """

    before: bytes = b""  # what stands before the first header
    dates: list[bytes] = field(default_factory=list[bytes])
    times: list[bytes] = field(default_factory=list[bytes])
    names: list[bytes | None] = field(default_factory=list["bytes | None"])  # None where nobody speaks
    bodies: list[bytes] = field(default_factory=list[bytes])
    newlines: list[int] = field(default_factory=list[int])  # in each body
    marked: bool = False  # whether a direction mark is somewhere in it
    _known: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes], repr=False)

    def same(self, column: list[bytes]) -> list[bytes]:
        """The column, with one object for all that is equal."""
        return list(map(self._known.setdefault, column, column))

    def add(self, more: Split) -> bool:
        """Take in what was split next; what stands before its first header goes on from here. Gives whether no message has
        grown too long."""
        if self.bodies:
            self.bodies[-1] += more.before
            self.newlines[-1] += more.before.count(b"\n")
        else:
            self.before += more.before
        longest = len(self.bodies[-1]) if self.bodies else 0
        self.dates += more.dates
        self.times += more.times
        self.names += more.names
        self.bodies += more.bodies
        self.newlines += more.newlines
        self.marked |= more.marked
        return longest <= LONGEST_MESSAGE


def split_at_headers(pattern: re.Pattern[bytes], text: bytes, same: Callable[[list[bytes]], list[bytes]]) -> Split:
    """A text in columns, each passed through `same`."""
    parts = pattern.split(text)
    bodies = parts[4::4]
    names = cast("list[bytes | None]", same(parts[3::4]))  # re.split gives None for a group that is not there
    newlines = list(map(bytes.count, bodies, repeat(b"\n")))
    marked = _LRM.search(text) is not None
    return Split(parts[0], same(parts[1::4]), same(parts[2::4]), names, bodies, newlines, marked)


@dataclass(slots=True)
class Survey:
    """What the first pass over one part of a file found."""

    shape: Shape
    place: Place
    crlf: bool
    lines: int = 0  # of the part
    headers: int = 0
    runs: list[Run] = field(default_factory=list[Run])
    names: Counter[bytes | None] = field(default_factory=Counter[bytes | None])
    samples: dict[bytes | None, set[bytes]] = field(
        default_factory=dict[bytes | None, set[bytes]]
    )  # what follows each name
    loose: Counter[bytes] = field(default_factory=Counter[bytes])  # "a:b: text", "[...] Bob:Hi": names by another rule
    notices: set[int] = field(default_factory=set[int])  # headers under which the encryption notice stands
    marked: set[int] = field(default_factory=set[int])  # headers that begin with a byte order mark
    split: Split | None = None  # of a small file, all of it
    next: Place | None = None  # where an export of another shape begins


def find_shape(head: bytes, phrases: Phrases) -> Shape | None:
    """The shape of the export that begins here. Of several exports in one file it is the first one's."""
    data = b"\n" + head
    found = list(headers_in(data))
    if not found:
        return None
    counts = Counter(shape for _start, _end, shape in found)
    most = counts.most_common(1)[0][1]
    for place, (_start, end, shape) in enumerate(found):
        if counts[shape] == most or counts[shape] >= max(_OTHER_CHAT, len(found) // 50):
            return shape
        if place == 0 and _is_notice(data[end : end + 400], phrases):
            return shape
    return None


def _is_notice(rest: bytes, phrases: Phrases) -> bool:
    line = rest.split(b"\n", 1)[0].decode("utf-8", "replace")
    if phrases.encryption_language(line):
        return True
    _name, colon, said = line.partition(": ")
    return bool(colon) and bool(phrases.encryption_language(said))


def ends_in_crlf(head: bytes) -> bool:
    """Whether headers stand after CR LF. An iOS export has CR LF between messages and LF within them."""
    crlf = lf = 0
    for start, _end, _shape in headers_in(head[:16384]):
        if head[start - 1 : start] == b"\r":
            crlf += 1
        else:
            lf += 1
    return crlf > lf if crlf or lf else head.endswith(b"\r\n")


class Buffers:
    """One part of an export, in buffers; every header in them has its newline before it.

    After each buffer the iterating side may say with `keep` that its end was not dealt with (a line or message that may
    go on); those bytes come again, in front of the next chunk.
    """

    def __init__(self, stream: BinaryIO, place: Place, *, lines: int | None, crlf: bool, least: int = 0) -> None:
        self._stream = stream
        self._place = place
        self._lines = lines  # at most so many
        self._crlf = crlf
        self._least = least  # bytes to read at once
        self._kept = b"\n"  # the first line has a newline before it, too
        self.done = place.offset  # raw bytes
        self._done_lines = place.offset_line
        self.checkpoints: list[tuple[int, int]] = []  # (lines before, offset) of every chunk

    def keep(self, data: bytes) -> None:
        """These last bytes of the buffer come again."""
        self._kept = data

    def place_of(self, line: int) -> Place:
        """How to come back to a line that was read."""
        # A chunk before which exactly so many lines end may begin in the middle of this one.
        before, offset = self.checkpoints[max(0, bisect_left(self.checkpoints, (line, -1)) - 1)]
        return Place(line, offset, before)

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        _skip(self._stream, self._place.offset)
        to_skip = self._place.line - self._place.offset_line
        last = False
        carry = b""
        while not last:
            self.checkpoints.append((self._done_lines, self.done))
            # A message longer than a chunk makes the kept bytes grow: reading ever more keeps the work linear.
            size = max(CHUNK, len(self._kept), self._least)
            raw = read_full(self._stream, size)
            last = len(raw) < size
            self.done += len(raw)
            count = raw.count(b"\n")
            self._done_lines += count
            if to_skip:
                if count < to_skip and not last:
                    to_skip -= count
                    continue
                raw = raw[_after_line(raw, to_skip) :]
                count -= to_skip
                to_skip = 0
            if self._lines is not None:
                if count >= self._lines:
                    raw, last = raw[: _after_line(raw, self._lines)], True
                self._lines -= count
            raw = carry + raw
            carry = b""
            if self._crlf:
                if raw.endswith(b"\r") and not last:
                    raw, carry = raw[:-1], b"\r"
                raw = raw.replace(b"\r\n", b"\n")
            buffer, self._kept = self._kept + raw, b""
            yield buffer, last


def _after_line(data: bytes, count: int) -> int:
    """Where line `count` (from 0) begins."""
    at = 0
    for _line in range(count):
        newline = data.find(b"\n", at)
        if newline < 0:
            return len(data)
        at = newline + 1
    return at


def _skip(stream: BinaryIO, count: int) -> None:
    if count and stream.seekable():
        stream.seek(count, 1)
        return
    while count > 0 and (data := stream.read(min(CHUNK, count))):
        count -= len(data)


def survey(
    stream: BinaryIO,
    place: Place,
    shape: Shape,
    *,
    crlf: bool,
    phrases: Phrases,
    split_further: bool,
    size: int,
    tick: Callable[[int], None],
    lines: int | None = None,
) -> Survey:
    """Go once over a part of a file, up to its end, to where an export of another shape begins, or over so many lines."""
    found = Survey(shape, place, crlf)
    buffers = Buffers(stream, place, lines=lines, crlf=crlf)
    taker = _Taker(found, phrases, split_further, Split() if size <= WHOLE and not place.line else None)
    seen = place.line  # newlines so far, so the number of the line that the last of them began
    for buffer, last in buffers:
        cut = len(buffer) if last else buffer.rfind(b"\n")
        if cut <= 0 and not last:
            if len(buffer) < HEAD:
                buffers.keep(buffer)
                continue
            cut = len(buffer)  # one very long line: its beginning may be a header, the rest cannot be
        piece = buffer[:cut]
        border = taker.take(piece, seen)
        if border is not None:
            found.next = buffers.place_of(border - 1)
            found.lines = border - 1 - place.line
            return found
        buffers.keep(buffer[cut:])
        seen += piece.count(b"\n")
        if last:
            found.lines = seen - place.line - piece.endswith(b"\n")
            found.split = taker.split
        tick(buffers.done)
    return found


class _Taker:
    """Takes one piece of text after another into a survey."""

    def __init__(self, found: Survey, phrases: Phrases, split_further: bool, split: Split | None) -> None:
        self._found = found
        self._phrases = phrases
        self._pattern = header_pattern(found.shape)
        self._split_further = split_further
        self.split = split  # where all that is taken goes, if it is kept
        self._alien: tuple[Shape, int, int] | None = None  # shape, line where its run began, headers in the run
        notices = {start.encode()[:8] for start in phrases.encryption}
        self._notices = frozenset(one[:8] for one in notices | {b"\xe2\x80\x8e" + one for one in notices})

    def take(self, piece: bytes, seen: int) -> int | None:
        """One piece that begins after `seen` newlines. Gives the line at which another export begins, if one does."""
        with collection_paused():
            return self._take(piece, seen)

    def _take(self, piece: bytes, seen: int) -> int | None:
        split = self.split
        here = split_at_headers(self._pattern, piece, split.same if split else list)
        border = self._look_for_aliens(here, seen) if self._split_further else None
        if border is not None:
            self.split = None
            if border - 1 <= self._found.place.line:
                return None
            # Only what stands before the border belongs to this part.
            end = _after_line(piece, border - seen)
            before = split_at_headers(self._pattern, piece[: max(0, end - 1)], list)
            self._take_headers(before, piece[:end])
            return border
        self._take_headers(here, piece)
        if split is not None and not (len(piece) <= LONGEST_MESSAGE and split.add(here)):
            self.split = None
        return None

    def _take_headers(self, here: Split, piece: bytes) -> None:
        """Count what the headers of a piece say."""
        found = self._found
        dates, names, bodies = here.dates, here.names, here.bodies
        if not dates:
            return
        base = found.headers
        starts = [0, *compress(range(1, len(dates)), map(ne, islice(dates, 1, None), dates))]
        for at, end in zip(starts, [*starts[1:], len(dates)], strict=True):
            date, count = dates[at], end - at
            speakers = frozenset(names[at:end]) if len(found.runs) < _RUNS_WITH_NAMES else frozenset[bytes]()
            if found.runs and found.runs[-1].date == date:
                run = found.runs.pop()
                found.runs.append(Run(date, run.first, run.headers + count, run.names | speakers))
            else:
                found.runs.append(Run(date, base + at, count, speakers))
        counts = Counter(names)
        if len(found.names) < _NAMES_KEPT:
            found.names.update(counts)
            samples = found.samples
            if any(len(samples.get(name, ())) < _SAMPLES for name in counts):
                # From both ends of the piece, and from all over it: the first and last lines under a name with a colon
                # may both be told about its bearer ("Dr. López: Cardio left"), and say nothing of where it ends.
                step = max(1, len(names) // _LOOKED_AT)
                for name, body in chain(_ends(names, bodies, counts), zip(names[::step], bodies[::step], strict=True)):
                    if len(of_name := samples.setdefault(name, set())) < _SAMPLES:
                        of_name.add(body[:300].split(b"\n", 1)[0])
        nobody = _places_of_nobody(names) if None in counts else []
        if nobody:
            self._take_loose([bodies[place] for place in nobody])
        # The notice has no sender, or (on iOS) a direction mark before it, or it is the very first line.
        first = [0] if base == 0 and names[0] is not None else []
        for place in range(len(bodies)) if here.marked else [*first, *nobody]:
            if bodies[place][:8].lower() not in self._notices:
                continue
            if self._phrases.encryption_language(bodies[place][:400].decode("utf-8", "replace")):
                found.notices.add(base + place)
        if b"\xef" in piece and _BOM_LINE.search(piece):
            for place, match in enumerate(self._pattern.finditer(piece)):
                if match[0].startswith(b"\n\xef\xbb\xbf"):
                    found.marked.add(base + place)
        found.headers += len(dates)

    def _take_loose(self, bodies: list[bytes]) -> None:
        loose = self._found.loose
        for body in bodies:
            if len(loose) < _NAMES_KEPT:
                loose.update(loose_names(body, bracket=self._found.shape.bracket))

    def _look_for_aliens(self, here: Split, seen: int) -> int | None:
        """Headers of another shape: twenty in a row, or one over an encryption notice, are another export.

        They stand in bodies, and only there is looked for them: the general pattern over a whole piece takes as long as
        reading it does.
        """
        before, bodies = here.before, here.bodies
        if not has_header(b"\0".join([before, *compress(bodies, here.newlines)])):
            if bodies:
                self._alien = None
            return None
        border = self._aliens_in(before, seen)
        if border is not None or not bodies:
            return border
        line = seen + before.count(b"\n") + 1
        for body, newlines in zip(bodies, here.newlines, strict=True):
            self._alien = None  # a header of this export's own stands before each body
            if newlines and has_header(body) and (border := self._aliens_in(body, line)) is not None:
                return border
            line += newlines + 1
        return None

    def _aliens_in(self, text: bytes, line: int) -> int | None:
        """The same in the lines below line `line`, whose headers may go on a run of the text before."""
        at = 0
        for start, end, shape in headers_in(text):
            line += text.count(b"\n", at, start + 1)
            at = start + 1
            if shape == self._found.shape:
                self._alien = None
                continue
            if self._alien is None or self._alien[0] != shape:
                self._alien = (shape, line, 0)
                if text.startswith(b"\n\xef\xbb\xbf", start) or _is_notice(text[end : end + 400], self._phrases):
                    return line
            self._alien = (shape, self._alien[1], self._alien[2] + 1)
            if self._alien[2] >= _OTHER_CHAT:
                return self._alien[1]
        return None


def _ends(
    names: list[bytes | None], bodies: list[bytes], here: Counter[bytes | None]
) -> Iterator[tuple[bytes | None, bytes]]:
    """The last and the first body under each name."""
    if len(here) > _FEW_NAMES:
        yield from dict(zip(names, bodies, strict=True)).items()
        yield from dict(zip(reversed(names), reversed(bodies), strict=True)).items()
        return
    backwards = names[::-1]
    for name in here:  # two looks from the ends are a tenth of making two tables of the whole piece
        yield name, bodies[-1 - backwards.index(name)]
        yield name, bodies[names.index(name)]


def _places_of_nobody(names: list[bytes | None]) -> list[int]:
    places: list[int] = []
    at = -1
    with suppress(ValueError):
        while True:
            at = names.index(None, at + 1)
            places.append(at)
    return places


def loose_names(body: bytes, *, bracket: bool) -> Iterator[bytes]:
    """Names that the header pattern does not take: with a colon inside, or with no space after the colon."""
    line = body[:400].split(b"\n", 1)[0]
    name, colon, _rest = line.partition(b": ")
    if colon and name:
        yield name
    elif line.endswith(b":") and len(body) >= len(line):
        yield line[:-1]
    if bracket:
        name, colon, rest = line.partition(b":")
        if colon and name and not rest.startswith(b"//"):
            yield name
