"""Turns put into words: the lines of examples, with their roles, names, masks and lineage.

In: a plan and the messages' texts. Out: lines. One conversation's lines at a time are remembered, for contexts overlap;
it does not know which examples are wanted, nor in which order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from core.chat import Line, Role
from core.cleaning.privacy import Aliases, Masker
from core.cleaning.transforms import cleaner, normaliser
from core.dataset.material import Material
from core.dataset.plan import Plan
from core.dataset.recipe import SEPARATOR_TAG, Recipe
from core.grouping import Columns, Grouping

OTHERS: Final = "Others"  # the label of several people merged in one, where the recipe names none
# What marks, notices, masks and the tag need to be there at all.
_TOUCHY: Final = re.compile("[<@.\\d\ufeff\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]|-----")
_TAG_SAID: Final = "<msg_sep>"  # what a tag becomes that somebody typed


class Wording:
    """The words of single messages as examples have them: taken from, masked, renamed, normalised, in this order.

    What is taken off could hide a private thing, and lower case would hide a mask.
    """

    def __init__(self, material: Material, recipe: Recipe, aliases: Aliases | None) -> None:
        self._material = material
        self.masker = Masker(recipe.mask)
        cleaning = recipe.cleaning
        steps = [cleaner(cleaning), self.masker if recipe.mask else None, aliases, normaliser(cleaning)]
        self._steps = [step for step in steps if step is not None]
        # Two messages of three hold nothing that any step could touch: one search says so and saves the steps.
        others = cleaning.strip_links or cleaning.strip_emoji or aliases or normaliser(cleaning)
        self._touchy = _TOUCHY if self._steps and not others else None
        # Nobody may write the tag themselves: it would part a message where there is none.
        self._tagged = SEPARATOR_TAG in recipe.separator

    def message(self, row: int) -> str:
        """The words of one message."""
        return self.text(self._material.text(row))

    def text(self, text: str) -> str:
        """Words as an example has them, wherever they were said."""
        if self._touchy is not None and not self._touchy.search(text):
            return text.strip()
        for step in self._steps:
            text = step(text)
        return text.replace(SEPARATOR_TAG, _TAG_SAID) if self._tagged else text


class LineWriter:
    """The lines of the examples of one plan."""

    def __init__(
        self,
        material: Material,
        recipe: Recipe,
        grouping: Grouping,
        made: Plan,
        persona: int,
        alone: Mapping[int, bool],
        names: Mapping[int, str],
        aliases: Aliases | None,
    ) -> None:
        self._material = material
        self._recipe = recipe
        self._grouping = grouping
        self._plan = made
        self._persona = persona
        self._alone = alone
        self._names = names
        self.wording = Wording(material, recipe, aliases)
        self._conversation = -1
        self._lines: dict[tuple[int, int], Line] = {}
        self._texts: dict[int, str] = {}
        self._traced = True
        self._speech_of = np.repeat(np.arange(len(made.speeches) - 1), np.diff(made.speeches))
        prompt = recipe.system_prompt.replace("{persona}", names[persona])
        self.system = (Line(Role.SYSTEM, prompt),) if prompt else ()

    @property
    def masker(self) -> Masker:
        """What it hid so far."""
        return self.wording.masker

    def lines(self, entry: int) -> tuple[Line, ...]:
        """An example's lines: the system prompt, the context, the reply, roles alternating."""
        made = self._plan
        conversation = int(made.conversation[entry])
        if conversation != self._conversation:
            self._conversation = conversation
            self._lines.clear()
            self._texts.clear()
        start, reply, end = int(made.context[entry]), int(made.reply[entry]), int(made.end[entry])
        written = list(self.system)
        while start < reply:
            stop = int(made.speeches[self._speech_of[start] + 1])
            written.append(self._line(start, stop, self._recipe.train_on == "all"))
            start = stop
        written.append(self._line(reply, end, True))
        return tuple(written)

    def _line(self, first: int, end: int, trained: bool) -> Line:
        found = self._lines.get((first, end))
        if found is None:
            found = self._lines[first, end] = self.line(first, end)
        ours = found.role is Role.ASSISTANT
        return replace(found, trained=True) if ours and trained else found

    def line(self, first: int, end: int) -> Line:
        """The turns `first:end`, all of one side, as one line."""
        authors, rows = self._grouping.authors, self._rows(first, end)
        uids = tuple(self._material.uids[row] for row in rows) if self._traced else ()
        author = int(authors[first])
        if author == self._persona:
            name = self._recipe.persona_label or self._names[author]
            return Line(Role.ASSISTANT, self._said(rows), False, name, uids)
        alone = self._alone[int(self._material.columns.chats[rows[0]])]
        if alone or self._recipe.groups == "merged":
            name = self._recipe.other_label or (self._names[author] if alone else OTHERS)
            return Line(Role.USER, self._said(rows), False, name, uids)
        parts: list[str] = []
        turn = first
        while turn < end:
            stop = turn + 1
            while stop < end and authors[stop] == authors[turn]:
                stop += 1
            parts.append(f"{self._names[int(authors[turn])]}: {self._said(self._rows(turn, stop))}")
            turn = stop
        return Line(Role.USER, "\n".join(parts), False, "", uids)

    def _rows(self, first: int, end: int) -> list[int]:
        turns = self._grouping.turns
        rows: list[int] = self._grouping.rows[turns[first] : turns[end]].tolist()
        return rows

    def _said(self, rows: Sequence[int]) -> str:
        texts = self._texts
        for row in rows:
            if row not in texts:
                texts[row] = self.wording.message(row)
        return self._recipe.separator.join([texts[row] for row in rows])

    def only_words(self, texts: dict[int, str]) -> None:
        """For whoever counts: lines are made without lineage, and the words that are remembered lie here, by row."""
        self._texts = texts
        self._traced = False


def alone(columns: Columns, persona: int) -> dict[int, bool]:
    """For each chat, whether the persona has one partner only; then no line needs to say who speaks."""
    others = columns.kept & (columns.authors != persona)
    pairs = np.unique(
        columns.chats[others].astype(np.int64) << 32 | columns.authors[others].astype(np.int64) & 0xFFFFFFFF
    )
    chats: list[int] = (pairs >> 32).tolist()
    others_in = Counter(chats)
    return {int(chat): others_in[int(chat)] <= 1 for chat in np.unique(columns.chats)}
