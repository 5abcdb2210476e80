"""WhatsApp's text exports, of any phone and language: .txt, or the .txt out of a .zip.

In: an `Export`. Out: batches of messages with authors, times, kinds and exact text. Two passes: a survey of the whole
file (`whatsapp_survey`), which decides the date order, who is an author and where one chat ends and another begins;
then the messages, column by column: dates, times, names and bodies of a chunk come from one `split`, and every column
is turned over by loops that run in C. A line by line parse of the same file takes twice as long
(bench/reading/speed.py).

Only the few lines that are not plain words of a known author take the slow way through `_Judge`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, compress, repeat
from operator import add, contains, itemgetter
from typing import Final, cast

from core.chat import Kind, Message
from core.language import _, grouped, ngettext
from core.reading.encoding import open_utf8
from core.reading.export import BATCH, Batch, Export, collection_paused
from core.reading.phrases import Phrases
from core.reading.report import ImportReport
from core.reading.whatsapp_header import Calendar, Clock, has_header, header_pattern
from core.reading.whatsapp_plan import Plan, author_name, make_plans
from core.reading.whatsapp_survey import (
    LONGEST_MESSAGE,
    Buffers,
    Split,
    loose_names,
)

_LRM: Final = "\u200e".encode()
_CLOSING: Final = frozenset({b")", b">"})
_last: Final = cast("Callable[[bytes], bytes]", itemgetter(slice(-1, None)))  # half the time of bytes.endswith
_first_four: Final = cast("Callable[[bytes], bytes]", itemgetter(slice(4)))
_message: Final = cast(
    "Callable[[tuple[str, int, Kind, str, int, int]], Message]",
    partial(tuple.__new__, Message),  # pyright: ignore[reportUnknownMemberType]  # half of what Message(...) takes
)


def looks_like_whatsapp(head: bytes) -> bool:
    """Whether a line of these first bytes is a header of WhatsApp's."""
    return has_header(b"\n" + head)


def read(export: Export) -> Iterator[Batch]:
    """All messages of the export."""
    judges: list[_Judge] = []
    for plan in make_plans(export):
        judge = _Judge(plan, export)
        judges.append(judge)
        yield from _messages(export, plan, judge)
    _tell_language(export, judges)


# ── the messages ────────────────────────────────────────────────────────────────────────────────────────────────


class _Judge:
    """Says of the lines that are not plain words of a known author what they are."""

    def __init__(self, plan: Plan, export: Export) -> None:
        self._plan = plan
        self._phrases: Phrases = export.phrases
        self._report = export.report
        self.languages: Counter[str] = Counter()
        loose = plan.found.loose
        self._loose = {name for name, count in loose.items() if count >= 2 or name in plan.authors}

    def sender_and_body(self, name: bytes | None, body: bytes) -> tuple[str, bytes] | None:
        """Who says what, or None when nobody does."""
        plan = self._plan
        if name is not None:
            second = plan.colon_names.get(name)
            if second is not None and body.startswith(second + b": "):
                return author_name((name + b": " + second).decode("utf-8", "replace")), body[len(second) + 2 :]
            if second is not None:
                return None
            known = plan.authors[name]
            if known is not None:
                return author_name(name.decode("utf-8", "replace")), body
            return None
        line = body[:400].split(b"\n", 1)[0]
        if b":" not in line or self._phrases.system_language(line.decode("utf-8", "replace")):
            return None
        for loose in sorted(loose_names(body, bracket=plan.found.shape.bracket), key=self._trust, reverse=True):
            if self._trust(loose) and len(loose) <= 400:
                rest = body[len(loose) + 1 :]
                return author_name(loose.decode("utf-8", "replace")), rest.removeprefix(b" ")
        return None

    def _trust(self, name: bytes) -> int:
        regular = self._plan.found.names.get(name, 0)
        return regular * 1000 + (self._plan.found.loose[name] if name in self._loose else 0)

    def system(self, text: str, line: int) -> Kind:
        """The kind of a line that nobody says."""
        found = self._phrases.body(text)
        if found and found.kind is not Kind.TEXT:
            self.languages[found.language] += 1
            return found.kind
        language = self._phrases.system_language(text)
        if language:
            self.languages[language] += 1
        else:
            self._report.not_read(line, _("a line without a sender, in no known phrase; kept as a system line"), text)
        return Kind.SYSTEM


def _messages(export: Export, plan: Plan, judge: _Judge) -> Iterator[Batch]:
    report = export.report
    found = plan.found
    pattern = header_pattern(found.shape, plan.decision.order, strict=plan.strict)
    columns = _Columns(plan, judge, export)
    header = 0  # the next header among the possible ones
    seen = found.place.line  # newlines so far
    sections = _Sections(plan, report)
    split, found.split = found.split, None
    if split is not None and not plan.strict and not plan.quoted:
        yield from _from_survey(export, plan, split, columns, sections)
        return
    started = skipping = False
    half, size = export.source.size // 2, max(1, export.source.size)
    with open_utf8(export.source, export.encoding) as stream:
        buffers = Buffers(stream, found.place, lines=found.lines, crlf=found.crlf)
        for buffer, last in buffers:
            parts = pattern.split(buffer)
            count = len(parts) // 4
            before = parts[0]
            if (
                before.strip(b"\n")
                and not started
                and not skipping
                and (count or last or len(before) > LONGEST_MESSAGE)
            ):
                _report_preamble(report, before, seen)
            start = seen + before.count(b"\n")
            quoted = _quoted_here(plan.quoted, header, count)
            if not last:
                # The last message may go on in the next chunk, and so may one before it that quotes a header.
                count -= 1
                while count > 0 and count in quoted:
                    count -= 1
            if count <= 0 and not last:
                if len(buffer) <= LONGEST_MESSAGE:
                    buffers.keep(buffer)
                    continue
                if len(parts) > 1:
                    report.not_read(start + 1, _("a message longer than {limit} MB; left out").format(limit=4))
                    header += len(parts) // 4
                cut = buffer.rfind(b"\n")
                cut = len(buffer) if cut <= 0 else cut
                seen += buffer.count(b"\n", 0, cut)
                buffers.keep(buffer[cut:])
                skipping = started = True
                continue
            started = started or count > 0
            skipping = False
            taken = parts[1 : 1 + 4 * count]
            if last and taken:
                taken[-1] = taken[-1].removesuffix(b"\n")
            rest = b""
            if not last:
                rest = buffer[_header_at(buffer, parts, count) :]
            if any(place < count for place in quoted):
                messages = _without_quoted(pattern, buffer, taken, [place for place in quoted if place < count])
            else:
                messages = taken
            if messages:
                with collection_paused():
                    bodies = messages[3::4]
                    newlines = list(map(bytes.count, bodies, repeat(b"\n")))
                    names = cast(
                        "list[bytes | None]", messages[2::4]
                    )  # re.split gives None for a group that is not there
                    made = columns.messages(
                        messages[0::4], messages[1::4], names, bodies, newlines, start, marked=_LRM in buffer
                    )
                yield from sections.batches(made, header, count, quoted)
            header += count
            seen += buffer.count(b"\n") - rest.count(b"\n")
            buffers.keep(rest)
            export.tick(half + buffers.done * (size - half) // size)


def _from_survey(export: Export, plan: Plan, split: Split, columns: _Columns, sections: _Sections) -> Iterator[Batch]:
    """The messages of a small file from the split that the survey made of it, which saves a sixth of the time."""
    if split.before.strip(b"\n"):
        _report_preamble(export.report, split.before, plan.found.place.line)
    seen = plan.found.place.line + split.before.count(b"\n")
    if split.bodies[-1].endswith(b"\n"):
        split.bodies[-1], split.newlines[-1] = split.bodies[-1][:-1], split.newlines[-1] - 1
    total = len(split.bodies)
    half, size = export.source.size // 2, export.source.size
    for first in range(0, total, BATCH):
        here = slice(first, first + BATCH)
        bodies = split.bodies[here]
        with collection_paused():
            made = columns.messages(
                split.dates[here], split.times[here], split.names[here], bodies, split.newlines[here], seen,
                marked=split.marked,
            )  # fmt: skip
        yield from sections.batches(made, first, len(bodies), [])
        seen = columns.next_line - 1
        export.tick(half + min(first + BATCH, total) * (size - half) // total)


class _Sections:
    """Gives messages to the chats that follow one another in a part."""

    def __init__(self, plan: Plan, report: ImportReport) -> None:
        self._plan = plan
        self._report = report
        self._section = 0

    def batches(self, made: list[Message], header: int, count: int, quoted: list[int]) -> Iterator[Batch]:
        """The messages of `count` headers from `header` on, of which those at `quoted` were no messages after all."""
        plan = self._plan
        given = 0
        while self._section + 1 < len(plan.sections) and plan.sections[self._section + 1].first < header + count:
            # Quoted headers have left the list: count only those that stand before the border.
            at = plan.sections[self._section + 1].first - header
            at -= sum(1 for place in quoted if place < at)
            if given < at:
                yield Batch(plan.chats[self._section], made[given:at])
            given = max(given, at)
            self._section += 1
            self._report.new_chat()
        made = made[given:] if given else made
        if made:
            yield Batch(plan.chats[self._section], made)


def _quoted_here(quoted: list[int], header: int, count: int) -> list[int]:
    return [one - header for one in quoted[bisect_left(quoted, header) : bisect_right(quoted, header + count - 1)]]


def _header_at(buffer: bytes, parts: list[bytes], count: int) -> int:
    """Where the header of message `count` of a split buffer begins."""
    at = len(buffer)
    for place in range(len(parts) // 4 - 1, count - 1, -1):
        at = buffer.rindex(b"\n", 0, at - len(parts[4 * place + 4]))
    return at


def _without_quoted(pattern: re.Pattern[bytes], buffer: bytes, taken: list[bytes], quoted: list[int]) -> list[bytes]:
    """The same messages, with quoted headers given back to the message before them."""
    spans = [match.span() for match in pattern.finditer(buffer)]
    messages: list[bytes] = []
    for place in range(len(taken) // 4):
        if place in quoted and messages:
            start, end = spans[place]
            messages[-1] += buffer[start:end] + taken[4 * place + 3]
        else:
            messages += taken[4 * place : 4 * place + 4]
    return messages


def _report_preamble(report: ImportReport, before: bytes, seen: int) -> None:
    for place, line in enumerate(before.split(b"\n")):
        if line.strip():
            report.not_read(seen + place, _("stands before the first message"), line[:400].decode("utf-8", "replace"))


class _Columns:
    """Turns the columns of a chunk into messages."""

    def __init__(self, plan: Plan, judge: _Judge, export: Export) -> None:
        self._clock, self._calendar = Clock(), Calendar(plan.decision.order)
        self.next_line = 0  # the line behind the messages that were made last
        self._authors = plan.authors
        self._judge = judge
        self._phrases = export.phrases
        self._report = export.report
        self._starts, self._heads = export.phrases.starts, export.phrases.heads

    def messages(
        self,
        dates: list[bytes],
        clocks: list[bytes],
        names: list[bytes | None],
        bodies: list[bytes],
        newlines: list[int],
        seen: int,
        *,
        marked: bool,
    ) -> list[Message]:
        """The messages of these headers and bodies (which it may change); the first header is on line `seen` + 1."""
        count = len(names)
        times = list(map(add, map(self._calendar.__getitem__, dates), map(self._clock.__getitem__, clocks)))
        lines = list(accumulate(map(add, newlines, repeat(1)), initial=seen + 1))
        self.next_line = lines.pop()
        authors = list(map(self._authors.__getitem__, names))
        kinds = [Kind.TEXT] * count
        marks = [0] * count
        speech: dict[int, bytes] = {}
        nobody: list[int] = []
        if None in authors:
            for place, author in enumerate(authors):
                if author is None:
                    said = self._judge.sender_and_body(names[place], bodies[place])
                    if said is None:
                        name = names[place]
                        bodies[place] = bodies[place] if name is None else name + b": " + bodies[place]
                        nobody.append(place)
                    else:
                        authors[place], bodies[place] = said
                        speech[place] = bodies[place]
        texts = self._decoded(bodies, lines)
        table = self._phrases.table
        odd = self._odd_of_several_lines(bodies, newlines)
        odd.update(compress(range(count), map(_CLOSING.__contains__, map(_last, bodies))))
        if marked:
            odd.update(compress(range(count), map(contains, bodies, repeat(_LRM))))
        # Four bytes of every body are looked at, and all of it only where a phrase begins so.
        for place in compress(range(count), map(self._heads.__contains__, map(_first_four, bodies))):
            known = table.get(bodies[place].lower())
            if known is not None:
                kinds[place], language = known
                self._judge.languages[language] += 1
                odd.discard(place)
            elif bodies[place][:4] in self._starts:
                odd.add(place)
        odd.difference_update(nobody)
        for place in sorted(odd):
            self._look_closer(place, authors, kinds, texts, marks)
        for place in nobody:
            authors[place] = ""
            kinds[place] = self._judge.system(texts[place], lines[place])
        return list(map(_message, zip(cast("list[str]", authors), times, kinds, texts, marks, lines, strict=True)))

    def _odd_of_several_lines(self, bodies: list[bytes], newlines: list[int]) -> set[int]:
        """Which bodies of several lines are worth a closer look: a placeholder with a caption stands in one line of them."""
        table = self._phrases.table
        odd: set[int] = set()
        for place in compress(range(len(bodies)), newlines):
            body = bodies[place]
            first = body[: body.find(b"\n")]
            if first[-1:] in _CLOSING or body[-1:] in _CLOSING or _LRM in body or first.lower() in table:
                odd.add(place)
        return odd

    def _decoded(self, bodies: list[bytes], lines: list[int]) -> list[str]:
        try:
            return list(map(bytes.decode, bodies))
        except UnicodeDecodeError:
            texts: list[str] = []
            for place, body in enumerate(bodies):
                try:
                    texts.append(body.decode())
                except UnicodeDecodeError:
                    texts.append(body.decode("utf-8", "replace"))
                    self._report.not_read(
                        lines[place], _("bytes that are not valid UTF-8; they read as “�”"), texts[-1]
                    )
            return texts

    def _look_closer(
        self, place: int, authors: list[str | None], kinds: list[Kind], texts: list[str], marks: list[int]
    ) -> None:
        text = texts[place]
        found = self._phrases.body(text)
        if found is not None:
            kinds[place], texts[place], marks[place] = found.kind, found.text, found.marks
            self._judge.languages[found.language] += 1
            return
        # iOS writes system lines under the name of the group or contact, and marks them.
        if text.startswith("\u200e"):
            language = self._phrases.system_language(text)
        else:
            language = self._phrases.encryption_language(text)
        if language:
            self._judge.languages[language] += 1
            kinds[place], authors[place] = Kind.SYSTEM, ""


def _tell_language(export: Export, judges: list[_Judge]) -> None:
    counts = sum((judge.languages for judge in judges), Counter[str]())
    counts.pop("", None)
    if counts:
        language, count = counts.most_common(1)[0]
        export.report.decided(
            "locale",
            language,
            ngettext(
                "{count} line in a phrase of this language", "{count} lines in phrases of this language", count
            ).format(count=grouped(count)),
        )
