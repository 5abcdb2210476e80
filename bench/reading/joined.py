"""Files of several WhatsApp exports whose phones write day and month in different orders, and what becomes of their times.

In: a seed. Out: a `Joined` with its bytes, each message's true time and the export that it is of; `outcome` reads it and
says whether every time is right, asked for, told to be doubtful, or wrong in silence, which must not be. Exports of a
single day, whose order nothing tells, stand first, in the middle and last. `python -m bench.reading.joined [COUNT]` counts
the outcomes over so many seeds, with the notice that an export begins with and without it.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bench.reading.generator import NNBSP, Locale, Maker, Truth, android, ios
from core.chat import Message
from core.problem import Problem
from core.reading import Reading, ReadOptions, read_export
from core.reading.date_order import Undecided

ORDERS: Final = ("dmy", "mdy")
_DATES: Final = {
    "dmy": ("{d}/{m}/{yy}", "{dd}/{mm}/{yyyy}"),
    "mdy": ("{m}/{d}/{yy}", "{mm}/{dd}/{yyyy}"),
    "ymd": ("{yy}/{m}/{d}", "{yyyy}/{mm}/{dd}"),
}
SHAPES: Final = ("short", "long", "twelve", "ios")
_PEOPLE: Final = ("Ana", "Beto", "Caro", "Dani", "Ema", "Fede")


def locale(shape: str, order: str) -> Locale:
    """A phone that writes headers of this shape, in this order."""
    short, long = _DATES[order]
    match shape:
        case "short":
            return android("es", short + ", {h}:{mi} - ", order)
        case "long":
            return android("en", long + ", {hh}:{mi} - ", order)
        case "twelve":
            return android("en", short + ", {k}:{mi}" + NNBSP + "{AM} - ", order)
        case _:
            return ios("es", "[" + short + ", {h}:{mi}:{s}] ", order)


@dataclass
class One:
    """One export in the file."""

    shape: str
    order: str
    days: int
    lines: range  # from 1


@dataclass
class Joined:
    """A file, and what is in it."""

    data: bytes = b""
    exports: list[One] = field(default_factory=list[One])
    truth: list[tuple[Truth, int]] = field(default_factory=list[tuple[Truth, int]])


def joined(
    seed: int,
    *,
    shapes: Sequence[str] = SHAPES,
    orders: Sequence[str] = ORDERS,
    days: Sequence[int] = (1, 1, 2, 4, 15, 60),
    notices: bool = True,
    same_people: bool = False,
) -> Joined:
    """Two to five exports, one after the other."""
    dice = random.Random(seed)
    file = Joined()
    line = 1
    for number in range(dice.choice((2, 2, 3, 3, 4, 5))):
        shape, order, count = dice.choice(shapes), dice.choice(orders), dice.choice(days)
        made = Maker(locale(shape, order), dice.randrange(1 << 32))
        who = _PEOPLE[0] if same_people else _PEOPLE[number]
        made.at = datetime(
            dice.randint(2019, 2023), dice.randint(1, 12), dice.randint(1, 28), 9, 0, dice.randint(0, 59)
        )
        for day in range(count):
            at = made.at
            for place in range(dice.randint(2, 6) if count == 1 else dice.randint(1, 4)):
                made.at += timedelta(minutes=dice.randint(1, 50))
                if notices and not day and not place:
                    made.tell(made.words.encryption)
                name = dice.choice((who, "Yo")) if place else who
                made.say((name, name), made.talk())
            made.at = at + timedelta(days=dice.choice((1, 1, 1, 2, 3, 7)))
        file.data += ("\n".join(made.lines) + "\n").encode()
        file.truth += [(one, number) for one in made.truth]
        end = line + sum(text.count("\n") + 1 for text in made.lines)
        file.exports.append(One(shape, order, count, range(line, end)))
        line = end
    return file


def outcome(path: Path, file: Joined) -> str:
    """How the file at this path, which is that one, is read: "right", "asked and answered", "told", "wrong" or "lost"."""
    try:
        reading = read_export(path)
        return _judged(file, reading, [message for batch in reading for message in batch.messages], "")
    except Undecided as question:
        asked = question.where
    found: set[str] = set()
    for order in ORDERS:
        reading = read_export(path, options=ReadOptions(date_order=order))
        messages = [message for batch in reading for message in batch.messages]
        found.add(_judged(file, reading, messages, asked, order))
    return next((f"asked, then {bad}" for bad in sorted(found) if bad.startswith(("wrong", "lost"))), "asked")


def _judged(file: Joined, reading: Reading, messages: list[Message], asked: str, order: str = "") -> str:
    if len(messages) != len(file.truth):
        return "lost, and told" if reading.report.warnings or reading.report.unread else "lost"
    wrong = {one for message, (true, one) in zip(messages, file.truth, strict=True) if message.sent_at != true.sent_at}
    doubted = " ".join(one for one in reading.report.warnings if "No date in lines" in one)
    for one in map(file.exports.__getitem__, wrong):
        lines = f"{one.lines.start}–{one.lines[-1]}"
        answered = bool(order) and one.order != order and (lines in asked or "lines" not in asked)
        if not answered and lines not in doubted:
            return "wrong"
    return "told" if doubted and wrong else "right"


def main() -> None:
    """Count the outcomes."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    kinds: dict[str, dict[str, object]] = {
        "one shape": {"shapes": ("short",)},
        "several shapes": {},
        "the same people": {"shapes": ("short", "ios"), "same_people": True},
        "years first, too": {"shapes": ("short",), "orders": ("dmy", "mdy", "ymd")},
        "no notices": {"shapes": ("short",), "notices": False},
        "no notices, the same people": {"shapes": ("short",), "notices": False, "same_people": True},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.txt"
        for kind, how in kinds.items():
            outcomes: Counter[str] = Counter()
            for seed in range(count):
                file = joined(seed, **how)  # type: ignore[arg-type]
                path.write_bytes(file.data)
                try:
                    found = outcome(path, file)
                except Problem as problem:
                    found = f"refused: {problem.what}"
                outcomes[found] += 1
                if "wrong" in found and len(sys.argv) > 2:
                    print(seed, file.exports)
            print(f"{kind}: " + "; ".join(f"{one} {number}" for one, number in outcomes.most_common()))


if __name__ == "__main__":
    main()
