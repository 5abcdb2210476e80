"""The small codes that stand for kinds of message in the table. They are for ever: a new kind gets the next number."""

from __future__ import annotations

from core.chat import Kind

CODE_OF: dict[Kind, int] = {
    Kind.TEXT: 0,
    Kind.MEDIA: 1,
    Kind.DELETED: 2,
    Kind.SYSTEM: 3,
    Kind.CALL: 4,
    Kind.LOCATION: 5,
    Kind.POLL: 6,
}
KIND_OF: dict[int, Kind] = {code: kind for kind, code in CODE_OF.items()}
