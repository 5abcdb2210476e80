"""JSON exports of the other platforms: every field that matters, every trap, and what is broken is said."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from core.chat import Kind, Mark, local_iso
from core.problem import Problem
from core.reading import read_export
from tests.reading.exports import as_json, by_chat, read, said, written

# ── Telegram ──


def _telegram(number: int, text: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date": f"2023-05-27T14:{number % 60:02}:00",
        "date_unixtime": "1685192400",
        "from": "Ana",
        "from_id": "user1",
        "text": text,
        "text_entities": [],
        **more,
    }


def test_telegram_keeps_the_wall_clock_and_joins_text(tmp_path: Path) -> None:
    entities = ["hola ", {"type": "bold", "text": "che"}, {"type": "link", "text": " http://x.y"}]
    chat = {"name": "Ana", "type": "personal_chat", "id": 7, "messages": [_telegram(1, "hola"), _telegram(2, entities)]}
    messages, report = read(as_json(tmp_path, "result.json", chat))
    assert said(messages) == [("Ana", "hola"), ("Ana", "hola che http://x.y")]
    assert local_iso(messages[0].sent_at) == "2023-05-27T14:01:00"
    assert report.format == "telegram"


def test_telegram_kinds_and_marks(tmp_path: Path) -> None:
    messages = [
        _telegram(1, "", photo="(File not included.)"),
        _telegram(2, "mirá", media_type="sticker", file="s.webp"),
        _telegram(3, "", location_information={"latitude": 1.0, "longitude": 2.0}),
        _telegram(4, "", poll={"question": "¿dónde?", "answers": []}),
        _telegram(5, "ajeno", forwarded_from="Otro"),
        _telegram(6, "x", edited="2023-05-27T15:00:00"),
        _telegram(7, "x", via_bot="@bot"),
        {**_telegram(8, ""), "type": "service", "actor": "Ana", "action": "phone_call"},
        {**_telegram(9, ""), "type": "service", "actor": "Ana", "action": "create_group", "title": "G"},
        {**_telegram(10, "hola"), "from": None},
        {"id": 11, "type": "unsupported"},
    ]
    got, report = read(
        as_json(tmp_path, "r.json", {"name": "G", "type": "private_group", "id": 7, "messages": messages})
    )
    assert [one.kind for one in got] == [
        Kind.MEDIA,
        Kind.MEDIA,
        Kind.LOCATION,
        Kind.POLL,
        Kind.TEXT,
        Kind.TEXT,
        Kind.TEXT,
        Kind.CALL,
        Kind.SYSTEM,
        Kind.TEXT,
    ]
    assert [one.marks for one in got[4:7]] == [Mark.FORWARDED, Mark.EDITED, Mark.BOT]
    assert got[1].text == "mirá"
    assert got[9].author == "user1"
    assert [one.line for one in report.unread] == [11]


def test_a_whole_telegram_account_is_many_chats(tmp_path: Path) -> None:
    account = {
        "about": "x",
        "personal_information": {"user_id": 1},
        "chats": {
            "about": "y",
            "list": [
                {"name": "Ana", "type": "personal_chat", "id": 7, "messages": [_telegram(1, "hola")]},
                {"type": "saved_messages", "id": 1, "messages": [_telegram(2, "nota")]},
            ],
        },
        "left_chats": {"list": [{"name": "G", "type": "private_group", "id": 9, "messages": [_telegram(3, "chau")]}]},
    }
    chats = by_chat(as_json(tmp_path, "result.json", account))
    assert {title: said(messages) for title, messages in chats.items()} == {
        "Ana": [("Ana", "hola")],
        "Saved Messages": [("Ana", "nota")],
        "G": [("Ana", "chau")],
    }


def test_telegram_control_characters_are_repaired(tmp_path: Path) -> None:
    chat = {"name": "Ana", "type": "personal_chat", "id": 7, "messages": [_telegram(n, f"m{n}") for n in range(1, 6)]}
    text = json.dumps(chat).replace('"m3"', r'"a\x1fb \\x41 \\\x02"').replace('"name": "Ana"', r'"name": "A\x07na"')
    chats = by_chat(written(tmp_path, "result.json", text))
    assert list(chats) == ["A\x07na"]
    assert [message.text for message in chats["A\x07na"]] == ["m1", "m2", "a\x1fb \\x41 \\\x02", "m4", "m5"]


# ── Discord ──


def _discord(number: int, text: str, **more: Any) -> dict[str, Any]:
    author = {"id": "1", "name": "ana", "nickname": "Ana", "isBot": False}
    stamp = f"2023-05-27T14:{number:02}:30.123-03:00"
    return {"id": str(number), "type": "Default", "timestamp": stamp, "content": text, "author": author, **more}


def _channel(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "guild": {"id": "5", "name": "Casa"},
        "channel": {"id": "6", "type": "GuildTextChat", "name": "general"},
        "dateRange": {"after": None},
        "messages": messages,
        "messageCount": len(messages),
    }


def test_discord_people_are_accounts(tmp_path: Path) -> None:
    messages = [
        _discord(1, "hola"),
        _discord(2, "soy otra", author={"id": "2", "name": "ana2", "nickname": "Ana", "isBot": False}),
        _discord(3, "cambié", author={"id": "1", "name": "ana", "nickname": "Anita", "isBot": False}),
        _discord(4, "bip", author={"id": "3", "name": "bot", "isBot": True}),
        _discord(5, "", attachments=[{"fileName": "a.jpg", "url": "u"}]),
        _discord(6, "Started a call.", type="Call"),
        _discord(7, "Pinned a message.", type="ChannelPinnedMessage"),
        _discord(8, "sí", type="Reply", timestampEdited="2023-05-28T00:00:00-03:00"),
        _discord(9, "", forwardedMessage={"content": "de otro"}),
    ]
    chats = by_chat(as_json(tmp_path, "general.json", _channel(messages)))
    (title, got), = chats.items()  # fmt: skip
    assert title == "Casa · general"
    assert [one.author for one in got[:4]] == ["Ana", "Ana (ana2)", "Ana", "bot"]
    assert [one.kind for one in got[4:7]] == [Kind.MEDIA, Kind.CALL, Kind.SYSTEM]
    assert [one.marks for one in (got[3], got[7], got[8])] == [Mark.BOT, Mark.EDITED, Mark.FORWARDED]
    assert got[8].text == "de otro"
    assert local_iso(got[0].sent_at) == "2023-05-27T14:01:30"


def test_discord_partitions_are_read_together(tmp_path: Path) -> None:
    for part in (2, 1, 3):
        as_json(tmp_path, f"casa [part {part}].json", _channel([_discord(part, f"parte {part}")]))
    messages, report = read(tmp_path / "casa [part 1].json")
    assert [message.text for message in messages] == ["parte 1", "parte 2", "parte 3"]
    assert report.parts == ["casa [part 2].json", "casa [part 3].json"]


# ── Messenger and Instagram ──


def _wrong(text: str) -> str:
    return text.encode().decode("latin-1")


def _meta(seconds: int, text: str | None, **more: Any) -> dict[str, Any]:
    content = {} if text is None else {"content": _wrong(text)}
    return {"sender_name": _wrong("José"), "timestamp_ms": seconds * 1000, **content, **more}


def test_messenger_is_mended_sorted_and_joined(tmp_path: Path) -> None:
    people = [{"name": _wrong("José")}, {"name": "Ana"}]
    newer = {
        "participants": people,
        "messages": [_meta(40, "cuatro"), _meta(30, "mañana 😀")],
        "title": _wrong("José y Ana"),
    }
    older = {"participants": people, "messages": [_meta(20, "dos"), _meta(10, "uno")], "title": _wrong("José y Ana")}
    as_json(tmp_path, "message_1.json", newer)
    as_json(tmp_path, "message_2.json", older)
    chats = by_chat(tmp_path / "message_1.json")
    assert {title: said(messages) for title, messages in chats.items()} == {
        "José y Ana": [("José", "uno"), ("José", "dos"), ("José", "mañana 😀"), ("José", "cuatro")]
    }


def test_messenger_kinds(tmp_path: Path) -> None:
    thread = {
        "participants": [],
        "messages": [
            _meta(90, "Reacted ❤ to your message"),
            _meta(80, "You missed a call from Ana."),
            _meta(70, None, is_unsent=True),
            _meta(60, None, photos=[{"uri": "x"}]),
            _meta(50, "http://x.y mirá", share={"link": "http://x.y"}),
            _meta(40, "x", call_duration=12),
            _meta(30, "ya mandé lo que Ana sent an attachment quiere"),
            {"sender_name": "Ana"},
        ],
    }
    messages, report = read(as_json(tmp_path, "message_1.json", thread))
    assert [one.kind for one in messages] == [
        Kind.TEXT, Kind.CALL, Kind.TEXT, Kind.MEDIA, Kind.DELETED, Kind.SYSTEM, Kind.SYSTEM,
    ]  # fmt: skip
    assert [one.line for one in report.unread] == [8]


def test_instagram_is_told_from_messenger(tmp_path: Path) -> None:
    message = {**_meta(10, "hola"), "is_geoblocked_for_viewer": False}
    path = as_json(tmp_path, "message_1.json", {"participants": [{"name": "Ana"}], "messages": [message]})
    (batch,) = [batch for batch in read_export(path) if batch.messages]
    assert batch.chat.platform == "instagram"
    assert batch.chat.title == "Ana"


def test_messengers_encrypted_export_is_not_mended(tmp_path: Path) -> None:
    thread = {
        "participants": ["José", "Ana"],
        "threadName": "José_12",
        "messages": [
            {
                "senderName": "José",
                "text": "Ã© mañana",
                "timestamp": 20_000,
                "type": "text",
                "isUnsent": False,
                "media": [],
            },
            {"senderName": "Ana", "text": "uno", "timestamp": 10_000, "type": "text", "isUnsent": False, "media": []},
        ],
    }
    chats = by_chat(as_json(tmp_path, "José_12.json", thread))
    assert {title: said(messages) for title, messages in chats.items()} == {
        "José": [("Ana", "uno"), ("José", "Ã© mañana")]
    }


# ── ChatGPT ──


def _node(name: str, parent: str | None, role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    message = {"author": {"role": role}, "content": {"content_type": "text", "parts": list(parts)}, **more}
    return {"id": name, "parent": parent, "children": [], "message": message}


def test_chatgpt_follows_the_current_branch(tmp_path: Path) -> None:
    nodes = [
        {"id": "root", "parent": None, "children": ["a"], "message": None},
        _node("a", "root", "system", ""),
        _node("b", "a", "user", "hola", create_time=1685192400.5),
        _node("c1", "b", "assistant", "respuesta vieja", create_time=1685192401),
        _node("c2", "b", "assistant", "respuesta", create_time=None),
        _node("d", "c2", "assistant", "oculta", metadata={"is_visually_hidden_from_conversation": True}),
        _node("e", "d", "assistant", "x", recipient="python"),
        _node("f", "e", "user", {"asset_pointer": "x"}, "mirá esto"),
    ]
    conversation = {
        "id": "c", "title": "Saludos", "create_time": 1685192000, "current_node": "f",
        "mapping": {node["id"]: node for node in nodes},
    }  # fmt: skip
    chats = by_chat(as_json(tmp_path, "conversations.json", [conversation, {**conversation, "title": "Otra"}]))
    assert list(chats) == ["Saludos", "Otra"]
    got = chats["Saludos"]
    assert said(got) == [("user", "hola"), ("assistant", "respuesta"), ("user", "mirá esto")]
    assert got[0].marks == Mark.STARTS
    assert local_iso(got[1].sent_at) == "2023-05-27T13:00:00"
    _messages, report = read(tmp_path / "conversations.json")
    assert report.warnings


def test_a_ring_of_nodes_ends(tmp_path: Path) -> None:
    nodes = {"a": _node("a", "b", "user", "uno"), "b": _node("b", "a", "assistant", "dos")}
    path = as_json(tmp_path, "c.json", [{"title": "t", "current_node": "a", "mapping": nodes}])
    assert said(read(path)[0]) == [("assistant", "dos"), ("user", "uno")]


# ── training rows ──

_ROWS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "openai": (
        {
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "u"},
                {"role": "assistant", "content": "a"},
            ]
        },
        [("", "s"), ("user", "u"), ("assistant", "a")],
    ),
    "sharegpt": (
        {"system": "s", "conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]},
        [("", "s"), ("human", "u"), ("gpt", "a")],
    ),
    "alpaca": (
        {"instruction": "i", "input": "x", "output": "o", "history": [["q", "r"]]},
        [("user", "q"), ("assistant", "r"), ("user", "i\nx"), ("assistant", "o")],
    ),
    "prompt-completion": ({"prompt": "p", "completion": " c"}, [("prompt", "p"), ("completion", "c")]),
}


@pytest.mark.parametrize("kind", _ROWS)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_training_rows(kind: str, form: str, tmp_path: Path) -> None:
    row, expected = _ROWS[kind]
    text = json.dumps([row, row]) if form == "array" else f"{json.dumps(row)}\n{json.dumps(row)}\n"
    messages, report = read(written(tmp_path, "train.jsonl", text))
    assert report.format == kind
    assert said(messages) == expected * 2
    starts = [bool(message.marks & Mark.STARTS) for message in messages]
    assert starts == ([True] + [False] * (len(expected) - 1)) * 2
    assert all(message.marks & Mark.UNTIMED for message in messages)
    assert [message.sent_at for message in messages] == list(range(len(messages)))


def test_one_bad_row_does_not_fail_a_file(tmp_path: Path) -> None:
    row = json.dumps(_ROWS["openai"][0])
    messages, report = read(written(tmp_path, "train.jsonl", f'{row}\n{{"messages": [\n\n{{"a": 1}}\n{row}\n'))
    assert len(messages) == 6
    assert [one.line for one in report.unread] == [2, 4]


def test_glued_prompts_are_taken_apart(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Human: hola\nAI: buenas\nHuman: qué tal?\nAI:", "completion": " bien\nHuman: "},
        {"prompt": "Human: dos\nlíneas\nAI:", "completion": " sí: claro\nHuman: "},
    ]
    messages, _report = read(written(tmp_path, "t.jsonl", "\n".join(map(json.dumps, rows))))
    assert said(messages) == [
        ("Human", "hola"), ("AI", "buenas"), ("Human", "qué tal?"), ("AI", "bien"),
        ("Human", "dos\nlíneas"), ("AI", "sí: claro"),
    ]  # fmt: skip


def test_suffix_and_stop_are_taken_off(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{n} ->", "completion": f" c{n} END"} for n in range(4)] + [
        {"prompt": "", "completion": " solo END"}
    ]
    messages, _report = read(written(tmp_path, "t.jsonl", "\n".join(map(json.dumps, rows))))
    assert said(messages)[:2] == [("prompt", "p0"), ("completion", "c0")]
    assert said(messages)[-1] == ("completion", "solo")


# ── broken JSON ──


def _many(count: int) -> dict[str, Any]:
    return {
        "name": "Ana",
        "type": "personal_chat",
        "id": 7,
        "messages": [_telegram(n, f"m{n}") for n in range(1, count + 1)],
    }


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("end", ['"m40"', 'm40"', ', "text": "m40"', '"m40"}'])
def test_an_export_that_ends_in_the_middle_is_refused_with_the_place(
    end: str, indent: int | None, tmp_path: Path
) -> None:
    text = json.dumps(_many(50), indent=indent)
    if end not in text:
        end = "m40"
    whole = text[: text.index(end) + (len(end) if end.endswith("}") else 0)]
    path = written(tmp_path, "result.json", whole)
    with pytest.raises(Problem) as caught:
        read(path)
    assert str(caught.value).startswith("result.json: the file ends in the middle (line ")
    assert f"character {len(whole)})" in str(caught.value)


def test_an_export_whose_last_element_is_broken_loses_that_one_alone(tmp_path: Path) -> None:
    text = json.dumps(_many(50)).replace('"m50"', "m'oops")
    messages, report = read(written(tmp_path, "result.json", text))
    assert [message.text for message in messages] == [f"m{n}" for n in range(1, 50)]
    assert report.unread[0].line == 50


def test_a_broken_element_costs_itself(tmp_path: Path) -> None:
    text = json.dumps(_many(50))
    for bad in ('"m20"', '"m30"'):
        text = text.replace(bad, "m'oops")
    messages, report = read(written(tmp_path, "result.json", text))
    assert [message.text for message in messages] == [f"m{n}" for n in range(1, 51) if n not in {20, 30}]
    assert [one.line for one in report.unread] == [20, 30]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[",
        '{"a"',
        '{"messages": [',
        "[1, 2]",
        '{"a": 1}',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"messages": "x"}',
        '{"name": "x", "messages": []}',
        '[{"mapping": {}}]',
        '{"prompt": ' + "9" * 10_000 + "}",
        "[[[]]]",
        '{"messages":[{"role":1}]}',
    ],
)
def test_json_that_is_no_export_is_a_problem_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        list(read_export(written(tmp_path, "x.json", text)))
    assert "\n" not in str(caught.value)


def test_small_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_json(tmp_path, "result.json", _many(200))
    expected, _report = read(path)
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr("core.reading.json_stream._CHUNK", size)
        assert read(path)[0] == expected


def test_a_missing_quotation_mark_costs_one_element(tmp_path: Path) -> None:
    # From there on every string is outside, and what stood between strings is inside: brackets tell nothing any more.
    whole = json.dumps(
        {"name": "Ana", "type": "personal_chat", "id": 7, "messages": [_telegram(n, "x") for n in range(6)]}
    )
    broken = whole.replace('"id": 2, "type"', '"id": 2, "type', 1)
    messages, report = read(written(tmp_path, "result.json", broken))
    assert len(messages) == 5
    assert [one.line for one in report.unread] == [3]


def test_something_between_two_elements_costs_the_next_at_most(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": f"{n}"}]} for n in range(4)]
    text = json.dumps(rows).replace("}, {", "} oops, {", 1)
    messages, report = read(written(tmp_path, "rows.json", text))
    assert [message.text for message in messages] == ["0", "1", "2", "3"]
    assert len(report.unread) == 1


def test_a_thread_that_breaks_off_is_refused(tmp_path: Path) -> None:
    thread = {"participants": [{"name": "A"}], "messages": [{"sender_name": "A", "timestamp_ms": n * 1000, "content": "x"}
                                                            for n in (3, 2, 1)]}  # fmt: skip
    with pytest.raises(Problem, match="ends in the middle"):
        read(written(tmp_path, "message_1.json", json.dumps(thread)[:-2]))


def test_half_a_character_in_any_field_reaches_no_message(tmp_path: Path) -> None:
    channel = {
        "guild": {"name": "g"},
        "channel": {"id": "1", "name": "c"},
        "messages": [{"id": "1", "type": "Call\ud800", "timestamp": "2023-05-27T10:00:00+00:00", "content": ""}],
    }
    messages, _report = read(written(tmp_path, "c.json", json.dumps(channel)))
    assert messages[0].text.encode() == "Call\ufffd".encode()


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_long_thread_comes_back_as_a_short_one_does(newest_first: bool, tmp_path: Path, monkeypatch: Any) -> None:
    dice = random.Random(seed := random.randrange(1 << 32))
    at, messages = 1_600_000_000_000, []
    for number in range(400):
        # Now and then within one second, and now and then back, by which runs overlap.
        at += dice.choice((0, 200, 9_000, 9_000, -8_000))
        # A first run of 37 must go the way that the whole does, as one of 65,536 does.
        at += 60_000 * (number % 10 == 0)
        messages.append({"sender_name": dice.choice(("A", "B")), "timestamp_ms": at, "content": f"m{number}"})
    thread = {"participants": [{"name": "A"}], "messages": messages[::-1] if newest_first else messages}
    path = as_json(tmp_path, "message_1.json", thread)
    held, _report = read(path)
    assert len(held) == 400
    monkeypatch.setattr("core.reading.spool._RUN", 37)
    monkeypatch.setattr("core.reading.spool._PIECE", 5)
    assert read(path)[0] == held, seed
