"""In which order the dates of a WhatsApp file are written, for each of the exports that it may hold.

In: the surveys of a file's parts. Out: the same parts, cut where another order begins, each with its order and why. An
export tells its order by its own dates. One whose dates tell nothing is read as the others with the same header, if those
agree; else it is asked for, by its lines: nothing is guessed. What the user answers goes for what was asked, and does not
turn round what dates have told. Knows nothing of messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple, cast

from core.language import _
from core.problem import Problem
from core.reading.date_order import Decision, Fields, undecided
from core.reading.encoding import open_utf8
from core.reading.export import Export
from core.reading.whatsapp_borders import DATES, Piece, decide_runs, finer, firm, only_order, pieces_of
from core.reading.whatsapp_header import DateOrder, Shape, day_of, fields_of, header_pattern
from core.reading.whatsapp_survey import HEAD, Buffers, Place, Survey

_PARTS: Final = 200  # stretches of one order: for each of them the file is gone over up to it
_WEIGHTIER: Final = 3  # so many more dates against the user's word than for it refute it
_NAMED: Final = 5  # stretches of lines that a question names

SurveyAgain = Callable[[Survey, Place, "int | None"], Survey]


class Part(NamedTuple):
    """One stretch of a file that is read in one order."""

    found: Survey
    decision: Decision


def in_orders(export: Export, surveys: Sequence[Survey], again: SurveyAgain) -> list[Part]:
    """The parts of a file, each in one order; a Problem where an order must be told by the user."""
    pieces = [piece for found in surveys for piece in pieces_of(found)]
    mixed = {shape for shape, orders in _by_shape(pieces).items() if len(orders) > 1}
    if mixed:
        # Where two orders stand side by side, a neighbour's is no evidence: every chat must tell its own.
        weak = _unsigned(pieces)
        parted = [finer(one, circles=weak, same_people=weak) if one.found.shape in mixed else [one] for one in pieces]
        pieces = [one for within in parted for one in within]
    _settle(export, pieces)
    _warn_of_untold(export, pieces)
    return [
        part
        for found in surveys
        for part in _parts(export, found, [piece for piece in pieces if piece.found is found], again)
    ]


def _unsigned(pieces: Sequence[Piece]) -> bool:
    """Whether an export began without a sign. Where all bear theirs, no other is to be looked for between them."""
    return not all(piece.signed for piece in pieces)


def _by_shape(pieces: Sequence[Piece]) -> dict[Shape, set[DateOrder]]:
    """The orders that exports of each header tell."""
    orders: dict[Shape, set[DateOrder]] = {}
    for piece in pieces:
        told = orders.setdefault(piece.found.shape, set())
        if piece.own is not None and not piece.own.either:
            told.add(piece.own.order)
    return orders


# ── what is decided ─────────────────────────────────────────────────────────────────────────────────────────────────


def _settle(export: Export, pieces: list[Piece]) -> None:
    """Give every piece its order."""
    orders = _by_shape(pieces)
    years_first = {piece.found.shape for piece in pieces if "ymd" in firm([piece])}
    untold: list[Piece] = []
    for piece in pieces:
        here = orders[piece.found.shape]
        if (piece.own is not None and piece.own.either) or (
            piece.own is None and len(pieces) > 1 and not _sample(piece)
        ):
            continue  # any order will do
        if piece.own is not None and not _gainsaid(piece, here, years_first):
            piece.decision = piece.own
        elif piece.own is None and len(here) == 1:
            (order,) = here
            piece.decision = Decision(order, _("as in the other chats of the file"))
        else:
            untold.append(piece)
    if export.options.date_order:
        _as_told(export, pieces, untold, cast("DateOrder", export.options.date_order))
    elif untold:
        raise _question(export, untold, pieces)
    # What has no date of its own, or only such as are the same day in both orders, goes with its neighbour.
    for one, other in (*pairwise(pieces), *pairwise(pieces[::-1])):
        if other.decision is None and one.found is other.found and one.decision is not None:
            other.decision = one.decision if one.decision.order != "ymd" or other.own is None else other.own
    for piece in pieces:
        piece.decision = piece.decision or piece.own or Decision("dmy", _("as in the other chats of the file"))


def _gainsaid(piece: Piece, orders: set[DateOrder], years_first: set[Shape]) -> bool:
    """Whether other exports with this header make doubtful what few dates say."""
    assert piece.own is not None
    if piece.doubtful:
        return bool(orders - {piece.own.order})
    if piece.own.order == "ymd" or piece.distinct >= DATES or piece.found.shape not in years_first:
        return False
    return all(day_of(fields_of(run.date), "ymd") is not None for run in piece.runs)


def _as_told(export: Export, pieces: list[Piece], untold: list[Piece], told: DateOrder) -> None:
    """Read as the user says what would have been asked for; where nothing would, what is not refuted by dates."""
    asked = untold or [
        one for one in pieces if not one.found.shape.year_first and not _refuted(one, told, alone=len(pieces) == 1)
    ]
    if told == "ymd" and any(one.found.shape.year_digits == 4 for one in asked):
        raise Problem(
            _("the year stands last in this file, so the date order cannot be ymd."),
            where=export.source.name,
            advice=_("Use --date-order dmy or --date-order mdy."),
            exit_code=2,
        )
    for piece in asked:
        piece.decision = piece.own = Decision(told, _("as told"), told=True)
    contrary = [
        one
        for one in pieces
        if one.decision is not None and one.decision.order != told and not one.found.shape.year_first
    ]
    if contrary:
        export.report.warn(
            _("--date-order {told} was not used in {lines}: the dates there tell another order ({orders}).").format(
                told=told,
                lines=_lines(export, contrary, pieces),
                orders=", ".join(dict.fromkeys(one.decision.order for one in contrary if one.decision is not None)),
            )
        )


def _warn_of_untold(export: Export, pieces: list[Piece]) -> None:
    """Say what was read in the order that the rest of the file tells."""
    smaller: list[Piece] = []
    weak = _unsigned(pieces)
    for piece in pieces:
        within = finer(piece, circles=weak)
        for one in within:
            one.decision = piece.decision
        smaller += within
    if len(smaller) == 1:
        return
    untold = [
        one
        for one in smaller
        if one.decision is not None
        and not one.decision.told
        and (one.own is None or (not one.own.either and one.own.order != one.decision.order))
        and _sample(one) is not None
    ]
    if untold:
        export.report.warn(
            _(
                "No date in {lines} shows whether the day or the month stands first; read as in the rest of the file. "
                "If that is wrong, import it from a file of its own with --date-order."
            ).format(lines=_lines(export, untold, smaller))
        )


def _refuted(piece: Piece, told: DateOrder, *, alone: bool) -> bool:
    """Whether the dates cannot be read as told, more than a quotation or two of another phone's."""
    if told == "ymd":
        return False
    only = [only_order(run) for run in {run.date: run for run in piece.runs}.values()]
    against = sum(1 for order in only if order not in {None, told})
    return against >= (DATES if alone else 1) and against > _WEIGHTIER * only.count(told)


def _sample(piece: Piece) -> Fields | None:
    """A date that may be two."""
    dates = (fields_of(run.date) for run in piece.runs if run.date[-2:].isdigit())
    return next(
        (one for one in dates if one[0] != one[1] and all(day_of(one, order) is not None for order in ("dmy", "mdy"))),
        None,
    )


def _question(export: Export, untold: list[Piece], pieces: list[Piece]) -> Problem:
    sample = next(filter(None, map(_sample, untold)), None)
    if sample is None:
        one_way = {only_order(run): run.date.decode() for piece in untold for run in piece.runs}
        if "dmy" in one_way and "mdy" in one_way:
            return Problem(
                _("some dates can only be read day first ({one}), as many others only month first ({other}).").format(
                    one=one_way["dmy"], other=one_way["mdy"]
                ),
                where=export.source.name,
                advice=_("Give each export in a file of its own, or say which to read with --date-order."),
            )
        return no_header(export)
    lines = _lines(export, untold, pieces) if len(pieces) > 1 else ""
    return undecided(sample, export.source.name, lines, several=len(untold) > 1)


def no_header(export: Export) -> Problem:
    """Nothing in this file is WhatsApp's."""
    return Problem(
        _("no line begins with a date, a time and a name, as WhatsApp writes them."),
        where=export.source.name,
        advice=_("Export the chat again, or say what it is with --format."),
    )


# ── where it stands ─────────────────────────────────────────────────────────────────────────────────────────────────


def _lines(export: Export, named: list[Piece], pieces: list[Piece]) -> str:
    """These pieces by their lines."""
    told: list[str] = []
    for found, of_it in groupby(named[:_NAMED], lambda one: id(one.found)):
        here = list(of_it)
        survey = here[0].found
        assert id(survey) == found
        all_of_it = [one for one in pieces if one.found is survey]
        starts = [place.line for place in _places(export, survey, [one.first for one in all_of_it])]
        ends = [*starts[1:], survey.place.line + survey.lines]
        for piece, start, end in zip(all_of_it, starts, ends, strict=True):
            if any(piece is one for one in here):
                told.append(f"{start + 1}–{end}" if end > start + 1 else f"{start + 1}")
    if len(named) > _NAMED:
        told.append("…")
    return _("lines {lines}").format(lines=", ".join(told))


def _parts(export: Export, found: Survey, pieces: list[Piece], again: SurveyAgain) -> list[Part]:
    """A survey as it is, or anew for each stretch of one order."""
    stretches: list[list[Piece]] = []
    for piece in pieces:
        assert piece.decision is not None
        last = stretches[-1][0].decision if stretches else None
        if last is not None and last.order == piece.decision.order:
            stretches[-1].append(piece)
        else:
            stretches.append([piece])
    if len(stretches) == 1:
        return [Part(found, _decision(stretches[0]))]
    if len(stretches) > _PARTS:
        raise Problem(
            _("the order of day and month changes more than {limit} times in this file.").format(limit=_PARTS),
            where=export.source.name,
            advice=_("Give each export in a file of its own."),
        )
    places = [found.place, *_places(export, found, [one[0].first for one in stretches[1:]])]
    ends = [*(place.line for place in places[1:]), None]
    if found.next is not None:
        ends[-1] = found.place.line + found.lines
    return [
        Part(again(found, place, None if end is None else end - place.line), _decision(stretch))
        for place, end, stretch in zip(places, ends, stretches, strict=True)
    ]


def _decision(stretch: list[Piece]) -> Decision:
    decisions = [one.decision for one in stretch if one.decision is not None]
    if len(decisions) == 1:
        return decisions[0]
    told = any(one.told for one in decisions)
    whole = decide_runs([run for one in stretch for run in one.runs], stretch[0].found.shape)
    if whole is not None and not told and whole.order == decisions[0].order:
        return whole
    return Decision(decisions[0].order, "; ".join(dict.fromkeys(one.evidence for one in decisions)), told=told)


def _places(export: Export, found: Survey, headers: list[int]) -> list[Place]:
    """Where in the file these headers of the part stand; they are in order."""
    pattern = header_pattern(found.shape)
    places: list[Place] = []
    seen, met = found.place.line, 0
    with open_utf8(export.source, export.encoding) as stream:
        buffers = Buffers(stream, found.place, lines=found.lines, crlf=found.crlf)
        for buffer, last in buffers:
            # As the survey cuts, which counted these headers.
            cut = len(buffer) if last else buffer.rfind(b"\n")
            if cut <= 0 and not last:
                if len(buffer) < HEAD:
                    buffers.keep(buffer)
                    continue
                cut = len(buffer)
            piece = buffer[:cut]
            at, line = 0, seen
            for match in pattern.finditer(piece):
                if len(places) < len(headers) and met == headers[len(places)]:
                    line += piece.count(b"\n", at, match.start() + 1)
                    at = match.start() + 1
                    places.append(buffers.place_of(line - 1))
                met += 1
            if len(places) == len(headers):
                break
            seen += piece.count(b"\n")
            buffers.keep(buffer[cut:])
    return places
