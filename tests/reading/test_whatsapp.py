"""WhatsApp exports are read whole, exactly, and without guessing in silence."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from bench.reading.generator import LOCALES, Truth, generate
from core.chat import Kind, Mark, local_iso
from core.problem import Problem
from core.reading import read_export
from tests.reading.exports import by_chat, read, said, written


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_of_a_hard_export_is_read_exactly(
    locale: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.randrange(1 << 32)
    data, truth = generate(locale, 5000, seed)
    messages, report = read(written(tmp_path, "export.txt", data))
    got = [Truth(one.author, one.sent_at, str(one.kind), one.text, int(one.marks)) for one in messages]
    monkeypatch.setattr("core.reading.whatsapp_survey.WHOLE", 0)  # as a big file is read, in pieces
    assert read(tmp_path / "export.txt")[0] == messages, f"locale {locale}, seed {seed}"
    wrong = [(want, have) for want, have in zip(truth, got, strict=False) if want != have]
    assert wrong == [], f"locale {locale}, seed {seed}"
    assert len(got) == len(truth), f"locale {locale}, seed {seed}"
    assert report.unread == [], f"locale {locale}, seed {seed}"
    assert report.date_order == LOCALES[locale].order
    assert report.lines == data.count(b"\n")


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    data, _truth = generate("android-es-AR", 3000, 7)
    lines = data.decode().split("\n")
    messages, _report = read(written(tmp_path, "export.txt", data))
    for message in messages:
        first = message.text.split("\n", 1)[0]
        assert first in lines[message.line - 1]


@pytest.mark.parametrize(
    ("line", "author", "iso", "text"),
    [
        ("25/5/23 14:33 - Meli: hola", "Meli", "2023-05-25T14:33:00", "hola"),
        ("20/6/2017 8:28\u00a0p.\u00a0m. - Michelle: test", "Michelle", "2017-06-20T20:28:00", "test"),
        ("20/6/2017 12:28 a. m. - Michelle: test", "Michelle", "2017-06-20T00:28:00", "test"),
        ("20/6/2017 12:28 p.m. - Michelle: test", "Michelle", "2017-06-20T12:28:00", "test"),
        ("09/20/2023, 11:11\u202fam - \u202a+44 7123 456789\u202c: x", "+44 7123 456789", "2023-09-20T11:11:00", "x"),
        ("[13/6/26, 10:14:05\u202fp.\u00a0m.] Ana: hola: todo bien?", "Ana", "2026-06-13T22:14:05", "hola: todo bien?"),
        ("[31/12/2019, 2:14:40 a.m.] X: y", "X", "2019-12-31T02:14:40", "y"),
        ("[2026/7/9 02:28:37] Bob:Hi", "Bob", "2026-07-09T02:28:37", "Hi"),
        ("[2026/7/9 02:28:09] Alice: Hey", "Alice", "2026-07-09T02:28:09", "Hey"),
        ("2018-04-27, 09:15 - A: b", "A", "2018-04-27T09:15:00", "b"),
        ("13.01.19 um 21:03 - A: b", "A", "2019-01-13T21:03:00", "b"),
        ("2023. 5. 1. 오후 3:12 - 길동: 안녕", "길동", "2023-05-01T15:12:00", "안녕"),
        ("2023年5月27日 下午2:05 - 小明: 你好", "小明", "2023-05-27T14:05:00", "你好"),
        ("2023/5/27 下午2:05 - 小明: 你好", "小明", "2023-05-27T14:05:00", "你好"),
        ("27/5/2023 14.05 - Budi: halo", "Budi", "2023-05-27T14:05:00", "halo"),
        (
            "\u200e[27/5/2023, 14:05:00] \u202a+43 12345\u00a0566789\u202c: x",
            "+43 12345 566789",
            "2023-05-27T14:05:00",
            "x",
        ),
        ("27/5/2023, 14:05 - a:b: hola", "a:b", "2023-05-27T14:05:00", "hola"),
        ("27/5/2023, 14:05 - Meli:", "Meli", "2023-05-27T14:05:00", ""),
        ("27/5/2023, 14:05 - Meli: ", "Meli", "2023-05-27T14:05:00", ""),
    ],
)
def test_headers(line: str, author: str, iso: str, text: str, tmp_path: Path) -> None:
    # Twice, as a chat that somebody goes on with.
    (message, *_more), _report = read(written(tmp_path, "export.txt", f"{line}\n{line}\n"))
    assert (message.author, local_iso(message.sent_at), message.text) == (author, iso, text)


@pytest.mark.parametrize(
    "line",
    [
        "todo lo que pasó", "12/06 nos vemos a las 22:10 - dale", "", "[nota] ver: esto",
        "3/4/25 es el turno: llevá el dni", "28/6/2023 12:30 nos vemos", "45/13/2023, 12:30 - Ana: no",
        "31/02/2023, 12:30 - Ana: no", "29/02/2023, 12:30 - Ana: no", "28/06/2023, 25:30 - Ana: no",
        "28/06/2023, 12:61 - Ana: no", "28.06.2023, 12:30 - Ana: no", "[28/06/2023, 12:30] Ana: no",
        "28/06/23, 12:30 - Ana: no", "28/06/2023 12:30 - Ana: no", "[14:45, 27/5/2023] Juan: hola",
        "> 28/06/2023, 12:30 - Ana: no", " 28/06/2023, 12:30 - Ana: no",
    ],
)  # fmt: skip
def test_a_line_without_a_header_of_this_file_goes_on_with_the_message(line: str, tmp_path: Path) -> None:
    export = f"27/06/2023, 10:00 - Ana: mirá\n{line}\n27/06/2023, 10:01 - Juan: ok\n"
    messages, report = read(written(tmp_path, "export.txt", export))
    assert said(messages) == [("Ana", f"mirá\n{line}"), ("Juan", "ok")]
    assert report.unread == []


def test_the_29th_of_february_exists_in_leap_years(tmp_path: Path) -> None:
    export = "29/02/2024, 10:00 - Ana: sí\n29/02/2023, 10:00 - Ana: no\n01/03/2024, 10:00 - Ana: chau\n"
    messages, _report = read(written(tmp_path, "export.txt", export))
    assert said(messages) == [("Ana", "sí\n29/02/2023, 10:00 - Ana: no"), ("Ana", "chau")]


def test_a_quoted_header_out_of_time_by_nobody_known_is_no_message(tmp_path: Path) -> None:
    day = "\n".join(f"{day}/6/2023, 12:30 - {'Ana' if day % 2 else 'Juan'}: hola {day}" for day in range(1, 21))
    export = f"{day}\n28/2/2023, 12:30 - turno: dentista\n21/6/2023, 10:00 - Ana: ok\n"
    messages, report = read(written(tmp_path, "export.txt", export))
    assert messages[-2].text == "hola 20\n28/2/2023, 12:30 - turno: dentista"
    assert report.participants == ["Ana", "Juan"]


@pytest.mark.parametrize(
    ("dates", "order", "first"),
    [
        (["13/02/23", "01/03/23"], "dmy", "2023-02-13"),
        (["02/13/23", "03/01/23"], "mdy", "2023-02-13"),
        (["09/02/23", "03/03/23"], "dmy", "2023-02-09"),  # 9 to 3 within a year: the first falls
        (["02/09/23", "03/03/23"], "mdy", "2023-02-09"),
        (["01/02/23", "02/02/23", "03/02/23", "04/02/23"], "dmy", "2023-02-01"),
        (["02/01/23", "02/02/23", "02/03/23", "02/04/23"], "mdy", "2023-02-01"),
        (["05/05/23"], "dmy", "2023-05-05"),
        (["23/05/27", "23/05/28", "23/06/01", "23/06/02", "23/06/05"], "ymd", "2023-05-27"),
        (["2023/01/02"], "ymd", "2023-01-02"),
    ],
)
def test_the_date_order_is_found_in_the_dates(dates: list[str], order: str, first: str, tmp_path: Path) -> None:
    export = "".join(f"{date}, 10:00 - Ana: hola\n" for date in dates)
    messages, report = read(written(tmp_path, "export.txt", export))
    assert report.date_order == order
    assert local_iso(messages[0].sent_at)[:10] == first
    assert report.evidence["date_order"]


@pytest.mark.parametrize("dates", [["01/02/23"], ["03/04/2023", "05/06/2023"], ["12/11/23", "12/11/23"]])
def test_an_undecidable_date_order_is_asked_for_with_both_readings(dates: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, "export.txt", "".join(f"{date}, 10:00 - Ana: hola\n" for date in dates))
    with pytest.raises(Problem) as caught:
        list(read_export(path))
    day, month = dates[0].split("/")[:2]
    assert "--date-order" in str(caught.value)
    assert f"2023-{month}-{day} (--date-order dmy)" in str(caught.value)
    assert f"2023-{day}-{month} (--date-order mdy)" in str(caught.value)
    for order, expected in (("dmy", f"2023-{month}-{day}"), ("mdy", f"2023-{day}-{month}")):
        messages, report = read(path, date_order=order)
        assert local_iso(messages[0].sent_at)[:10] == expected
        assert report.date_order == order


def test_one_impossible_date_does_not_turn_the_order_round(tmp_path: Path) -> None:
    export = "".join(f"{day}/6/23, 10:00 - Ana: hola\n" for day in range(1, 28)) + "5/28/23, 10:00 - Ana: x\n"
    messages, report = read(written(tmp_path, "export.txt", export))
    assert report.date_order == "dmy"
    assert messages[-1].text == "hola\n5/28/23, 10:00 - Ana: x"


def test_system_lines_with_colons_are_told_and_names_with_colons_speak(tmp_path: Path) -> None:
    lines = [
        '27/6/2023, 10:00 - Ana cambió el asunto de "A: B" a "C: D"',
        "27/6/2023, 10:01 - Juan: Ana cambió el asunto de la charla",
        "27/6/2023, 10:02 - Juan: Ana salió del grupo",
        "27/6/2023, 10:03 - Ana salió del grupo",
        "27/6/2023, 10:04 - Ana: me agregó al grupo Juan",
        *(f"27/6/2023, 10:0{minute} - Dr. López: Cardio: hola {minute}" for minute in range(5, 9)),
        "27/6/2023, 10:09 - Dr. López: Cardio salió del grupo",
    ]
    messages, report = read(written(tmp_path, "export.txt", "\n".join(lines)))
    kinds = [(message.author, message.kind) for message in messages]
    assert kinds[0] == ("", Kind.SYSTEM)
    assert kinds[1:5] == [("Juan", Kind.TEXT), ("Juan", Kind.TEXT), ("", Kind.SYSTEM), ("Ana", Kind.TEXT)]
    assert kinds[5:9] == [("Dr. López: Cardio", Kind.TEXT)] * 4
    assert kinds[9] == ("", Kind.SYSTEM)
    assert set(report.participants) == {"Juan", "Ana", "Dr. López: Cardio"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<Multimedia omitido>", Kind.MEDIA),
        ("<MULTIMEDIA OMITIDO>", Kind.MEDIA),
        ("<Archivo omitido>", Kind.MEDIA),
        ("imagen omitida", Kind.MEDIA),
        ("\u200eimagen omitida", Kind.MEDIA),
        ("vídeo omitido", Kind.MEDIA),
        ("Tarjeta de contacto omitida", Kind.MEDIA),
        ("informe.pdf • \u200e3 páginas \u200edocumento omitido", Kind.MEDIA),
        ("IMG-20260612-WA0003.jpg (archivo adjunto)", Kind.MEDIA),
        ("IMG con blancos.jpg (archivo adjunto)\nmirá", Kind.MEDIA),
        ("mirá \u200e<adjunto: 00000009-PHOTO-2026-09-28-14-13-18.jpg>", Kind.MEDIA),
        ("<attached: a.jpg>", Kind.MEDIA),
        ("<Media omitted>\nlook", Kind.MEDIA),
        ("null", Kind.MEDIA),
        ("Se eliminó este mensaje.", Kind.DELETED),
        ("Eliminaste este mensaje", Kind.DELETED),
        ("This message was deleted", Kind.DELETED),
        ("You deleted this message.", Kind.DELETED),
        ("Llamada perdida", Kind.CALL),
        ("Llamada de voz. 5 min", Kind.CALL),
        ("Videollamada. Sin respuesta", Kind.CALL),
        ("Missed voice call. Tap to call back", Kind.CALL),
        ("Voice call. 16 min", Kind.CALL),
        ("Llamada de voz. 1 h 5 min", Kind.CALL),
        ("ubicación: https://maps.google.com/?q=1,2", Kind.LOCATION),
        ("location: https://maps.google.com/?q=1,2", Kind.LOCATION),
        ("POLL:\nwhere?\nOPTION: here (1 vote)", Kind.POLL),
        ("ENCUESTA:\n¿dónde?\nOPCIÓN: acá", Kind.POLL),
        # The same words inside talk are talk.
        ("mandó <Multimedia omitido> y listo", Kind.TEXT),
        ("imagen omitida, dice", Kind.TEXT),
        ("Se eliminó este mensaje, qué decía?", Kind.TEXT),
        ("Llamada de voz. dale, 5 min", Kind.TEXT),
        ("tu ubicación: https://maps.google.com/?q=1,2 es lejos", Kind.TEXT),
        ("ubicación: acá", Kind.TEXT),
        ("Ana añadió a Luis", Kind.TEXT),
        ("salió del grupo", Kind.TEXT),
        ("(archivo adjunto)", Kind.TEXT),
        ("ojo que Los mensajes y las llamadas están cifrados de extremo a extremo.", Kind.TEXT),
        ("nullo", Kind.TEXT),
    ],
)
def test_placeholders_give_the_kind_only_as_whole_bodies(body: str, kind: Kind, tmp_path: Path) -> None:
    for header in ("27/6/2023, 10:00 - Ana: ", "[27/6/2023, 10:00:00] Ana: "):
        messages, _report = read(written(tmp_path, "export.txt", f"{header}{body}\n{header}chau\n"))
        assert (messages[0].kind, messages[0].text, messages[0].author) == (kind, body, "Ana")


@pytest.mark.parametrize("notice", ["<Se editó este mensaje.>", "<This message was edited>", "<Mensagem editada>"])
@pytest.mark.parametrize("mark", ["", "\u200e"])
def test_the_edit_notice_becomes_a_mark(notice: str, mark: str, tmp_path: Path) -> None:
    export = f"27/6/2023, 10:00 - Ana: hola  {mark}{notice}\n27/6/2023, 10:01 - Ana: no {notice} sí\n"
    messages, _report = read(written(tmp_path, "export.txt", export))
    assert (messages[0].text, messages[0].marks) == ("hola ", Mark.EDITED)
    assert (messages[1].text, messages[1].marks) == (f"no {notice} sí", 0)


def test_system_lines_of_ios_stand_under_the_group_and_belong_to_nobody(tmp_path: Path) -> None:
    lines = [
        "[27/6/2023, 10:00:00] Familia: \u200eLos mensajes y las llamadas están cifrados de extremo a extremo.",
        "[27/6/2023, 10:00:01] Familia: \u200eAna añadió a Luis",
        "[27/6/2023, 10:00:02] Ana: Ana añadió a Luis",
        "[27/6/2023, 10:00:03] Luis: \u200ehola",
    ]
    messages, report = read(written(tmp_path, "_chat.txt", "\r\n".join(lines)))
    assert [message.kind for message in messages] == [Kind.SYSTEM, Kind.SYSTEM, Kind.TEXT, Kind.TEXT]
    assert report.participants == ["Ana", "Luis"]
    assert messages[3].text == "\u200ehola"


def test_an_unknown_system_line_is_kept_and_reported(tmp_path: Path) -> None:
    export = "27/6/2023, 10:00 - Ana: hola\n27/6/2023, 10:01 - Algo nuevo pasó\n"
    messages, report = read(written(tmp_path, "export.txt", export))
    assert messages[1].kind is Kind.SYSTEM
    assert [one.line for one in report.unread] == [2]


def test_lines_before_the_first_message_are_reported(tmp_path: Path) -> None:
    export = "Encabezado\n\nde correo\n27/6/2023, 10:00 - Ana: hola\n"
    messages, report = read(written(tmp_path, "export.txt", export))
    assert said(messages) == [("Ana", "hola")]
    assert [(one.line, one.text) for one in report.unread] == [(1, "Encabezado"), (3, "de correo")]
    assert messages[0].line == 4


_NOTICE = "Los mensajes y las llamadas están cifrados de extremo a extremo."


def _chat(person: str, *, start: int, days: int = 5, header: str = "{day}/{month}/2023, 10:00 - ") -> str:
    lines = [header.format(day=start, month=6) + _NOTICE]
    for day in range(start, start + days):
        for who in (person, "Yo"):
            lines.append(header.format(day=day, month=6) + f"{who}: hola {person} {day}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("starts", [(1, 3), (14, 2), (2, 14)])
@pytest.mark.parametrize("between", ["", "\ufeff"])
def test_exports_put_one_after_the_other_stay_separate_chats(
    starts: tuple[int, int], between: str, tmp_path: Path
) -> None:
    export = _chat("Meli", start=starts[0]) + between + _chat("Fede", start=starts[1]) + "13/6/2023, 23:00 - Yo: fin\n"
    chats = by_chat(written(tmp_path, "todo.txt", export))
    assert list(chats) == ["Meli", "Fede"]
    assert {message.author for message in chats["Meli"]} == {"", "Meli", "Yo"}
    assert {message.author for message in chats["Fede"]} == {"", "Fede", "Yo"}
    assert len(chats["Meli"]) == 11


@pytest.mark.parametrize("kept", [0, 12 << 20])
@pytest.mark.parametrize("size", [61, 1 << 20])
def test_any_number_of_small_exports_in_one_file_stay_apart(
    size: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.reading.whatsapp_survey.CHUNK", size)
    monkeypatch.setattr("core.reading.whatsapp_survey.WHOLE", kept)
    people = ["Meli", "Fede", "Ana", "Beto", "Caro"]
    export = "".join(_chat(person, start=1 + 3 * number) for number, person in enumerate(people))
    chats = by_chat(written(tmp_path, "todo.txt", export))
    assert {title: {message.author for message in messages} for title, messages in chats.items()} == {
        person: {"", person, "Yo"} for person in people
    }
    assert {len(messages) for messages in chats.values()} == {11}


def test_exports_that_go_back_in_time_are_separate_without_a_notice(tmp_path: Path) -> None:
    strip = re.compile(rf".*{re.escape(_NOTICE)}\n")
    export = strip.sub("", _chat("Meli", start=14)) + strip.sub("", _chat("Fede", start=2))
    assert list(by_chat(written(tmp_path, "todo.txt", export))) == ["Meli", "Fede"]


def test_exports_of_different_phones_stay_separate_chats(tmp_path: Path) -> None:
    ios = "[{day}/{month}/23, 10:00:00 p. m.] "
    export = _chat("Meli", start=12, days=15) + _chat("Fede", start=2, days=15, header=ios) + _chat("Ana", start=15)
    path = written(tmp_path, "todo.txt", export)
    chats = by_chat(path)
    assert list(chats) == ["Meli", "Fede", "Ana"]
    lines = export.split("\n")
    for message in chats["Fede"] + chats["Ana"]:
        assert message.text in lines[message.line - 1]
    assert read(path)[1].lines == export.count("\n")


def test_a_clock_that_goes_wrong_does_not_split_a_chat(tmp_path: Path) -> None:
    export = _chat("Meli", start=10) + "1/1/2023, 10:00 - Meli: reloj\n" + "16/6/2023, 10:00 - Yo: ja\n"
    assert list(by_chat(written(tmp_path, "Chat de WhatsApp con Meli.txt", export))) == ["Meli"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Chat de WhatsApp con Meli 🌻.txt", "Meli 🌻"), ("WhatsApp Chat with Bob.txt", "Bob"),
        ("WhatsApp-Chat mit Jörg.txt", "Jörg"), ("Conversa do WhatsApp com João.txt", "João"),
        ("Discussion WhatsApp avec Zoé.txt", "Zoé"), ("Chat WhatsApp con Ugo.txt", "Ugo"), ("_chat.txt", "Ana"),
        ("charla.txt", "charla"),
    ],
)  # fmt: skip
def test_the_title_comes_from_the_file_name(name: str, title: str, tmp_path: Path) -> None:
    assert list(by_chat(written(tmp_path, name, "27/6/2023, 10:00 - Ana: hola\n"))) == [title]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings(encoding: str, name: str, tmp_path: Path) -> None:
    export = "".join(f"{day}/6/2023, 10:00 - José: mañana, año, corazón\n" for day in range(10, 29)) * 40
    messages, report = read(written(tmp_path, "export.txt", export.encode(encoding)))
    assert set(said(messages)) == {("José", "mañana, año, corazón")}
    assert report.encoding == name
    assert bool(report.warnings) == (name == "cp1252")


def test_one_damaged_byte_spoils_one_message(tmp_path: Path) -> None:
    export = "".join(f"{day}/6/2023, 10:00 - José: mañana {day}\n" for day in range(10, 29)).encode()
    messages, report = read(written(tmp_path, "export.txt", export.replace("ñana 15".encode(), b"\xffana 15")))
    assert [message.text for message in messages][4:7] == ["mañana 14", "ma\ufffdana 15", "mañana 16"]
    assert report.encoding == "utf-8"
    assert [one.line for one in report.unread] == [6]


def test_a_message_of_megabytes_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    export = (
        "27/6/2023, 10:00 - Ana: hola\n27/6/2023, 10:01 - Ana: " + "x" * (9 << 20) + "\n27/6/2023, 10:02 - Ana: chau\n"
    )
    messages, report = read(written(tmp_path, "export.txt", export))
    assert said(messages) == [("Ana", "hola"), ("Ana", "chau")]
    assert [one.line for one in report.unread] == [2]
    assert messages[1].line == 3


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, truth = generate("ios-en-US", 1500, 11)
    path = written(tmp_path, "export.txt", data)
    lines = [message.line for message in read(path)[0]]
    for size in (997, 4096, 65536):
        for module in ("source", "whatsapp_survey", "encoding"):
            monkeypatch.setattr(f"core.reading.{module}.CHUNK", size)
        for kept in (0, 12 << 20):  # bytes up to which the first pass is kept for the second
            monkeypatch.setattr("core.reading.whatsapp_survey.WHOLE", kept)
            messages, _report = read(path)
            assert [(one.author, one.text) for one in messages] == [(one.author, one.text) for one in truth]
            assert [message.line for message in messages] == lines


def test_reading_can_be_stopped_and_says_how_far_it_is(tmp_path: Path) -> None:
    data = "".join(f"27/6/2023, 10:{n % 60:02} - Ana: hola {n}\n" for n in range(60_000)).encode()
    steps: list[tuple[int, int, int]] = []
    reading = read_export(written(tmp_path, "export.txt", data), progress=lambda *step: steps.append(step))
    first = next(iter(reading))
    assert first.messages
    assert not reading.report.complete
    list(read_export(tmp_path / "export.txt", progress=lambda *step: steps.append(step)))
    assert all(done <= total == len(data) for done, total, _messages in steps)
    assert steps[-1][0] == len(data)


def test_a_year_of_one_digit_is_none(tmp_path: Path) -> None:
    # The first look at a file takes any number for a date's field, the second knows better; both must find the same.
    export = "23/5/27, 10:00 - Ana: hola\n0/2/24, 10:01 - Ana: x\n23/5/28, 10:02 - Ana: chau\n"
    messages, _report = read(written(tmp_path, "export.txt", export), date_order="ymd")
    assert said(messages) == [("Ana", "hola\n0/2/24, 10:01 - Ana: x"), ("Ana", "chau")]


def test_a_day_of_one_digit_behind_a_year_of_two(tmp_path: Path) -> None:
    days = ["23/4/28", "23/4/29", "23/4/30", *(f"23/5/{day}" for day in range(1, 20))]
    export = "".join(f"{day}, 10:00 - {'Ana' if n % 2 else 'Luis'}: hola {n}\n" for n, day in enumerate(days))
    messages, report = read(written(tmp_path, "export.txt", export))
    assert report.date_order == "ymd"
    assert [message.text for message in messages] == [f"hola {n}" for n in range(len(days))]
    assert local_iso(messages[3].sent_at) == "2023-05-01T10:00:00"


def test_a_year_of_one_digit_behind_is_none(tmp_path: Path) -> None:
    export = "25/12/23, 10:00 - Ana: hola\n26/12/2, 10:01 - Ana: x\n27/12/23, 10:02 - Ana: chau\n"
    messages, _report = read(written(tmp_path, "export.txt", export))
    assert said(messages) == [("Ana", "hola\n26/12/2, 10:01 - Ana: x"), ("Ana", "chau")]
