"""The import report: what a file was taken for, what was read, and every line that was not, with the reason.

In: batches of messages as a reader makes them, and the reader's notes. Out: an `ImportReport`, as JSON (`as_json`)
and as lines for people (`as_text`). Knows nothing of any format. `added` and `already_there` stay None here, and
`joined` empty: only whoever keeps messages can tell, and fills them in.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain, compress, islice, pairwise
from operator import sub
from typing import Any, NamedTuple

from core.chat import Kind, Mark, Message, local_iso
from core.language import _, grouped, ngettext

UNREAD_KEPT = 1000  # a hostile file could have a million bad lines; the rest are counted
CLIPPED = 80
GAP = 30 * 86400  # a silence worth telling about
_SHOWN = 10
_NEAR = 8  # batches of one time that are compared one by one


class Unread(NamedTuple):
    """A line that was not understood, or only doubtfully."""

    line: int
    reason: str
    text: str


class Gap(NamedTuple):
    """A long silence: the times of the messages around it."""

    after: int
    before: int


class _Run(NamedTuple):
    """What was said in a batch: the times of its oldest and newest message, and a number for each saying."""

    first: int
    last: int
    said: array[int]
    lately: set[int]  # those of its newest time


class _Said:
    """Counts what is said for the first time: nearly every batch is later than all before it, so only batches of the same
    time are compared. All sayings in one set were a third of a long parse, and of its memory."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._all: set[int] | None = None  # once times go back and forth so much that runs no longer help

    def add(self, times: Sequence[int], first: int, last: int, said: list[int]) -> int:
        """How many of these sayings of these times, the earliest and the latest among them, were not there before."""
        new = set(said)
        near = [run for run in self._runs if run.first <= last and run.last >= first]
        if len(near) > _NEAR and self._all is None:
            self._all = {one for run in self._runs for one in run.said}
            self._runs, near = [], []
        if self._all is not None:
            before = len(self._all)
            self._all |= new
            return len(self._all) - before
        for run in near:
            new.difference_update(run.said if run.last > first else run.lately)
        at = times.index(last)
        lately = new.intersection(compress(said[at:], map(last.__eq__, times[at:])))
        self._runs.append(_Run(first, last, array("q", said), lately))
        return len(new)


class Joined(NamedTuple):
    """A chat of the file that was known already by another title: which, and who is who there."""

    title: str
    people: dict[str, str]


@dataclass(slots=True)
class ImportReport:
    """What became of one file. Filled while it is read; whole when the reading is exhausted."""

    file: str
    format: str = ""
    locale: str = ""
    encoding: str = ""
    date_order: str = ""
    evidence: dict[str, str] = field(default_factory=dict[str, str])  # by field name: why it was decided so
    lines: int = 0
    messages: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter[Kind])
    by_participant: Counter[str] = field(default_factory=Counter[str])
    chats: dict[str, int] = field(default_factory=dict[str, int])
    people_by_chat: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    first: int | None = None
    last: int | None = None
    gaps: list[Gap] = field(default_factory=list[Gap])
    duplicates: int = 0
    added: int | None = None
    already_there: int | None = None
    joined: list[Joined] = field(default_factory=list[Joined])
    unread: list[Unread] = field(default_factory=list[Unread])
    unread_total: int = 0
    warnings: list[str] = field(default_factory=list[str])
    parts: list[str] = field(default_factory=list[str])  # further files that were read as one with this
    media_files: int = 0  # counted in the archive, not extracted
    seconds: float = 0.0
    complete: bool = False  # read to its end
    _said: _Said = field(default_factory=lambda: _Said(), repr=False)
    _previous: int | None = field(default=None, repr=False)
    _untimed: bool = field(default=False, repr=False)

    @property
    def participants(self) -> list[str]:
        """Names as exported, the most talkative first."""
        return [name for name, _count in sorted(self.by_participant.items(), key=lambda item: (-item[1], item[0]))]

    def decided(self, what: str, value: str, evidence: str) -> None:
        """`format`, `locale`, `encoding` or `date_order`, with the evidence."""
        setattr(self, what, value)
        self.evidence[what] = evidence

    def not_read(self, line: int, reason: str, text: str = "") -> None:
        """Note a line that was left out, or whose reading is doubtful."""
        self.unread_total += 1
        if len(self.unread) < UNREAD_KEPT:
            self.unread.append(Unread(line, reason, clipped(text)))

    def warn(self, text: str) -> None:
        """Something about the whole file that a person should know."""
        if text and text not in self.warnings:
            self.warnings.append(text)

    def count(self, title: str, messages: Sequence[Message]) -> None:
        """Take a batch into the figures. Everything here runs in C loops: it is a tenth of the parse, not half."""
        if not messages:
            return
        self.messages += len(messages)
        self.chats[title] = self.chats.get(title, 0) + len(messages)
        # One flat list and slices of it: a third of what turning the rows over with zip takes.
        flat: list[Any] = list(chain.from_iterable(messages))
        width = len(messages[0])
        authors, times, kinds, texts = (flat[column::width] for column in range(4))
        self.kinds.update(Counter(kinds))
        people = Counter(authors)
        people.pop("", None)
        self.by_participant.update(people)
        self.people_by_chat.setdefault(title, Counter()).update(people)
        if messages[0].marks & Mark.UNTIMED:
            self._untimed = True  # the order is the time, so nothing can be there twice
            return
        low, high = min(times), max(times)
        said = list(map(hash, zip(authors, times, texts, strict=True)))
        self.duplicates += len(messages) - self._said.add(times, low, high, said)
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)
        told = times if self._previous is None else [self._previous, *times]
        self._previous = times[-1]
        if max(high, told[0]) - min(low, told[0]) >= GAP and max(map(sub, islice(told, 1, None), told)) >= GAP:
            self._note_gaps(told)

    def new_chat(self) -> None:
        """The next batch belongs to another chat: its first message does not end a silence of this one."""
        self._previous = None

    def _note_gaps(self, times: Sequence[int]) -> None:
        gaps = self.gaps + [Gap(a, b) for a, b in pairwise(times) if b - a >= GAP]
        self.gaps = sorted(gaps, key=lambda gap: gap.after - gap.before)[:_SHOWN]

    def finish(self, seconds: float) -> None:
        """The reading is exhausted."""
        self.seconds = round(seconds, 3)
        self.complete = True
        self._said = _Said()

    def so_far(self) -> ImportReport:
        """A copy to be shown elsewhere: it cannot be filled further."""
        return replace(self, _said=_Said())

    def become(self, other: ImportReport) -> None:
        """Say what the other one says."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))

    def as_json(self) -> dict[str, Any]:
        """The report as the command line prints it: one object a file."""
        return {
            "file": self.file,
            "format": self.format,
            "locale": self.locale,
            "encoding": self.encoding,
            "date_order": self.date_order or None,
            "evidence": self.evidence,
            "lines": self.lines,
            "messages": self.messages,
            "kinds": {str(kind): count for kind, count in self.kinds.most_common()},
            "participants": self.participants,
            "by_participant": {name: self.by_participant[name] for name in self.participants},
            "chats": [{"title": title, "messages": count} for title, count in self.chats.items()],
            "first": None if self.first is None else local_iso(self.first),
            "last": None if self.last is None else local_iso(self.last),
            "gaps": [
                {
                    "after": local_iso(gap.after),
                    "before": local_iso(gap.before),
                    "days": (gap.before - gap.after) // 86400,
                }
                for gap in self.gaps
            ],
            "duplicates": self.duplicates,
            "added": self.added,
            "already_there": self.already_there,
            "joined": [{"chat": one.title, "people": one.people} for one in self.joined],
            "unread": [{"line": one.line, "reason": one.reason, "text": one.text} for one in self.unread],
            "unread_total": self.unread_total,
            "warnings": self.warnings,
            "parts": self.parts,
            "media_files": self.media_files,
            "seconds": self.seconds,
        }

    def as_text(self) -> list[str]:
        """The report as lines for people, in their language."""
        return list(_text(self))


def _text(report: ImportReport) -> list[str]:
    said = [
        ngettext(
            "{file}: {count} message from {lines} lines in {seconds:.2f} s",
            "{file}: {count} messages from {lines} lines in {seconds:.2f} s",
            report.messages,
        ).format(file=report.file, count=grouped(report.messages), lines=grouped(report.lines), seconds=report.seconds)
    ]
    for name, label in (
        ("format", _("format")),
        ("locale", _("locale")),
        ("encoding", _("encoding")),
        ("date_order", _("date order")),
    ):
        value, why = getattr(report, name), report.evidence.get(name, "")
        if value:
            said.append(f"  {label}: {value}" + (f" ({why})" if why else ""))
    if report.parts:
        said.append("  " + _("read together with: {parts}").format(parts=", ".join(report.parts)))
    if len(report.chats) > 1:
        said.append("  " + _("chats: {chats}").format(chats=_counts(list(report.chats.items()))))
    if report.kinds:
        kinds = [(kind_name(kind), count) for kind, count in report.kinds.most_common()]
        said.append("  " + _("kinds: {kinds}").format(kinds=_counts(kinds)))
    if report.by_participant:
        people = [(name, report.by_participant[name]) for name in report.participants]
        said.append("  " + _("participants: {people}").format(people=_counts(people)))
    if report.first is not None and report.last is not None:
        said.append("  " + _("from {first} to {last}").format(first=_day(report.first), last=_day(report.last)))
    for gap in report.gaps[:3]:
        days = (gap.before - gap.after) // 86400
        said.append(
            "  "
            + ngettext(
                "silence of {days} day, {after} to {before}", "silence of {days} days, {after} to {before}", days
            ).format(days=days, after=_day(gap.after), before=_day(gap.before))
        )
    if report.duplicates:
        said.append(
            "  "
            + ngettext(
                "{count} message says the same at the same time as another",
                "{count} messages say the same at the same time as another",
                report.duplicates,
            ).format(count=grouped(report.duplicates))
        )
    if report.media_files:
        said.append(
            "  "
            + ngettext(
                "{count} media file in the archive, left there",
                "{count} media files in the archive, left there",
                report.media_files,
            ).format(count=grouped(report.media_files))
        )
    if report.added is not None and report.already_there is not None:
        said.append(
            "  "
            + _("added: {added}; already there: {there}").format(
                added=grouped(report.added), there=grouped(report.already_there)
            )
        )
    for joined in report.joined:
        known = ", ".join(f"{here} = {there}" for here, there in joined.people.items() if here != there)
        said.append(
            "  "
            + _("it tells the chat “{title}”, which was here already").format(title=joined.title)
            + (": " + known if known else "")
        )
    said += ["  " + _("warning: {text}").format(text=warning) for warning in report.warnings]
    if report.unread_total:
        said.append(
            "  "
            + ngettext("{count} line in doubt:", "{count} lines in doubt:", report.unread_total).format(
                count=grouped(report.unread_total)
            )
        )
        for one in report.unread[:_SHOWN]:
            said.append("    " + _("line {line}: {reason}").format(line=one.line, reason=one.reason) + f"  {one.text}")
        if report.unread_total > _SHOWN:
            said.append("    " + _("… and {count} more").format(count=grouped(report.unread_total - _SHOWN)))
    return said


def kind_name(kind: Kind) -> str:
    """A kind of message, in the user's language."""
    return {
        Kind.TEXT: _("text"),
        Kind.MEDIA: _("media"),
        Kind.DELETED: _("deleted"),
        Kind.SYSTEM: _("system"),
        Kind.CALL: _("call"),
        Kind.LOCATION: _("location"),
        Kind.POLL: _("poll"),
    }[kind]


def _counts(pairs: Sequence[tuple[str, int]]) -> str:
    said = ", ".join(f"{name} {grouped(count)}" for name, count in pairs[:_SHOWN])
    return said + ", …" if len(pairs) > _SHOWN else said


def _day(seconds: int) -> str:
    return local_iso(seconds)[:10]


def clipped(text: str) -> str:
    """A line fit to be quoted in a report: short, and on one line."""
    line = " ".join(text[: CLIPPED * 4].split())
    return line if len(line) <= CLIPPED else line[: CLIPPED - 1] + "…"
