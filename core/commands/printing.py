"""How commands print: data on standard output, talk on standard error, nothing raw on a terminal.

Text that came from chats, files or servers passes `core.safe_text`; JSON stays exact, since what a terminal could
take for a command is written there as an escape (`\\u009b`).
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import Any, Final

from core.language import grouped
from core.safe_text import shown, shown_in_line

# json.dumps escapes C0; C1, DEL, bidi and other format controls, separators and lone surrogates it lets through.
_UNSHOWABLE: Final = re.compile(
    "[\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0001-\U000e007f]"
)


def talk(text: str) -> None:
    """Say something to the person, on standard error."""
    sys.stderr.write(shown(text) + "\n")
    sys.stderr.flush()


def data(text: str) -> None:
    """Print a line of data for people, on standard output."""
    sys.stdout.write(shown(text) + "\n")


def json_line(value: object) -> None:
    """Print one JSON object on a line of its own."""
    sys.stdout.write(json_text(value) + "\n")


def json_text(value: object) -> str:
    """JSON that is exact for programs and harmless on a terminal."""
    return _UNSHOWABLE.sub(_escaped, json.dumps(value, ensure_ascii=False, default=_plain))


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def _plain(value: object) -> object:
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
            if not field.name.startswith("_")
        }
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """Print rows in columns; the last column is never padded, so that wide characters cannot bend the rest."""
    cells = [[shown_in_line(str(cell)) for cell in row] for row in rows]
    widths = [max([cells_wide(heading), *(cells_wide(row[n]) for row in cells)]) for n, heading in enumerate(headings)]
    for row in [list(headings), *cells]:
        parts = [
            cell if n == len(row) - 1 and n not in right else _padded(cell, widths[n], n in right)
            for n, cell in enumerate(row)
        ]
        sys.stdout.write("  ".join(parts).rstrip() + "\n")


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - cells_wide(cell))
    return space + cell if right else cell + space


def cells_wide(text: str) -> int:
    """How many terminal cells a text takes, near enough to align columns."""
    if text.isascii():
        return len(text)
    return sum(_cells(one) for one in text)


def _cells(one: str) -> int:
    if unicodedata.combining(one) or one in "\u200d\ufe0f\ufe0e":
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def bars(title: str, rows: Sequence[tuple[str, int]], *, width: int = 40) -> None:
    """Print a bar chart: label, bar, value. Labels are padded by the cells that they take."""
    data("")
    data(title)
    rows = [(shown_in_line(label, limit=30), value) for label, value in rows]
    most = max((value for _label, value in rows), default=0)
    room = max((cells_wide(label) for label, _value in rows), default=0)
    for label, value in rows:
        eighths = round(8 * width * value / most) if most > 0 else 0
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        data(f"  {_padded(label, room, False)}  {bar}{' ' * bool(bar)}{number(value)}")


def highlighted(pieces: Iterable[tuple[str, bool]]) -> None:
    """Print text with parts of it in another colour; where there are no colours, between ⟦ and ⟧."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    before, after = ("\x1b[1;32m", "\x1b[0m") if coloured else ("⟦", "⟧")
    told: list[str] = []
    for marked, group in groupby(pieces, key=lambda piece: piece[1]):
        text = shown("".join(piece[0] for piece in group))
        told.append(f"{before}{text}{after}" if marked else text)
    sys.stdout.write("".join(told).rstrip("\n") + "\n")


def number(value: int) -> str:
    """A count as people read it, in what the output can hold."""
    said = grouped(value)
    return said if _utf8_out() else said.replace("\u00a0", " ")


def _utf8_out() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask on the terminal; `--yes` answers. Without a terminal the answer is no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(shown(question) + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "s", "sí", "si")


def typed(question: str, word: str, *, yes: bool) -> bool:
    """Ask for a name to be typed before something is gone for good; `--yes` answers. Without a terminal it is a no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(shown(question) + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == word


class Progress:
    """One line on standard error that says how far long work has come; silent when nobody is watching."""

    def __init__(self, what: str) -> None:
        import time

        self._what = shown_in_line(what)
        self._clock = time.monotonic
        self._began = self._clock()
        self._last = 0.0
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def at(self, done: float, total: float, note: str = "") -> None:
        now = self._clock()
        if not self._shown or (now - self._last < 0.1 and done < total):
            return
        self._last = now
        share = done / total if total else 0.0
        left = (now - self._began) / share * (1 - share) if share > 0.01 else None
        eta = f" · {duration(left)}" if left is not None and done < total else ""
        sys.stderr.write(f"\r\x1b[K{self._what} {share:4.0%}{eta} {shown_in_line(note)}")
        sys.stderr.flush()

    def say(self, text: str) -> None:
        """How it goes where nobody knows how much there is to do."""
        now = self._clock()
        if self._shown and now - self._last >= 0.5:
            self._last = now
            sys.stderr.write(f"\r\x1b[K{shown_in_line(text)}")
            sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """3725 -> 1 h 02 min; 42 -> 42 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def emit(context_json: bool, value: dict[str, Any] | None, lines: Iterable[str]) -> None:
    """The same answer twice: as one JSON object, or as lines for people."""
    if context_json and value is not None:
        json_line(value)
        return
    for line in lines:
        data(line)
