"""The header of a WhatsApp line: what shapes there are, and one anchored pattern for the shape that a file has.

In: the first bytes of an export (UTF-8). Out: a `Shape`, and patterns compiled for it alone: a general pattern costs
three times as much a line, and would take a quoted header of another shape for a message. Patterns begin with the
newline before the header, because a literal first byte lets `re` skip ahead; `^` is tried at every byte. Knows
nothing of authors, sections or phrases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Literal

_EPOCH: Final = date(1970, 1, 1).toordinal()
DateOrder = Literal["dmy", "mdy", "ymd"]

_MARK: Final = rb"(?:\xe2\x80[\x8b\x8e\x8f\xaa-\xae]|\xe2\x81[\xa0\xa6-\xa9]|\xef\xbb\xbf)"
# The plain space first and the rare ones nested: three alternatives fewer to look at for each header.
_SPACE: Final = rb"(?: |(?:\xc2\xa0|\xe2\x80[\x87\x89\xaf]|\xe3\x80\x80))"
_AMPM: Final = rb"[AaPp]\.?" + _SPACE + rb"?[Mm]\.?"
_BEFORE: Final = "上午|下午|午前|午後|오전|오후".encode()
_FILLER: Final = "um|klo|kl\\.|kl|a las|à|às|alle ore|alle|at".encode()
_YEAR_WORDS: Final = {"年".encode(): ("月".encode(), "日".encode()), "년".encode(): ("월".encode(), "일".encode())}

_DIGITS_DATE: Final = (
    rb"(?P<d1>\d{1,4})(?:(?P<sep>[/.\-])(?P<gap>" + _SPACE + rb"?)(?P<d2>\d{1,2})(?P=sep)(?P=gap)(?P<d3>\d{1,4})|"
)
_WORDS_DATE: Final = (
    rb"(?P<word>" + "年|년".encode() + rb")(?P<wgap>" + _SPACE + rb"?)\d{1,2}(?:"
    + "月|월".encode() + rb")(?P=wgap)\d{1,2}(?:" + "日|일".encode() + rb"))"
)  # fmt: skip
_GENERAL: Final = re.compile(
    rb"\n" + _MARK + rb"{0,8}(?P<open>\[)?" + _MARK + rb"{0,2}(?P<date>" + _DIGITS_DATE + _WORDS_DATE + rb")"
    rb"(?P<dot>\.?)(?P<comma>,?)" + _SPACE + rb"(?P<wide>" + _SPACE + rb"?" + _MARK + rb"{0,2})"
    rb"(?:(?P<filler>" + _FILLER + rb")" + _SPACE + rb")?"
    rb"(?P<time>(?:(?P<before>" + _BEFORE + rb")" + _SPACE + rb"?)?"
    rb"\d{1,2}(?P<colon>[:.])\d\d(?P<seconds>(?P=colon)\d\d)?(?P<after>" + _SPACE + rb"?" + _AMPM + rb")?)"
    rb"(?(open)" + _MARK + rb"{0,2}\]|(?:" + _SPACE + rb"(?P<dash>-|\xe2\x80\x93)" + _SPACE + rb"|(?P<tail>, )))"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """How every header of one export is written."""

    bracket: bool
    separator: bytes  # between the fields of the date; 年 or 년 when it is written in words
    gap: bool  # a space after the separator
    year_first: bool
    year_digits: int
    dot: bool  # after the date
    comma: bool
    wide: bool  # more than one space, or marks, before the time
    filler: bytes
    before: bool  # 下午 2:05
    colon: bytes
    seconds: bool
    after: bool  # 2:05 PM
    tail: bytes  # between time and name, outside brackets

    def sample(self) -> str:
        """The shape in letters, for the report."""
        year = "Y" * self.year_digits
        separator = self.separator.decode() + (" " if self.gap else "")
        if self.separator in _YEAR_WORDS:
            month, day = _YEAR_WORDS[self.separator]
            date = f"{year}{separator}#{month.decode()}{' ' * self.gap}#{day.decode()}"
        else:
            date = separator.join([year, "#", "#"] if self.year_first else ["#", "#", year])
        colon = self.colon.decode()
        time = f"HH{colon}MM" + (f"{colon}SS" if self.seconds else "")
        if self.after or self.before:
            time = f"{'AM ' if self.before else ''}{time}{' AM' if self.after else ''}"
        said = f"{date}{'.' * self.dot}{',' * self.comma} {self.filler.decode() + ' ' if self.filler else ''}{time}"
        return f"[{said}] NAME: TEXT" if self.bracket else f"{said}{self.tail.decode()}NAME: TEXT"


_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


@lru_cache(maxsize=4096)
def _shape_of(header: bytes) -> Shape | None:
    """The shape of a header that `_GENERAL` matched, whose digits are all zero: a file has few of those."""
    match = _GENERAL.fullmatch(header)
    assert match is not None
    first, last = match["d1"], match["d3"] or b""
    word = match["word"] or b""
    year_first = bool(word) or len(first) > 2
    digits = len(first) if year_first else len(last)
    if len(first) == 2 and len(last) == 1:
        digits = 2  # "23/5/2": the year may be the first of two digits, and the day has no zero before it
    if digits not in (2, 4) or (year_first and len(last) > 2) or len(first) == 3:
        return None
    return Shape(
        bracket=bool(match["open"]),
        separator=word or match["sep"],
        gap=bool(match["wgap"] if word else match["gap"]),
        year_first=year_first,
        year_digits=digits,
        dot=bool(match["dot"]),
        comma=bool(match["comma"]),
        wide=bool(match["wide"]),
        filler=match["filler"] or b"",
        before=bool(match["before"]),
        colon=match["colon"],
        seconds=bool(match["seconds"]),
        after=bool(match["after"]),
        tail=b"" if match["open"] else (b", " if match["tail"] else b" - "),
    )


def has_header(data: bytes) -> bool:
    """Whether a line in here looks like a header of any shape."""
    return _GENERAL.search(data) is not None


def headers_in(data: bytes) -> Iterable[tuple[int, int, Shape]]:
    """Everything that looks like a header of any shape: where its newline stands, where it ends, its shape."""
    for match in _GENERAL.finditer(data):
        shape = _shape_of(match[0].translate(_DIGITS))
        if shape:
            yield match.start(), match.end(), shape


def _date_pattern(shape: Shape, order: DateOrder | None, *, strict: bool) -> bytes:
    space = _SPACE if shape.gap else b""
    separator = re.escape(shape.separator) + space
    year = rb"(?:19[7-9]|20\d)\d" if shape.year_digits == 4 else rb"\d\d"
    if order is None and shape.separator not in _YEAR_WORDS:
        field = rb"\d{1,2}"
        if shape.year_digits == 2 and not shape.year_first:
            year = field  # it may stand first, and the day last
        return separator.join([year, field, field] if shape.year_first else [field, field, year])
    day, month = rb"(?:3[01]|[12]\d|0?[1-9])", rb"(?:1[0-2]|0?[1-9])"
    if shape.separator in _YEAR_WORDS:
        month_word, day_word = _YEAR_WORDS[shape.separator]
        return year + separator + month + month_word + space + day + day_word
    assert order is not None
    fields = {"d": day, "m": month, "y": year}
    plain = separator.join(fields[letter] for letter in order)
    if not strict:
        return plain
    # Days that the calendar does not have. Only compiled in when the file holds one: it costs 8 % a header.
    leap = rb"(?:[02468][048]|[13579][26])"
    impossible = [(rb"31", rb"(?:0?[2469]|11)"), (rb"30", rb"0?2"), (rb"29", rb"0?2")]
    refused: list[bytes] = []
    for one_day, one_month in impossible:
        this_year = year
        if one_day == b"29":
            this_year = (rb"(?:19|20)" if shape.year_digits == 4 else b"") + rb"(?!" + leap + rb")\d\d"
        parts = {"d": one_day, "m": one_month, "y": this_year}
        refused.append(separator.join(parts[letter] for letter in order) + rb"(?!\d)")
    return rb"(?!" + rb"|".join(refused) + rb")" + plain


@lru_cache(maxsize=64)
def header_pattern(shape: Shape, order: DateOrder | None = None, *, strict: bool = False) -> re.Pattern[bytes]:
    """A pattern for headers of this shape alone; groups: date, time, name (None when nobody speaks).

    Without an order any date is let through (for looking at a file before the order is known), with one only dates that
    the calendar may have: an impossible date is not a header, so its line continues the message before it.
    """
    hour = rb"(?:1[0-2]|0?\d)" if shape.after or shape.before else rb"(?:2[0-3]|[01]?\d)"
    colon = re.escape(shape.colon)
    time = hour + colon + rb"[0-5]\d" + (colon + rb"[0-5]\d" if shape.seconds else b"")
    if shape.before:
        time = rb"(?:" + _BEFORE + rb")" + _SPACE + rb"?" + time
    if shape.after:
        time += _SPACE + rb"?" + _AMPM
    name = rb"(?:([^:\n]{1,400}): )?"
    end = _MARK + rb"{0,2}\]" + _SPACE + rb"?" if shape.bracket else {
        b" - ": _SPACE + rb"(?:-|\xe2\x80\x93)" + _SPACE, b", ": rb", "
    }[shape.tail]  # fmt: skip
    return re.compile(
        # Marks are rare: the lookahead spares most headers a repeat, which costs a third of the match.
        rb"\n(?:(?=[\d\[])|"
        + _MARK
        + rb"+)"
        + (rb"\[(?:(?=\d)|" + _MARK + rb"+)" if shape.bracket else b"")
        + rb"("
        + _date_pattern(shape, order, strict=strict)
        + rb")"
        + (rb"\." if shape.dot else b"")
        + (rb"," if shape.comma else b"")
        + _SPACE
        + (_SPACE + rb"?" + _MARK + rb"{0,2}" if shape.wide else b"")
        + (re.escape(shape.filler) + _SPACE if shape.filler else b"")
        + rb"("
        + time
        + rb")"
        + end
        + name
    )


_NUMBERS: Final = re.compile(rb"\d+")


def fields_of(date: bytes) -> tuple[int, int, int]:
    """The three numbers of a date, in the order in which they stand."""
    first, second, third = _NUMBERS.findall(date)
    return int(first), int(second), int(third)


def day_of(fields: tuple[int, int, int], order: DateOrder) -> int | None:
    """Seconds of that day's midnight, or None when the calendar has no such day."""
    first, second, third = fields
    day, month, year = (first, second, third) if order == "dmy" else (second, first, third)
    if order == "ymd":
        year, month, day = fields
    if year < 100:
        year += 2000
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1970 <= year <= 2099):
        return None
    try:
        return (date(year, month, day).toordinal() - _EPOCH) * 86400
    except ValueError:
        return None


_AFTERNOON: Final = tuple(word.encode() for word in ("下午", "午後", "오후", "p", "P"))
_MORNING: Final = tuple(word.encode() for word in ("上午", "午前", "오전", "a", "A"))


class Clock(dict[bytes, int]):
    """Seconds since midnight of a time as it is written; each way of writing one is worked out once."""

    def __missing__(self, token: bytes) -> int:
        hour, minute, *rest = (int(number) for number in _NUMBERS.findall(token))
        if not (token[:1].isdigit() and token[-1:].isdigit()):
            word = _NUMBERS.sub(b"", token)
            if any(mark in word for mark in _AFTERNOON):
                hour = hour % 12 + 12
            elif any(mark in word for mark in _MORNING):
                hour %= 12  # twelve at night is 0
        seconds = hour * 3600 + minute * 60 + (rest[0] if rest else 0)
        self[token] = seconds
        return seconds


class Calendar(dict[bytes, int]):
    """Midnight of a date as it is written, under one order; each date is worked out once."""

    def __init__(self, order: DateOrder) -> None:
        self._order: DateOrder = order

    def __missing__(self, token: bytes) -> int:
        day = day_of(fields_of(token), self._order)
        if day is None:
            raise KeyError(token)  # cannot be: the pattern lets no impossible date through
        self[token] = day
        return day
