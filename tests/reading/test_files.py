"""Files that are no chats, archives, and what cannot be read: each a Problem in one line, never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
from pathlib import Path

import pytest

from bench.reading.generator import generate
from core.problem import Misuse, Problem
from core.reading import ReadOptions, read_export
from tests.reading.exports import as_json, by_chat, read, said, written

CHAT = "27/6/2023, 10:00 - Ana: hola\n27/6/2023, 10:01 - Juan: buenas\n"


def problem_of(path: Path, **options: str) -> Problem:
    """The Problem that reading this must raise; it is one line, and says what to do."""
    with pytest.raises(Problem) as caught:
        list(read_export(path, options=ReadOptions(**options)))  # type: ignore[arg-type]
    said_ = str(caught.value)
    assert "\n" not in said_
    assert caught.value.where
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("empty.txt", b""),
        ("blanks.txt", b" \n\n \t\n"),
        ("binary.bin", bytes(range(256)) * 40),
        ("image.png", b"\x89PNG\r\n\x1a\n" + os.urandom(3000)),
        ("page.html", b"<!DOCTYPE html>\n<html><body>hola</body></html>"),
        ("page2.html", b"  <html lang='es'>"),
        ("prose.txt", "Había una vez un texto\nsin fechas ni nombres.\n".encode()),
        ("chat.gz", gzip.compress(CHAT.encode())),
        ("chat.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 100),
        ("empty.zip", b"PK\x05\x06" + b"\0" * 18),
        ("broken.zip", b"PK\x03\x04" + os.urandom(300)),
        ("only-system.json", b'{"name":"x","type":"personal_chat","id":1,"messages":[]}'),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_are_no_chats(name: str, contents: bytes, tmp_path: Path) -> None:
    problem_of(written(tmp_path, name, contents))


def test_one_line_of_fifty_megabytes(tmp_path: Path) -> None:
    problem_of(written(tmp_path, "line.txt", b"x" * (50 << 20)))


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    assert "folder" in problem_of(tmp_path / "folder.txt").what
    assert "pipe" in problem_of(tmp_path / "pipe.txt").what  # and does not wait for a writer
    assert "device" in problem_of(Path("/dev/zero")).what
    assert "no such file" in problem_of(tmp_path / "none.txt").what
    problem_of(tmp_path / ("x" * 300))
    problem_of(Path("a\0b"))


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "chat.txt", CHAT)

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("core.reading.source.os.open", refuse)
    assert "may not read" in problem_of(path).what


def test_an_unknown_format_or_order_is_misuse(tmp_path: Path) -> None:
    path = written(tmp_path, "chat.txt", CHAT)
    for options in (ReadOptions(format="whatsup"), ReadOptions(date_order="dym")):
        with pytest.raises(Misuse):
            read_export(path, options=options)


def test_a_format_that_was_told_is_not_doubted(tmp_path: Path) -> None:
    path = written(tmp_path, "chat.txt", CHAT)
    assert len(read(path, format="whatsapp")[0]) == 2
    for name in ("telegram", "discord", "messenger", "chatgpt", "csv", "openai", "excel"):
        problem_of(path, format=name)


def test_a_file_that_breaks_off_while_it_is_read(tmp_path: Path) -> None:
    data = "".join(f"27/6/2023, 10:{n % 60:02} - Ana: hola {n}\n" for n in range(60_000)).encode()
    path = written(tmp_path, "chat.txt", data)
    reading = iter(read_export(path))
    next(reading)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(Problem, match=r"became shorter while it was read \(1,\d{3},\d{3} of 2,\d{3},\d{3} bytes\)"):
        list(reading)  # half an export looks like a whole one


def test_a_file_that_grows_while_it_is_read_is_told(tmp_path: Path) -> None:
    data = "".join(f"27/6/2023, 10:{n % 60:02} - Ana: hola {n}\n" for n in range(60_000)).encode()
    path = written(tmp_path, "chat.txt", data)
    reading = read_export(path)
    batches = iter(reading)
    next(batches)
    with path.open("ab") as file:
        file.write("28/6/2023, 10:00 - Ana: más\n".encode())
    list(batches)
    assert any("grew while it was read" in one for one in reading.report.warnings)


def test_a_name_that_is_no_text_is_shown_and_kept_as_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text(CHAT)
    report = read(path)[1]
    assert (report.file, list(report.chats)) == ("caf\ufffd.txt", ["caf\ufffd"])
    packed(tmp_path, {"_chat.txt": CHAT}).rename(path)
    assert read(path)[1].file == "caf\ufffd.txt"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"name": "A",\n "ty', "line 2, character 15"), ('{"a": 1,}', "line 1, character 8"),
        ('[{"a": 1}, {"b"', "line 1, character 15"), ("[" * 100_000, "line 1"),
        ('{"messages": [{"id": 1,}]}', "line 1, character 23"), ('{"a": "' + "x" * (3 << 20), "line 1, character 6"),
    ],
)  # fmt: skip
def test_json_that_breaks_off_before_it_is_known_says_where(text: str, where: str, tmp_path: Path) -> None:
    problem = problem_of(written(tmp_path, "x.json", text))
    assert "breaks off or is damaged" in problem.what
    assert where in problem.what


def test_a_text_with_a_bracket_in_front_is_no_json(tmp_path: Path) -> None:
    assert "none of the formats" in problem_of(written(tmp_path, "x.txt", "[nota] hola\nchau\n")).what


# ── archives ──


def packed(folder: Path, members: dict[str, str | bytes], name: str = "WhatsApp Chat - Meli.zip") -> Path:
    """A zip with these members."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, contents in members.items():
            archive.writestr(member, contents)
    return path


def test_the_chat_is_found_among_the_members_of_a_zip(tmp_path: Path) -> None:
    path = packed(
        tmp_path,
        {
            "00000001-nota.txt": "1/1/2020, 10:00 - Otro: un chat que mandaron\n" * 50,
            "00000002-PHOTO.jpg": b"\xff\xd8" * 100,
            "_chat.txt": CHAT,
            "__MACOSX/._chat.txt": b"\0\0\0",
        },
    )
    messages, report = read(path)
    assert said(messages) == [("Ana", "hola"), ("Juan", "buenas")]
    assert list(report.chats) == ["Meli"]
    assert report.media_files == 2
    assert "_chat.txt" in report.evidence["format"]
    assert report.lines == 2


def test_a_big_chat_in_a_zip_is_the_chat_outside_it(tmp_path: Path) -> None:
    data, _truth = generate("ios-es", 4_000, 5)
    assert read(packed(tmp_path, {"_chat.txt": data}))[0] == read(written(tmp_path, "chat.txt", data))[0]


def test_a_zip_of_messenger_threads_is_read_whole(tmp_path: Path) -> None:
    import json

    def part(*texts: str) -> str:
        messages = [{"sender_name": "Ana", "timestamp_ms": int(text) * 1000, "content": text} for text in texts]
        return json.dumps({"participants": [{"name": "Ana"}], "messages": messages, "title": texts[0][0]})

    members: dict[str, str | bytes] = {
        "messages/inbox/a/message_2.json": part("11", "10"),
        "messages/inbox/a/message_1.json": part("13", "12"),
        "messages/inbox/b/message_1.json": part("20"),
        "messages/profile.json": "{}",
    }
    chats = by_chat(packed(tmp_path, members, "facebook.zip"))
    assert [[one.text for one in messages] for messages in chats.values()] == [["10", "11", "12", "13"], ["20"]]


def test_the_list_of_an_archive_is_read_once_however_many_threads_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "account.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40):
            message = {"sender_name": "Ana", "timestamp_ms": 1685181600000 + number, "content": "hola"}
            thread = {"participants": [{"name": "Ana"}], "title": f"t{number}", "messages": [message]}
            archive.writestr(f"inbox/t{number}/message_1.json", json.dumps(thread))
    opened: list[object] = []
    original = zipfile.ZipFile.__init__
    monkeypatch.setattr(
        zipfile.ZipFile,
        "__init__",
        lambda self, *given, **named: (opened.append(self), original(self, *given, **named))[1],
    )
    messages, _report = read(path)
    assert len(messages) == 40
    assert len(opened) == 1


def test_names_that_would_leave_the_archive_are_not_candidates(tmp_path: Path) -> None:
    for name in ("../_chat.txt", "/etc/_chat.txt", "a/../../_chat.txt", "..\\_chat.txt", "C:\\_chat.txt"):
        problem_of(packed(tmp_path, {name: CHAT}))
    assert list(tmp_path.iterdir()) == [tmp_path / "WhatsApp Chat - Meli.zip"]


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("_chat.txt", CHAT)
    assert "Unpack" in problem_of(packed(tmp_path, {"inner.zip": inner.getvalue()})).advice


def test_a_zip_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    path = packed(tmp_path, {"_chat.txt": CHAT + "\0" * (64 << 20)})
    assert path.stat().st_size < 1 << 20
    assert "64 MB" in problem_of(path).what


@pytest.mark.parametrize("declared", [0, 10, 60_000])
def test_a_zip_that_lies_about_its_size(declared: int, tmp_path: Path) -> None:
    path = packed(tmp_path, {"_chat.txt": CHAT * 3000})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature)
        data[at + offset : at + offset + 4] = struct.pack("<I", declared)
    path.write_bytes(data)
    problem_of(path)


def test_a_damaged_or_locked_member_is_said(tmp_path: Path) -> None:
    path = packed(tmp_path, {"_chat.txt": CHAT * 3000})
    data = bytearray(path.read_bytes())
    data[60:80] = b"\0" * 20
    path.write_bytes(data)
    assert "damaged" in problem_of(path).what
    path = packed(tmp_path, {"_chat.txt": CHAT})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    assert "password" in problem_of(path).what


def test_an_account_may_come_in_a_zip(tmp_path: Path) -> None:
    inner = as_json(
        tmp_path,
        "x.json",
        [
            {
                "title": "t",
                "current_node": "a",
                "mapping": {
                    "a": {
                        "id": "a",
                        "parent": None,
                        "message": {"author": {"role": "user"}, "content": {"parts": ["hola"]}},
                    }
                },
            }
        ],
    )
    path = packed(tmp_path, {"conversations.json": inner.read_bytes(), "chat.html": "<html>"}, "chatgpt.zip")
    assert said(read(path)[0]) == [("user", "hola")]
