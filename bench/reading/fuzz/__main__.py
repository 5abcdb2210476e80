"""Throw broken files at every reader: they may raise a Problem, and nothing else; they must end.

`python -m bench.reading.fuzz READER [-runs=1000000]` with atheris installed (coverage guides it); without atheris, or with
`--plain SECONDS`, mutations of the seeds are drawn at random. Readers: whatsapp, json, table, zip, auto. A crash leaves its
input in the current folder (`crash-*`), which belongs into a test.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.problem import Problem

_ROW = {"messages": [{"role": "user", "content": "hola"}, {"role": "assistant", "content": "chau"}]}
_TELEGRAM = {
    "name": "A", "type": "personal_chat", "id": 1,
    "messages": [{"id": 1, "type": "message", "date": "2023-05-27T10:00:00", "from": "A", "text": ["a", {"text": "b"}]}] * 3,
}  # fmt: skip
_META = {"participants": [{"name": "A"}], "messages": [{"sender_name": "A", "timestamp_ms": 1, "content": "Ã±"}]}
_DISCORD = {
    "guild": {"name": "g"},
    "channel": {"id": "1", "name": "c"},
    "messages": [
        {"id": "1", "type": "Default", "timestamp": "2023-05-27T10:00:00+00:00", "content": "x", "author": {"id": "1"}}
    ],
}
_CHATGPT = [
    {
        "title": "t",
        "current_node": "a",
        "mapping": {
            "a": {
                "parent": "b",
                "message": {"author": {"role": "user"}, "content": {"parts": ["x", {}]}, "create_time": 1.5},
            }
        },
    }
]
SEEDS: dict[str, list[bytes]] = {
    "whatsapp": [
        "25/12/23, 14:33 - Ana: hola\nsigue\n26/12/23, 14:34 - Ana añadió a Luis\n".encode(),
        (
            "\ufeff[13/6/26, 10:14:05\u202fp.\u00a0m.] Ana: \u200eimagen omitida\r\n"
            "\u200e[13/6/26, 10:15:05\u202fp.\u00a0m.] B: <adjunto: a.jpg>\r\n"
        ).encode(),
        "2023. 5. 1. 오후 3:12, 길동 : 안녕\n2023年5月2日 下午2:05 - 小明: 你好\n".encode(),
    ],
    "json": [
        json.dumps(one).encode()
        for one in (_TELEGRAM, _META, _DISCORD, _CHATGPT, [_ROW], {"chats": {"list": [_TELEGRAM]}})
    ]
    + [json.dumps(_ROW).encode() + b"\n" + json.dumps({"prompt": "H: a\nB:", "completion": " c"}).encode() + b"\n"],
    "table": [
        b'A;B\nuno;"dos ""x""\nmas"\n###;\n;x\n',
        b"speaker,text,time\nAna,hola,27/5/2023 10:00\n",
        b"prompt,completion\na,b\n",
    ],
}


def zipped(data: bytes, name: str = "_chat.txt") -> bytes:
    """A zip around these bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


SEEDS["zip"] = [zipped(one) for one in SEEDS["whatsapp"]] + [zipped(SEEDS["json"][0], "result.json")]
SEEDS["auto"] = [one for seeds in list(SEEDS.values()) for one in seeds]


def reader(folder: Path) -> Callable[[bytes], None]:
    """One execution: the bytes as a file, read to its end, and its report written out."""
    from core.reading import ReadOptions, read_export

    path = folder / "export.bin"

    def once(data: bytes) -> None:
        path.write_bytes(data)
        for order in (None, "dmy"):
            with contextlib.suppress(Problem):
                reading = read_export(path, options=ReadOptions(date_order=order))
                for batch in reading:
                    for message in batch.messages:
                        message.text.encode()
                json.dumps(reading.report.as_json())
                reading.report.as_text()
                return

    return once


_WORDS = [
    b"\n",
    b": ",
    b" - ",
    b"[",
    b"]",
    b'"',
    b";",
    b",",
    b"{",
    b"}",
    b"\\x1f",
    b"\\u12",
    b"\xff",
    b"\x00",
    b"###",
    b"\r\n",
    b"99",
    b"\xe2\x80\x8e",
    b"1e999",
    b"-1",
    b"null",
    b"[]",
    b"29/02/23, 10:00 - A: b\n",
    b"25/12/23, 14:33 - ",
    b"<attached: a.b>",
    "<Se editó este mensaje.>".encode(),
    b"\xef\xbb\xbf",
    b'"date":',
    b'"text":',
    b"NaN",
    b"PK\x03\x04",
]


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
                data[at:end] = dice.choice(_WORDS)
            case 3:
                data[at:at] = dice.choice(_WORDS)
            case 4 if at < len(data):
                data[at] = dice.randrange(256)
            case _:
                other = dice.choice(seeds)
                cut = dice.randint(0, len(other))
                data[at:end] = other[cut : cut + dice.choice((4, 32, 256))]
    return bytes(data[: 1 << 16])


def plain(kind: str, seconds: float) -> int:
    """Random mutations for so long; how many there were. A failure's input is written out before it is raised."""
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    ends = time.monotonic() + seconds
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        once = reader(Path(folder))
        while time.monotonic() < ends:
            data = mutated(dice, SEEDS[kind])
            try:
                once(data)
            except BaseException:
                Path(f"crash-{kind}-{count}.bin").write_bytes(data)
                print(f"seed {seed}, execution {count}", file=sys.stderr)
                raise
            count += 1
    return count


def main() -> int:
    """Run what was asked for."""
    kind, *rest = sys.argv[1:] or ["auto"]
    if rest[:1] != ["--plain"]:
        atheris: Any = importlib.import_module("atheris")  # installed for this alone

        with atheris.instrument_imports(include=["core.reading"]):
            import core.reading  # noqa: F401  # pyright: ignore[reportUnusedImport]
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder) / "corpus"
            corpus.mkdir()
            for number, seed in enumerate(SEEDS[kind]):
                (corpus / f"{number}").write_bytes(seed)
            atheris.Setup([sys.argv[0], str(corpus), "-max_len=4096", *rest], reader(Path(folder)))
            atheris.Fuzz()
        return 0
    print(f"{kind}: {plain(kind, float(rest[1]) if len(rest) > 1 else 60):,} executions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
