"""Fewer bytes for the same picture: colours are sent when they change, not with every piece of text.

In: what Textual writes, where each piece of text has its whole colours before it and a reset after it. Out: the same
picture. A page of messages at 120×40 takes 6 KB so and 12 KB without, which a person on a thin wire feels. Only colours
and attributes are touched; a chunk with a code that is not understood passes as it is.
"""

from __future__ import annotations

import codecs
import os
import re
import selectors
from functools import lru_cache
from typing import Final, NamedTuple

from textual.drivers.linux_driver import LinuxDriver

from tui.typed import TypedParser

_TICK: Final = 0.1  # seconds after which a lone esc is an esc and no beginning of something longer
_SGR: Final = re.compile(r"\x1b\[([0-9;]*)m")
# Moving is all that a terminal can be told without regard to the colours of the moment.
_MOVE: Final = re.compile(r"(?:\x1b\[\d*(?:;\d*)?H|\n)+")


class Ink(NamedTuple):
    """The state of a terminal's pen, as the codes that bring it about."""

    attributes: str = ""
    foreground: str = ""
    background: str = ""


_RESET: Final = Ink()
# What ends one attribute and leaves the colours as they are; bold is what lists end most often, once a row.
_ENDS: Final = {"1": "22", "2": "22", "3": "23", "4": "24", "7": "27", "9": "29"}


class _NotUnderstoodError(Exception):
    pass


@lru_cache(4096)
def _after(ink: Ink, codes: str) -> Ink:
    """The pen after these codes."""
    attributes, foreground, background = ink
    numbers = codes.split(";")
    at = 0
    while at < len(numbers):
        code = numbers[at]
        size = 1
        if code in ("", "0"):
            attributes = foreground = background = ""
        elif code in ("38", "48"):
            size = {"5": 3, "2": 5}.get(numbers[at + 1] if at + 1 < len(numbers) else "", 0)
            colour = ";".join(numbers[at : at + size])
            if not size or len(numbers) < at + size:
                raise _NotUnderstoodError
            foreground, background = (colour, background) if code == "38" else (foreground, colour)
        elif code in ("39", "49"):
            foreground, background = ("", background) if code == "39" else (foreground, "")
        elif 30 <= int(code) <= 37 or 90 <= int(code) <= 97:
            foreground = code
        elif 40 <= int(code) <= 47 or 100 <= int(code) <= 107:
            background = code
        elif 1 <= int(code) <= 9:
            attributes = f"{attributes};{code}" if attributes else code
        else:
            raise _NotUnderstoodError
        at += size
    return Ink(attributes, foreground, background)


@lru_cache(4096)
def _change(now: Ink, wanted: Ink) -> str:
    """The shortest code that leads from one pen to the other."""
    if now == wanted:
        return ""
    if wanted == _RESET:
        return "\x1b[0m"
    ending = _ENDS.get(now.attributes, "") if not wanted.attributes else ""
    if now.attributes and now.attributes != wanted.attributes and not ending:
        return "\x1b[" + ";".join(("0", *(part for part in wanted if part))) + "m"
    codes = [ending or wanted.attributes] if now.attributes != wanted.attributes else []
    if now.foreground != wanted.foreground:
        codes.append(wanted.foreground or "39")
    if now.background != wanted.background:
        codes.append(wanted.background or "49")
    return f"\x1b[{';'.join(codes)}m"


def thrifty(data: str) -> str:
    """The same picture in fewer bytes. What comes in begins and ends with a pen that is reset, as Textual's writes do."""
    if "\x1b[0m" not in data:
        return data
    try:
        return _rewritten(data)
    except (_NotUnderstoodError, ValueError):
        return data


def _rewritten(data: str) -> str:
    out: list[str] = []
    now = wanted = _RESET
    parts = _SGR.split(data)  # text, codes, text, codes, ... text
    for at, part in enumerate(parts):
        if at % 2:
            wanted = _after(wanted, part)
        elif part:
            if _MOVE.fullmatch(part):
                out.append(part)
                continue
            target = wanted
            if not (wanted.attributes or now.attributes) and part.isspace():
                # Blanks show no foreground.
                target = Ink("", now.foreground, wanted.background)
            out.append(_change(now, target))
            out.append(part)
            now = target
    if wanted != now:
        out.append(_change(now, wanted))
    return "".join(out)


class ThriftyDriver(LinuxDriver):
    """Textual's own driver, writing less, and reading what any terminal may send."""

    def run_input_thread(self) -> None:
        """Read what is typed until the workbench or the terminal ends. Bytes that are no UTF-8 are signs, and no end."""
        parser = TypedParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as waiting:
            waiting.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if waiting.select(_TICK):
                    try:
                        typed = os.read(self.fileno, 4096)
                    except OSError:
                        typed = b""
                    if not typed:
                        return  # the terminal has gone; the hang-up that it sends ends us
                    for message in parser.feed(decode(typed)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)

    def write(self, data: str) -> None:
        super().write(thrifty(data))
