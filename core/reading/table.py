"""Tables of talk: the two-actor CSV, `prompt,completion`, and `speaker,text[,time]`; as CSV or as an Excel sheet.

In: an `Export`. Out: batches. In a two-actor table the header names two people and every row holds what each said (an
empty cell: that one was silent); a row whose first cell is `###` ends a conversation. Such messages have no times: they
carry their order and the mark for it. A row that does not fit is reported by its line and left out.

Records are put together here and not by `csv.reader`: it would take everything after one quotation mark that is never
closed for a single cell. Knows nothing of what the words mean.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from typing import Final, TextIO, cast

from core.chat import Chat, Kind, Mark, Message
from core.language import _
from core.problem import Problem
from core.reading import sheet
from core.reading.date_order import decide, undecided
from core.reading.document import clock_seconds
from core.reading.encoding import open_text
from core.reading.export import BATCH, Batch, Export
from core.reading.source import name_of
from core.reading.whatsapp_header import DateOrder, day_of

DELIMITERS: Final = (";", ",", "\t", "|")
_END: Final = "###"
_CELL: Final = 256 << 10  # characters; a longer cell is a quotation mark that was never closed
_LINES: Final = 500
_SAMPLE: Final = 200
_SPEAKERS: Final = {"speaker", "author", "name", "sender", "from", "autor", "nombre", "remitente", "quien", "quién"}
_TEXTS: Final = {"text", "message", "content", "texto", "mensaje", "contenido", "body"}
_TIMES: Final = {"time", "date", "datetime", "timestamp", "sent_at", "fecha", "hora", "fecha_hora"}
_WRITTEN: Final = re.compile(
    r"\s*(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})(?:[ ,T]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*([ap]\.?\s?m\.?)?)?\s*",
    re.I,
)

Row = tuple[int, list[str]]  # line, cells


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is laid out."""

    kind: str  # "csv", "prompt-completion", "speakers"
    header: list[str]
    delimiter: str = ";"


# ── finding out what it is ──────────────────────────────────────────────────────────────────────────────────────


def find_table(text: str) -> Table | None:
    """The layout of a CSV by its beginning: the delimiter under which most rows have as many cells as the header."""
    best: tuple[float, Table] | None = None
    for delimiter in DELIMITERS:
        rows = [cells for _line, cells in islice(records(text.splitlines(keepends=True), delimiter), _SAMPLE)]
        rows = [cells for cells in rows if any(cell.strip() for cell in cells)]
        if not rows:
            continue
        header = [cell.strip() for cell in rows[0]]
        table = _layout(header, delimiter)
        if table is None:
            continue
        fitting = sum(1 for cells in rows[1:] if len(cells) == len(header) or _is_end(cells))
        score = fitting / max(1, len(rows) - 1)
        if best is None or score > best[0]:  # of two as good the earlier, so `;`
            best = score, table
    return best[1] if best and best[0] >= 0.5 else None


def _layout(header: Sequence[str], delimiter: str) -> Table | None:
    names = [name.casefold() for name in header]
    if len(names) not in {2, 3} or not all(names):
        return None
    if names == ["prompt", "completion"]:
        return Table("prompt-completion", list(header), delimiter)
    if any(name in _SPEAKERS for name in names) and any(name in _TEXTS for name in names):
        return Table("speakers", list(header), delimiter)
    return Table("csv", list(header), delimiter) if len(names) == 2 and names[0] != names[1] else None


def _no_table(text: str) -> str:
    """Why a text is no table of ours."""
    tables = [list(islice(records(text.splitlines(keepends=True), one), _SAMPLE)) for one in DELIMITERS]
    filled = ([row for row in of_it if any(row[1])] or [(1, [""])] for of_it in tables)
    rows = max(filled, key=lambda of_it: len(of_it[0][1]))
    line, header = rows[0]
    names = [name.strip().casefold() for name in header]
    if len(names) == 2 and (not all(names) or names[0] == names[1]):
        return _("line {line}: the header must name two people, not the same twice.").format(line=line)
    if len(names) == 2 and len(rows) == 1:
        return _("line {line}: no row follows the header.").format(line=line)
    odd = next((row for row in rows if len(row[1]) != 2 and not _is_end(row[1])), None)
    if len(names) == 2 and odd is not None:
        return _(
            "line {line}: the header has 2 columns, this row {count}, and most rows are not as the header."
        ).format(line=odd[0], count=len(odd[1]))
    return _("line {line}: a table of talk has two columns (or speaker, text, time); this has {count}.").format(
        line=line, count=len(header)
    )


def _is_end(cells: Sequence[str]) -> bool:
    return bool(cells) and cells[0].strip() == _END


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────


def records(
    lines: Iterator[str] | Sequence[str], delimiter: str, unclosed: Callable[[int, str], None] | None = None
) -> Iterator[Row]:
    """CSV records with the line that each begins on. A quotation mark that is never closed is an ordinary one."""
    source = iter(lines)
    waiting: list[str] = []  # lines that were looked at and given back
    number = 0
    while True:
        line = waiting.pop() if waiting else next(source, None)
        if line is None:
            return
        number += 1
        if not _leaves_open(line, delimiter):
            yield number, _cells(line, delimiter)
            continue
        taken = [line]
        size = len(line)
        closed = False
        while len(taken) < _LINES and size < _CELL and not closed:
            more = waiting.pop() if waiting else next(source, None)
            if more is None:
                break
            taken.append(more)
            size += len(more)
            closed = _closes(more, delimiter)
        if closed:
            yield number, _cells("".join(taken), delimiter)
            number += len(taken) - 1
            continue
        waiting += reversed(taken[1:])
        if unclosed is not None:
            unclosed(number, line)
        yield number, line.rstrip("\r\n").split(delimiter)


def _cells(record: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([record], delimiter=delimiter), list[str]())
    except csv.Error:  # a cell longer than the module allows, or a stray CR
        return record.rstrip("\r\n").split(delimiter)


def _leaves_open(line: str, delimiter: str) -> bool:
    """Whether a cell that began with a quotation mark goes on in the next line."""
    if '"' not in line:
        return False
    at = 0
    while True:
        if line.startswith('"', at):
            end = _closing(line, at + 1)
            if end < 0:
                return True
            at = end
        at = line.find(delimiter, at)
        if at < 0:
            return False
        at += 1


def _closes(line: str, delimiter: str) -> bool:
    end = _closing(line, 0)
    if end < 0:
        return False
    following = line.find(delimiter, end)
    return following < 0 or not _leaves_open(line[following + 1 :], delimiter)


def _closing(line: str, at: int) -> int:
    """Behind the quotation mark that closes a cell; two in a row are one that belongs to it."""
    while True:
        at = line.find('"', at)
        if at < 0:
            return -1
        if not line.startswith('"', at + 1):
            return at + 1
        at += 2


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────


def read(export: Export) -> Iterator[Batch]:
    """All messages of a CSV."""
    with open_text(export.source, export.encoding) as text:
        table = find_table(text.read(1 << 16))
    if table is None:
        raise not_a_table(export)
    export.report.evidence["format"] = _("columns {names}, delimiter {delimiter}").format(
        names=", ".join(table.header), delimiter=repr(table.delimiter)
    )
    yield from _read(export, table, lambda quiet: _csv_rows(export, table, quiet))


def not_a_table(export: Export) -> Problem:
    """A CSV with one column, or five, or two that are no table."""
    with open_text(export.source, export.encoding) as text:
        head = text.read(1 << 16)
    return Problem(
        _no_table(head),
        where=export.source.name,
        advice=_("See docs/reading.md for the tables that can be read."),
    )


def _csv_rows(export: Export, table: Table, quiet: bool) -> Iterator[Row]:
    def unclosed(line: int, text: str) -> None:
        if not quiet:
            export.report.not_read(line, _("a quotation mark that is never closed; taken as an ordinary one"), text)

    done = last = 0
    with open_text(export.source, export.encoding) as text:
        lines = cast("TextIO", text)
        for line, cells in records(lines, table.delimiter, unclosed):
            yield line, cells
            done += sum(map(len, cells)) + len(cells)
            last = line
            if line % BATCH == 0:
                export.tick(done)
    if not quiet:
        export.report.lines = max(export.report.lines, last)


def read_workbook(export: Export) -> Iterator[Batch]:
    """All messages of the first sheet of an Excel file."""
    if find_spec("python_calamine") is None:
        raise Problem(
            _("reading Excel files needs the package python-calamine."),
            where=export.source.name,
            advice=_("Install it, or save the sheet as CSV."),
        )
    yield from read_sheet(export, _decoded(export))


def _decoded(export: Export) -> list[Row]:
    command = [sys.executable, "-P", sheet.__file__, str(export.source.path.resolve())]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as decoder:
        assert decoder.stdout is not None
        try:
            first = int(decoder.stdout.readline() or 0)
            rows = [(number, cast("list[str]", json.loads(line))) for number, line in enumerate(decoder.stdout, first)]
        except ValueError:
            rows, first = [], 0  # it was ended in the middle of a line
        except BaseException:  # Ctrl-C: it must not go on for nobody
            decoder.kill()
            raise
    if decoder.returncode or not first:
        raise Problem(
            _("the Excel file is damaged, locked or too large."),
            where=export.source.name,
            advice=_("Save the sheet as CSV."),
        )
    return rows


def read_sheet(export: Export, rows: list[Row]) -> Iterator[Batch]:
    """All messages of these rows of cells."""
    table = _layout([cell.strip() for cell in rows[0][1]], "") if rows else None
    if table is None:
        raise Problem(
            _("line {line}: a table of talk has two columns (or speaker, text, time); this has {count}.").format(
                line=1, count=len(rows[0][1]) if rows else 0
            ),
            where=export.source.name,
            advice=_("See docs/reading.md for the tables that can be read."),
        )
    export.report.lines = rows[-1][0]
    yield from _read(export, table, lambda _quiet: iter(rows))


def _read(export: Export, table: Table, rows: Callable[[bool], Iterator[Row]]) -> Iterator[Batch]:
    chat = Chat(name_of(export.source.path).rsplit(".", 1)[0], "csv", "")
    for name in table.header:
        if table.kind == "csv" and (": " in name or name.strip() == _END):
            raise Problem(
                _("line 1: the name of an actor cannot hold “: ” or be “###”."),
                where=export.source.name,
                advice=_("Change the header."),
            )
    reader = _speakers if table.kind == "speakers" else _two_actors
    messages: list[Message] = []
    for message in reader(export, table, rows):
        messages.append(message)
        if len(messages) >= BATCH:
            yield Batch(chat, messages)
            messages = []
    yield Batch(chat, messages)


def _body(export: Export, table: Table, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows below the header that fit; `###` rows too."""
    started = False
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if not started:
            started = True
            continue
        # Some programs write a delimiter too many at the end of every line.
        while len(cells) > len(table.header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(table.header) and not _is_end(cells):
            if len(cells) == 2 and table.kind == "speakers":
                yield line, [*cells, ""]
                continue
            reason = _("{count} cells where the header has {wanted}").format(count=len(cells), wanted=len(table.header))
            export.report.not_read(line, reason, table.delimiter.join(cells))
            continue
        yield line, cells


def _two_actors(export: Export, table: Table, rows: Callable[[bool], Iterator[Row]]) -> Iterator[Message]:
    order = 0
    starts = True
    every_row = table.kind == "prompt-completion"
    for line, cells in _body(export, table, rows(False)):
        if _is_end(cells):
            starts = True
            continue
        starts = starts or every_row
        for name, cell in zip(table.header, cells, strict=True):
            if _END in cell:
                export.report.not_read(line, _("“###” inside a cell; kept as text"), cell)
            if cell:
                marks = Mark.UNTIMED | (Mark.STARTS if starts else 0)
                yield Message(name, order, Kind.TEXT, cell, marks, line)
                order += 1
                starts = False


def _speakers(export: Export, table: Table, rows: Callable[[bool], Iterator[Row]]) -> Iterator[Message]:
    names = [name.casefold() for name in table.header]
    who = next(place for place, name in enumerate(names) if name in _SPEAKERS)
    what = next(place for place, name in enumerate(names) if name in _TEXTS and place != who)
    when = next((place for place in range(len(names)) if place not in {who, what}), None)
    if when is not None and names[when] not in _TIMES:
        raise Problem(
            _("line 1: the column “{name}” is none of speaker, text and time.").format(name=table.header[when]),
            where=export.source.name,
            advice=_("Rename it to time, or take it out."),
        )
    order = _order_of_dates(export, table, rows, when) if when is not None else "dmy"
    count = 0
    starts = True
    for line, cells in _body(export, table, rows(False)):
        if _is_end(cells):
            starts = True
            continue
        sent_at = None if when is None else _seconds(cells[when], order)
        if when is not None and sent_at is None:
            export.report.not_read(line, _("no time that can be read"), cells[when])
            continue
        marks = (Mark.STARTS if starts else 0) | (Mark.UNTIMED if when is None else 0)
        yield Message(cells[who].strip(), count if sent_at is None else sent_at, Kind.TEXT, cells[what], marks, line)
        count += 1
        starts = False


def _order_of_dates(export: Export, table: Table, rows: Callable[[bool], Iterator[Row]], when: int) -> DateOrder:
    if export.options.date_order:
        export.report.decided("date_order", export.options.date_order, _("as told"))
        return cast("DateOrder", export.options.date_order)
    dates: list[tuple[int, int, int]] = []
    first = True
    two_digits = True
    for _line, cells in rows(True):
        if first or len(cells) <= when:
            first = False
            continue
        match = _WRITTEN.fullmatch(cells[when])
        if match and len(match[1]) <= 2:
            two_digits = two_digits and len(match[3]) <= 2
            written = (int(match[1]), int(match[2]), int(match[3]))
            if not dates or dates[-1] != written:
                dates.append(written)
    if not dates:
        return "ymd"
    decision = decide(dates, year_first=False, two_digits=two_digits)
    if decision is None:
        sample = next((one for one in dates if one[0] != one[1] and day_of(one, "dmy") is not None), dates[0])
        raise undecided(sample, export.source.name)
    export.report.decided("date_order", decision.order, decision.evidence)
    return decision.order


def _seconds(cell: str, order: DateOrder) -> int | None:
    iso = clock_seconds(cell.strip())
    if iso is not None:
        return iso
    match = _WRITTEN.fullmatch(cell)
    if match is None:
        return None
    fields = (int(match[1]), int(match[2]), int(match[3]))
    day = day_of(fields, "ymd" if len(match[1]) == 4 else order)
    hour, minute, second = (int(match[place] or 0) for place in (4, 5, 6))
    if match[7]:
        hour = hour % 12 + (12 if match[7][0] in "pP" else 0)
    if day is None or hour > 23 or minute > 59 or second > 59:
        return None
    return day + hour * 3600 + minute * 60 + second
