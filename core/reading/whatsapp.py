"""WhatsApp's text exports, of any phone and language: .txt, or the .txt out of a .zip.

In: an `Export`. Out: batches of messages with authors, times, kinds and exact text. Two passes: a survey of the whole
file (`whatsapp_survey`), which decides the date order, who is an author and where one chat ends and another begins; then
the messages, column by column: dates, times, names and bodies of a chunk come from one `split`, and every column is turned
over by loops that run in C. A line by line parse of the same file takes twice as long (bench/reading/speed.py).

Only the few lines that are not plain words of a known author take the slow way through `_Judge`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, compress, pairwise, repeat
from operator import add, contains, itemgetter
from typing import Final, NamedTuple, cast

from core.chat import Chat, Kind, Message
from core.language import _, ngettext
from core.problem import Problem
from core.reading.date_order import Decision, decide, undecided
from core.reading.encoding import open_utf8
from core.reading.export import Batch, Export, collection_paused
from core.reading.phrases import Phrases, plain
from core.reading.report import ImportReport
from core.reading.whatsapp_header import Calendar, Clock, DateOrder, day_of, fields_of, has_header, header_pattern
from core.reading.whatsapp_survey import (
    HEAD,
    LONGEST_MESSAGE,
    Buffers,
    Place,
    Run,
    Survey,
    ends_in_crlf,
    find_shape,
    loose_names,
    survey,
)

_PARTS: Final = 50  # exports of different shapes in one file
_DAY: Final = 86400
_LRM: Final = "\u200e".encode()
_first_four: Final = cast("Callable[[bytes], bytes]", itemgetter(slice(4)))
_RARE: Final = 10
_QUOTES: Final = '"“«„「'
_message: Final = cast("Callable[[tuple[str, int, Kind, str, int, int]], Message]", partial(tuple.__new__, Message))


def looks_like_whatsapp(head: bytes) -> bool:
    """Whether a line of these first bytes is a header of WhatsApp's."""
    return has_header(b"\n" + head)


def read(export: Export) -> Iterator[Batch]:
    """All messages of the export."""
    surveys = _surveys(export)
    plans = [_plan(export, found) for found in surveys]
    _name_chats(export, plans)
    _describe(export, plans)
    judges: list[_Judge] = []
    for plan in plans:
        judge = _Judge(plan, export)
        judges.append(judge)
        yield from _messages(export, plan, judge)
    _tell_language(export, judges)


# ── the survey ──────────────────────────────────────────────────────────────────────────────────────────────────


def _surveys(export: Export) -> list[Survey]:
    found: list[Survey] = []
    place: Place | None = Place()
    half = export.source.size // 2
    while place is not None:
        with open_utf8(export.source, export.encoding) as stream:
            head = next((buffer for buffer, _last in Buffers(stream, place, lines=None, crlf=False)), b"")[1 : HEAD + 1]
        shape = find_shape(head, export.phrases)
        if shape is None:
            if not found:
                raise _no_header(export)
            shape = found[-1].shape
        with open_utf8(export.source, export.encoding) as stream:
            found.append(
                survey(
                    stream,
                    place,
                    shape,
                    crlf=ends_in_crlf(head),
                    phrases=export.phrases,
                    split_further=len(found) < _PARTS,
                    tick=lambda done: export.tick(done * half // max(1, export.source.size)),
                )
            )
        place = found[-1].next
    return found


def _no_header(export: Export) -> Problem:
    return Problem(
        _("no line begins with a date, a time and a name, as WhatsApp writes them."),
        where=export.source.name,
        advice=_("Export the chat again, or say what it is with --format."),
    )


# ── what the survey leads to ────────────────────────────────────────────────────────────────────────────────────


class Section(NamedTuple):
    """One chat within a part: from which header on, and who speaks in it."""

    first: int
    names: frozenset[bytes]


class _Piece(NamedTuple):
    """What may be a chat of its own: from a header on, where time runs back or a sign of a new export stands."""

    first: int
    back: bool
    notice: bool
    mark: bool
    people: frozenset[bytes]


@dataclass(slots=True)
class Plan:
    """How to read one part."""

    found: Survey
    decision: Decision
    strict: bool  # the part holds dates that the calendar does not have
    authors: dict[bytes | None, str | None]  # None: look closer
    colon_names: dict[bytes, bytes]  # "Dr. López" -> "Cardio": the name goes on after its colon
    sections: list[Section]
    quoted: list[int]  # headers that are somebody's words after all
    chats: list[Chat] = field(default_factory=list[Chat])


def _plan(export: Export, found: Survey) -> Plan:
    decision = _date_order(export, found)
    order = decision.order
    days = [day_of(fields_of(run.date), order) for run in found.runs]
    runs: list[tuple[Run, int, int]] = []  # a run, its first header among the possible ones, its day
    impossible = 0
    for run, day in zip(found.runs, days, strict=True):
        if day is None:
            impossible += run.headers
        else:
            runs.append((run, run.first - impossible, day))
    if not runs:
        raise _no_header(export)
    authors, colon_names = _learn_authors(export, found)
    quoted = _quoted(found, runs, authors)
    return Plan(found, decision, impossible > 0, authors, colon_names, _sections(found, runs, authors), quoted)


def _date_order(export: Export, found: Survey) -> Decision:
    shape = found.shape
    dates = [fields_of(run.date) for run in found.runs]
    wanted = export.options.date_order
    if wanted and not shape.year_first:
        if wanted == "ymd" and shape.year_digits == 4:
            raise Problem(
                _("the year stands last in this file, so the date order cannot be ymd."),
                where=export.source.name,
                advice=_("Use --date-order dmy or --date-order mdy."),
                exit_code=2,
            )
        return Decision(cast("DateOrder", wanted), _("as told"))
    decision = decide(dates, year_first=shape.year_first, two_digits=shape.year_digits == 2)
    if decision is None:
        either = (one for one in dates if day_of(one, "dmy") is not None and day_of(one, "mdy") is not None)
        sample = next((one for one in either if one[0] != one[1]), None)
        if sample is None:
            raise _no_header(export)
        raise undecided(sample, export.source.name)
    return decision


def _learn_authors(export: Export, found: Survey) -> tuple[dict[bytes | None, str | None], dict[bytes, bytes]]:
    """Who is an author, from what stands before `: ` in the whole part."""
    authors: dict[bytes | None, str | None] = _Names()
    frequent = {name for name, count in found.names.items() if name is not None and count >= _RARE}
    asked = 0
    for name, count in found.names.items():
        if name is None:
            continue
        text = name.decode("utf-8", "replace")
        system = False
        if count < _RARE and asked < 5000:
            asked += 1
            samples = found.samples.get(name) or {b"x"}
            system = all(export.phrases.told_not_said(text, one.decode("utf-8", "replace")) for one in samples) or (
                count <= 2
                and any(quote in text for quote in _QUOTES)
                and any(name.startswith(one + b" ") for one in frequent)
            )
        authors[name] = None if system else author_name(text)
    authors[None] = None
    colon_names: dict[bytes, bytes] = {}
    for name, samples in found.samples.items():
        if name is None:
            continue
        second = _second_name(samples)
        if found.names[name] >= 3 and second and authors.get(name):
            colon_names[name] = second
    if colon_names:
        colon_names = _always(export, found, colon_names)
    for name in colon_names:
        authors[name] = None
    return authors, colon_names


def author_name(text: str) -> str:
    """A name as people know it: direction marks are packaging, and special spaces are spaces."""
    return plain(text).strip()


class _Names(dict["bytes | None", "str | None"]):
    """Names as exported to names as kept; one that the survey did not see is decoded when met."""

    def __missing__(self, name: bytes | None) -> str | None:
        known = None if name is None else author_name(name.decode("utf-8", "replace"))
        self[name] = known
        return known


def _second_name(samples: set[bytes]) -> bytes:
    """What every sample begins with, if that may be the rest of a name."""
    seconds = Counter(sample.partition(b": ")[0] for sample in samples if b": " in sample)
    second = seconds.most_common(1)[0][0] if seconds else b""
    return second if second and all(sample.startswith(second.rstrip()) for sample in samples) else b""


def _always(export: Export, found: Survey, suspects: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Of names that may hold a colon those of which every single message goes on alike."""
    pattern = header_pattern(found.shape)
    left = dict(suspects)
    full: Counter[bytes] = Counter()
    with open_utf8(export.source, export.encoding) as stream:
        buffers = Buffers(stream, found.place, lines=found.lines, crlf=found.crlf)
        for buffer, last in buffers:
            cut = len(buffer) if last or buffer.rfind(b"\n") <= 0 else buffer.rfind(b"\n")
            parts = pattern.split(buffer[:cut])
            buffers.keep(buffer[cut:])
            for name, body in zip(parts[3::4], parts[4::4], strict=True):
                second = left.get(name)
                if second is not None:
                    # "Dr. López: Cardio left" is told about him, "Dr. López: Cardio: hello" is said by him.
                    if body.startswith(second + b": "):
                        full[name] += 1
                    elif not body.startswith(second.rstrip()):
                        del left[name]
            if not left:
                break
    return {name: second for name, second in left.items() if full[name] >= 3}


def _quoted(found: Survey, runs: list[tuple[Run, int, int]], authors: dict[bytes | None, str | None]) -> list[int]:
    """Headers out of time by people who never speak otherwise: lines of a quotation, not messages.

    "28/6/2023, 12:30 - turno: dentista" inside a message cannot be told from a header by its form.
    """
    quoted: list[int] = []
    for place in range(1, len(runs) - 1):
        run, first, day = runs[place]
        before, after = runs[place - 1][2], runs[place + 1][2]
        if run.headers > 2 or before > after or before - _DAY <= day <= after + _DAY:
            continue
        if run.names and all(name is None or found.names[name] <= 2 for name in run.names):
            quoted += range(first, first + run.headers)
    return quoted


def _sections(
    found: Survey, runs: list[tuple[Run, int, int]], authors: dict[bytes | None, str | None]
) -> list[Section]:
    """Where one chat ends and another begins, when several exports were put in one file.

    A border shows itself by the encryption notice that an export begins with, by a byte order mark, or by time that runs
    backwards, *and* by the people: somebody new speaks from there on, and somebody of before does not. Time alone does not
    decide: phones with a wrong clock make a chat go back, too.
    """
    if not found.notices and not found.marked and all(a[2] <= b[2] + _DAY for a, b in pairwise(runs)):
        return [Section(0, _people(frozenset(name for run, _f, _d in runs for name in run.names), authors))]
    sections: list[Section] = []
    for piece in _pieces(found, runs, authors):
        before = sections[-1].names if sections else frozenset[bytes]()
        new, gone = piece.people - before, before - piece.people
        border = piece.mark or (bool(new) and bool(gone)) or (piece.back and piece.notice and piece.people != before)
        if not sections or border:
            sections.append(Section(piece.first, piece.people))
        else:
            sections[-1] = Section(sections[-1].first, before | piece.people)
    return sections


def _pieces(found: Survey, runs: list[tuple[Run, int, int]], authors: dict[bytes | None, str | None]) -> list[_Piece]:
    pieces: list[_Piece] = []
    signs = sorted(found.notices | found.marked)
    previous: int | None = None
    for run, first, day in runs:
        back = previous is not None and day < previous - _DAY
        previous = day
        people = _people(run.names, authors)
        if back or not pieces:
            pieces.append(_Piece(first, back, False, False, frozenset()))
        here = signs[bisect_left(signs, run.first) : bisect_left(signs, run.first + run.headers)]
        for sign in here:
            at = first + sign - run.first
            notice, mark = sign in found.notices, sign in found.marked
            if at == pieces[-1].first:
                pieces[-1] = pieces[-1]._replace(notice=notice, mark=mark)
            else:
                pieces.append(_Piece(at, False, notice, mark, frozenset()))
        if here and here[0] != run.first and not pieces[-1].people and len(pieces) > 1:
            people -= pieces[-2].people  # the sign stands within a day, and the day's people are those of both sides
        pieces[-1] = pieces[-1]._replace(people=pieces[-1].people | people)
    return pieces


def _people(names: frozenset[bytes | None], authors: dict[bytes | None, str | None]) -> frozenset[bytes]:
    return frozenset(name for name in names if name is not None and authors.get(name) is not None)


def _name_chats(export: Export, plans: list[Plan]) -> None:
    """A title for every section: the file's, or who speaks in it besides those who speak in all."""
    sections = [(plan, section) for plan in plans for section in plan.sections]
    title = chat_title(export)
    if len(sections) == 1:
        plan, section = sections[0]
        people = sorted(filter(None, (plan.authors[name] for name in section.names)))
        plan.chats = [Chat(title or _joined(people) or export.source.name, "whatsapp")]
        return
    people = [frozenset(filter(None, (plan.authors[name] for name in section.names))) for plan, section in sections]
    everywhere = people[0].intersection(*people[1:])
    used: Counter[str] = Counter()
    for (plan, _section), here in zip(sections, people, strict=True):
        others = sorted(here - everywhere)
        named = _joined(others) if 0 < len(others) <= 3 else title or _joined(others) or export.source.name
        used[named] += 1
        plan.chats.append(Chat(named if used[named] == 1 else f"{named} ({used[named]})", "whatsapp"))
    export.report.warn(
        ngettext(
            "The file holds {count} chat.", "The file holds {count} chats, one after the other; they are kept apart.",
            len(sections),
        ).format(count=len(sections))
    )  # fmt: skip


def _joined(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def chat_title(export: Export) -> str:
    """What the file's name says the chat is called."""
    source = export.source
    candidates = [source.inside.rsplit("/", 1)[-1]] if source.inside else []
    candidates.append(source.path.name)
    for name in candidates:
        stem = name.rsplit(".", 1)[0] if name.lower().endswith((".txt", ".zip")) else name
        if title := export.phrases.title(stem):
            return title
    stem = source.path.name.rsplit(".", 1)[0]
    return "" if stem in {"_chat", "chat"} else stem


def _describe(export: Export, plans: list[Plan]) -> None:
    report = export.report
    shapes = list(dict.fromkeys(plan.found.shape for plan in plans))
    headers = sum(plan.found.headers for plan in plans)
    report.evidence["format"] = ngettext(
        "{count:,} line begins like {sample}", "{count:,} lines begin like {sample}", headers
    ).format(count=headers, sample="; ".join(shape.sample() for shape in shapes))
    orders = list(dict.fromkeys(plan.decision.order for plan in plans))
    report.decided("date_order", ", ".join(orders), "; ".join(dict.fromkeys(plan.decision.evidence for plan in plans)))
    report.lines = sum(plan.found.lines for plan in plans)


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
    clock, calendar = Clock(), Calendar(plan.decision.order)
    columns = _Columns(plan, judge, export)
    header = 0  # the next header among the possible ones
    seen = found.place.line  # newlines so far
    section = 0
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
                    made = columns.messages(messages, clock, calendar, start, marked=_LRM in buffer)
                while section + 1 < len(plan.sections) and plan.sections[section + 1].first < header + count:
                    # Quoted headers have left the list: count only those that stand before the border.
                    at = plan.sections[section + 1].first - header
                    at -= sum(1 for place in quoted if place < at)
                    if made[:at]:
                        yield Batch(plan.chats[section], made[:at])
                    made = made[max(0, at) :]
                    section += 1
                    report.new_chat()
                if made:
                    yield Batch(plan.chats[section], made)
            header += count
            seen += buffer.count(b"\n") - rest.count(b"\n")
            buffers.keep(rest)
            export.tick(half + buffers.done * (size - half) // size)


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
        self._authors = plan.authors
        self._judge = judge
        self._phrases = export.phrases
        self._report = export.report
        self._starts = export.phrases.starts

    def messages(
        self, parts: list[bytes], clock: Clock, calendar: Calendar, seen: int, *, marked: bool
    ) -> list[Message]:
        """The messages of dates, times, names and bodies in turn; the first header is on line `seen` + 1."""
        bodies = parts[3::4]
        names = cast("list[bytes | None]", parts[2::4])  # re.split gives None for a group that is not there
        count = len(names)
        times = list(map(add, map(calendar.__getitem__, parts[0::4]), map(clock.__getitem__, parts[1::4])))
        newlines = list(map(bytes.count, bodies, repeat(b"\n")))
        lines = list(accumulate((more + 1 for more in newlines), initial=seen + 1))
        lines.pop()
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
        starts = self._starts
        found = list(map(table.get, map(bytes.lower, bodies)))
        odd = set(compress(range(count), newlines))
        odd.update(compress(range(count), map(bytes.endswith, bodies, repeat((b")", b">")))))
        odd.update(compress(range(count), map(starts.__contains__, map(_first_four, bodies))))
        if marked:
            odd.update(compress(range(count), map(contains, bodies, repeat(_LRM))))
        for place in compress(range(count), found):
            kinds[place], language = cast("tuple[Kind, str]", found[place])
            self._judge.languages[language] += 1
        odd.difference_update(nobody, compress(range(count), found))
        for place in sorted(odd):
            self._look_closer(place, authors, kinds, texts, marks)
        for place in nobody:
            authors[place] = ""
            kinds[place] = self._judge.system(texts[place], lines[place])
        return list(map(_message, zip(cast("list[str]", authors), times, kinds, texts, marks, lines, strict=True)))

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
            ngettext("{count:,} line in a phrase of this language", "{count:,} lines in phrases of this language", count)
            .format(count=count),
        )  # fmt: skip
