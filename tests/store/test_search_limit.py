"""A search that wants the first few does not put all that it finds in order."""

from __future__ import annotations

from core.chat import Chat, Kind, Message
from core.store import chats, intake, messages, searching
from core.store.opening import Store


def test_with_a_limit_the_first_imported_come_in_the_order_of_the_chat(store: Store) -> None:
    def said(at: int, text: str) -> Message:
        return Message("Ana", at, Kind.TEXT, text)

    with store.write() as change:
        number, key = chats.upsert(change, Chat("a", "whatsapp"), 0)
        intake.add(
            change, number, key, [said(100 + at, f"el año {at}" if at % 2 else f"el ano {at}") for at in range(40)]
        )
    with store.write() as change:
        intake.add(change, number, key, [said(at, f"el año pasado {at}") for at in range(5)])

    def texts(query: str, limit: int | None) -> list[str]:
        return [row.text for row in messages.by_ids(store, searching.search(store, query, limit=limit))]

    assert texts("año", 3) == ["el año 1", "el año 3", "el año 5"]
    assert texts("el", 2) == ["el ano 0", "el año 1"]
    assert texts("año", 1000) == texts("año", None)
    assert len(texts("año", None)) == 25
