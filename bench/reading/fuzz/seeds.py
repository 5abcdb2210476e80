"""What fuzzing starts from: small exports of every format, words that readers look for, and ways to break a file.

Out: `SEEDS` by target, `WORDS`, `mutated` (bytes, at random), `mutated_json` (the same document with values that do not
belong there) and `repacked` (the same archive with another member in it). Knows no reader.
"""

from __future__ import annotations

import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from typing import Any, Final, cast

_CHAT: Final = {"messages": [{"role": "user", "content": "hola"}, {"role": "assistant", "content": "chau"}]}
_DPO: Final = {"input": _CHAT, "preferred_output": [{"role": "assistant", "content": [{"type": "text", "text": "x"}]}]}
_PROMPT: Final = {"prompt": "H: a\nB: b\nH: c\nB:", "completion": " d\nH: "}
_SHAREGPT: Final = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "system": "s"}
_ALPACA: Final = {"instruction": "i", "input": "j", "output": "o", "history": [["a", "b"]], "system": "s"}
_TELEGRAM: Final[dict[str, Any]] = {
    "name": "A", "type": "personal_chat", "id": 1,
    "messages": [
        {"id": 1, "type": "message", "date": "2023-05-27T10:00:00", "from": "A", "text": ["a", {"text": "b"}]},
        {"id": 2, "type": "service", "date_unixtime": "1685181600", "actor": "A", "action": "phone_call", "text": ""},
        {"id": 3, "type": "message", "date": "2023-05-27T10:01:00", "from": None, "from_id": "user1", "photo": "p",
         "forwarded_from": "B", "via_bot": "@b", "edited": "x", "text": "c", "poll": {"question": "q"}},
        {"id": 4, "type": "unsupported"},
    ],
}  # fmt: skip
_META: Final[dict[str, Any]] = {
    "participants": [{"name": "A"}, {"name": "JosÃ©"}], "title": "t", "thread_path": "inbox/t",
    "messages": [
        {"sender_name": "JosÃ©", "timestamp_ms": 1685181600000, "content": "Ã±", "is_geoblocked_for_viewer": False},
        {"sender_name": "A", "timestamp_ms": 1685181500000, "photos": [{"uri": "x"}], "share": {"link": "l"}},
        {"sender_name": "A", "timestamp_ms": 1685181400000, "content": "Reacted x to your message", "call_duration": 3},
    ],
}  # fmt: skip
_META_E2EE: Final[dict[str, Any]] = {
    "participants": ["A", "B"],
    "threadName": "B_12",
    "messages": [{"senderName": "A", "timestamp": 1685181600000, "text": "ñ", "isUnsent": False, "type": "media"}],
}
_DISCORD: Final[dict[str, Any]] = {
    "guild": {"id": "0", "name": "g"},
    "channel": {"id": "1", "name": "c", "type": "DirectTextChat"},
    "messages": [
        {"id": "1", "type": "Default", "timestamp": "2023-05-27T10:00:00+00:00", "content": "x",
         "author": {"id": "1", "name": "n", "nickname": "N", "isBot": True}, "attachments": [{"url": "u"}]},
        {"id": "2", "type": "Call", "timestamp": "2023-05-27T10:00:01.5+02:00", "content": "", "author": {"id": "2"},
         "forwardedMessage": {"content": "f"}, "embeds": [{}], "poll": {}, "timestampEdited": "x"},
    ],
}  # fmt: skip
_CHATGPT: Final[list[Any]] = [
    {
        "title": "t",
        "current_node": "a",
        "create_time": 1.5,
        "mapping": {
            "a": {
                "parent": "b",
                "children": [],
                "message": {"author": {"role": "user"}, "content": {"parts": ["x", {}]}, "create_time": 1.5},
            },
            "b": {
                "parent": None,
                "children": ["a"],
                "message": {
                    "author": {"role": "assistant"}, "content": {"content_type": "text", "text": "y"},
                    "recipient": "all", "metadata": {"is_user_system_message": False}, "weight": 1,
                },
            },
        },
    }
]  # fmt: skip


def _lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def zipped(data: bytes, name: str = "_chat.txt") -> bytes:
    """A zip around these bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def repacked(dice: random.Random, data: bytes, change: Callable[[bytes], bytes]) -> bytes | None:
    """The same archive with one member changed, doubled, renamed or gone; None where it is no archive.

    A changed byte of an archive hardly ever leaves its checksums right, so that nothing behind the unpacking is reached.
    """
    from core.reading.archive import (
        ZIP_FAULTS,
    )  # not above: what is imported before atheris instruments it guides nobody

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(one.filename, archive.read(one)) for one in archive.infolist() if one.file_size < 1 << 16]
    except (*ZIP_FAULTS, OSError):
        return None
    if not members:
        return None
    at = dice.randrange(len(members))
    name, inside = members[at]
    match dice.randrange(8):
        case 0:
            members[at] = (dice.choice(_NAMES), inside)
        case 1:
            members.insert(at, (dice.choice(_NAMES), change(inside)))
        case 2 if len(members) > 1:
            del members[at]
        case _:
            members[at] = (name, change(inside))
    out = io.BytesIO()
    packing = dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name
        with zipfile.ZipFile(out, "w", packing) as archive:
            for one, contents in members:
                archive.writestr(one, contents)
    return out.getvalue()


_NAMES: Final = (
    "_chat.txt", "Chat de WhatsApp con A.txt", "result.json", "inbox/t/message_1.json", "inbox/t/message_2.json", "a.csv",
    "../x.txt", "/x.txt", "C:\\x.txt", "__MACOSX/._chat.txt", "a/", "b.zip", "IMG-1.jpg", "conversations.json", "x.jsonl",
    "[Content_Types].xml", "xl/workbook.xml",
)  # fmt: skip


def _workbook() -> bytes:
    """The smallest Excel file with two columns."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    cell = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'.format
    rows = "".join(
        f'<row r="{number}">{cell(f"A{number}", left)}{cell(f"B{number}", right)}</row>'
        for number, (left, right) in enumerate((("Ana", "Luis"), ("hola", "chau"), ("###", "")), 1)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return out.getvalue()


_WHATSAPP: Final = [
    "25/12/23, 14:33 - Ana: hola\nsigue\n26/12/23, 14:34 - Ana añadió a Luis\n".encode(),
    (
        "\ufeff[13/6/26, 10:14:05\u202fp.\u00a0m.] Ana: \u200eimagen omitida\r\n"
        "\u200e[13/6/26, 10:15:05\u202fp.\u00a0m.] B: <adjunto: a.jpg>\r\n"
    ).encode(),
    "2023. 5. 1. 오후 3:12, 길동 : 안녕\n2023年5月2日 下午2:05 - 小明: 你好\n".encode(),
    "13.01.19 um 21:03 - Dr. López: Cardio: hola\n13.01.19 um 21:04 - Dr. López: Cardio: x\n".encode(),
    (
        b"1/13/24, 9:00 PM - A: a <This message was edited>\n1/14/24, 9:00 PM - B: 1/2/24, 9:00 PM - C: q\n"
        b"1/2/24, 9:00 PM - C: q\n1/15/24, 9:00 PM - A: Missed voice call\n"
    ),
    # Two phones, each with its own order of day and month; then chats of one day, under their notices.
    b"".join(b"%d/3/24, 9:00 - A: x\n%d/3/24, 9:01 - Y: y\n" % (day, day) for day in (13, 14, 15))
    + b"2/4/24, 9:02 - Y: z\n"
    + b"".join(b"3/%d/24, 9:00 - B: x\n3/%d/24, 9:01 - Y: y\n" % (day, day) for day in (16, 17, 18)),
    b"".join(
        b"%s, 9:00 - Messages and calls are end-to-end encrypted.\n%s, 9:01 - %s: x\n" % (date, date, who)
        for date, who in ((b"13/3/24", b"A"), (b"5/6/24", b"B"), (b"3/13/24", b"C"))
    ),
]
_JSON: Final = {
    "telegram": [json.dumps(one).encode() for one in (_TELEGRAM, {"chats": {"list": [_TELEGRAM]}})],
    "discord": [json.dumps(_DISCORD).encode()],
    "messenger": [json.dumps(one).encode() for one in (_META, _META_E2EE)],
    "chatgpt": [json.dumps(_CHATGPT).encode()],
}
SEEDS: Final[dict[str, list[bytes]]] = {
    "whatsapp": _WHATSAPP,
    **_JSON,
    "rows": [
        *(json.dumps([one, one]).encode() for one in (_CHAT, _SHAREGPT, _ALPACA, _PROMPT)),
        *(_lines(one, one) for one in (_CHAT, _DPO, _SHAREGPT, _ALPACA, _PROMPT)),
        json.dumps(_CHAT, indent=1).encode(),
    ],
    "table": [
        b'A;B\nuno;"dos ""x""\nmas"\n###;\n;x\n',
        b"speaker,text,time\nAna,hola,27/5/2023 10:00\n",
        b"speaker\ttext\nAna\thola\n###\t\nB\tx\n",
        b"prompt,completion\na,b\n",
        b'A|B\n"a|b\n\x22never closed\n',
    ],
    "excel": [_workbook()],
    "sheet": [
        json.dumps(rows).encode()
        for rows in (
            [["Ana", "Luis"], ["hola", "chau"], ["###", ""], ["", 3.5], [True, 86401]],
            [["speaker", "text", "time"], ["Ana", "hola", 3], ["B", "x", "27/5/2023 10:00"], ["###", "", ""]],
            [["prompt", "completion"], ["a", " b"], ["c", " d"]],
        )
    ],
}
SEEDS["zip"] = [
    *(zipped(one) for one in _WHATSAPP[:2]),
    zipped(_JSON["telegram"][0], "result.json"),
    zipped(_JSON["messenger"][0], "inbox/t/message_1.json"),
]
SEEDS["json"] = [one for seeds in _JSON.values() for one in seeds] + SEEDS["rows"]
SEEDS["detect"] = [one for kind in ("whatsapp", "json", "table") for one in SEEDS[kind]] + [
    "Ana: ¿qué?".encode("utf-16"), "A;B\nñ;é\n".encode("cp1252"), b"<!doctype html><p>", b"\x89PNG\r\n\x1a\n\0\0",
]  # fmt: skip

WORDS: Final = [
    b"\n", b": ", b" - ", b"[", b"]", b'"', b";", b",", b"{", b"}", b"\\x1f", b"\\u12", b"\xff", b"\x00", b"###",
    b"\r\n", b"99", b"\xe2\x80\x8e", b"1e999", b"-1", b"null", b"[]", b"29/02/23, 10:00 - A: b\n", b"25/12/23, 14:33 - ",
    b"<attached: a.b>", "<Se editó este mensaje.>".encode(), b"\xef\xbb\xbf", b'"date":', b'"text":', b"NaN",
    b"PK\x03\x04", b"\xff\xfe", "下午".encode(), "\u202fp.\u00a0m.".encode(), b"31/12/", b"2024", b"AM", b"PM", b"um ",
    b'"messages":', b'"chats":', b'"list":', b'"mapping":', b'"parent":', b'"parts":', b'"role":', b'"conversations":',
    b'"prompt":', b'"completion":', b'"instruction":', b'"sender_name":', b'"timestamp_ms":', b'"senderName":',
    b'"author":', b'"timestamp":', b'"content":', b'"participants":', b"speaker", b"text", b"time", b"\t", b"|",
    b"\\ud800", b"\xc2\x85", b"\xe2\x80\xa8",
    "\u200eLos mensajes y las llamadas están cifrados de extremo a extremo.".encode(),
]  # fmt: skip
_ODD: Final[list[Any]] = [
    None, True, -1, 0, 10**20, 1e308, "", "\ud800", "\x00", "1685181600", "2023-05-27T10:00:00", [], {}, [[]],
    [{}], {"text": []}, [None, "x", {"text": 1}], "Ã±", "9999-12-31T23:59:60",
]  # fmt: skip


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    """A seed with some of it taken out, repeated, replaced or mixed with another."""
    data = bytearray(dice.choice(seeds))
    for _change in range(dice.randint(1, 8)):
        at, end = sorted((dice.randint(0, len(data)), dice.randint(0, len(data))))
        end = min(end, at + dice.choice((1, 2, 8, 64)))
        match dice.randrange(6):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = data[at:end] * dice.randint(1, 5)
            case 2:
                data[at:end] = dice.choice(WORDS)
            case 3:
                data[at:at] = dice.choice(WORDS)
            case 4 if at < len(data):
                data[at] = dice.randrange(256)
            case _:
                other = dice.choice(seeds)
                cut = dice.randint(0, len(other))
                data[at:end] = other[cut : cut + dice.choice((4, 32, 256))]
    return bytes(data[: 1 << 16])


def mutated_json(dice: random.Random, document: Any) -> Any:
    """The document with one value somewhere in it replaced, doubled, taken out or moved.

    Mutations of bytes hardly ever give JSON, so they test the walk and seldom the readers behind it.
    """
    holders: list[Any] = []  # objects and lists, for both of which places are looked up alike
    waiting = [document]
    while waiting and len(holders) < 200:
        one = waiting.pop()
        if isinstance(one, (dict, list)) and one:
            holders.append(one)
            inner = cast("dict[str, Any]", one).values() if isinstance(one, dict) else cast("list[Any]", one)
            waiting += [value for value in inner if isinstance(value, (dict, list))]
    if not holders:
        return json.loads(json.dumps(dice.choice(_ODD)))
    holder: Any = dice.choice(holders)
    places: list[Any] = list(cast("dict[str, Any]", holder)) if isinstance(holder, dict) else list(range(len(holder)))
    place = dice.choice(places)
    match dice.randrange(5):
        case 0 if isinstance(holder, list):
            cast("list[Any]", holder).insert(place, json.loads(json.dumps(holder[place])))
        case 1:
            del holder[place]
        case 2 if isinstance(holder, dict):
            holder[dice.choice(places)] = json.loads(json.dumps(holder[place]))
        case 3:
            other = dice.choice(holders)
            copy = json.dumps(other)  # a document that held itself would be a ring
            holder[place] = json.loads(copy) if len(copy) < 400 else None
        case _:
            holder[place] = json.loads(json.dumps(dice.choice(_ODD)))
    return document
