"""A big import writes behind the one that reads: whatever happens there is as if it had happened in its place."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Chat, Kind, Message
from core.problem import Problem
from core.store import chats, intake, signs
from core.store.connection import Change, Store
from core.store.sqlite import sqlite3


def told(texts: list[str], author: str = "Ana") -> list[Message]:
    return [Message(author, at, Kind.TEXT, text) for at, text in enumerate(texts)]


def running(statement: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute(statement)


def test_everything_else_of_the_change_sees_what_was_handed_behind(store: Store) -> None:
    before = threading.active_count()
    with store.write() as change:
        for number in range(20):
            change.behind(running(f"INSERT INTO settings (key, value) VALUES ('a{number}', '1')"))
        assert change.read("SELECT count(*) FROM settings WHERE key LIKE 'a%'") == [(20,)]
        change.behind(running("INSERT INTO settings (key, value) VALUES ('b', '1')"))
        assert change.execute("UPDATE settings SET value = '2' WHERE key = 'b'") == 1
        change.behind(running("DELETE FROM settings WHERE key = 'a0'"))
    assert store.read("SELECT count(*) FROM settings WHERE key LIKE 'a%'") == [(19,)]
    assert threading.active_count() == before


@pytest.mark.parametrize("after", [lambda change: None, lambda change: change.read("SELECT 1")])
def test_what_fails_behind_fails_the_change(store: Store, after: Callable[[Change], object]) -> None:
    before = threading.active_count()
    with pytest.raises(sqlite3.IntegrityError), store.write() as change:
        change.execute("INSERT INTO settings (key, value) VALUES ('a', '1')")
        change.behind(running("INSERT INTO settings (key, value) VALUES ('a', '2')"))
        after(change)
    assert store.read("SELECT * FROM settings WHERE key = 'a'") == []
    assert threading.active_count() == before


def test_a_full_disk_behind_is_one_plain_line(store: Store) -> None:
    store.connection.execute(f"PRAGMA max_page_count = {store.read('PRAGMA page_count')[0][0] + 40}")
    with pytest.raises(Problem) as caught, store.write() as change:
        chat, key = chats.upsert(change, Chat("Las primas", "whatsapp"))
        intake.add(change, chat, key, told([f"{at} " * 40 for at in range(20_000)]))
    assert "\n" not in str(caught.value)
    store.connection.execute("PRAGMA max_page_count = 1073741823")
    assert store.read("SELECT count(*) FROM messages") == [(0,)]
    with store.write() as change:
        chat, key = chats.upsert(change, Chat("Las primas", "whatsapp"))
        assert intake.add(change, chat, key, told(["hola"])).added == 1


def test_who_gives_up_waits_for_nothing_and_leaves_nothing(store: Store) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(KeyboardInterrupt), store.write() as change:
        change.behind(running("INSERT INTO settings (key, value) VALUES ('a', '1')"))
        change.behind(lambda connection: connection.execute(endless).fetchall())
        raise KeyboardInterrupt
    assert store.read("SELECT * FROM settings WHERE key = 'a'") == []
    with store.write() as change:
        change.execute("INSERT INTO settings (key, value) VALUES ('a', '1')")


odd = st.text(alphabet="aañÑbn\u0303 \0\n.?!👍🏽👩\u200d👧", max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2), st.lists(odd, min_size=1, max_size=60)), min_size=1, max_size=6),
    st.integers(0, 40),
    st.sampled_from([0, 100, 1 << 20]),
)
def test_a_big_import_of_several_chats_makes_the_indexes_that_many_small_ones_make(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    given_chats: list[tuple[int, list[str]]],
    there: int,
    gathered: int,
) -> None:
    # Blocks of 32 messages, so that chats share them and texts cross their borders.
    monkeypatch.setattr(signs, "BLOCK", 32)
    monkeypatch.setattr(signs, "_BYTES", 4)
    monkeypatch.setattr(signs, "_SLICE", 8)
    monkeypatch.setattr(signs, "_GATHERED", gathered)
    monkeypatch.setattr(intake, "MANY", 20)
    monkeypatch.setattr(intake, "_SEARCHED", 50)
    monkeypatch.setattr(intake, "_ROWS", 16)
    monkeypatch.setattr(
        intake, "_INSERT_MANY", f"INSERT INTO messages VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?, ?)'] * 16)}"
    )
    with store.write() as change:
        for row in chats.all_chats(change):
            chats.delete(change, row.id)
        if there:
            number, key = chats.upsert(change, Chat("Antes", "whatsapp"))
            intake.add(change, number, key, told([f"año {at}!" for at in range(there)]))
    with store.write() as change:
        open_chats: dict[int, intake.Intake] = {}
        for which, texts in given_chats:
            if which not in open_chats:
                number, key = chats.upsert(change, Chat(f"Chat {which}", "whatsapp"))
                open_chats[which] = intake.Intake(change, number, key)
                open_chats[which].add(told(texts))
        for one in open_chats.values():
            one.finish()
    assert signs.is_whole(store.connection)
    with store.write() as change:  # which is how the index of words says that it agrees with the texts
        change.execute("INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)")
    assert not [name for (name,) in store.read("PRAGMA integrity_check") if name != "ok"]
    assert store.read("SELECT count(*) FROM sqlite_schema WHERE name IN ('messages_by_uid', 'messages_by_place')") == [
        (2,)
    ]
