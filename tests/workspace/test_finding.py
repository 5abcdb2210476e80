"""Filters: each part alone against a recount by hand, and all parts together."""

from __future__ import annotations

import pytest

from core.chat import Kind, Message
from core.problem import Misuse
from core.workspace import chats, conversations, curation, finding, recipe
from core.workspace.finding import Filter
from core.workspace.opening import Workspace
from tests.tui.hosts import START, workspace_with


@pytest.fixture
def talk(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    texts = ("mirá https://ejemplo.org/x", "mi mail es ana@ejemplo.org", "ok", "el año que viene", "los ano", "🥹 jaja")
    messages = [
        Message(
            ("Ana", "Beto")[n % 2], START + n * 3600 * 5, Kind.TEXT if n % 7 else Kind.MEDIA, texts[n % 6], 0, n + 1
        )
        for n in range(240)
    ]
    return workspace_with(tmp_path_factory.mktemp("w") / "w", ("Ana", messages))


def rows(workspace: Workspace) -> list[chats.MessageRow]:
    return chats.transcript(workspace, 1).rows(0, 1000)


@pytest.mark.parametrize(
    ("wanted", "is_it"),
    [
        (Filter(author="Ana"), lambda row: row.author == "Ana"),
        (Filter(query="año"), lambda row: "año" in row.text),
        (Filter(query="ano"), lambda row: "ano" in row.text or "año" in row.text),
        (Filter(query="🥹"), lambda row: "🥹" in row.text),
        (Filter(longer=10, shorter=20), lambda row: 10 <= len(row.text) <= 20),
        (Filter(rule="links"), lambda row: "https" in row.text),
        (Filter(rule="media"), lambda row: row.kind is Kind.MEDIA),
        (Filter(private="email"), lambda row: "@" in row.text),
        (Filter(since="2025-06-20", until="2025-07-01"), lambda row: 1750377600 <= row.sent_at < 1751414400),
        (Filter(since="2025-07", until="2025-07"), lambda row: 1751328000 <= row.sent_at < 1754006400),
        (Filter(until="2025"), lambda row: row.sent_at < 1767225600),
        (Filter(author="Beto", private="email", shorter=40), lambda row: row.author == "Beto" and "@" in row.text),
    ],
)
def test_each_part_finds_what_a_look_at_every_message_finds(talk: Workspace, wanted: Filter, is_it: object) -> None:
    assert callable(is_it)
    expected = [row.place for row in rows(talk) if is_it(row)]
    assert finding.places(talk, 1, wanted).tolist() == expected
    assert [row.place for row in finding.messages(talk, wanted, chat=1)] == expected


def test_what_was_decided_is_found(talk: Workspace) -> None:
    curation.decide_at(talk, 1, [3, 4, 5], "drop")
    curation.decide_at(talk, 1, [5, 6], "tag", "raro")
    uid = rows(talk)[8].uid
    curation.decide(talk, "edit", [uid], "mi teléfono es +54 9 11 5555 0123")
    told = {
        "dropped": [3, 4, 5],
        "kept": [],
        "tagged": [5, 6],
        "edited": [8],
        "undecided": sorted(set(range(240)) - {3, 4, 5, 6, 8}),
    }
    for decision, places in told.items():
        assert finding.places(talk, 1, Filter(decision=decision)).tolist() == places
    assert finding.places(talk, 1, Filter(decision="dropped", tag="raro")).tolist() == [5]
    assert finding.places(talk, 1, Filter(private="phone")).tolist() == [8]  # in the words that stand
    curation.undo(talk)
    assert finding.places(talk, 1, Filter(private="phone")).tolist() == []


def test_a_part_that_means_nothing_is_a_misuse(talk: Workspace) -> None:
    for wrong in (
        Filter(rule="nope"), Filter(private="nope"), Filter(decision="nope"), Filter(since="ayer"), Filter(author="Zoe")
    ):  # fmt: skip
        with pytest.raises(Misuse):
            finding.places(talk, 1, wrong)


def test_a_chat_whose_rows_are_not_in_the_order_of_its_places_is_found_in_too(talk: Workspace) -> None:
    from core.store import chats as stored
    from core.store.intake import Intake
    from core.workspace import revision

    with talk.store.write() as change:
        intake = Intake(change, 1, stored.all_chats(change)[0].key)
        intake.add([Message("Ana", START + n * 7200, Kind.TEXT, f"año nuevo {n}", 0, n + 1) for n in range(50)])
        intake.finish()
        revision.move(change)
    expected = [row.place for row in rows(talk) if "año" in row.text]
    assert finding.places(talk, 1, Filter(query="año")).tolist() == expected
    expected = [row.place for row in rows(talk) if row.text.startswith("año nuevo")]
    assert finding.places(talk, 1, Filter(query="nuevo")).tolist() == expected


def test_conversations_are_those_of_the_messages_themselves(talk: Workspace) -> None:
    for gap in ("3h", "5h", "6h"):
        recipe.change(talk, {"conversation_gap": gap})
        starts = [row.place for row in rows(talk) if row.conversation_starts]
        assert conversations.history(talk, 1).starts.tolist() == starts
    uids = [rows(talk)[place].uid for place in (7, 9)]
    curation.decide(talk, "split", uids)
    curation.decide(talk, "join", uids[:1])
    starts = [row.place for row in rows(talk) if row.conversation_starts]
    history = conversations.history(talk, 1)
    assert history.starts.tolist() == starts == [0, 9]
    first, second = history.rows(0, 10)
    assert (first.messages, second.messages, second.first) == (9, 231, 9)


def test_a_split_is_what_the_dataset_is_grouped_by(talk: Workspace) -> None:
    from core.dataset.material import kept
    from core.grouping import boundaries
    from core.workspace import material

    recipe.change(talk, {"conversation_gap": "6h", "persona": "Ana"})
    now = recipe.current(talk)

    def grouped() -> list[int]:
        made = boundaries(kept(material.of(talk), now), now.burst_window, now.conversation_gap, 0)
        return [int(made.rows[made.turns[turn]]) for turn in made.conversations[:-1]]

    before = grouped()
    split = next(row.place for row in rows(talk)[20:] if row.kind is Kind.TEXT)
    curation.decide_at(talk, 1, [split], "split")
    assert grouped() == sorted({*before, split})
    curation.decide_at(talk, 1, [split], "drop")  # what follows it begins the conversation then
    following = next(row.place for row in rows(talk)[split + 1 :] if row.kind is Kind.TEXT)
    assert grouped() == sorted({*before, following})
    # Joined and dropped: what is left of its conversation goes on with what is before it.
    curation.decide_at(talk, 1, [split], "join")
    assert grouped() == sorted({*before} - {following})
    for _act in range(3):
        curation.undo(talk)
    assert grouped() == before


def test_an_edited_message_is_found_by_its_new_words_and_by_those_of_the_export(talk: Workspace) -> None:
    chat = chats.listing(talk)[0].id
    row = next(row for row in rows(talk) if row.kind is Kind.TEXT)
    before = [one.uid for one in chats.messages(talk, query="ornitorrinco")]
    curation.decide(talk, "edit", [row.uid], "un Ornitorrínco nuevo")
    assert before == []
    for found in (
        chats.messages(talk, query="ornitorrinco"),
        chats.messages(talk, query="ornito", chat=chat, limit=5),
        finding.messages(talk, Filter("nuevo ornitorrinco"), chat=chat),
    ):
        (one,) = found
        assert (one.uid, one.text, one.exported) == (row.uid, "un Ornitorrínco nuevo", row.exported)
    word = next(word for word in row.exported.split() if word.isalpha())
    everywhere = [one.uid for one in chats.messages(talk, query=word)]
    assert row.uid in everywhere
    assert everywhere == [one.uid for one in rows(talk) if one.uid in set(everywhere)]
    assert not list(chats.messages(talk, query="ornitorrinco", chat=chat + 1))
    curation.undo(talk)
    assert not list(chats.messages(talk, query="ornitorrinco"))
