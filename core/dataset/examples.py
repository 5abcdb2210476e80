"""Examples: the persona's replies with what went before, as lines with roles.

In: material and a recipe. Out: a `Build`, which yields the examples one after the other, training side first, and then
tells what became of everything. Memory holds one conversation at a time and the digests that duplicates are told by.

The order is that of the conversations' first messages (time, then stable id), so it does not depend on the order in
which chats were imported: the same messages, decisions and recipe give the same bytes anywhere.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.chat import Example, Line, Mark, Role, Side
from core.cleaning.privacy import Aliases, Masker
from core.cleaning.transforms import cleaner, normaliser
from core.dataset.duplicates import Duplicates
from core.dataset.material import Material, kept, persona_of
from core.dataset.plan import Plan, plan
from core.dataset.recipe import SEPARATOR_TAG, Recipe
from core.dataset.split import PURGED, TRAIN, VALIDATION, Conversations, sides
from core.grouping import Columns, Grouping, boundaries
from core.language import _
from core.problem import Problem

OTHERS = "Others"  # the label of several people merged in one, where the recipe names none


@dataclass(slots=True)
class BuildReport:
    """What became of the messages and examples."""

    messages: int = 0
    turns: int = 0
    conversations: int = 0
    planned: int = 0  # replies with their context, before any was left out
    train: int = 0
    validation: int = 0
    duplicates: int = 0  # left out, or flagged, on one side
    across: int = 0  # left out of validation because training has their like
    purged: int = 0  # too close to the border of the split
    short: int = 0  # too few words
    unweighted: int = 0  # the curator gave their reply no weight
    masked: Mapping[str, int] = field(default_factory=dict[str, int])  # different private things hidden, by kind


class Build:
    """Examples of one recipe; iterate it, then read `report`. Iterating again builds again, with the same outcome."""

    def __init__(self, material: Material, recipe: Recipe, hits: NDArray[np.uint16] | None = None) -> None:
        self.material = material
        self.persona = persona_of(material, recipe)
        self.columns: Columns = kept(material, recipe, hits)
        self.grouping: Grouping = boundaries(
            self.columns, recipe.burst_window, recipe.conversation_gap, recipe.max_turns
        )
        self.plan: Plan = plan(self.grouping, self.columns, recipe, self.persona.id)
        self.recipe = recipe
        self.flagged: list[int] = []  # places in the order of yielding of what `near_duplicates=flag` would leave out
        self.report = BuildReport()

    @property
    def pinned(self) -> Recipe:
        """The recipe with the labels that the chats gave: what a frozen dataset keeps, for an export to write from.

        Without context no example says who asks, yet a stop text names them.
        """
        names = self._names()
        labels = {"persona_label": self.recipe.persona_label or names[self.persona.id]}
        others = {int(one) for one in np.unique(self.grouping.authors)} - {self.persona.id}
        if not self.recipe.other_label and len(others) == 1:
            labels["other_label"] = names[others.pop()]
        return self.recipe.changed(labels)

    def _names(self) -> dict[int, str]:
        """What each participant is called in the examples."""
        people = self.material.participants
        return {number: self.aliases.of(number) if self.aliases else one.name for number, one in people.items()}

    @cached_property
    def aliases(self) -> Aliases | None:
        """The names in place of names, given in the order in which people speak in the dataset; None if not wanted."""
        if not self.recipe.alias_names:
            return None
        made = Aliases(self.material.participants, self.persona.id)
        turns, authors = self.grouping.conversations, self.grouping.authors
        if len(self.plan):
            for place in self.order[0].tolist():
                for author in authors[turns[place] : turns[place + 1]].tolist():
                    made.of(author)
        made.settle()
        return made

    def __iter__(self) -> Iterator[Example]:
        recipe, grouping, made = self.recipe, self.grouping, self.plan
        self.flagged = []
        self.report = report = BuildReport(
            messages=len(grouping.rows), turns=grouping.turn_count, conversations=grouping.conversation_count,
            planned=len(made),
        )  # fmt: skip
        if not len(made):
            return
        order, known = self.order
        side_of = sides(known, recipe)
        # Where each conversation's examples stand in the plan, which is sorted by conversation.
        first = np.searchsorted(made.conversation, order)
        last = np.searchsorted(made.conversation, order, side="right")
        report.purged = int(known.examples[side_of == PURGED].sum())
        writer = LineWriter(self, self._names())
        duplicates = Duplicates(recipe.near_duplicates, recipe.similarity)
        yielded = 0
        for side, name in ((TRAIN, Side.TRAIN), (VALIDATION, Side.VALIDATION)):
            for place in np.flatnonzero(side_of == side).tolist():
                for entry in range(int(first[place]), int(last[place])):
                    lines = writer.lines(entry)
                    reason, flagged, weight = self._judged(writer, entry, lines, name, duplicates)
                    if reason:
                        setattr(report, reason, getattr(report, reason) + 1)
                        continue
                    if flagged:
                        report.duplicates += 1
                        self.flagged.append(yielded)
                    for _again in range(weight):
                        yield Example(lines, place, name)
                        yielded += 1
                    if name is Side.TRAIN:
                        report.train += weight
                    else:
                        report.validation += weight
        report.masked = writer.masker.different

    def _judged(
        self, writer: LineWriter, entry: int, lines: tuple[Line, ...], side: Side, duplicates: Duplicates
    ) -> tuple[str, bool, int]:
        """(why the example is left out or "", whether it is flagged, how many times it is written)."""
        weight = writer.weight(entry)
        if not weight:
            return "unweighted", False, 0
        recipe = self.recipe
        if recipe.min_reply_words and len(lines[-1].text.split()) < recipe.min_reply_words:
            return "short", False, 0
        if recipe.min_context_words:
            words = sum(len(line.text.split()) for line in lines[:-1] if line.role is not Role.SYSTEM)
            if words < recipe.min_context_words:
                return "short", False, 0
        verdict = duplicates.seen(lines, side)
        if verdict == "across":
            return "across", False, 0
        if verdict and recipe.near_duplicates == "remove":
            return "duplicates", False, 0
        return "", bool(verdict) and recipe.near_duplicates == "flag", weight if side is Side.TRAIN else 1

    @cached_property
    def order(self) -> tuple[NDArray[np.intp], Conversations]:
        """The conversations that give examples, in the dataset's order, and what a split needs to know of them."""
        grouping, columns, uids = self.grouping, self.columns, self.material.uids
        examples = np.bincount(self.plan.conversation, minlength=grouping.conversation_count)
        with_examples = np.flatnonzero(examples)
        turns = grouping.conversations
        first = grouping.rows[grouping.turns[turns[with_examples]]]
        last = grouping.rows[grouping.turns[turns[with_examples + 1]] - 1]
        starts, ends = columns.times[first], columns.times[last]
        firsts: list[int] = first.tolist()
        keys = [uids[row] for row in firsts]
        places = np.array(sorted(range(len(keys)), key=lambda c: (int(starts[c]), keys[c])), np.intp)
        marks = columns.marks[first]
        known = Conversations(
            starts=starts[places],
            ends=ends[places],
            examples=examples[with_examples][places],
            untimed=((marks & Mark.UNTIMED) != 0)[places],
            continued=self._continued(with_examples)[places],
            chats=columns.chats[first][places],
            keys=[keys[int(place)] for place in places],
        )
        return with_examples[places], known

    def _continued(self, chosen: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of these conversations only the maximum of turns parts from the one before."""
        if not self.recipe.max_turns:
            return np.zeros(len(chosen), np.bool_)
        uncut = boundaries(self.columns, self.recipe.burst_window, self.recipe.conversation_gap, 0)
        return ~np.isin(self.grouping.conversations[chosen], uncut.conversations)


class LineWriter:
    """Puts turns into words: one conversation's lines at a time are remembered, for contexts overlap."""

    def __init__(self, build: Build, names: Mapping[int, str]) -> None:
        self._material = build.material
        self._recipe = build.recipe
        self._grouping = build.grouping
        self._plan = build.plan
        self._persona = build.persona.id
        cleaning = build.recipe.cleaning
        self.masker = Masker(build.recipe.mask)
        # In this order: what is taken off could hide a private thing, and lower case would hide a mask.
        steps = [cleaner(cleaning), self.masker if build.recipe.mask else None, build.aliases, normaliser(cleaning)]
        self._steps = [step for step in steps if step is not None]
        self._uids = build.material.uids
        self._names = names
        self._alone = _alone(build.columns, build.persona.id)
        self._conversation = -1
        self._lines: dict[tuple[int, int], Line] = {}
        self._speech_of = np.repeat(np.arange(len(build.plan.speeches) - 1), np.diff(build.plan.speeches))
        self._labels()

    def _labels(self) -> None:
        recipe = self._recipe
        name = self._names[self._persona]
        self._persona_label = recipe.persona_label or name
        prompt = recipe.system_prompt.replace("{persona}", name)
        self._system = (Line(Role.SYSTEM, prompt),) if prompt else ()

    def weight(self, entry: int) -> int:
        """How often the example is to be written: what the curator said of its reply."""
        decided = self._material.decided
        if not decided:
            return 1
        weights = [
            decided[row].weight
            for row in self._rows(int(self._plan.reply[entry]), int(self._plan.end[entry]))
            if row in decided
        ]
        return 0 if 0 in weights else max(weights, default=1)

    def _rows(self, first: int, end: int) -> list[int]:
        grouping = self._grouping
        return grouping.rows[grouping.turns[first] : grouping.turns[end]].tolist()

    def lines(self, entry: int) -> tuple[Line, ...]:
        """The example's lines: the system prompt, the context, the reply, roles alternating."""
        conversation = int(self._plan.conversation[entry])
        if conversation != self._conversation:
            self._conversation = conversation
            self._lines.clear()
        start, reply, end = int(self._plan.context[entry]), int(self._plan.reply[entry]), int(self._plan.end[entry])
        made = list(self._system)
        while start < reply:
            stop = int(self._plan.speeches[self._speech_of[start] + 1])
            made.append(self._line(start, stop, self._recipe.train_on == "all"))
            start = stop
        made.append(self._line(reply, end, True))
        return tuple(made)

    def _line(self, first: int, end: int, trained: bool) -> Line:
        found = self._lines.get((first, end))
        if found is None:
            found = self._lines[first, end] = self._written(first, end)
        ours = found.role is Role.ASSISTANT
        return replace(found, trained=True) if ours and trained else found

    def _written(self, first: int, end: int) -> Line:
        grouping = self._grouping
        uids = tuple(self._uids[row] for row in self._rows(first, end))
        author = int(grouping.authors[first])
        if author == self._persona:
            return Line(Role.ASSISTANT, self._said(self._rows(first, end)), False, self._persona_label, uids)
        if self._recipe.groups == "merged" or self._is_alone(first):
            name = self._recipe.other_label or (self._name(author) if self._is_alone(first) else OTHERS)
            return Line(Role.USER, self._said(self._rows(first, end)), False, name, uids)
        parts: list[str] = []
        turn = first
        while turn < end:
            stop = turn + 1
            while stop < end and grouping.authors[stop] == grouping.authors[turn]:
                stop += 1
            parts.append(f"{self._name(int(grouping.authors[turn]))}: {self._said(self._rows(turn, stop))}")
            turn = stop
        return Line(Role.USER, "\n".join(parts), False, "", uids)

    def _is_alone(self, turn: int) -> bool:
        row = int(self._grouping.rows[self._grouping.turns[turn]])
        return self._alone[int(self._material.columns.chats[row])]

    def _name(self, author: int) -> str:
        return self._names[author]

    def _said(self, rows: list[int]) -> str:
        texts = [self._material.text(row) for row in rows]
        for step in self._steps:
            texts = [step(text) for text in texts]
        separator = self._recipe.separator
        if SEPARATOR_TAG in separator:
            # Nobody may write the tag themselves: it would part a message where there is none.
            texts = [text.replace(SEPARATOR_TAG, "<msg_sep>") for text in texts]
        return separator.join(texts)


def _alone(columns: Columns, persona: int) -> dict[int, bool]:
    """For each chat, whether the persona has one partner only; then no line needs to say who speaks."""
    others = columns.kept & (columns.authors != persona)
    pairs = np.unique(
        columns.chats[others].astype(np.int64) << 32 | columns.authors[others].astype(np.int64) & 0xFFFFFFFF
    )
    chats: list[int] = (pairs >> 32).tolist()
    others_in = Tally(chats)
    return {int(chat): others_in[int(chat)] <= 1 for chat in np.unique(columns.chats)}


def build(material: Material, recipe: Recipe, hits: NDArray[np.uint16] | None = None) -> Build:
    """The examples that a recipe makes of the material. `hits` is an earlier `material.scan` that still holds."""
    made = Build(material, recipe, hits)
    if not len(made.plan):
        raise Problem(
            _("This recipe makes no examples of {name}'s messages.").format(name=made.persona.name),
            advice=_("See what cleaning leaves out, or widen the windows: sinsonte recipe preview."),
        )
    return made
