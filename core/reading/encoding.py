"""In which encoding a text export is, and the same text as UTF-8.

In: a `Source`. Out: an `Encoding` with its evidence, and a stream of UTF-8 bytes. The order of tests is fixed: byte
order mark, UTF-16 by where its zero bytes stand, strict UTF-8, else Windows-1252 with a warning. No detector library:
on Spanish Windows-1252 text charset-normalizer answers cp1250, which reads it wrongly.

One damaged byte does not make a file Windows-1252: where valid multi-byte characters outnumber the invalid bytes the
file is UTF-8 with damage, and the damaged lines are reported by the reader.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from core.language import _
from core.problem import Problem
from core.reading.source import CHUNK, Source, read_full

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHECKED = 1 << 18  # bytes decoded at a time only to see that they can be: what stays in the cache costs half
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_BROKEN = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the bytes are, and how that was found."""

    name: str
    evidence: str
    bom: int = 0  # bytes to skip
    damaged: bool = False  # UTF-8 with bytes that are not
    warning: str = ""


def find_encoding(source: Source) -> Encoding:
    """Read the whole source once if need be, and say what it is. A Problem for what is no text at all."""
    head = source.head()
    for mark, name in _BOMS:
        if head.startswith(mark):
            encoding = Encoding(name, _("byte order mark"), len(mark))
            return _checked_utf8(source, encoding) if name == "utf-8" else encoding
    if b"\0" in head:
        return _by_zeros(source, head)
    if len(controls := [match.start() for match in _CONTROL.finditer(head)]) * 50 > len(head):
        raise _not_text(source, controls[0])
    return _checked_utf8(source, Encoding("utf-8", _("every byte is valid UTF-8")))


def _by_zeros(source: Source, head: bytes) -> Encoding:
    pairs = max(1, len(head) // 2)
    even, odd = head[0::2].count(0) / pairs, head[1::2].count(0) / pairs
    if odd > 0.3 and even < 0.05:
        return Encoding("utf-16-le", _("every other byte is zero"))
    if even > 0.3 and odd < 0.05:
        return Encoding("utf-16-be", _("every other byte is zero"))
    if head.count(0) * 1000 > len(head):
        raise _not_text(source, head.index(0))
    return _checked_utf8(source, Encoding("utf-8", _("every byte is valid UTF-8")))


def _not_text(source: Source, offset: int) -> Problem:
    return Problem(
        _("this is a binary file, not an exported chat (at byte {offset}).").format(offset=offset),
        where=source.name,
        advice=_("Give the text, JSON, CSV or zip that the app exported."),
    )


def _checked_utf8(source: Source, encoding: Encoding) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    with source.open() as stream:
        while chunk := stream.read(_CHECKED):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return _damaged_or_windows(source, encoding, max(0, at + error.start))
            at += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _damaged_or_windows(source, encoding, at - 1)
    return encoding


def _damaged_or_windows(source: Source, encoding: Encoding, offset: int) -> Encoding:
    broken = sound = 0
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with source.open() as stream:
        while chunk := stream.read(CHUNK):
            text = decoder.decode(chunk)
            broken += len(_BROKEN.findall(text))
            sound += len(_BEYOND_ASCII.findall(text))
    if encoding.bom or sound > broken:
        return Encoding(
            "utf-8",
            _("{sound} characters beyond ASCII are valid UTF-8, {broken} bytes are not").format(
                sound=sound, broken=broken
            ),
            encoding.bom,
            damaged=True,
            warning=_("Some bytes are not valid UTF-8, the first at byte {offset}; they read as “�”.").format(
                offset=offset
            ),
        )
    return Encoding(
        "cp1252",
        _("not valid UTF-8 at byte {offset}").format(offset=offset),
        warning=_("The file is not UTF-8; it was read as Windows-1252. Check that accents look right."),
    )


class _Recoded(io.RawIOBase):
    """Any encoding as a stream of UTF-8 bytes."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""

    def read(self, size: int = -1) -> bytes:
        parts = [self._ready]
        have = len(self._ready)
        while size < 0 or have < size:
            raw = self._stream.read(CHUNK if size < 0 else max(4, size - have))
            # Lone surrogates of UTF-16 cannot be UTF-8.
            parts.append(self._decoder.decode(raw, final=not raw).encode("utf-8", "replace"))
            have += len(parts[-1])
            if not raw:
                break
        data = b"".join(parts)
        if size < 0:
            size = len(data)
        self._ready = data[size:]
        return data[:size]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # io.BufferedReader asks for it
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_utf8(source: Source, encoding: Encoding) -> BinaryIO:
    """The source as UTF-8 bytes, without its byte order mark. Damaged UTF-8 is passed on as it is."""
    stream = source.open()
    read_full(stream, encoding.bom)
    if encoding.name == "utf-8":
        return stream
    return _Recoded(stream, encoding.name)  # type: ignore[return-value]  # a raw stream, read only


def open_text(source: Source, encoding: Encoding) -> io.TextIOBase:
    """The source as text, newlines as they are; what cannot be decoded reads as U+FFFD."""
    stream = open_utf8(source, encoding)
    return io.TextIOWrapper(io.BufferedReader(stream, CHUNK), "utf-8", errors="replace", newline="")  # type: ignore[arg-type]
