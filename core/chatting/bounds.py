"""How much of a reply is kept, read ahead and waited for: a server may send without end, on purpose or not.

In: a response on its way, or what a reply has come to. Out: a response that raises `TooMuchError` where one event, one
body or one line of it has no end. Sizes are those of a machine's memory, far beyond any real reply: whoever reads more
slowly than a server sends holds the server back, and a reply that does not end is left.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from core.chatting.replies import Token

if TYPE_CHECKING:
    import httpx2

AHEAD: Final = 65_536  # pieces that wait for their reader; beyond, the server waits
MOST: Final = 128 << 20  # bytes of memory that one reply with its alternatives may take, about
LARGEST: Final = 16 << 20  # bytes of one event, or of a body that is no stream
_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")  # of an event
_PIECE: Final = 120  # bytes that a piece of text takes beside its characters
_TOKEN: Final = 200
_OTHER: Final = 150


class TooMuchError(ValueError):
    """What came has no end."""


def size_of(text: str, tokens: tuple[Token, ...]) -> int:
    """About how much memory a piece takes."""
    return _PIECE + 2 * len(text) + sum(_TOKEN + _OTHER * len(token.others) for token in tokens)


async def bound(response: httpx2.Response) -> None:
    """Let a response end where it has become too much: a hook of the client that reads it, also for errors."""
    whole = "event-stream" not in response.headers.get("content-type", "")
    given = response.aiter_bytes

    async def bounded(chunk_size: int | None = None) -> AsyncGenerator[bytes]:
        size, tail = 0, b""
        async for part in given(chunk_size):
            tail += part
            ends = [] if whole else [at + len(end) for end in _ENDS if (at := tail.rfind(end)) >= 0]
            # An event's end may come in two parts, so a few bytes stay to be looked at again.
            size = len(tail) - max(ends) if ends else size + len(part)
            tail = tail[-3:]
            if size > LARGEST:
                raise TooMuchError
            yield part

    response.aiter_bytes = bounded
