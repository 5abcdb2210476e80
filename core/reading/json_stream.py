"""JSON of any size, walked value by value, without holding more than one element of an array.

In: text in pieces. Out: keys, values and array elements in document order, where the caller decides what to enter and
what to take whole. Values are decoded by the standard library's C scanner on a buffer; only the walk between them is
ours. An element that is not JSON is repaired (Telegram writes control characters as `\\xNN`) or passed over and
reported by number; a file that ends in the middle gives everything up to there. Knows nothing of any chat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TextIO, cast

_CHUNK: Final = 1 << 20
_LARGEST: Final = 64 << 20  # characters of one value: a conversation with pictures inlined has some; more is no chat
_SPACE: Final = re.compile(r"[ \t\n\r\ufeff]*")
_COMMA: Final = re.compile(r"[ \t\n\r\ufeff]*,[ \t\n\r\ufeff]*")
_BEGINNINGS: Final = frozenset('{["')
_UNFINISHED: Final = re.compile(r"[.eE+-]{0,3}")  # between the digits of a number
# Of a string that goes on behind the buffer's end only the quotation mark: brackets inside it are no tokens.
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\]]', re.S)
_SCALAR: Final = r'(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"{}\[\],:]+)'
_NEXT_ELEMENT: Final = re.compile(r"[}\]]\s*,\s*(?=[{\[])")
_AFTER_VALUE: Final = re.compile(r"[,\]}]")
_HEX: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_decode: Final = json.JSONDecoder(strict=False).raw_decode

Json = Any  # what a file says is anything until a reader has looked


class Malformed(Exception):
    """This is not JSON, or it stops too early. `line` counts from 1, `offset` from 0, in characters."""

    def __init__(self, line: int, offset: int, *, ended: bool = False) -> None:
        super().__init__(line, offset)
        self.line = line
        self.offset = offset
        self.ended = ended


class JsonStream:
    """A position in a JSON text."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._gone = 0  # characters before the buffer
        self._gone_lines = 0
        self._last = ""  # the last character before the buffer that is no space
        self.element = 0  # number of the array element that was given last, from 1

    # ── the buffer ──

    def _fill(self) -> bool:
        """More text, if there is more. What is being decoded again is at most doubled, so the work stays linear."""
        if self._ended:
            return False
        rest = self._buffer[self._at :]
        more = self._stream.read(max(_CHUNK, len(rest)))
        self._gone += self._at
        self._last = self._buffer[: self._at].rstrip()[-1:] or self._last
        self._gone_lines += self._buffer.count("\n", 0, self._at)
        self._buffer, self._at = rest + more, 0
        self._ended = not more
        return bool(more)

    def _malformed(self, at: int | None = None, *, ended: bool = False) -> Malformed:
        at = self._at if at is None else at
        line = self._gone_lines + self._buffer.count("\n", 0, at) + 1
        return Malformed(line, self._gone + at, ended=ended)

    @property
    def done(self) -> int:
        """Characters dealt with."""
        return self._gone + self._at

    @property
    def place(self) -> tuple[int, int]:
        """The line, from 1, and the character, from 0, that come next."""
        return self._gone_lines + self._buffer.count("\n", 0, self._at) + 1, self.done

    def breaks_off(self) -> bool:
        """Whether the text stops before a last bracket. Reads on to its end."""
        while True:
            self._at = len(self._buffer)
            if not self._fill():
                return (self._buffer.rstrip()[-1:] or self._last) not in ("}", "]")

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def _expect(self, character: str) -> None:
        if self.peek() != character:
            raise self._malformed(ended=self.peek() == "")
        self._at += 1

    # ── values ──

    def value(self) -> Json:
        """The next value, whole."""
        if self._buffer[self._at : self._at + 1] not in _BEGINNINGS and self.peek() == "":
            raise self._malformed(ended=True)
        while True:
            try:
                value, end = _decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                # From the position, not from the buffer's start: filling moves it, also where nothing more comes.
                behind = error.pos - self._at if isinstance(error, json.JSONDecodeError) else 0
                if self._may_go_on(error) and len(self._buffer) - self._at < _LARGEST and self._fill():
                    continue
                return self._repaired(error, behind)
            # A number at the very end of the buffer may have more digits to come, after a point or exponent too.
            if self._buffer[end - 1] not in '}]"' and _UNFINISHED.fullmatch(self._buffer, end) and self._fill():
                continue
            self._at = end
            return value

    def _may_go_on(self, error: Exception) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._buffer) - 16

    def _repaired(self, error: Exception, behind: int) -> Json:
        if isinstance(error, json.JSONDecodeError) and "escape" in error.msg:
            end = self._end_of_value()
            if end is not None:
                start = self._at  # filling moves it
                try:
                    value = _decode(_HEX.sub(r"\1\\u00\2", self._buffer[start:end]))[0]
                except (ValueError, RecursionError):
                    raise self._malformed(start) from None
                self._at = end
                return value
        at = self._at + behind
        raise self._malformed(at, ended=self._ended and at >= len(self._buffer) - 16) from None

    def _end_of_value(self) -> int | None:
        """Where the value that begins here ends, by its brackets and quotes alone; None if it does not."""
        if self.peek() not in '{["':
            at = self._at
            while not (match := _AFTER_VALUE.search(self._buffer, at)):
                at = len(self._buffer) - self._at  # filling moves the buffer, not the distance
                if len(self._buffer) - self._at > _LARGEST or not self._fill():
                    return None
            return match.start()
        depth = 0
        offset = 0  # from self._at: filling moves the buffer, not the distance
        while True:
            for match in _TOKEN.finditer(self._buffer, self._at + offset):
                token = match[0]
                if token == '"':
                    offset = match.start() - self._at
                    break
                if token in "{[":
                    depth += 1
                elif token in "}]":
                    depth -= 1
                if depth <= 0:
                    return match.end()
                offset = match.end() - self._at
            if len(self._buffer) - self._at > _LARGEST or not self._fill():
                return None

    def _behind_space(self, at: int) -> int:
        """The next place from `at` on that is no space, with the text from the position on still at hand."""
        while True:
            match = _SPACE.match(self._buffer, at)
            at = match.end() if match else at
            gone = self._at
            if at < len(self._buffer) or not self._fill():
                return at
            at -= gone

    def skip(self) -> None:
        """Pass over a value; an array element by element, so that its size does not matter."""
        if self.peek() == "[":
            for _one in self.items():
                pass
        else:
            self.value()

    # ── walking ──

    def keys(self) -> Iterator[str]:
        """The keys of the object that begins here; each value must be taken, entered or skipped before the next."""
        self._expect("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise self._malformed(ended=self.peek() == "")
            key = self.value()
            self._expect(":")
            yield key
            if self.peek() == "}":
                self._at += 1
                return
            self._expect(",")

    def entries(self) -> Iterator[int]:
        """The elements of the array that begins here, by number, for the caller to enter or take."""
        self._expect("[")
        if self.peek() == "]":
            self._at += 1
            return
        number = 0
        while True:
            number += 1
            yield number
            if self.peek() == "]":
                self._at += 1
                return
            self._expect(",")

    def items(self, bad: Callable[[int, Malformed, str], None] | None = None) -> Iterator[Json]:
        """The elements of the array that begins here, whole.

        One that is not JSON is told to `bad` (its number, where, its beginning) and passed over; without `bad` it
        raises.
        """
        self._expect("[")
        if self.peek() == "]":
            self._at += 1
            return
        keys: list[str] = []
        number = 0
        while True:
            number += 1
            self.element = number
            try:
                value = self.value()
            except Malformed as error:
                if bad is None:
                    raise
                bad(number, error, self._buffer[self._at : self._at + 400])
                if not self._pass_over(keys):
                    return
            else:
                if not keys and isinstance(value, dict):
                    keys = list(cast("dict[str, Json]", value))[:2]
                yield value
            comma = _COMMA.match(self._buffer, self._at)
            if comma:
                self._at = comma.end()
                continue
            following = self.peek()
            if following not in {",", "]"}:
                error = self._malformed(ended=not following)
                if bad is None or not following:
                    raise error
                number += 1
                bad(number, error, self._buffer[self._at : self._at + 400])
                if not self._pass_over(keys):
                    return
                following = self.peek()
            self._at += 1
            if following == "]":
                return

    def _pass_over(self, keys: list[str]) -> bool:
        """Go on behind an element that is not JSON. False when the text ends before that.

        Its end is where its brackets and quotes say, unless something begins before that as its siblings do: then one
        of its quotes is missing, and the brackets that were counted belong to the elements behind it.
        """
        end = self._end_of_value()
        sibling = _border_before(keys).search(self._buffer, self._at + 1, end or len(self._buffer)) if keys else None
        if sibling:
            self._at = sibling.start()
            return True
        if end is not None:
            end = self._behind_space(end)
            if self._buffer[end : end + 1] in {",", "]"}:
                self._at = end
                return True
        # Nothing is known of its siblings, or none follows: on to what looks like the border of any two elements.
        while True:
            match = _NEXT_ELEMENT.search(self._buffer, self._at + 1)
            if match:
                self._at = match.start() + 1
                return True
            self._at = max(self._at, len(self._buffer) - 64)
            if not self._fill():
                return False


@lru_cache(maxsize=64)
def _compiled(first: str, second: str) -> re.Pattern[str]:
    begins = r"\{\s*" + re.escape(first) + r"\s*:"
    return re.compile(r",\s*(?=" + begins + (rf"\s*{_SCALAR}\s*,\s*{re.escape(second)}\s*:)" if second else ")"))


def _border_before(keys: list[str]) -> re.Pattern[str]:
    """The comma before an element that begins with these keys."""
    first, second, *_rest = [*(json.dumps(key, ensure_ascii=False) for key in keys), "", ""]
    return _compiled(first, second)
