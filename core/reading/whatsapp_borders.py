"""Where, in a file of several WhatsApp exports, one may end and another begin, as far as their dates are concerned.

In: the survey of a part whose headers look alike. Out: `Piece`s, each with what its own dates say of their order. A piece
begins under an export's first notice, at a byte order mark, where time runs back and other people speak, and where dates
that can be read in one order only give way to others: "25/12/23" and "12/25/23" cannot both be right under one. Which order
a piece is read in is decided elsewhere (`whatsapp_orders`). Knows nothing of messages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final

from core.reading.date_order import Decision, decide
from core.reading.whatsapp_header import DateOrder, Shape, day_of, fields_of
from core.reading.whatsapp_survey import Run, Survey

DATES: Final = 3  # so many dates in a row tell an export; fewer may stand in a quotation
_DAY: Final = 86400
_WEIGHTIER: Final = 3  # so many times further apart are dates of two exports than of one
_ORDERS: Final[dict[int, tuple[DateOrder, ...]]] = {2: ("dmy", "mdy", "ymd"), 4: ("dmy", "mdy")}  # by a year's digits


@dataclass(slots=True)
class Piece:
    """What may be an export of its own: neighbouring dates of a survey, and what they say of their order."""

    found: Survey
    runs: list[Run]
    own: Decision | None
    signed: bool  # whether it begins with an export's first notice or a byte order mark
    decision: Decision | None = None  # how it will be read

    @property
    def first(self) -> int:
        """The header that it begins with."""
        return self.runs[0].first if self.runs else 0

    @property
    def distinct(self) -> int:
        """How many dates it has."""
        return len({run.date for run in self.runs})

    @property
    def doubtful(self) -> bool:
        """Whether what its dates say is a habit seen on two or three days, which another export may gainsay."""
        return self.own is not None and self.own.likely and self.distinct <= DATES


def pieces_of(found: Survey) -> list[Piece]:
    """All pieces of a survey, in file order."""
    if found.shape.year_first or not found.runs:
        return [_piece(found, found.runs)]
    pieces: list[Piece] = []
    for runs in _at_signs_and_falls(found):
        for one in _at_other_orders(runs):
            piece = _piece(found, one)
            # Weak borders count only where what they part cannot be of one order, or tells none but by a step across them.
            within = finer(piece, circles=True, same_people=True)
            circles = finer(piece, circles=not piece.signed)
            if len(firm(within)) > 1:
                pieces += within
            elif len(circles) > 1 and all(circle.own is None for circle in circles):
                pieces += circles
            else:
                pieces.append(piece)
    return pieces


def _piece(found: Survey, runs: list[Run]) -> Piece:
    signed = bool(runs) and (runs[0].first in found.notices or runs[0].first in found.marked)
    return Piece(found, runs, _unquoted(found, runs), signed)


def _unquoted(found: Survey, runs: list[Run]) -> Decision | None:
    """What the dates say, unless one or two that may be a quotation's say it alone and all others the contrary."""
    own = decide_runs(runs, found.shape)
    if own is None or own.either or own.likely:
        return own
    alone = {run.date for run in runs if only_order(run) == own.order}
    if 0 < len(alone) < DATES:
        ordinary = [run for run in runs if only_order(run) is None]
        rest = Piece(found, ordinary, decide_runs(ordinary, found.shape), signed=False)
        if rest.own is not None and rest.own.order != own.order and not rest.own.either and not rest.doubtful:
            return None
    return own


def _at_signs_and_falls(found: Survey) -> list[list[Run]]:
    """Cut where an export's first notice stands or a byte order mark, and where time runs back however it is read and
    other people speak."""
    signs = sorted(found.notices | found.marked)
    runs = found.runs
    if signs:
        runs = [here for run in runs for here in _split_run(run, signs)]
    signed = set(signs)
    forced = {place for place, run in enumerate(runs) if run.first in signed} if signs else set[int]()
    return _cut(runs, forced, _falls(runs, _ORDERS[found.shape.year_digits]))


def _split_run(run: Run, signs: list[int]) -> list[Run]:
    inside = signs[bisect_right(signs, run.first) : bisect_left(signs, run.first + run.headers)]
    if not inside:
        return [run]
    edges = [run.first, *inside, run.first + run.headers]
    return [run._replace(first=first, headers=end - first) for first, end in pairwise(edges)]


def _cut(runs: list[Run], forced: set[int], falls: set[int]) -> list[list[Run]]:
    """Cut at these places; at a fall only if somebody new speaks behind it and somebody else no longer."""
    places = sorted((forced | falls) - {0})
    kept: list[list[Run]] = []
    known: set[bytes] = set()
    for first, end in pairwise([0, *places, len(runs)]):
        stretch = runs[first:end]
        people = _people(stretch) if places else known
        if kept and first not in forced and not (people - known and known - people):
            kept[-1] += stretch
            known |= people
        else:
            kept.append(stretch)
            known = people
    return kept


def _falls(runs: Sequence[Run], orders: Iterable[DateOrder]) -> set[int]:
    """Before which of these dates time runs back in every one of these orders in which both are dates."""
    falls = set[int]()
    left: Iterable[int] = range(1, len(runs))  # of each order only what the one before it has left is looked at
    for order in orders:
        days = [_day(run, order) for run in runs]
        still: list[int] = []
        for place in left:
            one, other = days[place - 1], days[place]
            if one is None or other is None:
                still.append(place)
            elif other < one - _DAY:
                still.append(place)
                falls.add(place)
        left = still
    return falls.intersection(left)


def _step(before: Run, after: Run, order: DateOrder) -> int | None:
    first, second = _day(before, order), _day(after, order)
    return None if first is None or second is None else second - first


def finer(piece: Piece, *, circles: bool, same_people: bool = False) -> list[Piece]:
    """The piece, cut also where time runs back in its own order and other people speak (or whoever does), and where all
    but one person are others."""
    orders = (piece.own.order,) if piece.own is not None else _ORDERS[piece.found.shape.year_digits]
    forced = set(_borders_of_people(piece.runs) if circles else ())
    falls = _falls(piece.runs, orders)
    cut = _cut(piece.runs, forced | falls if same_people else forced, falls)
    return [piece] if len(cut) == 1 else [_piece(piece.found, runs) for runs in cut]


def _borders_of_people(runs: Sequence[Run]) -> list[int]:
    """Where one circle of people ends and another begins, with at most one person (whose phone it is) in both."""
    first: dict[bytes, int] = {}
    last: dict[bytes, int] = {}
    for place, run in enumerate(runs):
        for name in run.names:
            if name is not None:
                first.setdefault(name, place)
                last[name] = place
    if len(first) < DATES:
        return []
    begun, ended = [0] * (len(runs) + 1), [0] * (len(runs) + 1)
    for name, place in first.items():
        begun[place] += 1
        ended[last[name] + 1] += 1
    borders: list[int] = []
    before = gone = 0
    for place in range(len(runs)):
        gone += ended[place]
        both = before - gone  # who spoke before this and goes on
        if place and both <= 1 and before >= 2 and len(first) - gone >= 2:
            borders.append(place)
        before += begun[place]
    return borders


# ── dates that no one order can read ────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Block:
    """Neighbouring dates of which some can be read in one order only, and none in the other only."""

    order: DateOrder
    first: int  # places among the runs, of such dates
    last: int
    headers: int = 0
    dates: set[bytes] = field(default_factory=set[bytes])
    people: set[bytes] = field(default_factory=set[bytes])

    def take(self, more: _Block) -> None:
        """Go on up to the end of that one."""
        self.last = more.last
        self.headers += more.headers
        self.dates |= more.dates
        self.people |= more.people


def _at_other_orders(runs: list[Run]) -> list[list[Run]]:
    strangers = _borders_of_people(runs)
    blocks = _blocks(runs, strangers)
    edges = [0]
    for before, after in pairwise(blocks):
        edges += [edge for edge in _borders_between(runs, before, after, strangers) if edge > edges[-1]]
    return [runs[first:end] for first, end in pairwise([*edges, len(runs)])]


def _blocks(runs: list[Run], strangers: list[int]) -> list[_Block]:
    """Stretches in one order and another; what is pasted between by people who go on afterwards is none."""
    raw: list[_Block] = []
    for place, run in enumerate(runs):
        order = only_order(run)
        if order is not None:
            if not raw or raw[-1].order != order:
                raw.append(_Block(order, place, place))
            raw[-1].take(_Block(order, place, place, run.headers, {run.date}, _people([run])))
    told: list[_Block] = []
    for at, block in enumerate(raw):
        if told and told[-1].order == block.order:
            told[-1].take(block)
            continue
        apart = _any_within(strangers, told[-1].last if told else -1, block.first)
        alone = at + 1 == len(raw) or _any_within(strangers, block.last, raw[at + 1].first)
        if len(block.dates) < DATES and not (block.headers >= DATES and apart and alone):
            continue
        if len(told) >= 2 and block.people <= told[-2].people:
            told.pop()  # pasted
            told[-1].take(block)
        else:
            told.append(block)
    return told


def _any_within(places: list[int], after: int, upto: int) -> bool:
    return bisect_right(places, upto) > bisect_right(places, after)


def only_order(run: Run) -> DateOrder | None:
    """The order in which alone this is a date, if there is only one."""
    day_first, month_first = _day(run, "dmy") is not None, _day(run, "mdy") is not None
    if day_first == month_first:
        return None
    return "dmy" if day_first else "mdy"


def _borders_between(runs: list[Run], before: _Block, after: _Block, strangers: list[int]) -> list[int]:
    """Where the export of the second block begins: one place, or two with what may be of either between them."""
    low, high = before.last + 1, after.first
    apart = strangers[bisect_left(strangers, low) : bisect_right(strangers, high)]
    if len(apart) == 1:
        return apart
    new = next((at for at in range(low, high) if _people([runs[at]]) - before.people), high)
    gone = next((at for at in range(high - 1, low - 1, -1) if _people([runs[at]]) - after.people), low - 1)
    if gone >= new:
        return [new, gone + 1]  # people of neither speak between them
    # Read as the export before, its dates go on; read as the one behind, they come up to its own.
    lengths = _lengths(runs[before.last : high], before.order)
    backwards = _lengths(runs[low : high + 1], after.order, backwards=True)
    possible: dict[int, int] = {}  # places to how far apart the dates would be in all
    for place in range(gone + 1, new + 1):
        one, other = lengths[place - low], backwards[high - place]
        if one is not None and other is not None:
            possible[place] = one + other
    if not possible:
        return [new]
    near = [place for place, length in possible.items() if length <= _WEIGHTIER * (min(possible.values()) + _DAY)]
    return sorted({near[0], near[-1]})


def _lengths(runs: list[Run], order: DateOrder, *, backwards: bool = False) -> list[int | None]:
    """How far it is in all from the first of these dates to each (or from each to the last, that one first); None where
    one runs back or is no date."""
    lengths: list[int | None] = [0]
    for one, other in pairwise(runs[::-1] if backwards else runs):
        step = _step(other, one, order) if backwards else _step(one, other, order)
        so_far = lengths[-1]
        lengths.append(None if so_far is None or step is None or step < -_DAY else so_far + max(0, step))
    return lengths


def _people(runs: Iterable[Run]) -> set[bytes]:
    return {name for run in runs for name in run.names if name is not None}


@lru_cache(maxsize=1 << 16)
def _day_of(date: bytes, order: DateOrder) -> int | None:
    return day_of(fields_of(date), order)


def _day(run: Run, order: DateOrder) -> int | None:
    return _day_of(run.date, order)


def decide_runs(runs: Sequence[Run], shape: Shape) -> Decision | None:
    """What these dates alone say of their order."""
    two_digits = shape.year_digits == 2
    decision = decide([fields_of(run.date) for run in runs], year_first=shape.year_first, two_digits=two_digits)
    if two_digits and not shape.year_first and (decision is None or decision.order != "ymd"):
        # No year stands last in "23/5/2": unless that is how all are read, it is no date.
        dates = [fields_of(run.date) for run in runs if run.date[-2:].isdigit()]
        decision = decide(dates, year_first=False, two_digits=True)
    return decision


def firm(pieces: Iterable[Piece]) -> set[DateOrder]:
    """The orders that these tell beyond doubt."""
    return {one.own.order for one in pieces if one.own is not None and not one.own.either and not one.doubtful}
