"""Text that means harm, for every room that shows text: what it does if it gets through is in MARKERS."""

from __future__ import annotations

from typing import Final

_CLIPBOARD: Final = "\x1b]52;c;aG9sYQ=="

HOSTILE: Final = (
    _CLIPBOARD + "\x07",  # OSC 52 sets the clipboard, ended by BEL
    _CLIPBOARD + "\x1b\\",  # and by ST
    _CLIPBOARD + "\x9c",
    "\x9d52;c;aG9sYQ==\x9c",  # the same in C1
    "\x1b[2J\x1b[H",  # clears the screen
    "\x9b2J",
    "\x1b]0;título ajeno\x07",  # sets the window's title
    "\x1b]8;;http://127.0.0.1/\x1b\\enlace\x1b]8;;\x1b\\",
    "\x1b[?1049l",  # leaves the alternate screen
    "\x1b[31mrojo\x1b[0m",
    "\x1bP+q544e\x1b\\",  # DCS asks the terminal
    "\x1b[c\x1b[6n",  # questions that the terminal answers as if typed
    "\x1bc",
    "\x90payload\x9c",
    "[@click=app.quit]tocar aquí[/]",
    '[@click="app.bell()"]x[/]',
    "[/nope] [bold",
    "[red]no es rojo[/red] \\[x]",
    "\u202egnirts desrever",
    "a\u2066b\u2069c\u200e\u200f",
    "nul\x00 bs\x08\x08\x08 cr\rencima bel\x07 ff\x0c vt\x0b",
    "del\x7f",
    "sin\u200bancho\ufeff\u2060\u00ad",
    "etiquetas\U000e0068\U000e0069",
    "línea\u2028separada\u2029aquí",
    "suelto \ud83d sin par",
    "z" + "\u0301" * 200,
    "\u200d" * 200,
    "no\ufffecaracter\U0010ffff",
    "y" * 1_000_000,
    "\x1b" * 5000,
)

# If one of these byte strings reaches a terminal from the texts above, something got through.
MARKERS: Final = (
    b"\x1b]52", b"\x1b[2J", b"\x1b]0;t", b"\x1b]8;;http", b"\x1b[31mrojo", b"\x1bP+q", b"\x1b[6n", b"\x1bc",
    b"\xc2\x9b", b"\xc2\x9d", b"\xc2\x90", b"\xc2\x9c", b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xe2\x80\x8f",
    b"\xf3\xa0\x81\xa8", b"\xe2\x80\xa8", b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\x00",
)  # fmt: skip
