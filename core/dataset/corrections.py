"""Corrections as examples: what somebody wrote in place of a model's reply, put into words like everything else.

In: corrections as plain data and what puts a build's words together. Out: the lines of an example each, in an order that
no clock and no database decides. Masks, aliases and cleaning are those of the messages; the limits of length are not
asked, for a correction was wanted by hand. It knows no talk and no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.chat import Line, Role
from core.dataset.lines import LineWriter
from core.dataset.recipe import Recipe

EXAMPLES: Final = "examples"  # the value of the recipe's `corrections` that takes them in
_UID: Final = 10  # bytes, as a message's id has


@dataclass(frozen=True, slots=True)
class Heard:
    """One turn of what the model had been given."""

    role: Role
    text: str
    messages: tuple[str, ...] = ()  # the messages of a chat that it was taken from, where it was


@dataclass(frozen=True, slots=True)
class Correction:
    """A reply that somebody wrote, and what it answers."""

    heard: tuple[Heard, ...]
    reply: str
    separator: str = ""  # what parts the messages of a turn in these texts

    @property
    def uid(self) -> str:
        """Its stable id, of the form of a message's: the lineage of the reply. The same words have the same one anywhere."""
        told = repr(([(one.role.value, one.text) for one in self.heard], self.reply, self.separator))
        return hashlib.blake2b(f"correction {told}".encode("utf-8", "surrogatepass"), digest_size=_UID).hexdigest()


def in_order(corrections: Iterable[Correction]) -> list[Correction]:
    """Each once, in the order of their ids."""
    return [one for _uid, one in sorted({one.uid: one for one in corrections}.items())]


def lines_of(one: Correction, recipe: Recipe, writer: LineWriter, persona: str, other: str) -> tuple[Line, ...]:
    """The example of a correction, its context cut to the recipe's buffer; nothing where no words of it are left."""
    reply = _said(one.reply, one.separator, recipe, writer)
    if not reply:
        return ()
    spoken: list[Line] = []
    for heard in one.heard:
        text = _said(heard.text, one.separator, recipe, writer)
        if heard.role is Role.SYSTEM or not text:
            continue  # every example opens with the recipe's own
        ours = heard.role is Role.ASSISTANT
        if spoken and spoken[-1].role is heard.role:
            before = spoken.pop()
            text = recipe.separator.join((before.text, text))
            heard = Heard(heard.role, text, (*before.messages, *heard.messages))
        trained = ours and recipe.train_on == "all"
        spoken.append(Line(heard.role, text, trained, persona if ours else other, heard.messages))
    if spoken and spoken[-1].role is Role.ASSISTANT:
        return ()  # nothing was asked
    context = spoken[-recipe.context_turns :] if recipe.context_turns else []
    return (*writer.system, *context, Line(Role.ASSISTANT, reply, True, persona, (one.uid,)))


def _said(text: str, separator: str, recipe: Recipe, writer: LineWriter) -> str:
    """A turn, each message of it cleaned by itself and all joined as the recipe joins them."""
    mark = separator.strip() or separator  # a line break is a separator too
    parts: Sequence[str] = text.split(mark) if mark else (text,)
    return recipe.separator.join(said for part in parts if (said := writer.wording.text(part).strip()))
