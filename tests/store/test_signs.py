"""What is no word is found as exactly as words are: by an index that follows everything that happens to the messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Chat, Kind, Message
from core.store import backups, chats, intake, messages, participants, searching, signs
from core.store.connection import Store
from core.store.migrations import MIGRATIONS
from core.store.opening import open_store
from core.store.query import holds
from core.store.sqlite import sqlite3


def put(store: Store, texts: list[str], title: str = "Las primas", author: str = "Ana", start: int = 0) -> int:
    with store.write() as change:
        chat, key = chats.upsert(change, Chat(title, "whatsapp"))
        intake.add(change, chat, key, [Message(author, start + at, Kind.TEXT, text) for at, text in enumerate(texts)])
    return chat


def found(store: Store, query: str, chat_ids: list[int] | None = None, limit: int | None = None) -> list[str]:
    return [row.text for row in messages.by_ids(store, searching.search(store, query, chat_ids, limit))]


def test_an_emoji_is_found_in_whatever_it_is_part_of(store: Store) -> None:
    told = [
        "👍",
        "dale 👍🏽",
        "👩\u200d👧",
        "👩",
        "❤",
        "❤\ufe0f!",
        "🏳\ufe0f\u200d🌈",
        "¿qué?",
        "eh... sí",
        "a . . b",
        "¡¡¡",
    ]
    put(store, told)
    assert found(store, "👍") == ["👍", "dale 👍🏽"]
    assert found(store, "👍🏽") == ["dale 👍🏽"]
    assert found(store, "👩") == ["👩\u200d👧", "👩"]
    assert found(store, "👩\u200d👧") == ["👩\u200d👧"]
    assert found(store, "❤") == ["❤", "❤\ufe0f!"]
    assert found(store, "❤\ufe0f") == ["❤\ufe0f!"]
    assert found(store, "🌈") == ["🏳\ufe0f\u200d🌈"]
    assert found(store, "...") == ["eh... sí"]
    assert found(store, '". ."') == ["a . . b"]
    assert found(store, "¿ ?") == ["¿qué?"]
    assert found(store, "¡¡") == ["¡¡¡"]
    assert found(store, "¿ qu") == ["¿qué?"]
    assert found(store, "👍👍") == []


WORDS = ("a", "A", "á", "a\u0301", "n", "ñ", "Ñ", "n\u0303", "ño", "año", "peña", "б", "Б", "й", "α", "م", "7", "好")
OTHERS = ("_", ".", "..", "?", "¿", "-", "😂", "🤣", "👍🏽", "👩\u200d👧", "❤\ufe0f", "\u0301", " ", " ", "\n", "\0")
PIECES = st.sampled_from(WORDS + OTHERS)
TEXTS = st.lists(st.lists(PIECES, max_size=6).map("".join), min_size=1, max_size=8)
SIGNS = st.lists(
    st.sampled_from([".", "?", "!", "¿", "-", "😂", "👍", "🏽", "👩", "❤\ufe0f", "\u200d"]), min_size=1, max_size=3
)


@given(told=TEXTS, asked=SIGNS, spaced=st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_signs_are_found_where_they_stand_and_nowhere_else(
    told: list[str], asked: list[str], spaced: bool, store: Store
) -> None:
    chat = put(store, told, f"chat {len(chats.all_chats(store))}")
    sign = (" " if spaced else "").join(asked)
    assert found(store, f'"{sign}"', [chat]) == [text for text in told if sign in text.replace("\0", "\n")]


@given(told=TEXTS, letter=st.sampled_from("aAáñnbбйαωم7"))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_letter_finds_what_the_index_of_words_would(told: list[str], letter: str, store: Store) -> None:
    chat = put(store, told, f"chat {len(chats.all_chats(store))}")
    rows = store.read(
        """SELECT m.text FROM messages_fts AS f JOIN messages AS m ON m.id = f.rowid
           WHERE messages_fts MATCH ? AND m.chat_id = ? ORDER BY m.place""",
        (f'"{letter}"*', chat),
    )
    if letter == "ñ":
        rows = [row for row in rows if holds("ñ")(row[0])]
    assert found(store, letter, [chat]) == [row[0] for row in rows]


@given(told=TEXTS, asked=st.lists(PIECES, min_size=1, max_size=3).map(" ".join), few=st.sampled_from([0, 1000]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_way_to_an_answer_finds_the_same(
    told: list[str], asked: str, few: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, told, f"chat {len(chats.all_chats(store))}")
    monkeypatch.setattr(searching, "_FEW", 1000 - few)
    first = list(searching.search(store, asked))
    assert searching.ids_with(store, asked).tolist() == sorted(first)
    monkeypatch.setattr(searching, "_FEW", few)
    assert list(searching.search(store, asked)) == first


def test_the_index_follows_what_comes_and_goes(store: Store) -> None:
    size = signs.BLOCK + 100
    first = put(store, [f"uno {n} ~" if n % 1000 == 0 else f"uno {n}" for n in range(size)], "Uno")
    second = put(store, [f"dos {n} ^" if n % 1000 == 0 else f"dos {n}" for n in range(size)], "Dos", "Beto")
    third = put(store, ["tres ~ ^", "tres ~"], "Tres", "Caro")
    assert backups.check(store) == []
    assert len(found(store, "~")) == 17 + 2
    assert found(store, "~ ^") == ["tres ~ ^"]
    assert found(store, "~", limit=2) == ["uno 0 ~", "uno 1000 ~"]
    assert found(store, "~", [third], limit=1) == ["tres ~ ^"]
    assert found(store, "d", [first, third]) == []
    with store.write() as change:
        chats.delete(change, first)
    assert backups.check(store) == []
    assert found(store, "~") == ["tres ~ ^", "tres ~"]
    put(store, ["otra vez ~"], "Cuatro", "Dani")
    with store.write() as change:
        name = next(one for one in participants.names_of(change, second) if one.name == "Beto")
        messages.erase_name(change, name.id)
    assert backups.check(store) == []
    assert found(store, "^") == ["tres ~ ^"]
    put(store, ["tres ~ ^", "tres ~", "nuevo ^"], "Tres", "Caro")
    assert found(store, "^", [third]) == ["tres ~ ^", "nuevo ^"]
    assert backups.check(store) == []


def test_a_word_beside_an_emoji_is_a_word(store: Store) -> None:
    told = ["jaja🤣 qué", "🥺hola", "👍🏽dale", "uy🙄"]
    put(store, told)
    assert [found(store, word) for word in ("jaja ", "hola ", "dale", '"uy"')] == [[one] for one in told]


def test_a_write_that_is_given_up_leaves_the_index(store: Store) -> None:
    put(store, ["hola ~"])
    with pytest.raises(ZeroDivisionError), store.write() as change:
        chat, key = chats.upsert(change, Chat("Otra", "whatsapp"))
        intake.add(change, chat, key, [Message("Ana", 1, Kind.TEXT, "chau ~")])
        raise ZeroDivisionError
    assert found(store, "~") == ["hola ~"]
    assert backups.check(store) == []


def test_a_workspace_from_before_the_index_gets_it_and_a_backup(folder: Path) -> None:
    with open_store(folder) as store:
        put(store, ["hola 😂", "ñandú"])
    connection = sqlite3.connect(folder / "sinsonte.db")
    before = next(number for number, one in enumerate(MIGRATIONS) if one.name == "signs")
    connection.executescript(f"DROP TABLE signs; PRAGMA user_version = {before}")
    connection.close()
    with open_store(folder) as store:
        assert found(store, "😂") == ["hola 😂"]
        assert found(store, "ñ") == ["ñandú"]
        assert backups.check(store) == []
    assert len(backups.list_backups(folder)) == 1


def test_an_index_gone_astray_is_found_and_made_anew(store: Store) -> None:
    put(store, ["hola 😂", "chau"])
    for wrong in ("DELETE FROM signs WHERE sign = '😂'", "UPDATE signs SET block = 7", "DELETE FROM signs"):
        with store.write() as change:
            change.execute(wrong)
        assert len(backups.check(store)) == 1
        backups.rebuild_search(store)
        assert backups.check(store) == []
        assert found(store, "😂") == ["hola 😂"]


def test_a_damaged_index_is_harmless_to_ask(store: Store) -> None:
    put(store, ["hola ~", "chau"])
    for wrong in (b"\xff\xff", b"\x01", b"", b"\x00" * 3000):
        with store.write() as change:
            change.execute("UPDATE signs SET holders = ? WHERE sign = '~'", (wrong,))
        assert set(found(store, "~")) <= {"hola ~", "chau"}
        assert backups.check(store)
