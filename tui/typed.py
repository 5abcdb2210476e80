"""What was typed: taken apart as the person meant it, and answered one key after the other.

On a slow line several keys arrive at once, and each must find what the key before it brought: of `/dame` the `d` belongs
to the field that `/` opens. Left to itself Textual hands all of them to what has focus now, and the list drops a message.
So the next key waits until the one before it has gone the way from the focused widget up to the app, with all that it
set off, and the focus that it left has come to rest. It is never held up for long: what does not answer is passed over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.message_pump import MessagePump
from textual.widget import Widget

# What Textual takes for a Mac's "option" and a key, or a shell's "alt" and f, and is a key of ours that came with esc. Of
# `f` (filter) and a name after it the f was lost, and the name's letters were acts.
_WITH_ESC: Final = frozenset(one for one in ANSI_SEQUENCES_KEYS if len(one) == 2 and one[0] == "\x1b" != one[1])
# How often what has focus is followed up to the app: with the key itself; with what that told its screen (a line that was
# entered); and with the focus that was given for it.
_WAYS: Final = 3
_PATIENCE: Final = 2.0  # seconds after which the next key waits no longer, whatever is still going on


class TypedParser(XTermParser):
    """Textual's reading of keys, in which esc and a key that came with it are esc and that key.

    An old terminal says "alt" in the same way, tmux makes it of every key within half a second after esc (its
    `escape-time`), and nothing here needs alt. As "alt and ⏎" both were lost, or worse: the esc was and the ⏎ was not.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if alt or sequence in _WITH_ESC:
            yield events.Key("escape", "\x1b")
            sequence = sequence[-1]
        yield from super()._sequence_to_key_events(sequence)


class OneByOne(App[int], inherit_bindings=False):
    """An app that answers what is typed key by key."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()
        self._answering: events.Event | None = None
        self._give_up: asyncio.TimerHandle | None = None
        self._later: list[tuple[MessagePump, Callable[[], None]]] = []

    def after_keys(self, pump: MessagePump, do: Callable[[], None]) -> None:
        """Do this in its turn, once no key waits: of a hundred moves that came at once only the last is painted."""
        if self._typed:
            self._later.append((pump, do))
        else:
            pump.call_later(do)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self._typed.append(event)
            if self._answering is None:
                await self._answer_next()
        else:
            await super().on_event(event)

    async def _answer_next(self) -> None:
        if not self._typed:
            later, self._later = self._later, []
            for pump, do in later:
                pump.call_later(do)
            return
        key = self._answering = self._typed.popleft()
        self._give_up = asyncio.get_running_loop().call_later(_PATIENCE, self._go_on_from, key)
        heard_by = self._focus
        await super().on_event(key)
        self._follow(key, heard_by, _WAYS)

    @property
    def _focus(self) -> MessagePump:
        return self.focused or self.screen

    def _follow(self, key: events.Event, pump: MessagePump, ways: int) -> None:
        """Come to this pump after the key and all that it set off; from there to the one above, and at the app begin the
        next way from where the focus is by then."""
        if not pump.call_later(self._came_to, key, pump, ways) and pump is not self:
            self._follow(key, self, ways)  # it is being taken away, and what is there now comes after it

    def _came_to(self, key: events.Event, pump: MessagePump, ways: int) -> None:
        if key is not self._answering:
            return
        if pump is not self:
            self._follow(key, (pump.parent if isinstance(pump, Widget) else None) or self, ways)
        elif ways > 1:
            self._follow(key, self._focus, ways - 1)
        else:
            self._go_on_from(key)

    def _go_on_from(self, key: events.Event) -> None:
        if key is not self._answering:
            return
        if self._give_up is not None:
            self._give_up.cancel()
        self._answering = None
        self.call_later(self._answer_next)
