"""Finding messages of a chat: by words, author, what was decided, length, day, cleaning rule, private thing.

In: a `Filter`, all of whose parts have to hold. Out: the places of the messages that it lets through, as an array. Words
are looked for in what was exported (that is what the index holds) and in what the curator wrote in its place; rules and
private things in what stands, edits included. Words and decisions answer in milliseconds at a million messages, authors
and lengths in half a second; rules and private things read every text that the other parts let through, and can be
stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.language import N_, _
from core.problem import Misuse
from core.workspace import conversations, curation
from core.workspace.opening import Cancelled, Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.workspace.chats import MessageRow
    from core.workspace.conversations import History

DECISIONS: Final = {
    "dropped": N_("dropped"), "kept": N_("kept"), "edited": N_("edited"), "tagged": N_("tagged"),
    "weighed": N_("weighed"), "undecided": N_("nothing said of it"),
}  # fmt: skip
_ANY: Final = 2**31
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Filter:
    """What messages have to be; a part that is empty asks for nothing."""

    query: str = ""
    author: str = ""
    tag: str = ""
    decision: str = ""  # of DECISIONS
    longer: int = 0  # at least so many characters
    shorter: int = 0  # at most so many; 0 for any number
    since: str = ""  # a day, a month or a year
    until: str = ""  # the same, included
    rule: str = ""
    private: str = ""  # a kind of private thing

    def __bool__(self) -> bool:
        return self != Filter()


@dataclass(frozen=True, slots=True)
class Choice:
    """One part that a filter could have, with how many messages it is about where that is known at once."""

    part: str
    value: str
    meaning: str
    count: int | None = None


def places(
    workspace: Workspace, chat: int, wanted: Filter, cancelled: Callable[[], bool] | None = None
) -> NDArray[np.int64]:
    """The places of the messages that the filter lets through, in order. `Cancelled` when told so."""
    import numpy as np

    history = conversations.history(workspace, chat)
    left = np.ones(history.size, np.bool_)
    for found in _parts(workspace, history, wanted):
        mask = np.zeros(history.size, np.bool_)
        mask[found] = True
        left &= mask
    if wanted.rule or wanted.private:
        _read_through(workspace, chat, wanted, left, cancelled)
    return np.flatnonzero(left)


def since(
    workspace: Workspace,
    chat: int,
    wanted: Filter,
    before: NDArray[np.int64],
    cancelled: Callable[[], bool] | None = None,
) -> tuple[NDArray[np.int64], int]:
    """What of the places found before the filter lets through no longer, and how many it has come to let through."""
    import numpy as np

    now = places(workspace, chat, wanted, cancelled)
    gone = np.setdiff1d(before, now, assume_unique=True)
    return gone, len(now) - (len(before) - len(gone))


def messages(
    workspace: Workspace, wanted: Filter, *, chat: int | None = None, limit: int | None = None
) -> Iterator[MessageRow]:
    """The messages that the filter lets through, of one chat or of all."""
    from core.workspace import chats

    left = limit if limit is not None else _ANY
    for one in [chat] if chat is not None else [row.id for row in chats.listing(workspace)]:
        found = places(workspace, one, wanted).tolist()
        transcript = chats.transcript(workspace, one)
        for start in range(0, min(len(found), left), 500):
            yield from transcript.at(found[start : min(start + 500, left)])
        left -= len(found)
        if left <= 0:
            return


def edited_with(workspace: Workspace, query: str) -> list[tuple[bytes, int, int]]:
    """(stable id, chat, place) of the messages in whose edited words the words of a query stand; the index has only the
    exported ones."""
    from core.store import messages
    from core.store import query as asked

    standing = curation.standing_now(workspace)
    if not standing.said:
        return []
    held = asked.holds(query)
    _version, said = standing.snapshot()
    return messages.places_of(
        workspace.store, [uid for uid, one in said.items() if one.text is not None and held(one.text)]
    )


def choices(workspace: Workspace, chat: int) -> list[Choice]:
    """Every part that could be asked for by choosing: participants, decisions, tags, rules, private things."""
    from core.cleaning.rules import RULES
    from core.cleaning.settings import PRIVATE_KINDS
    from core.workspace import chats

    row = next((row for row in chats.listing(workspace) if row.id == chat), None)
    made = [Choice("author", name, _("by {name}").format(name=name)) for name in (row.participants if row else ())]
    history = conversations.known_history(workspace, chat)
    for name, meaning in DECISIONS.items():
        count = None if history is None else len(_decided(history, name))
        made.append(Choice("decision", name, _(meaning), count))
    for tag, count in curation.standing_now(workspace).tags().most_common():
        made.append(Choice("tag", tag, f"#{tag}", count))
    made += [
        Choice("rule", rule.name, _("rule {name}: {what}").format(name=rule.name, what=_(rule.help))) for rule in RULES
    ]
    made += [Choice("private", kind, _("private: {kind}").format(kind=kind)) for kind in PRIVATE_KINDS]
    return made


def must_make_sense(wanted: Filter) -> None:
    """Raise a Misuse for a filter whose parts are none of those that there are."""
    from core.cleaning.rules import BITS
    from core.cleaning.settings import PRIVATE_KINDS

    for value, there in (
        (wanted.decision, list(DECISIONS)),
        (wanted.rule, list(BITS)),
        (wanted.private, list(PRIVATE_KINDS)),
    ):
        if value and value not in there:
            raise Misuse(
                _("messages are not told apart by “{name}”.").format(name=value[:40]),
                advice=_("There are: {names}.").format(names=", ".join(there)),
            )
    for day in (wanted.since, wanted.until):
        if day:
            conversations.moment(day)


def _parts(workspace: Workspace, history: History, wanted: Filter) -> Iterator[NDArray[np.int64] | slice]:
    import numpy as np

    from core.store import finding, messages, searching
    from core.workspace import people

    store, chat = workspace.store, history.chat
    must_make_sense(wanted)
    if wanted.query.strip():
        exported = history.places_of_ids(searching.ids_with(store, wanted.query))
        edited = [place for _uid, of_chat, place in edited_with(workspace, wanted.query) if of_chat == chat]
        yield np.append(exported, np.array([place for place in edited if place < history.size], np.int64))
    if wanted.decision:
        yield _decided(history, wanted.decision)
    if wanted.tag:
        yield _tagged(workspace, history, wanted.tag)
    if wanted.since or wanted.until:
        first = messages.place_at(store, chat, conversations.moment(wanted.since)) if wanted.since else 0
        last = messages.place_at(store, chat, _end_of(wanted.until)) if wanted.until else history.size
        yield slice(first, last)
    if wanted.author:
        yield finding.places_by(store, chat, people.named(workspace, wanted.author).id)
    if wanted.longer or wanted.shorter:
        yield finding.places_of_length(store, chat, wanted.longer, wanted.shorter or _ANY)


def _decided(history: History, name: str) -> NDArray[np.int64]:
    import numpy as np

    history.follow()
    if name == "undecided":
        return np.flatnonzero(history.flags == 0)
    bits = {
        "dropped": conversations.DROPPED, "kept": conversations.KEPT, "edited": conversations.EDITED,
        "tagged": conversations.TAGGED, "weighed": conversations.WEIGHED,
    }  # fmt: skip
    return np.flatnonzero(history.flags & bits[name])


def _tagged(workspace: Workspace, history: History, tag: str) -> NDArray[np.int64]:
    import numpy as np

    from core.store import messages

    _version, said = curation.standing_now(workspace).snapshot()
    uids = [uid for uid, one in said.items() if tag in one.tags]
    found = messages.places_of(workspace.store, uids)
    return np.array([place for _uid, chat, place in found if chat == history.chat and place < history.size], np.int64)


def _end_of(day: str) -> int:
    from datetime import timedelta

    from core.chat import local_seconds, local_time

    start = local_time(conversations.moment(day))
    parts = day.strip().replace("/", "-").count("-")
    if parts == 2:
        return local_seconds(start) + _DAY
    if parts == 1:
        return local_seconds((start + timedelta(days=31)).replace(day=1))
    return local_seconds(start.replace(year=start.year + 1))


def _read_through(
    workspace: Workspace, chat: int, wanted: Filter, left: NDArray[np.bool_], cancelled: Callable[[], bool] | None
) -> None:
    """Leave only the messages that the rule takes, and that hold the private thing."""
    import numpy as np

    from core.cleaning import privacy, rules
    from core.store import columns
    from core.workspace import recipe

    cleaning = recipe.current(workspace).cleaning
    edits = _edits(workspace, chat)
    start = 0
    for texts, piece in zip(
        columns.texts(workspace.store, chat), columns.neighbours(workspace.store, chat), strict=False
    ):
        if cancelled is not None and cancelled():
            raise Cancelled
        part = slice(start, min(start + len(texts), len(left)))
        texts = texts[: part.stop - start]
        if left[part].any():
            for place, text in edits.items():
                if part.start <= place < part.stop:
                    texts[place - start] = text
            if wanted.rule:
                own = slice(
                    len(piece.marks) - len(texts), None
                )  # a piece begins with the last message of the one before
                hits = rules.scan(_kinds(piece.kinds[own]), piece.marks[own], texts, cleaning)
                lengths = np.fromiter(map(len, texts), np.int32, len(texts))
                left[part] &= (rules.with_lengths(hits, lengths, cleaning) & rules.BITS[wanted.rule]) != 0
            if wanted.private:
                for place in np.flatnonzero(left[part]).tolist():
                    if not privacy.find(texts[place], (wanted.private,)):
                        left[start + place] = False
        start = part.stop


def _kinds(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    from core.grouping import KIND_CODES
    from core.store.kinds import CODE_OF

    codes = np.zeros(256, np.uint8)
    for kind, code in CODE_OF.items():
        codes[code] = KIND_CODES[kind]
    return codes[stored]


def _edits(workspace: Workspace, chat: int) -> dict[int, str]:
    from core.store import messages

    _version, said = curation.standing_now(workspace).snapshot()
    edited = {uid: one.text for uid, one in said.items() if one.text is not None}
    return {place: edited[uid] for uid, there, place in messages.places_of(workspace.store, edited) if there == chat}
