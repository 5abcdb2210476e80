"""How fast Telegram's and Messenger's JSON is read, and in how much memory, beside the floor of `json.loads` in one run.

`python -m bench.reading.json_speed [--megabytes 100]`. Each figure is a process of its own; messages are let go batch by
batch, as an import does. The floor reads the file, decodes it and makes no message. Budget: 30 MB/s; memory that does not
grow with the file (Messenger's is newest first, so a thread is held: its messages, not its JSON).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from bench.dataset.talk import WORDS

_OURS = """
import json, sys, time
from core.reading import read_export
w, c = time.perf_counter(), time.process_time()
n = sum(len(batch.messages) for batch in read_export(sys.argv[1]))
print(json.dumps([n, time.perf_counter() - w, time.process_time() - c,
    int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024]))
"""
_FLOOR = """
import json, sys, time
w, c = time.perf_counter(), time.process_time()
n = len(json.loads(open(sys.argv[1], encoding="utf-8").read())["messages"])
print(json.dumps([n, time.perf_counter() - w, time.process_time() - c,
    int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024]))
"""


def telegram(dice: random.Random) -> Iterator[str]:
    """The elements of a chat as Telegram Desktop writes them: indented, each text twice."""
    at = datetime(2019, 1, 1)
    for number in range(1, 1 << 60):
        at += timedelta(seconds=dice.randint(1, 900))
        who = dice.randrange(2)
        words = " ".join(dice.choices(WORDS, k=dice.randint(1, 25))) + dice.choice(("", " 😂", "?"))
        link = dice.random() < 0.05
        text = [words, {"type": "link", "text": "https://x.example"}] if link else words
        entities = [{"type": "plain", "text": words}] + [{"type": "link", "text": "https://x.example"}] * link
        message = {
            "id": number, "type": "message", "date": at.isoformat(), "date_unixtime": str(int(at.timestamp())),
            "from": ("Ana", "Beto")[who], "from_id": f"user{who + 1}", "text": text, "text_entities": entities,
        }  # fmt: skip
        if dice.random() < 0.1:
            message |= {"reply_to_message_id": number - 1}
        if dice.random() < 0.06:
            message |= {"photo": "(File not included. Change data exporting settings to download.)", "width": 1280}
        yield json.dumps(message, ensure_ascii=False, indent=1).replace("\n", "\n  ")


def messenger(dice: random.Random) -> Iterator[str]:
    """The elements of a thread as Meta writes them: newest first, UTF-8 byte by byte as Latin-1, escaped."""
    at = 1_700_000_000_000
    while True:
        at -= dice.randint(1_000, 900_000)
        words = " ".join(dice.choices(WORDS, k=dice.randint(1, 25))) + dice.choice(("", " 😂", "?"))
        message: dict[str, object] = {
            "sender_name": dice.choice(("Ana", "José")).encode().decode("latin-1"), "timestamp_ms": at,
            "content": words.encode().decode("latin-1"), "is_geoblocked_for_viewer": False,
        }  # fmt: skip
        if dice.random() < 0.1:
            message["reactions"] = [{"reaction": "❤".encode().decode("latin-1"), "actor": "Ana"}]
        yield json.dumps(message, indent=2).replace("\n", "\n    ")


def write(path: Path, head: str, elements: Iterator[str], size: int) -> None:
    """A document of about so many bytes."""
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        done, first = 0, True
        while done < size:
            one = next(elements)
            done += file.write(one if first else ",\n  " + one)
            first = False
        file.write("\n ]\n}\n")


def run(code: str, path: Path) -> list[float]:
    told = subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(told.stdout)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    kinds: dict[str, tuple[str, str, Callable[[random.Random], Iterator[str]]]] = {
        "telegram": (
            "result.json",
            '{\n "name": "Beto",\n "type": "personal_chat",\n "id": 7,\n "messages": [\n  ',
            telegram,
        ),
        "messenger": (
            "message_1.json",
            '{\n "participants": [{"name": "Ana"}, {"name": "Jos\\u00c3\\u00a9"}],\n "messages": [\n  ',
            messenger,
        ),
    }
    print(f"{'':<11}{'MB':>6}{'messages':>10}{'wall s':>8}{'cpu s':>8}{'MB/s':>7}{'memory':>8}{'of json.loads':>15}")
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, head, elements) in kinds.items():
            for megabytes in (asked.megabytes // 4, asked.megabytes):
                path = Path(folder) / name
                write(path, head, elements(random.Random(7)), megabytes * 1_000_000)
                size = path.stat().st_size / 1e6
                ours = min((run(_OURS, path) for _round in range(asked.rounds)), key=lambda one: one[2])
                floor = min((run(_FLOOR, path) for _round in range(asked.rounds)), key=lambda one: one[2])
                print(
                    f"{kind:<11}{size:6.0f}{int(ours[0]):10,}{ours[1]:8.2f}{ours[2]:8.2f}{size / ours[2]:7.0f}"
                    f"{ours[3]:6.0f} MB{ours[2] / floor[2]:9.2f} times, which takes {floor[3]:.0f} MB"
                )
                path.unlink()


if __name__ == "__main__":
    main()
