"""Keeping what a reasoning model thinks aloud apart from what it says.

In: pieces of text. Out: the pieces that are the reply. Thought stands between <think> and </think> at the very
beginning; a mark in the middle of a reply is text like any other.
"""

from __future__ import annotations

from typing import Final

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"
_BLANK: Final = 4_096  # characters of nothing before a reply, after which it is taken to have begun


class Thinking:
    """One reply's text on its way."""

    def __init__(self) -> None:
        self._thought: list[str] = []
        self._held: str = ""
        self._where: str = "before"

    @property
    def thought(self) -> str:
        """What was thought so far."""
        return "".join(self._thought)

    def add(self, text: str) -> str:
        """The part of it, and of what was held back, that is reply."""
        if self._where == "after":
            return text
        self._held += text
        if self._where == "before":
            begun = self._held.lstrip()
            if begun.startswith(_OPEN):
                self._where, self._held = "in", begun[len(_OPEN) :]
            elif _OPEN.startswith(begun) and len(self._held) < _BLANK:  # may still become one; so may nothing at all
                return ""
            else:
                return self.rest()
        if self._where == "in":
            thought, mark, reply = self._held.partition(_CLOSE)
            if mark:
                self._thought.append(thought)
                self._where, self._held = "closed", reply
            else:
                keep = next((n for n in range(len(_CLOSE) - 1, 0, -1) if self._held.endswith(_CLOSE[:n])), 0)
                self._thought.append(self._held[: len(self._held) - keep])
                self._held = self._held[len(self._held) - keep :]
                return ""
        if reply := self._held.lstrip():  # the empty lines between thought and reply are neither
            self._held, self._where = "", "after"
            return reply
        return ""

    def think(self, text: str) -> None:
        """Thought that a server has already kept apart."""
        if text:
            self._thought.append(text)

    def rest(self) -> str:
        """What was held back, at the end of the reply."""
        held, self._held = self._held, ""
        if self._where == "in":
            self._thought.append(held)
            return ""
        self._where = "after"
        return "" if not held.strip() else held
