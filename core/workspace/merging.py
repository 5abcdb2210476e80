"""Knowing a chat again in another export of it: from the other side's phone, or under another title.

In: a chat just taken in, in the import's own transaction. Out: the chat that it really is, with what was new in it.
Two phones tell the same message by the same minute and the same words, but not by the same name (each has its own
address book) and not always with seconds. So chats are compared by (minute, text); who is who is learnt from the pairs
that match, and every message that is there already is fed to the store in its stored form, so that its neighbours find
their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from core.chat import Kind, Mark, Message
from core.store import chats, intake, messages

if TYPE_CHECKING:
    from core.store.connection import Change
    from core.store.messages import StoredMessage

SAMPLES: Final = 200
GLANCE: Final = 24  # messages by which most chats are known to be others: an account has hundreds of them
# "dale" is said at the same minute by chance; five agreeing messages of two words or more are not.
ENOUGH: Final = 5
SHARE: Final = 0.2
_SHORTEST: Final = 8
# Nor are ten of any length, where hardly one does not agree.
_ENOUGH_SHORT: Final = 10
_SHARE_SHORT: Final = 0.8
_PAGE: Final = 2000


def same_chat(change: Change, chat_id: int, others: Collection[int] = ()) -> int | None:
    """An older chat of the same platform that tells the same messages at the same minutes, if there is one. Never one of
    `others`: what stands in one file as two chats is two."""
    rows = {row.id: row for row in chats.all_chats(change)}
    new = rows[chat_id]
    best, most = None, 0
    for row in rows.values():
        if row.id == chat_id or row.id in others or row.platform != new.platform:
            continue
        if row.first_at is None or row.last_at is None:
            continue
        # Only where both have messages: of two years and the two after them, one month may be told by both.
        first = messages.place_at(change, chat_id, row.first_at - 60)
        end = messages.place_at(change, chat_id, row.last_at + 60)
        if not _agreeing(change, chat_id, row.id, range(first, end, max(1, (end - first) // GLANCE))).found:
            continue
        told = _agreeing(change, chat_id, row.id, range(first, end, max(1, (end - first) // SAMPLES)))
        same = told.long_found >= max(ENOUGH, SHARE * told.long_seen) or told.found >= max(
            _ENOUGH_SHORT, _SHARE_SHORT * told.seen
        )
        if same and told.found > most:
            best, most = row.id, told.found
    return best


class _Told(NamedTuple):
    """How many messages of one chat were looked for in another, and how many are there: of all, and of the longer ones."""

    seen: int
    found: int
    long_seen: int
    long_found: int


def _agreeing(change: Change, new: int, old: int, places: range) -> _Told:
    seen = found = long_seen = long_found = 0
    for place in places:
        for one in messages.page(change, new, place, 1):
            if one.kind is Kind.TEXT and not one.marks & Mark.UNTIMED:
                there = _is_in(change, old, one)
                is_long = len(one.text) >= _SHORTEST
                seen, long_seen = seen + 1, long_seen + is_long
                found, long_found = found + there, long_found + (there and is_long)
    return _Told(seen, found, long_seen, long_found)


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
