"""Messages go in once, stay in order, and come back exactly."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.chat import Chat, Kind, Mark, Message
from core.store import backups, chats, columns, intake, messages, participants, searching
from core.store import query as asked
from core.store.connection import Store

CHAT = Chat("Las primas", "whatsapp")


def said(author: str, at: int, text: str, kind: Kind = Kind.TEXT, marks: int = 0) -> Message:
    return Message(author, at, kind, text, marks)


def put(store: Store, given_messages: list[Message], chat: Chat = CHAT) -> tuple[int, intake.Added]:
    with store.write() as change:
        number, key = chats.upsert(change, chat)
        return number, intake.add(change, number, key, given_messages)


def texts(store: Store, chat: int) -> list[str]:
    return [m.text for m in messages.page(store, chat, 0, 10**6)]


HISTORY = [
    said("Ana", 100, "hola"),
    said("Beto", 160, "qué tal\n\n  bien?\u2028 "),
    said("", 160, "Ana cambió el asunto", Kind.SYSTEM),
    said("Ana", 160, "hola"),
    said("Ana", 160, "hola"),
    said("Ana", 220, "", Kind.DELETED),
    said("Beto", 4000, "\x00nulo\x00 y 🦜", Kind.MEDIA, Mark.EDITED | Mark.FORWARDED),
]


def test_messages_come_back_exactly_and_in_order(store: Store) -> None:
    chat, added = put(store, HISTORY)
    assert added == intake.Added(7, 0)
    back = messages.page(store, chat, 0, 100)
    assert [(m.author, m.sent_at, m.kind, m.text, m.marks) for m in back] == [tuple(m[:5]) for m in HISTORY]
    assert [m.place for m in back] == list(range(7))
    assert len({m.uid for m in back}) == 7
    assert backups.check(store) == []


def test_the_same_export_again_adds_nothing(store: Store) -> None:
    put(store, HISTORY)
    chat, again = put(store, HISTORY)
    assert again == intake.Added(0, 7)
    assert texts(store, chat) == [m.text for m in HISTORY]


def test_a_longer_export_adds_only_what_is_new_at_either_end_and_between(store: Store) -> None:
    put(store, [HISTORY[1], HISTORY[3], HISTORY[6]])
    chat, added = put(store, HISTORY)
    assert added == intake.Added(4, 3)
    assert texts(store, chat) == [m.text for m in HISTORY]
    assert backups.check(store) == []


def test_ids_are_the_same_in_every_export_and_every_workspace(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from core.store.opening import open_store

    chat, _ = put(store, HISTORY[2:])
    put(store, HISTORY)
    with open_store(tmp_path_factory.mktemp("other") / "w") as other:
        put(other, [said("X", 1, "otro chat")], Chat("Otro", "whatsapp"))
        elsewhere, _ = put(other, HISTORY)
        assert [m.uid for m in messages.page(other, elsewhere, 0, 99)] == [
            m.uid for m in messages.page(store, chat, 0, 99)
        ]


def test_the_id_of_a_message_never_changes(store: Store) -> None:
    # Decisions and frozen datasets hold these: a change of the digest would orphan them all.
    chat, _ = put(store, [said("Ana", 100, "hola"), said("Ana", 100, "hola"), said("", 5, "x", marks=Mark.UNTIMED)])
    assert sorted(m.uid for m in messages.page(store, chat, 0, 9)) == sorted(EXPECTED_UIDS)


EXPECTED_UIDS = ["09aca22af26fca5e5b5e", "c0904118b7563c1dabfa", "46fd390bdadb183cce00"]


def test_new_messages_of_a_second_go_where_their_neighbours_in_the_file_say(store: Store) -> None:
    put(store, [said("A", 60, "1"), said("A", 60, "3"), said("A", 120, "5")])
    chat, _ = put(
        store, [said("A", 60, "0"), said("A", 60, "1"), said("A", 60, "2"), said("A", 60, "3"), said("A", 60, "4")]
    )
    assert texts(store, chat) == ["0", "1", "2", "3", "4", "5"]


def test_new_messages_of_a_second_without_neighbours_follow(store: Store) -> None:
    put(store, [said("A", 60, "1"), said("A", 60, "2")])
    chat, _ = put(store, [said("A", 60, "3"), said("A", 61, "4")])
    assert texts(store, chat) == ["1", "2", "3", "4"]


def test_a_source_without_times_is_merged_by_its_neighbours(store: Store) -> None:
    def untimed(words: str) -> list[Message]:
        return [said("A", at, word, marks=Mark.UNTIMED) for at, word in enumerate(words.split())]

    put(store, untimed("b c e"))
    chat, added = put(store, untimed("a b c d e f"))
    assert added == intake.Added(3, 3)
    back = messages.page(store, chat, 0, 9)
    assert [m.text for m in back] == ["a", "b", "c", "d", "e", "f"]
    assert [m.sent_at for m in back] == [0, 1, 2, 3, 4, 5]


def test_messages_out_of_time_are_put_in_time(store: Store) -> None:
    chat, _ = put(store, [said("A", 300, "c"), said("A", 100, "a"), said("A", 100, "b")])
    assert texts(store, chat) == ["a", "b", "c"]


def test_batches_are_as_good_as_one(store: Store) -> None:
    many = [said(f"P{n % 3}", 60 * (n // 40), f"t{n % 7}") for n in range(20_500)]
    with store.write() as change:
        chat, key = chats.upsert(change, CHAT)
        one = intake.Intake(change, chat, key)
        for start in range(0, len(many), 1000):
            one.add(many[start : start + 1000])
        one.finish()
    in_batches = messages.page(store, chat, 0, 10**6)
    _, again = put(store, many)
    assert again == intake.Added(0, 20_500)
    other, _ = put(store, many, Chat("Otra", "whatsapp"))
    assert (
        [m.text for m in messages.page(store, other, 0, 10**6)]
        == [m.text for m in in_batches]
        == [m.text for m in many]
    )
    assert backups.check(store) == []


FRESH = itertools.count()

message = st.builds(
    said,
    st.sampled_from(["Ana", "Beto", "", "a\0b"]),
    st.integers(0, 6),
    st.text(max_size=3) | st.sampled_from(["sí", "\ud83e", "\ud83e\udd9c"]),
    st.sampled_from(list(Kind)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(message, max_size=25), max_size=4), st.integers(0, 10**9))
def test_any_parts_of_a_history_in_any_order_make_up_the_history(
    store: Store, parts: list[list[Message]], salt: int
) -> None:
    chat_noun = Chat("h", "test", str(next(FRESH)))
    history = sorted((m for part in parts for m in part), key=lambda m: m.sent_at)
    draw = random.Random(salt)
    windows = [sorted(draw.choices(range(len(history) + 1), k=2)) for _ in range(3)]
    chat = 0
    for first, last in [*windows, [0, len(history)], *windows]:
        # A window of the history counts occurrences from its own start, so cut only between seconds.
        while 0 < first < len(history) and history[first].sent_at == history[first - 1].sent_at:
            first -= 1
        while 0 < last < len(history) and history[last].sent_at == history[last - 1].sent_at:
            last += 1
        chat, _ = put(store, history[first:last], chat_noun)
    back = messages.page(store, chat, 0, 10**6)
    assert [(m.name, m.sent_at, m.kind) for m in back] == [(m.author, m.sent_at, m.kind) for m in history]
    assert [m.place for m in back] == list(range(len(history)))


def test_rows_by_number_cost_the_page_and_times_are_found(store: Store) -> None:
    chat, _ = put(store, [said("A", n * 10, str(n)) for n in range(1000)])
    assert [m.text for m in messages.page(store, chat, 990, 50)] == [str(n) for n in range(990, 1000)]
    assert messages.place_at(store, chat, 5001) == 501
    assert messages.place_at(store, chat, 10**9) == 1000
    plan = " ".join(
        str(row)
        for row in store.read(
            "EXPLAIN QUERY PLAN SELECT * FROM messages WHERE chat_id = 1 AND place >= 9 AND place < 19 ORDER BY place"
        )
    )
    assert "messages_by_place" in plan
    assert "TEMP B-TREE" not in plan
    assert messages.count(store, chat) == 1000


def test_columns_agree_with_the_rows(store: Store) -> None:
    chat, _ = put(store, HISTORY)
    other, _ = put(store, [said("Ana", 7, "ñandú")], Chat("Otro", "telegram", "77"))
    held = columns.columns(store, [other, chat])
    rows = messages.page(store, other, 0, 9) + messages.page(store, chat, 0, 9)
    assert held.ids.tolist() == [m.id for m in rows]
    assert [bytes(u).hex() for u in held.uids] == [m.uid for m in rows]
    assert held.times.tolist() == [m.sent_at for m in rows]
    assert held.chats.tolist() == [m.chat_id for m in rows]
    assert held.marks.tolist() == [m.marks for m in rows]
    assert held.lengths.tolist()[:3] == [5, 4, 18]
    people = {p.id: p.name for p in participants.all_participants(store)} | {0: ""}
    assert [people[a] for a in held.authors.tolist()] == [m.author for m in rows]
    assert held.kinds.dtype == np.uint8
    assert [t for part in columns.texts(store, chat) for t in part] == [m.text for m in HISTORY]
    assert list(columns.texts(store, chat, 2, 2)) == [[HISTORY[2].text, HISTORY[3].text]]
    bare = columns.columns(store, [chat], uids=False, lengths=False)
    assert (len(bare.ids), len(bare.uids), len(bare.lengths)) == (7, 0, 0)
    assert len(columns.columns(store, []).ids) == 0


def test_neighbours_come_in_pieces_that_lose_no_gap(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chat, _ = put(store, HISTORY)
    held = columns.columns(store, [chat])
    for size in (1, 2, 3, 20_000):
        monkeypatch.setattr(columns, "SLICE", size)
        monkeypatch.setattr(participants, "_PIECE", size)
        pieces = list(columns.neighbours(store, chat))
        gaps = [gap for piece in pieces for gap in np.diff(piece.times).tolist()]
        assert gaps == np.diff(held.times).tolist()
        whole = np.concatenate([pieces[0].authors, *(piece.authors[1:] for piece in pieces[1:])])
        assert whole.tolist() == held.authors.tolist()
        assert np.concatenate([pieces[0].marks, *(p.marks[1:] for p in pieces[1:])]).tolist() == held.marks.tolist()
        own = {int(a): int((held.authors == a).sum()) for a in np.unique(held.authors) if a}
        assert participants.message_counts(store) == own


def test_joined_names_are_one_author_without_touching_messages(store: Store) -> None:
    chat, _ = put(store, [said("Ana", 1, "a"), said("Anita", 2, "b")])
    ana, anita = participants.find(store, "Ana"), participants.find(store, "Anita")
    assert ana and anita
    with store.write() as change:
        moved = participants.join(change, ana.id, anita.id)
    assert [m.author for m in messages.page(store, chat, 0, 9)] == ["Ana", "Ana"]
    assert participants.find(store, "Anita") == ana
    # A new chat in which the joined name turns up knows whose it is.
    put(store, [said("Anita", 1, "c")], Chat("Otro", "whatsapp"))
    assert [p.name for p in participants.all_participants(store)] == ["Ana"]
    assert participants.message_counts(store) == {ana.id: 3}
    with store.write() as change:
        participants.split(change, moved, "Anita")
    assert [m.author for m in messages.page(store, chat, 0, 9)] == ["Ana", "Anita"]
    assert backups.check(store) == []


def test_who_was_forgotten_is_gone_from_file_and_search_and_does_not_come_back(store: Store) -> None:
    chat, _ = put(store, HISTORY)
    beto = participants.find(store, "Beto")
    assert beto
    with store.write() as change:
        for name in participants.names_of(change, beto.id):
            key = chats.all_chats(change)[0].key
            assert len(messages.uids_of_name(change, name.id)) == 20
            assert messages.erase_name(change, name.id) == 2
            intake.forget_author(change, key, name.name)
        participants.delete(change, beto.id)
    assert [m.place for m in messages.page(store, chat, 0, 9)] == [0, 1, 2, 3, 4]
    assert not searching.search(store, "bien")
    _, again = put(store, HISTORY)
    assert again == intake.Added(0, 5, 2)
    assert participants.find(store, "Beto") is None
    assert backups.check(store) == []
    backups.compact(store)
    store.close()
    for path in store.folder.iterdir():
        assert path.is_dir() or b"Beto" not in path.read_bytes()
        assert path.is_dir() or b"bien?" not in path.read_bytes()


def test_a_deleted_chat_leaves_nothing(store: Store) -> None:
    chat, _ = put(store, HISTORY)
    kept, _ = put(store, [said("Ana", 1, "hola queda")], Chat("Otro", "whatsapp"))
    with store.write() as change:
        chats.add_import(change, chat, chats.Import("a.txt", "00", "whatsapp"))
        chats.delete(change, chat)
    assert [c.id for c in chats.all_chats(store)] == [kept]
    assert [p.name for p in participants.all_participants(store)] == ["Ana"]
    assert len(searching.search(store, "hola")) == 1
    assert backups.check(store) == []


def test_chats_are_listed_with_count_span_and_people(store: Store) -> None:
    put(store, HISTORY)
    put(store, [], Chat("Vacío", "csv"))
    first, empty = chats.all_chats(store)
    assert (first.title, first.messages, first.first_at, first.last_at) == ("Las primas", 7, 100, 4000)
    assert first.participants == ("Ana", "Beto")
    assert (empty.title, empty.messages, empty.first_at, empty.participants) == ("Vacío", 0, None, ())


def test_a_chat_known_by_its_id_takes_a_new_title(store: Store) -> None:
    with store.write() as change:
        first = chats.upsert(change, Chat("Antes", "telegram", "9"))
        assert chats.upsert(change, Chat("Después", "telegram", "9")) == first
        assert chats.upsert(change, Chat("Después", "telegram", "9"), occurrence=1) != first
    assert {c.title for c in chats.all_chats(store)} == {"Después"}


def found(store: Store, query: str, chat_ids: list[int] | None = None) -> list[str]:
    return [m.text for m in messages.by_ids(store, searching.search(store, query, chat_ids))]


def test_search_finds_words_whatever_their_accents_and_keeps_the_enye(store: Store) -> None:
    chat, _ = put(
        store,
        [
            said("A", n, t)
            for n, t in enumerate(
                ["El año pasado", "un ano", "Café con leche", "leche con café", "AÑOS 🦜", "c'est", "jaja 😂"]
            )
        ],
    )
    assert found(store, "cafe") == ["Café con leche", "leche con café"]
    assert found(store, '"con leche"') == ["Café con leche"]
    assert found(store, "año") == ["El año pasado", "AÑOS 🦜"]
    assert found(store, "ano ") == ["El año pasado", "un ano"]
    assert found(store, "le") == ["Café con leche", "leche con café"]
    assert found(store, "🦜") == ["AÑOS 🦜"]
    assert found(store, "😂") == ["jaja 😂"]
    assert found(store, "an 🦜") == ["AÑOS 🦜"] or found(store, "🦜 an") == ["AÑOS 🦜"]
    assert found(store, "leche café", [chat + 1]) == []
    assert found(store, "") == found(store, '"" *') == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.text(alphabet='ab"*():^-+{}\0ñ NEAR', max_size=30))
@example('"')
@example('a" OR text:b NEAR(x')
@example("\ud800")
@example("a AND NOT b -c ^d {e} col:f")
def test_no_query_is_taken_for_syntax(store: Store, query: str) -> None:
    if not chats.all_chats(store):
        put(store, [said("A", 1, "a AND NOT b")])
    assert len(searching.search(store, query)) <= 1


def test_messages_are_found_by_their_ids(store: Store) -> None:
    chat, _ = put(store, [said("A", n, str(n)) for n in range(1200)])
    rows = messages.page(store, chat, 0, 1200)[::-1]
    assert messages.by_uids(store, [m.uid for m in rows]) == rows
    assert messages.by_ids(store, [m.id for m in rows] + [10**9]) == rows


_PIECES = st.sampled_from(
    [
        "año",
        "ano",
        "Ñandú",
        "nandu",
        "mañana",
        "manana",
        "hola",
        "HOLÁ",
        "ho",
        "h",
        "😂",
        "?",
        "12",
        "1",
        "niño niña",
        "a_b",
    ]
)


@given(
    told=st.lists(st.lists(_PIECES, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=8),
    query=st.lists(_PIECES | st.just('"hola año"'), min_size=1, max_size=3).map(" ".join),
    chosen=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_outside_the_index_holds_a_query_as_the_index_says(
    told: list[str], query: str, chosen: bool, store: Store
) -> None:
    with store.write() as change:
        # Hypothesis seeds random itself, and each example needs a chat of its own.
        chat, key = chats.upsert(change, Chat(f"chat {len(chats.all_chats(store))}", "whatsapp"))
        intake.add(change, chat, key, [said("Ana", at, text) for at, text in enumerate(told)])
    ids = searching.search(store, query, [chat] if chosen else None)
    here = [row.text for row in messages.by_ids(store, ids) if row.chat_id == chat]
    assert here == [text for text in told if asked.holds(query)(text)]
