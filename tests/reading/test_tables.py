"""Tables of talk: two actors, prompt and completion, speaker and text; and the tables that are none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from core.chat import Mark, local_iso
from core.problem import Problem
from core.reading import read_export
from tests import third_party
from tests.reading.exports import read, said, written


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_two_actor_table(delimiter: str, bom: bytes, tmp_path: Path) -> None:
    rows = [
        ("Human", "AI"),
        ("hola", "buenas"),
        ('"dos\n\nlíneas; y ""comillas"", sí"', "ok"),
        ("", "sigo yo"),
        ("solo yo", ""),
        ("###", ""),
        ("otra charla", "sí"),
    ]
    text = "\n".join(delimiter.join(row) for row in rows) + "\n"
    messages, report = read(written(tmp_path, "charla.csv", bom + text.encode()))
    assert said(messages) == [
        ("Human", "hola"), ("AI", "buenas"), ("Human", 'dos\n\nlíneas; y "comillas", sí'), ("AI", "ok"),
        ("AI", "sigo yo"), ("Human", "solo yo"), ("Human", "otra charla"), ("AI", "sí"),
    ]  # fmt: skip
    assert [place for place, one in enumerate(messages) if one.marks & Mark.STARTS] == [0, 6]
    assert all(message.marks & Mark.UNTIMED for message in messages)
    assert [message.line for message in messages] == [2, 2, 3, 3, 6, 7, 9, 9]
    assert report.participants == ["AI", "Human"]
    assert report.unread == []
    assert report.first is None
    assert report.lines == 9


def test_a_separator_row_may_be_short_and_padded(tmp_path: Path) -> None:
    messages, report = read(written(tmp_path, "c.csv", "A;B\nuno;dos\n ### \ntres;cuatro;\n\n;\n"))
    assert [message.text for message in messages] == ["uno", "dos", "tres", "cuatro"]
    assert messages[2].marks & Mark.STARTS
    assert report.unread == []


def test_text_is_kept_exactly(tmp_path: Path) -> None:
    cells = [" con espacios ", '12 cm de 5" de lluvia', "###x", "a: b", "👨\u200d👩\u200d👧", "½ ﬁ", "\u2028x"]
    text = "A;B\n" + "".join(f"{cell};x\n" for cell in cells)
    messages, report = read(written(tmp_path, "c.csv", text))
    assert [message.text for message in messages if message.author == "A"] == cells
    assert [one.line for one in report.unread] == [4]  # "###" inside a cell is worth a look


def test_rows_that_do_not_fit_are_reported_by_line(tmp_path: Path) -> None:
    text = 'A;B\nuno;dos\nsolo\na;b;c\n"abierta;nunca\ntres;cuatro\n'
    messages, report = read(written(tmp_path, "c.csv", text))
    assert said(messages) == [
        ("A", "uno"),
        ("B", "dos"),
        ("A", '"abierta'),
        ("B", "nunca"),
        ("A", "tres"),
        ("B", "cuatro"),
    ]
    assert [one.line for one in report.unread] == [3, 4, 5]


def test_prompt_and_completion_rows_are_conversations(tmp_path: Path) -> None:
    messages, _report = read(written(tmp_path, "c.csv", "prompt,completion\nhola,buenas\nchau,adiós\n"))
    assert said(messages) == [("prompt", "hola"), ("completion", "buenas"), ("prompt", "chau"), ("completion", "adiós")]
    assert [bool(message.marks & Mark.STARTS) for message in messages] == [True, False, True, False]


@pytest.mark.parametrize(
    ("header", "rows", "first"),
    [
        ("speaker,text,time", ["Ana,hola,2023-05-27T14:05:00", "Juan,buenas,2023-05-27 14:06"], "2023-05-27T14:05:00"),
        ("fecha;autor;mensaje", ["27/5/2023 14:05;Ana;hola", "28/5/2023 14:05;Juan;buenas"], "2023-05-27T14:05:00"),
        (
            "time\tauthor\ttext",
            ["5/27/23, 2:05 PM\tAna\thola", "5/28/23, 2:05 PM\tJuan\tbuenas"],
            "2023-05-27T14:05:00",
        ),
    ],
)
def test_speakers_with_times(header: str, rows: list[str], first: str, tmp_path: Path) -> None:
    messages, _report = read(written(tmp_path, "c.csv", "\n".join([header, *rows])))
    assert said(messages) == [("Ana", "hola"), ("Juan", "buenas")]
    assert local_iso(messages[0].sent_at) == first
    assert not messages[0].marks & Mark.UNTIMED


def test_speakers_without_times(tmp_path: Path) -> None:
    messages, _report = read(written(tmp_path, "c.csv", 'speaker,text\nAna,hola\nJuan,"a, b"\n'))
    assert said(messages) == [("Ana", "hola"), ("Juan", "a, b")]
    assert messages[0].marks == Mark.STARTS | Mark.UNTIMED


def test_a_time_that_cannot_be_read_costs_its_row(tmp_path: Path) -> None:
    rows = "speaker,text,time\nAna,hola,2023-05-27\nAna,x,mañana\nAna,y,2023-05-28\n"
    messages, report = read(written(tmp_path, "c.csv", rows))
    assert [message.text for message in messages] == ["hola", "y"]
    assert [one.line for one in report.unread] == [3]


def test_undecidable_times_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "c.csv", "speaker,text,time\nAna,hola,1/2/2023 10:00\n")
    with pytest.raises(Problem, match="--date-order"):
        list(read_export(path))
    assert local_iso(read(path, date_order="mdy")[0][0].sent_at) == "2023-01-02T10:00:00"


@pytest.mark.parametrize(
    ("text", "count"),
    [("uno\ndos\ntres\n", "1"), ("a;b;c;d;e\n1;2;3;4;5\n1;2;3;4;5\n", "5"), ("a,b,c,d,e\n1,2,3,4,5\n", "5")],
)
def test_tables_that_are_none(text: str, count: str, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        list(read_export(written(tmp_path, "c.csv", text)))
    assert count in str(caught.value)
    assert "line 1" in str(caught.value)


def test_an_actor_that_labels_could_not_be_told_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="line 1"):
        list(read_export(written(tmp_path, "c.csv", "A: x;B\nuno;dos\n")))


def test_quotation_marks_cost_linear_work() -> None:
    from core.reading.table import records

    lines = ['"abierta;x\n'] + ["a;b\n"] * 3000
    looked = list(records(lines * 3, ";"))
    assert len(looked) <= 3 * 3001
    assert {line for line, _cells in looked} <= set(range(1, 3 * 3001 + 1))


def test_without_calamine_an_excel_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    monkeypatch.setattr("core.reading.table.find_spec", lambda name: None)
    path = tmp_path / "charla.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(Problem, match="python-calamine"):
        list(read_export(path))


def test_with_calamine_a_sheet_is_a_table(tmp_path: Path) -> None:
    # Both packages as they are on the registry, in an environment of their own: one writes the file, the other reads it.
    python = third_party.pypi("calamine", "python-calamine==0.9.1", "openpyxl==3.1.5")
    script = """
import json, sys
from datetime import date, datetime, time
from pathlib import Path
import openpyxl
from core.problem import Problem
from core.reading import read_export

def told(rows, name):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(name)
    try:
        reading = read_export(Path(name))
        messages = [[m.author, m.text, m.line] for batch in reading for m in batch.messages]
        return [messages, reading.report.format, reading.report.lines]
    except Problem as problem:
        return str(problem)

two = [["Ana", "Juan"], ["hola 😂", 3.0], ["###", None], [None, "chau\\nlínea"], [True, 2.5], [date(2024, 5, 1), None]]
three = [["speaker", "text", "time"], ["Ana", "hola", datetime(2024, 5, 1, 10, 30)], ["Juan", "chau", "13/5/2024 10:31"]]
print(json.dumps([told(two, "two.xlsx"), told(three, "three.xlsx"), told([["a", "b", "c", "d", "e"]], "five.xlsx"),
    told([["solo"]], "one.xlsx"), told([], "none.xlsx")]))
below = openpyxl.Workbook()
for at, value in (("B3", "Ana"), ("C3", "Juan"), ("B4", "hola")):
    below.active[at] = value
below.save("below.xlsx")
print(json.dumps([[m.author, m.text, m.line] for batch in read_export(Path("below.xlsx")) for m in batch.messages]))
far = openpyxl.Workbook()
far.active["A1"], far.active["XFD1048576"] = "Ana", "Juan"  # asks the decoder for half a terabyte
far.save("far.xlsx")
data = Path("two.xlsx").read_bytes()
Path("torn.xlsx").write_bytes(data.replace(b"PK", b"PX", 1))
Path("cut.xlsx").write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 40 :])
for name in ("torn.xlsx", "cut.xlsx", "far.xlsx"):
    try:
        list(read_export(Path(name)))
        print("read")
    except Problem as problem:
        print(str(problem))
"""
    root = str(Path(__file__).parent.parent.parent)
    done = subprocess.run(
        [python, "-c", script],
        cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, below, *broken = done.stdout.splitlines()
    assert json.loads(below) == [["Ana", "hola", 4]]
    two, three, five, one, none = json.loads(first)
    assert two == [
        [["Ana", "hola 😂", 2], ["Juan", "3", 2], ["Juan", "chau\nlínea", 4], ["Ana", "True", 5], ["Juan", "2.5", 5],
         ["Ana", "2024-05-01", 6]],
        "excel", 6,
    ]  # fmt: skip
    assert three[0] == [["Ana", "hola", 2], ["Juan", "chau", 3]]
    assert "has 5" in five
    assert "has 1" in one
    assert "has 0" in none
    assert len(broken) == 3
    assert all("\n" not in line and "Traceback" not in line for line in broken)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ana;Luis\n", "line 1: no row follows the header"),
        ("\n\nAna;Ana\nx;y\n", "line 3: the header must name two people, not the same twice"),
        ("Ana;Luis\nx;y;z\nx;y;z\n", "line 2: the header has 2 columns, this row 3"),
        ("\na,b,c\n1,2,3\n", "line 2: a table of talk has two columns (or speaker, text, time); this has 3"),
        ("a;b;c;d;e\n1;2;3;4;5\n", "line 1: a table of talk has two columns (or speaker, text, time); this has 5"),
        ("Ana#Luis\nhola#chau\n", "this has 1"),
    ],
)
def test_what_is_no_table_says_why_and_where(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        read(written(tmp_path, "charla.csv", text))
    assert reason in caught.value.what
