"""The nouns of Sinsonte: what a chat is made of, as plain immutable data.

Every stage speaks of these and nothing else. No I/O here, no SQL, no screens, and nothing that
knows where a message came from beyond the chat that it stands in.

Times are the local wall clock of the phone that exported the chat: exports carry no zone, so a time is
kept as whole seconds since 1970-01-01T00:00:00 *of that clock* (`local_seconds`, `local_iso`), never converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntFlag, StrEnum
from typing import Final, NamedTuple

_EPOCH: Final = datetime(1970, 1, 1)


class Kind(StrEnum):
    """What sort of line a message is; cleaning rules look at this before they look at words."""

    TEXT = "text"
    MEDIA = "media"
    DELETED = "deleted"
    SYSTEM = "system"
    CALL = "call"
    LOCATION = "location"
    POLL = "poll"


class Mark(IntFlag):
    """What the export said about a message besides its words."""

    NONE = 0
    EDITED = 1  # the edit notice was taken off the text; the words are the edited ones
    FORWARDED = 2  # somebody else's words, passed on
    BOT = 4  # written by a program
    STARTS = 8  # the source itself says that a conversation starts here (a `###` row, a new JSONL row)
    UNTIMED = 16  # the source has no times: sent_at only counts the order


class Message(NamedTuple):
    """One line of the history, exactly as it was exported.

    A named tuple, not a dataclass: a million of them are made in an import, and a frozen dataclass costs
    three times as much to make (docs/decisions.md).
    """

    author: str  # the name as exported; "" for a system line that names nobody
    sent_at: int  # seconds of the local wall clock since 1970
    kind: Kind
    text: str  # exact: no normalisation, inner newlines and blank lines kept
    marks: int = 0  # of Mark
    line: int = 0  # where it began in the export, 1-based line (or row, or element) number


@dataclass(frozen=True, slots=True)
class Chat:
    """One imported history."""

    title: str
    platform: str  # "whatsapp", "telegram", "csv", ...
    source_id: str = ""  # the platform's own id of the chat, where the export has one


class Consent(StrEnum):
    """Whether a participant agreed that their words are used."""

    UNKNOWN = "unknown"
    GIVEN = "given"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Participant:
    """A person in chats; several exported names may be joined in one participant."""

    id: int
    name: str
    consent: Consent = Consent.UNKNOWN


class Side(StrEnum):
    """The part of a dataset that an example belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"


class Role(StrEnum):
    """Who speaks in an example."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """Consecutive messages of one author within the burst window, joined by the separator."""

    author: str
    started_at: int
    ended_at: int
    text: str
    messages: tuple[str, ...]  # stable ids of the messages that it came from


@dataclass(frozen=True, slots=True)
class Line:
    """One message of an example, as a model will see it."""

    role: Role
    text: str
    trained: bool = False  # is the loss taken on it
    name: str = ""  # the actor's label, for formats that write one
    messages: tuple[str, ...] = ()  # stable ids: the lineage


@dataclass(frozen=True, slots=True)
class Example:
    """Context of up to the buffer size, and the persona's reply as the last line."""

    lines: tuple[Line, ...]
    conversation: int  # counted within the dataset; whole conversations are on one side
    side: Side = Side.TRAIN


def local_seconds(when: datetime) -> int:
    """Whole seconds of the wall clock that `when` shows; a zone, if it has one, is not applied."""
    return int((when.replace(tzinfo=None) - _EPOCH).total_seconds())


def local_time(seconds: int) -> datetime:
    """The wall clock reading for `seconds`, without a zone."""
    return _EPOCH + timedelta(seconds=seconds)


def local_iso(seconds: int) -> str:
    """The same as ISO text: 2026-06-12T22:14:05."""
    return local_time(seconds).isoformat()
