"""How fast a search answers, whatever it asks for: `python -m bench.store.searching [--rows 1000000] [--workspace DIR]`.

Milliseconds of processor time, so that other work on the machine does not count: the first fifty hits in a workspace just
opened (the first query of its connection, everything in the system's memory), the same again, the same in one chat, and
all places of the chat, as the conversations screen asks. At the end some of them by the command line, beside the same
command without a query. Budgets: 20 ms for fifty hits, 100 ms for all.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

from core.chat import Chat, Kind, Message
from core.store import chats as stored
from core.store.intake import Intake
from core.workspace import chats, conversations, finding, revision
from core.workspace.opening import Workspace, open_workspace

QUERIES = (
    # signs: one message in a million, some, many, none of it, none of what is made of frequent ones
    "🦄", "❤️", "👍", "👍🏽", "👩‍👧", "😂😂😂😂😂", "?", "...", "~", "^_^", "¿?¿?", "................", '". ."',
    "🦄 perdió", "que 🦄", "que ?", "mañana 😂",
    # one letter, short beginnings, frequent words
    "a", "e", "z", "ñ", "ño", "qu", "de", "que", "que de", "de que e", "a e o",
    # accents, phrases, nothing
    "año", "ano", "mañ", '"que no"', '"que no por mañana"', "好", "zzzzzz",
)  # fmt: skip
SIGNS = (
    "😂", "🤣", "❤️", "😍", "🙏", "😭", "😊", "👍", "🎉", "🔥", "😅", "🥰", "😘", "💪", "🤔", "🙄", "😱", "👏", "😎", "🥺",
    "👍🏽", "👩\u200d👧", "🏳️\u200d🌈", "🇦🇷", "🤷🏻\u200d♀️",
)  # fmt: skip
FREQUENT = (
    "que", "de", "no", "a", "la", "el", "y", "es", "en", "lo", "un", "por", "me", "mañana", "año", "ano", "niño", "señor",
)  # fmt: skip


def talk(rows: int) -> Iterator[Message]:
    """Talk made up of words as frequent as words are, with the signs that people put to them."""
    draw = random.Random(5)
    letters = "eeeeeeaaaaaaooooossssrrrnnniiiiddllcccttuummpbgvyqhfzjxk" * 6 + "ñ"
    rare = ["".join(draw.choices(letters, k=min(12, max(2, int(draw.gauss(5, 2.3)))))) for _ in range(60_000)]
    words = list(dict.fromkeys([*FREQUENT, *rare]))
    often = list(accumulate(1 / (at + 2) for at in range(len(words))))
    signs_often = list(accumulate(1 / (at + 1) for at in range(len(SIGNS))))
    for number in range(rows):
        said = draw.choices(words, cum_weights=often, k=min(40, 1 + int(draw.expovariate(1 / 7))))
        if draw.random() < 0.4:
            said[len(said) // 2] += draw.choice((",", ",", ".", ":", "..."))
        said[-1] += draw.choices(("", "?", ".", "!", "!!", "..."), (55, 15, 20, 4, 2, 4))[0]
        said[0] = "¿" * (draw.random() < 0.05) + said[0]
        if draw.random() < 0.2:
            said.append("".join(draw.choices(SIGNS, cum_weights=signs_often, k=draw.choice((1, 1, 1, 2, 3, 5)))))
        text = "se perdió 🦄 ok" if number == rows * 7 // 10 else " ".join(said)
        yield Message(("Vera", "Nico")[number // 3 % 2], 1_600_000_000 + number * 47, Kind.TEXT, text, 0, number + 1)


def fill(folder: Path, rows: int) -> None:
    """A small chat, and one of so many messages."""
    with open_workspace(folder) as workspace, workspace.store.write() as change:
        for title, size in (("Corto", 50), ("Millón", rows)):
            chat, key = stored.upsert(change, Chat(title, "whatsapp"))
            intake = Intake(change, chat, key)
            intake.add(talk(size))
            intake.finish()
        revision.move(change)


def timed(do: Callable[[], int]) -> tuple[float, int]:
    """Milliseconds of processor time, and what came of it."""
    start = time.process_time()
    done = do()
    return (time.process_time() - start) * 1000, done


def measure(folder: Path) -> None:
    print(f"{'':24}{'opened':>9}{'again':>9}{'in chat':>9}{'all':>9}    hits")
    slowest = [0.0, 0.0]

    def fifty(workspace: Workspace, query: str, chat: int | None = None) -> int:
        return len(list(chats.messages(workspace, query=query, limit=50, chat=chat)))

    with open_workspace(folder) as workspace:
        chat = max(chats.listing(workspace), key=lambda row: row.messages).id
        conversations.history(workspace, chat)  # what the screen has, once it is open
        finding.places(workspace, chat, finding.Filter(query="hola"))
        for query in QUERIES:
            with open_workspace(folder) as fresh:
                opened, _hits = timed(lambda asked=query, of=fresh: fifty(of, asked))
            again, _hits = timed(lambda asked=query: fifty(workspace, asked))
            inside, _hits = timed(lambda asked=query: fifty(workspace, asked, chat))
            wanted = finding.Filter(query=query)
            everything, hits = timed(lambda asked=wanted: len(finding.places(workspace, chat, asked)))
            slowest = [max(slowest[0], opened, again, inside), max(slowest[1], everything)]
            print(f"{query:24}{opened:9.1f}{again:9.1f}{inside:9.1f}{everything:9.1f}{hits:9,}")
    print(f"slowest: fifty {slowest[0]:.1f} ms (20), all {slowest[1]:.1f} ms (100)")


def by_command(folder: Path) -> None:
    """The whole process, start and all; the difference to the first line is the search."""
    asked: list[tuple[str, list[str]]] = [("(the first fifty messages)", [])]
    asked += [(query, ["--query", query]) for query in ("🦄", "¿?¿?", "a", "que de", "año")]
    for told, options in asked:
        taken: list[float] = []
        for _round in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "core.commands", "--workspace", str(folder), "messages", "--limit", "50"]
            subprocess.run([*command, *options], check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(f"sinsonte messages {told:28} {min(taken) * 1000:6.0f} ms of processor time, start and all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workspace", type=Path, help="one that was filled before")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.workspace or Path(name) / "workspace"
        if not folder.exists():
            fill(folder, given.rows)
        measure(folder)
        by_command(folder)


if __name__ == "__main__":
    main()
