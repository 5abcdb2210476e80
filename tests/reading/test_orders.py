"""Day and month in files of several WhatsApp exports: each in the order that its own dates tell, or asked for."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.reading.joined import joined, outcome
from core.chat import local_iso, local_time
from core.problem import Problem
from core.reading.date_order import Undecided
from tests.reading.exports import by_chat, read, written

_NOTICE = "Messages and calls are end-to-end encrypted. Tap to learn more."


def _days(order: str, who: str, count: int = 30, step: int = 5) -> str:
    """A chat of two over some months, its dates in this order."""
    days = [date(2023, 1, 1) + timedelta(days=step * number) for number in range(count)]
    dates = [f"{one.day}/{one.month}/23" if order == "dmy" else f"{one.month}/{one.day}/23" for one in days]
    return "".join(f"{one}, 10:{at % 60:02} - {(who, 'Yo')[at % 2]}: {order} {at}\n" for at, one in enumerate(dates))


@pytest.mark.parametrize(
    "notice", ["", "1/1/23, 08:00 - Messages and calls are end-to-end encrypted. Tap to learn more.\n"]
)
@pytest.mark.parametrize("orders", [("dmy", "mdy"), ("mdy", "dmy")])
@pytest.mark.parametrize("sizes", [(30, 30), (200, 12)])
def test_of_two_exports_in_a_file_each_has_the_order_of_its_own_dates(
    orders: tuple[str, str], notice: str, sizes: tuple[int, int], tmp_path: Path
) -> None:
    # 200 to 12: one order for all would have made the lesser one's dates into lines of other messages.
    first, second = (
        notice + _days(order, who, count, 1 if count == 200 else 5)
        for order, who, count in zip(orders, ("Ana", "Beto"), sizes, strict=True)
    )
    path = written(tmp_path, "export.txt", first + second)
    chats = by_chat(path)
    assert set(chats) == {"Ana", "Beto"}
    for who, count, step in (("Ana", sizes[0], 1 if sizes[0] == 200 else 5), ("Beto", sizes[1], 5)):
        spoken = [message for message in chats[who] if message.author]
        days = [date(2023, 1, 1) + timedelta(days=step * number) for number in range(count)]
        assert [local_time(message.sent_at).date() for message in spoken] == days
    _messages, report = read(path)
    assert report.date_order == ", ".join(orders)
    assert report.evidence["date_order"].count("above 12") == 2


@pytest.mark.parametrize("size", [61, 64, 97, 1000])
def test_where_the_other_export_begins_hangs_on_no_buffer(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The line that begins it may lie across the border of two buffers.
    monkeypatch.setattr("core.reading.whatsapp_survey.CHUNK", size)
    monkeypatch.setattr("core.reading.whatsapp_survey.WHOLE", 0)
    for count in range(20, 34):
        path = written(tmp_path, f"{count}.txt", _days("dmy", "Ana", count) + _days("mdy", "Beto", 30))
        assert {title: len(messages) for title, messages in by_chat(path).items()} == {"Ana": count, "Beto": 30}


def test_a_paste_from_a_phone_with_the_other_order_is_no_export(tmp_path: Path) -> None:
    # Its possible dates stay what they look like; its impossible ones are lines of the message that they were pasted into.
    pasted = "".join(f"3/{day}/23, 10:00 - Otra: pegado {day}\n" for day in range(20, 26))
    messages, report = read(written(tmp_path, "export.txt", _days("dmy", "Ana", 90, 1) + pasted + _days("dmy", "Ana")))
    assert report.date_order == "dmy"
    assert len(messages) == 120
    assert "pegado 25" in messages[89].text
    assert any("6 lines begin with dates that there are not (3/20/23)" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    "how",
    [{"shapes": ("short",)}, {}, {"shapes": ("short", "ios"), "same_people": True}, {"days": (1, 1, 40)}],
    ids=["one-shape", "several-shapes", "same-people", "single-days"],
)
def test_no_time_is_wrong_in_silence(how: dict[str, Any], tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    for number in range(seed, seed + 40):
        file = joined(number, **how)
        found = outcome(written(tmp_path, "export.txt", file.data), file)
        assert found in {"right", "asked", "told"}, f"joined({number}, **{how})"


def _one_day(written_date: str, who: str, header: str = "{date}, 10:0{minute} - ") -> str:
    """A chat of a single day, with its notice."""
    said = ["" + _NOTICE, f"{who}: hola", "Yo: qué tal", f"{who}: bien"]
    return "".join(header.format(date=written_date, minute=at) + one + "\n" for at, one in enumerate(said))


def _signed(order: str, who: str) -> str:
    first = "1/1/23"
    return f"{first}, 09:00 - {_NOTICE}\n" + _days(order, who)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("orders", [("dmy", "mdy"), ("mdy", "dmy")])
def test_between_two_orders_a_chat_of_one_day_is_asked_for_by_its_lines(
    place: int, orders: tuple[str, str], tmp_path: Path
) -> None:
    exports = [_signed(orders[0], "Ana"), _signed(orders[1], "Beto")]
    exports.insert(place, _one_day("5/6/24", "Caro"))
    path = written(tmp_path, "export.txt", "".join(exports))
    before = sum(one.count("\n") for one in exports[:place])
    with pytest.raises(Undecided) as caught:
        read(path)
    assert caught.value.where == f"export.txt, lines {before + 1}–{before + 4}"
    assert "--date-order" in caught.value.advice
    for answer, day in (("dmy", "2024-06-05"), ("mdy", "2024-05-06")):
        chats = by_chat(path, date_order=answer)
        assert {local_iso(one.sent_at)[:10] for one in chats["Caro"]} == {day}
        for who in ("Ana", "Beto"):  # what was not asked stays as its own dates tell
            days = [local_time(one.sent_at).date() for one in chats[who] if one.author]
            assert days == [date(2023, 1, 1) + timedelta(days=5 * number) for number in range(30)]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("order", ["dmy", "mdy"])
def test_beside_one_order_a_chat_of_one_day_is_read_alike_and_named(place: int, order: str, tmp_path: Path) -> None:
    exports = [_signed(order, "Ana")]
    exports.insert(place, _one_day("5/6/24", "Caro"))
    path = written(tmp_path, "export.txt", "".join(exports))
    messages, report = read(path)
    lines = ("1–4", "32–35")[place]
    assert [one for one in report.warnings if f"No date in lines {lines} shows" in one]
    day = {"dmy": "2024-06-05", "mdy": "2024-05-06"}[order]
    assert {local_iso(one.sent_at)[:10] for one in messages if one.author == "Caro"} == {day}


def test_a_chat_of_one_day_is_asked_for_though_another_phone_tells_its_order(tmp_path: Path) -> None:
    # Another header is another phone, and its order is no evidence. The answer does not turn the other's dates round.
    path = written(
        tmp_path, "export.txt", _one_day("5/6/24", "Caro", "[{date}, 10:0{minute}:00] ") + _signed("dmy", "Ana")
    )
    with pytest.raises(Undecided, match="lines 1–4"):
        read(path)
    messages, report = read(path, date_order="mdy")
    assert {local_iso(one.sent_at)[:10] for one in messages if one.author == "Caro"} == {"2024-05-06"}
    assert local_iso(messages[-1].sent_at)[:10] == "2023-05-26"
    assert any("mdy was not used in lines 5–35" in one and "(dmy)" in one for one in report.warnings)


def test_of_two_chats_of_one_day_a_step_between_them_tells_nothing(tmp_path: Path) -> None:
    # 5/6 and 1/6 in one chat would be days of June: the first number falls. Two chats may be of any order.
    path = written(tmp_path, "export.txt", _one_day("5/6/23", "Ana") + _one_day("1/6/23", "Beto"))
    with pytest.raises(Undecided, match=r"lines 1–4, 5–8.*in a file of its own"):
        read(path)
    messages, _report = read(path, date_order="mdy")
    assert {local_iso(one.sent_at)[:10] for one in messages} == {"2023-05-06", "2023-01-06"}


def test_a_chat_of_one_day_above_12_tells_its_own_order(tmp_path: Path) -> None:
    path = written(tmp_path, "export.txt", _signed("dmy", "Ana") + _one_day("5/25/24", "Caro"))
    messages, report = read(path)
    assert report.date_order == "dmy, mdy"
    assert {local_iso(one.sent_at)[:10] for one in messages if one.author == "Caro"} == {"2024-05-25"}
    assert not [one for one in report.warnings if "No date" in one]


def test_a_chat_whose_days_go_on_tells_its_own_order_beside_the_other(tmp_path: Path) -> None:
    # 1/1, 1/2 ... 1/12: no number above 12, but days that follow one another.
    messages, report = read(written(tmp_path, "export.txt", _signed("dmy", "Ana") + _days("mdy", "Beto", 12, 1)))
    assert report.date_order == "dmy, mdy"
    days = [local_time(one.sent_at).date() for one in messages[-12:]]
    assert days == [date(2023, 1, 1) + timedelta(days=number) for number in range(12)]


def test_two_days_are_too_few_to_gainsay_the_rest_of_the_file(tmp_path: Path) -> None:
    two = _one_day("1/2/24", "Caro") + "1/3/24, 10:00 - Caro: hola\n"  # a day, or a month, later
    with pytest.raises(Undecided, match="lines 32–36"):
        read(written(tmp_path, "export.txt", _signed("dmy", "Ana") + two))
    messages, _report = read(written(tmp_path, "alone.txt", two))
    assert local_iso(messages[-1].sent_at)[:10] == "2024-01-03"


def test_a_date_that_reads_alike_in_both_orders_is_not_asked_for(tmp_path: Path) -> None:
    export = _signed("dmy", "Ana") + _one_day("5/5/24", "Caro") + _signed("mdy", "Beto")
    messages, _report = read(written(tmp_path, "export.txt", export))
    assert {local_iso(one.sent_at)[:10] for one in messages if one.author == "Caro"} == {"2024-05-05"}


def test_the_users_word_holds_against_habits_and_not_against_the_calendar(tmp_path: Path) -> None:
    likely = written(tmp_path, "likely.txt", _days("mdy", "Ana", 9, 1))
    assert read(likely)[1].date_order == "mdy"
    assert read(likely, date_order="dmy")[1].date_order == "dmy"
    sure = written(tmp_path, "sure.txt", _days("mdy", "Ana", 40, 1))
    messages, report = read(sure, date_order="dmy")
    assert report.date_order == "mdy"
    assert len(messages) == 40
    assert any("--date-order dmy was not used in lines 1–40" in one for one in report.warnings)


def test_a_quotation_of_another_phone_decides_nothing_against_the_days_around_it(tmp_path: Path) -> None:
    export = (
        _days("mdy", "Ana", 9, 1)
        + "25/12/22, 10:00 - Otra: pegado\n"
        + "1/10/23, 10:00 - Yo: fin\n1/10/23, 10:01 - Ana: fin\n"
    )
    path = written(tmp_path, "export.txt", export)
    with pytest.raises(Undecided):
        read(path)
    messages, report = read(path, date_order="mdy")
    assert report.date_order == "mdy"
    assert [local_iso(one.sent_at)[:10] for one in messages][-2:] == ["2023-01-10"] * 2
    assert "pegado" in messages[8].text


def test_dates_that_are_possible_in_one_order_each_are_told_apart_from_none(tmp_path: Path) -> None:
    path = written(tmp_path, "export.txt", "25/12/23, 10:00 - Ana: hola\n12/25/23, 10:00 - Beto: chau\n")
    with pytest.raises(Problem, match=r"day first \(25/12/23\).*month first \(12/25/23\).*--date-order"):
        read(path)
    assert [one.author for one in read(path, date_order="mdy")[0]] == ["Beto"]


def test_between_two_orders_what_may_be_of_either_is_asked_for(tmp_path: Path) -> None:
    # The same two people, no notice: 3/4 may be the day after the 2nd of April, or the day before the 5th of March.
    first = "".join(f"{day}/3/23, 10:00 - Ana: a\n{day}/3/23, 10:01 - Yo: a\n" for day in (28, 29, 30))
    either = "2/4/23, 10:00 - Ana: b\n3/4/23, 10:00 - Yo: b\n"
    second = "".join(f"3/{day}/23, 10:00 - Ana: c\n3/{day}/23, 10:01 - Yo: c\n" for day in (13, 14, 15))
    path = written(tmp_path, "export.txt", first + either + second)
    with pytest.raises(Undecided, match="lines"):
        read(path)


def test_orders_that_change_all_the_time_are_refused(tmp_path: Path) -> None:
    one = _one_day("25/12/23", "Ana") + _one_day("12/25/23", "Beto")
    with pytest.raises(Problem, match="more than 200 times"):
        read(written(tmp_path, "export.txt", one * 150))
