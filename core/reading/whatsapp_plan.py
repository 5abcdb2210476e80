"""What a WhatsApp export's survey leads to: the plan by which its messages are then read.

In: the surveys of a file's parts. Out: for each part a `Plan`: date order, authors, which headers are quotations, and
the chats that follow one another in it. Nothing is decided here from a single line: the whole file has been seen.
Knows nothing of texts and kinds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from core.chat import Chat
from core.language import grouped, ngettext
from core.reading.date_order import Decision
from core.reading.encoding import open_utf8
from core.reading.export import Export
from core.reading.phrases import plain
from core.reading.source import CHUNK, name_of
from core.reading.whatsapp_header import DateOrder, Shape, day_of, fields_of, header_pattern
from core.reading.whatsapp_orders import in_orders, no_header
from core.reading.whatsapp_survey import HEAD, Buffers, Place, Run, Survey, ends_in_crlf, find_shape, survey

_PARTS: Final = 50  # exports of different shapes in one file
_DAY: Final = 86400
_RARE: Final = 10
_NAMES_ASKED: Final = 5000
_QUOTES: Final = "\"“«„「'"


def make_plans(export: Export) -> list[Plan]:
    """Survey the whole export, part by part, and decide how each part is to be read."""

    def again(found: Survey, place: Place, lines: int | None) -> Survey:
        return _survey(export, place, found.shape, crlf=ends_in_crlf(_head(export, place)), parts=_PARTS, lines=lines)

    plans = [_plan(export, part.found, part.decision) for part in in_orders(export, _surveys(export), again)]
    _name_chats(export, plans)
    _describe(export, plans)
    return plans


# ── the survey ──────────────────────────────────────────────────────────────────────────────────────────────────


def _surveys(export: Export) -> list[Survey]:
    found: list[Survey] = []
    place: Place | None = Place()
    while place is not None:
        head = _head(export, place)
        shape = find_shape(head[:HEAD], export.phrases) or find_shape(head, export.phrases)
        if shape is None:
            if not found:
                raise no_header(export)
            shape = found[-1].shape
        found.append(_survey(export, place, shape, crlf=ends_in_crlf(head), parts=len(found)))
        place = found[-1].next
    return found


def _head(export: Export, place: Place) -> bytes:
    """The first bytes of what begins there."""
    with open_utf8(export.source, export.encoding) as stream:
        beginning = Buffers(stream, place, lines=None, crlf=False, least=CHUNK)
        return next((buffer for buffer, _last in beginning), b"")[1:]


def _survey(export: Export, place: Place, shape: Shape, *, crlf: bool, parts: int, lines: int | None = None) -> Survey:
    half = export.source.size // 2
    with open_utf8(export.source, export.encoding) as stream:
        return survey(
            stream,
            place,
            shape,
            crlf=crlf,
            phrases=export.phrases,
            split_further=parts < _PARTS,
            size=export.source.size,
            tick=lambda done: export.tick(done * half // max(1, export.source.size)),
            lines=lines,
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


def _plan(export: Export, found: Survey, decision: Decision) -> Plan:
    order = decision.order
    days = [_day_of(run.date, order) for run in found.runs]
    runs: list[tuple[Run, int, int]] = []  # a run, its first header among the possible ones, its day
    impossible = 0
    for run, day in zip(found.runs, days, strict=True):
        if day is None:
            impossible += run.headers
        else:
            runs.append((run, run.first - impossible, day))
    if not runs:
        raise no_header(export)
    if impossible:
        sample = next(run.date for run, day in zip(found.runs, days, strict=True) if day is None)
        export.report.warn(
            ngettext(
                "{count:,} line begins with a date that there is not ({date}); it stays in the message before it.",
                "{count:,} lines begin with dates that there are not ({date}); they stay in the messages before them.",
                impossible,
            ).format(count=impossible, date=sample.decode("utf-8", "replace"))
        )
    authors, colon_names = _learn_authors(export, found)
    quoted = _quoted(found, runs, authors)
    sections = _sections(found, runs, authors)
    return Plan(found, decision, impossible > 0, authors, colon_names, sections, quoted)


def _day_of(date: bytes, order: DateOrder) -> int | None:
    # A year has two digits or four, and the pattern that is made for an order knows it: "0/2/24" is no day of 2000.
    if not (date[:2] if order == "ymd" else date[-2:]).isdigit():
        return None
    return day_of(fields_of(date), order)


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
        if asked < _NAMES_ASKED:
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
    # In an order of their own: that of a set differs from process to process, and a subject with a colon in it
    # ("Cardio changed the subject to \"A: B\"") is a candidate too.
    for second in sorted(seconds, key=lambda one: (-seconds[one], len(one), one)):
        if second and all(sample.startswith(second.rstrip()) for sample in samples):
            return second
    return b""


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

    A border shows itself by the encryption notice that an export begins with, by a byte order mark, or by time that
    runs backwards, *and* by the people: somebody new speaks from there on, and somebody of before does not. Time
    alone does not decide: phones with a wrong clock make a chat go back, too.
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
    candidates.append(name_of(source.path))
    for name in candidates:
        stem = name.rsplit(".", 1)[0] if name.lower().endswith((".txt", ".zip")) else name
        if title := export.phrases.title(stem):
            return title
    stem = name_of(source.path).rsplit(".", 1)[0]
    return "" if stem in {"_chat", "chat"} else stem


def _describe(export: Export, plans: list[Plan]) -> None:
    report = export.report
    shapes = list(dict.fromkeys(plan.found.shape for plan in plans))
    headers = sum(plan.found.headers for plan in plans)
    evidence = ngettext("{count} line begins like {sample}", "{count} lines begin like {sample}", headers).format(
        count=grouped(headers), sample="; ".join(shape.sample() for shape in shapes)
    )
    report.evidence["format"] = "; ".join(filter(None, (evidence, report.evidence.get("format"))))
    orders = list(dict.fromkeys(plan.decision.order for plan in plans))
    report.decided("date_order", ", ".join(orders), "; ".join(dict.fromkeys(plan.decision.evidence for plan in plans)))
    report.lines = sum(plan.found.lines for plan in plans)
