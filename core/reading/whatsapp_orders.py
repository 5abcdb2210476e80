"""Where, in a file of several WhatsApp exports, one begins whose dates are written in the other order.

In: the survey of a part whose headers look alike, so that only their dates can tell two phones apart. Out: the header at
which the other order begins, and the line on which it stands. "25/12/23" and "12/25/23" cannot both be right under one
order: what is wrong under it would become lines of the message before it. Knows nothing of messages.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

from core.reading.encoding import open_utf8
from core.reading.export import Export
from core.reading.whatsapp_header import DateOrder, day_of, fields_of, header_pattern
from core.reading.whatsapp_survey import Buffers, Place, Run, Survey

_DATES: Final = 3  # so many dates in a row tell an export; fewer may stand in a quotation
_DAY: Final = 86400


@dataclass(slots=True)
class _Block:
    """Neighbouring runs of dates that can be read in one order only."""

    order: DateOrder
    first: int  # places among the runs
    last: int
    dates: set[bytes] = field(default_factory=set[bytes])


def border_of_orders(found: Survey) -> int | None:
    """The first header of the export with the other order, if there is one."""
    if found.shape.year_first:
        return None
    blocks = _blocks(found)
    if len(blocks) < 2:
        return None
    before, after = blocks[0], blocks[1]
    if len(blocks) > 2 and _people(found, blocks[2].first, blocks[2].last) <= _people(found, 0, before.last):
        return None  # the same people go on afterwards: somebody pasted what stands between
    sign = _sign_between(found, before, after)
    if sign is not None:
        return sign
    known = _people(found, 0, before.last)
    runs = found.runs
    for place in range(before.last + 1, after.first + 1):
        # Read as the export before: as long as its dates go on, they are its own.
        earlier, day = _day(runs[place - 1], before.order), _day(runs[place], before.order)
        back = earlier is not None and day is not None and day < earlier - _DAY
        if back or not runs[place].names <= known:
            return runs[place].first
    return runs[after.first].first


def _blocks(found: Survey) -> list[_Block]:
    blocks: list[_Block] = []
    for place, run in enumerate(found.runs):
        order = only_order(run)
        if order is None:
            continue
        if not blocks or blocks[-1].order != order:
            blocks.append(_Block(order, place, place))
        blocks[-1].last = place
        blocks[-1].dates.add(run.date)
    told: list[_Block] = []
    for block in blocks:
        if told and told[-1].order == block.order:
            told[-1].last = block.last
            told[-1].dates |= block.dates
        elif len(block.dates) >= _DATES or (told and _sign_between(found, told[-1], block) is not None):
            told.append(block)
    return told


def only_order(run: Run) -> DateOrder | None:
    """The order in which alone this is a date, if there is only one."""
    fields = fields_of(run.date)
    day_first, month_first = day_of(fields, "dmy") is not None, day_of(fields, "mdy") is not None
    if day_first == month_first:
        return None
    return "dmy" if day_first else "mdy"


def _sign_between(found: Survey, before: _Block, after: _Block) -> int | None:
    """The header under which an export's first notice stands, or before which a byte order mark does."""
    runs = found.runs
    signs = sorted(found.notices | found.marked)
    at = bisect_left(signs, runs[before.last].first + 1)
    end = runs[after.first].first + runs[after.first].headers
    return signs[at] if at < len(signs) and signs[at] < end else None


def _people(found: Survey, first: int, last: int) -> frozenset[bytes | None]:
    return frozenset(name for run in found.runs[first : last + 1] for name in run.names)


def _day(run: Run, order: DateOrder) -> int | None:
    return day_of(fields_of(run.date), order)


def place_of_header(export: Export, found: Survey, header: int) -> Place:
    """Where in the file this header of the part stands."""
    pattern = header_pattern(found.shape)
    seen, met = found.place.line, 0
    with open_utf8(export.source, export.encoding) as stream:
        buffers = Buffers(stream, found.place, lines=found.lines, crlf=found.crlf)
        for buffer, last in buffers:
            cut = len(buffer) if last or buffer.rfind(b"\n") <= 0 else buffer.rfind(b"\n")
            piece = buffer[:cut]
            for match in pattern.finditer(piece):
                if met == header:
                    return buffers.place_of(seen + piece.count(b"\n", 0, match.start() + 1) - 1)
                met += 1
            seen += piece.count(b"\n")
            buffers.keep(buffer[cut:])
    return found.place  # cannot be: the survey has counted it
