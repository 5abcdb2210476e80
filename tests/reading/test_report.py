"""The import report says what was read, for people and for scripts; phrases can be added; owners are suggested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import language
from core.chat import Kind, Message
from core.problem import Problem
from core.reading import ImportReport, read_export, suggest_owner
from core.reading.phrases import load_phrases
from tests.reading.exports import read, written

CHAT = """Encabezado
1/6/2023, 10:00 - Ana: hola
1/6/2023, 10:00 - Ana: hola
2/6/2023, 10:00 - Juan: <Multimedia omitido>
25/8/2023, 10:00 - Juan: tanto tiempo
"""


def test_the_json_holds_what_scripts_rely_on(tmp_path: Path) -> None:
    _messages, report = read(written(tmp_path, "Chat de WhatsApp con Ana.txt", CHAT))
    found = json.loads(json.dumps(report.as_json()))
    assert {key: found[key] for key in ("file", "format", "encoding", "date_order", "lines", "messages", "locale")} == {
        "file": "Chat de WhatsApp con Ana.txt", "format": "whatsapp", "encoding": "utf-8", "date_order": "dmy",
        "lines": 5, "messages": 4, "locale": "es",
    }  # fmt: skip
    assert found["kinds"] == {"text": 3, "media": 1}
    assert found["participants"] == ["Ana", "Juan"]
    assert found["by_participant"] == {"Ana": 2, "Juan": 2}
    assert (found["first"], found["last"]) == ("2023-06-01T10:00:00", "2023-08-25T10:00:00")
    assert found["gaps"] == [{"after": "2023-06-02T10:00:00", "before": "2023-08-25T10:00:00", "days": 84}]
    assert found["duplicates"] == 1
    assert found["unread"] == [{"line": 1, "reason": "stands before the first message", "text": "Encabezado"}]
    assert found["added"] is None
    assert found["already_there"] is None
    assert found["chats"] == [{"title": "Ana", "messages": 4}]
    assert set(found["evidence"]) == {"format", "encoding", "date_order", "locale"}
    assert found["seconds"] >= 0


@pytest.mark.parametrize(("chosen", "words"), [("en", "4 messages from 5 lines"), ("es", "4 mensajes de 5 líneas")])
def test_the_text_speaks_the_users_language(chosen: str, words: str, tmp_path: Path) -> None:
    _messages, report = read(written(tmp_path, "c.txt", CHAT))
    report.added, report.already_there = 3, 1
    language.choose(chosen)
    text = "\n".join(report.as_text())
    if chosen == "en":
        assert words in text
    for figure in ("dmy", "Ana 2", "2023-06-01", "84", "utf-8", "Encabezado", "3", "1"):
        assert figure in text


def test_a_thousand_bad_lines_do_not_fill_the_memory(tmp_path: Path) -> None:
    export = "".join(f"línea {n} {'x' * 30}\n" for n in range(5000)) + CHAT
    _messages, report = read(written(tmp_path, "c.txt", export))
    assert report.unread_total == 5001
    assert len(report.unread) == 1000
    assert all(len(one.text) <= 80 for one in report.unread)
    assert any("4,991" in line for line in report.as_text())


def test_no_control_characters_break_the_lines_of_the_report(tmp_path: Path) -> None:
    _messages, report = read(written(tmp_path, "c.txt", "a\u2028b\x0bc\x0cd\n" + CHAT))
    assert report.unread[0].text == "a b c d"


def test_phrases_of_the_users_own(tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    folder.mkdir()
    written(
        folder,
        "gl.toml",
        'language = "gl"\nmedia = ["<Multimedia agochada>"]\nsystem = ["{who} marchou"]\n'
        'call = ["Chamada. {length}"]\nedited = ["<Editouse>"]\ntitles = ["Conversa con {title}"]\n',
    )
    export = written(
        tmp_path,
        "Conversa con Uxía.txt",
        "13/6/2023, 10:00 - Ana: <multimedia agochada>\n13/6/2023, 10:01 - Ana marchou\n"
        "13/6/2023, 10:02 - Ana: Chamada. 5 min\n13/6/2023, 10:03 - Ana: ola <Editouse>\n",
    )
    plain, _report = read(export)
    assert [message.kind for message in plain] == [Kind.TEXT, Kind.SYSTEM, Kind.TEXT, Kind.TEXT]
    messages, report = read(export, phrases=folder)
    assert [message.kind for message in messages] == [Kind.MEDIA, Kind.SYSTEM, Kind.CALL, Kind.TEXT]
    assert messages[3].text == "ola"
    assert report.locale == "gl"
    assert list(report.chats) == ["Uxía"]
    assert report.unread == []


@pytest.mark.parametrize(
    "contents", ["media = 3", "media = [3]", "medias = []", "= broken", 'media = [""]', b"\xff\xfe\x00"]
)
def test_a_broken_catalogue_is_named(contents: str | bytes, tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    folder.mkdir()
    written(folder, "xx.toml", contents)
    with pytest.raises(Problem) as caught:
        load_phrases(folder)
    assert caught.value.where == "xx.toml"
    assert "\n" not in str(caught.value)
    with pytest.raises(Problem):
        load_phrases(tmp_path / "none")


def test_the_owner_is_who_is_everywhere(tmp_path: Path) -> None:
    def report(name: str, *people: str) -> ImportReport:
        lines = "".join(f"1{day}/6/2023, 10:00 - {who}: hola\n" for day, who in enumerate([*people, *people], 3))
        reading = read_export(written(tmp_path, name, lines))
        list(reading)
        return reading.report

    ana, juan, group = report("a.txt", "Yo", "Ana"), report("j.txt", "Juan", "Yo"), report("g.txt", "Ana", "Juan", "Yo")
    assert suggest_owner([ana, juan, group]) == "Yo"
    assert suggest_owner([ana, juan]) == "Yo"
    assert suggest_owner([ana]) is None
    assert suggest_owner([ana, ana]) is None
    assert suggest_owner([]) is None


@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 6), st.sampled_from("ab")), min_size=1, max_size=8), min_size=1, max_size=30
    )
)
def test_what_is_said_twice_is_counted_however_the_times_run(batches: list[list[tuple[int, str]]]) -> None:
    # Few times and few words, so that batches overlap, follow one another and go back.
    report = ImportReport("x")
    seen: set[tuple[int, str]] = set()
    twice = 0
    for base, batch in enumerate(batches):
        told = [(at + base // 3, text) for at, text in batch]
        report.count("x", [Message("Ana", at, Kind.TEXT, text) for at, text in told])
        twice += sum(1 for one in told if one in seen or seen.add(one))
    assert report.duplicates == twice
