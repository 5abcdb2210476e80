"""How fast the store is: `python -m bench.store.speed [MESSAGES...]`. Compare the lines of one run, not two runs.

Writes a workspace in a temporary folder, with word-salad messages, and prints seconds (wall and cpu), sizes and memory.
"""

from __future__ import annotations

import gc
import random
import resource
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from core.chat import Chat, Example, Kind, Line, Message, Role
from core.store import backups, chats, columns, datasets, decisions, intake, messages, searching
from core.store.connection import Store
from core.store.opening import open_store
from core.store.sqlite import sqlite3, sqlite_version
from core.store.standing import Standing


def salad(count: int, authors: int = 5) -> list[Message]:
    """`count` messages with time passing, some in one second."""
    draw = random.Random(1)
    letters = "abcdefghijlmnñopqrstuvzáéíó"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(4000)]
    made: list[Message] = []
    at = 1_500_000_000
    for number in range(count):
        at += draw.choice((0, 0, 7, 60, 4000))
        text = " ".join(draw.choices(words, k=draw.randint(1, 15)))
        made.append(Message(f"Persona {number % authors}", at, Kind.TEXT, text, 0, number + 1))
    return made


@contextmanager
def timed(what: str) -> Generator[None]:
    start, busy = time.perf_counter(), time.process_time()
    yield
    print(f"  {what}: {time.perf_counter() - start:.3f} s (cpu {time.process_time() - busy:.3f})")


def memory() -> int:
    """The most memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def peer(made: list[Message]) -> None:
    """The floor: the same rows by a bare executemany without ids and indexes, and the same search index rebuilt."""
    with tempfile.TemporaryDirectory() as name:
        connection = sqlite3.connect(Path(name) / "floor.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = normal")
        connection.execute("CREATE TABLE m (id INTEGER PRIMARY KEY, author, sent_at, kind, marks, text)")
        connection.execute(
            "CREATE VIRTUAL TABLE f USING fts5 (text, content='m', content_rowid='id',"
            " tokenize='unicode61 remove_diacritics 2')"
        )
        with timed("floor: bare executemany"):
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO m (author, sent_at, kind, text, marks) VALUES (?, ?, 0, ?, ?)",
                [(m.author, m.sent_at, m.text, m.marks) for m in made],
            )
            connection.execute("COMMIT")
        with timed("floor: FTS5 rebuild"):
            connection.execute("INSERT INTO f (f) VALUES ('rebuild')")
        connection.close()


def measure(count: int) -> None:
    print(f"{count:,} messages")
    made = salad(count)
    peer(made)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        store = open_store(folder)
        before = memory()
        # The list of all messages is the benchmark's, not an import's: keep the collector from walking it.
        gc.collect()
        gc.freeze()
        with timed("import, whole"), store.write() as change:
            chat, key = chats.upsert(change, Chat("Prueba", "whatsapp"))
            one = intake.Intake(change, chat, key)
            with timed("of it: ids and rows"):
                one.add(made)
            with timed("of it: indexes, search, order"):
                one.finish()
        print(f"  memory it took: {memory() - before} MB")
        store.read("PRAGMA wal_checkpoint(TRUNCATE)")
        print(f"  database: {store.path.stat().st_size / 1e6:.1f} MB")
        with timed("the same again (nothing new)"), store.write() as change:
            print("  ", intake.add(change, chat, key, made))
        newer = [m._replace(sent_at=m.sent_at + 10**9) for m in made[:1000]]
        with timed("1,000 more at the end"), store.write() as change:
            intake.add(change, chat, key, newer)
        with timed("1,000 pages of 50 by row number"):
            for at in random.Random(2).choices(range(count), k=1000):
                messages.page(store, chat, at, 50)
        before = memory()
        with timed("columns with ids and lengths"):
            held = columns.columns(store, [chat])
        print(f"  memory it took: {memory() - before} MB for {sum(a.nbytes for a in _arrays(held)) / 1e6:.0f} MB")
        with timed("columns without"):
            columns.columns(store, [chat], uids=False, lengths=False)
        with timed("all texts"):
            print("  ", sum(len(part) for part in columns.texts(store, chat)))
        word = made[7].text.split()[0]
        with timed("search for one word"):
            print("  ", len(searching.search(store, word)), "found")
        with timed("list of chats"):
            chats.all_chats(store)
        with timed("rebuild of the search index"):
            backups.rebuild_search(store)
        with timed("check"):
            assert backups.check(store) == []
        with timed("backup"):
            backups.backup(store)
        store.close()


def _arrays(held: columns.Columns) -> list[columns.NDArray[columns.Any]]:  # pyright: ignore
    return [getattr(held, name) for name in held.__dataclass_fields__]


def lineage(count: int = 100_000) -> None:
    """Examples of eight messages: room and time, and what a table of (example, message) pairs would take instead."""
    print(f"{count:,} examples of 8 messages")
    words = [m.text for m in salad(8000)]
    with tempfile.TemporaryDirectory() as name:
        store = open_store(Path(name) / "workspace")

        def made() -> Generator[Example]:
            for n in range(count):
                yield Example(
                    tuple(
                        Line(Role.USER, words[(n + k) % 8000], k == 7, messages=(f"{n + k:020x}",)) for k in range(8)
                    ),
                    n // 20,
                )

        with timed("freeze"), store.write() as change:
            number = datasets.create(change, "d", "{}", "")
            datasets.add_examples(change, number, made())
        store.read("PRAGMA wal_checkpoint(TRUNCATE)")
        blobs = store.read("SELECT sum(length(uids)), sum(length(body)) FROM examples")[0]
        print(f"  lineage {blobs[0] / 1e6:.1f} MB, bodies {blobs[1] / 1e6:.1f} MB, file {_megabytes(store):.1f} MB")
        with timed("which datasets hold these 1,000 messages"):
            datasets.holding(store, b"".join(n.to_bytes(10, "big") for n in range(500, 1500)))
        before = _megabytes(store)
        with timed("the rejected way: a row for each pair, indexed by message"), store.write() as change:
            change.execute(
                "CREATE TABLE pairs (uid BLOB, dataset INT, n INT, PRIMARY KEY (uid, dataset, n)) WITHOUT ROWID"
            )
            change.many(
                "INSERT INTO pairs VALUES (?, 1, ?)",
                ((bytearray((n + k).to_bytes(10, "big")), n) for n in range(count) for k in range(8)),
            )
        store.read("PRAGMA wal_checkpoint(TRUNCATE)")
        print(f"  it would take {_megabytes(store) - before:.1f} MB")
        store.close()


def curating(count: int = 100_000) -> None:
    with tempfile.TemporaryDirectory() as name, open_store(Path(name) / "workspace") as store:
        with timed(f"{count:,} acts of one message, in one write"), store.write() as change:
            for n in range(count):
                decisions.act(change, "drop", [decisions.Decision("drop", [f"{n:020x}"])])
        with timed("what stands of them"):
            Standing().follow(store)
        with timed("an act on a million messages"), store.write() as change:
            decisions.act(change, "all", [decisions.Decision("drop", [f"{n:020x}" for n in range(1_000_000)])])
        with timed("what stands of all"):
            Standing().follow(store)
        with timed("undo"), store.write() as change:
            decisions.undo(change)


def _megabytes(store: Store) -> float:
    return store.path.stat().st_size / 1e6


def openings(times: int = 300) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        open_store(folder).close()
        start = time.perf_counter()
        for _ in range(times):
            open_store(folder).close()
        print(f"openings: {times / (time.perf_counter() - start):.0f}/s")


if __name__ == "__main__":
    print("SQLite", sqlite_version())
    openings()
    for argument in sys.argv[1:] or ["140000", "1000000"]:
        measure(int(argument))
    lineage()
    curating()
