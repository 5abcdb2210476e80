"""Bringing a file to the provider: looked for first, streamed, in parts where it is larger than one upload may be.

In: a file and a client. Out: the provider's id of it. Memory stays flat: nothing holds more of the file than a block.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from core.endpoints.answers import count_in, object_of, page_of, text_in
from core.endpoints.failures import Failure
from core.endpoints.profiles import Profile
from core.language import _

if TYPE_CHECKING:
    import openai

Progress = Callable[[int, int], None]  # bytes sent, bytes in all
PURPOSE: Final = "fine-tune"


class Window(io.RawIOBase):
    """A stretch of a file, read as if it were a file of its own, telling how far it has been read."""

    def __init__(self, path: Path, start: int, size: int, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start, self._size, self._at = start, size, 0
        self._tell = tell
        self._file.seek(start)

    def readable(self) -> bool:
        """It can only be read."""
        return True

    def seekable(self) -> bool:
        """The client asks for its size by going to the end and back."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place within the stretch."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, min(self._size, base + offset))
        self._file.seek(self._start + self._at)
        return self._at

    def tell(self) -> int:
        """Where in the stretch."""
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Read on, no further than the stretch goes. Without a buffer between: one would copy every byte once more."""
        left = self._size - self._at
        got = self._file.read(left if size < 0 else min(size, left))
        self._at += len(got)
        self._tell(self._at)
        return got

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


def bring(client: openai.OpenAI, profile: Profile, path: Path, name: str, tell: Progress) -> str:
    """Upload the file under this name; one attempt. Returns its id."""
    size = path.stat().st_size
    if size <= profile.file_limit:
        with Window(path, 0, size, lambda sent: tell(sent, size)) as window:
            raw = client.files.with_raw_response.create(file=(name, cast("Any", window)), purpose=PURPOSE)
        return _id(object_of(raw, profile), profile)
    if not profile.can("parts"):
        raise Failure(
            "large",
            _("{name} has {size} MB, and this endpoint takes {limit} at most.").format(
                name=path.name, size=size >> 20, limit=profile.file_limit >> 20
            ),
            where=profile.name,
            advice=_("Train on fewer examples, or on another endpoint."),
        )
    return _in_parts(client, profile, path, name, size, tell)


def _in_parts(client: openai.OpenAI, profile: Profile, path: Path, name: str, size: int, tell: Progress) -> str:
    raw = client.uploads.with_raw_response.create(
        bytes=size, filename=name, mime_type="application/jsonl", purpose=PURPOSE
    )
    upload = _id(object_of(raw, profile), profile)
    parts: list[str] = []
    for start in range(0, size, profile.part_size):
        length = min(profile.part_size, size - start)
        with Window(path, start, length, lambda sent, before=start: tell(before + sent, size)) as window:
            raw = client.uploads.parts.with_raw_response.create(upload, data=("part", cast("Any", window)))
        parts.append(_id(object_of(raw, profile), profile))
    done = object_of(client.uploads.with_raw_response.complete(upload, part_ids=parts), profile)
    file: Any = done.get("file")
    return _id(file if isinstance(file, dict) else {}, profile)  # pyright: ignore[reportUnknownArgumentType]


def find(client: openai.OpenAI, profile: Profile, name: str, size: int) -> str:
    """The id of a file of this name and size that lies there already, or nothing."""
    cursor = ""
    for _page in range(1000):
        query = {"after": cursor} if cursor else None
        raw = client.files.with_raw_response.list(purpose=PURPOSE, extra_query=query)
        entries, more = page_of(raw, profile)
        for entry in entries:
            if entry.get("filename") == name and count_in(entry, "bytes") == size and entry.get("status") != "error":
                return text_in(entry, "id")
        cursor = text_in(entries[-1], "id") if entries else ""
        if not more or not cursor:
            break
    return ""


def _id(told: dict[str, Any], profile: Profile) -> str:
    found = text_in(told, "id")
    if not found:
        raise Failure(
            "broken",
            _("the server's answer is not what the protocol says, or it was cut off."),
            where=profile.name,
            advice=_("Try again; if it stays so, check that base_url leads to a server of this protocol."),
            retry=True,
        )
    return found
