"""Knowing a chat again in another export of it: from the other side's phone, or under another title.

In: a chat just taken in, in the import's own transaction. Out: the chat that it really is, with what was new in it.
Two phones tell the same message by the same minute and the same words, but not by the same name (each has its own
address book) and not always with seconds. So chats are compared by (minute, text); who is who is learnt from the pairs
that match, and every message that is there already is fed to the store in its stored form, so that its neighbours find
their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from core.chat import Kind, Mark, Message
from core.store import chats, intake, messages

if TYPE_CHECKING:
    from core.store.connection import Change
    from core.store.messages import StoredMessage

SAMPLES: Final = 200
# "dale" is said at the same minute by chance; five agreeing messages of two words or more are not.
ENOUGH: Final = 5
SHARE: Final = 0.2
_SHORTEST: Final = 8
_PAGE: Final = 2000


def same_chat(change: Change, chat_id: int) -> int | None:
    """An older chat of the same platform that tells the same messages at the same minutes, if there is one."""
    rows = {row.id: row for row in chats.all_chats(change)}
    new = rows[chat_id]
    samples = _samples(change, chat_id, new.messages)
    if len(samples) < ENOUGH:
        return None
    best, most = None, 0
    for row in rows.values():
        if row.id == chat_id or row.platform != new.platform or row.first_at is None or row.last_at is None:
            continue
        inside = [one for one in samples if row.first_at - 60 <= one.sent_at <= row.last_at + 60]
        found = sum(_is_in(change, row.id, one) for one in inside)
        if found >= max(ENOUGH, SHARE * len(inside)) and found > most:
            best, most = row.id, found
    return best


def _samples(change: Change, chat_id: int, count: int) -> list[StoredMessage]:
    step = max(1, count // SAMPLES)
    chosen: list[StoredMessage] = []
    for place in range(0, count, step):
        for row in messages.page(change, chat_id, place, 1):
            if row.kind is Kind.TEXT and len(row.text) >= _SHORTEST and not row.marks & Mark.UNTIMED:
                chosen.append(row)
    return chosen


def _is_in(change: Change, chat_id: int, one: StoredMessage) -> bool:
    minute = one.sent_at // 60
    first = messages.place_at(change, chat_id, minute * 60)
    return any(
        row.sent_at // 60 == minute and row.text == one.text for row in messages.page(change, chat_id, first, 40)
    )


def merge(change: Change, new: int, old: int) -> tuple[intake.Added, dict[str, str]]:
    """Move what is new in chat `new` into chat `old`, and let `new` go; with the old chat's name for each of its names."""
    there = _by_minute(change, old)
    who = _who_is_who(change, new, there)
    key = next(row.key for row in chats.all_chats(change) if row.id == old)
    taking = intake.Intake(change, old, key)
    left = {at: list(rows) for at, rows in there.items()}
    pending: list[Message] = []
    for row in _all(change, new):
        same = left.get((row.sent_at // 60, row.text))
        if same:
            pending.append(same.pop(0))
        else:
            pending.append(Message(who.get(row.name, row.name), row.sent_at, row.kind, row.text, row.marks))
    chats.delete(change, new)
    taking.add(pending)
    return taking.finish(), who


def _by_minute(change: Change, chat_id: int) -> dict[tuple[int, str], list[Message]]:
    found: dict[tuple[int, str], list[Message]] = {}
    for row in _all(change, chat_id):
        message = Message(row.name, row.sent_at, row.kind, row.text, row.marks)
        found.setdefault((row.sent_at // 60, row.text), []).append(message)
    return found


def _who_is_who(change: Change, new: int, there: dict[tuple[int, str], list[Message]]) -> dict[str, str]:
    """The name in the old chat for each name in the new one, by most agreeing messages; each old name is given once."""
    pairs: Counter[tuple[str, str]] = Counter()
    for row in _all(change, new):
        same = there.get((row.sent_at // 60, row.text))
        if same and len(same) == 1 and row.name and same[0].author:
            pairs[row.name, same[0].author] += 1
    who: dict[str, str] = {}
    for (ours, theirs), _count in pairs.most_common():
        if ours not in who and theirs not in who.values():
            who[ours] = theirs
    return who


def _all(change: Change, chat_id: int) -> Iterator[StoredMessage]:
    first = 0
    while rows := messages.page(change, chat_id, first, _PAGE):
        yield from rows
        first += len(rows)
