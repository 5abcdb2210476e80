"""Examples: the persona's replies with what went before, as lines with roles.

In: material and a recipe. Out: a `Build`, which yields the examples one after the other, training side first, and then
tells what became of everything. Memory holds one conversation at a time and the digests that duplicates are told by.

The order is that of the conversations' first messages (time, then stable id), so it does not depend on the order in
which chats were imported: the same messages, decisions and recipe give the same bytes anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.chat import Example, Line, Mark, Role, Side
from core.cleaning.privacy import Aliases
from core.dataset.corrections import EXAMPLES, Correction, in_order, lines_of
from core.dataset.duplicates import Duplicates
from core.dataset.lines import LineWriter, alone
from core.dataset.material import WEIGHED, Material, kept, persona_of
from core.dataset.plan import Plan, plan
from core.dataset.recipe import Recipe
from core.dataset.split import PURGED, TRAIN, VALIDATION, Conversations, sides
from core.grouping import Columns, Grouping, boundaries
from core.language import _
from core.problem import Problem


@dataclass(slots=True)
class BuildReport:
    """What became of the messages and examples."""

    messages: int = 0
    turns: int = 0
    grouped: int = 0  # conversations, with or without an example
    conversations: int = 0  # those that gave at least one
    planned: int = 0  # replies with their context, before any was left out
    train: int = 0
    validation: int = 0
    duplicates: int = 0  # left out, or flagged, on one side
    across: int = 0  # left out of validation because training has their like
    purged: int = 0  # too close to the border of the split
    short: int = 0  # too few words
    unweighted: int = 0  # the curator gave their reply no weight
    corrections: int = 0  # of those to train on, how many are corrected replies of models
    uncorrected: int = 0  # corrections left out: what they answer is held out, or no words are left of them
    masked: Mapping[str, int] = field(default_factory=dict[str, int])  # different private things hidden, by kind


class Build:
    """Examples of one recipe; iterate it, then read `report`. Iterating again builds again, with the same outcome."""

    def __init__(
        self,
        material: Material,
        recipe: Recipe,
        hits: NDArray[np.uint16] | None = None,
        corrections: Sequence[Correction] = (),
    ) -> None:
        self.material = material
        self.persona = persona_of(material, recipe)
        self.columns: Columns = kept(material, recipe, hits)
        self.grouping: Grouping = boundaries(
            self.columns, recipe.burst_window, recipe.conversation_gap, recipe.max_turns
        )
        self.plan: Plan = plan(self.grouping, self.columns, recipe, self.persona.id)
        self.recipe = recipe
        self.corrections = in_order(corrections) if recipe.corrections == EXAMPLES else []
        self.flagged: list[int] = []  # places in the order of yielding of what `near_duplicates=flag` would leave out
        self.report = BuildReport()

    def writer(self) -> LineWriter:
        """What puts turns into words for this build."""
        return LineWriter(
            self.material, self.recipe, self.grouping, self.plan, self.persona.id, self.alone, self.names,
            self.aliases,
        )  # fmt: skip

    def corrected(self, writer: LineWriter) -> list[tuple[Line, ...]]:
        """The examples of the corrections that have any words left; they stand after the persona's own, to train on."""
        if not self.corrections:
            return []
        labels = self.pinned
        made = (
            lines_of(one, self.recipe, writer, labels.persona_label, labels.other_label)
            for one in self.corrections
            if self._held.isdisjoint(uid for heard in one.heard for uid in heard.messages)
        )
        return [lines for lines in made if lines]

    @cached_property
    def _held(self) -> frozenset[str]:
        """The messages of conversations that are held out: a correction of a reply to one of them would be a leak."""
        if not any(heard.messages for one in self.corrections for heard in one.heard):
            return frozenset()
        order, known = self.order
        turns, rows, uids = self.grouping.conversations, self.grouping.rows, self.material.uids
        starts = self.grouping.turns
        return frozenset[str](
            uids[int(row)]
            for place in order[sides(known, self.recipe) != TRAIN].tolist()
            for row in rows[starts[turns[place]] : starts[turns[place + 1]]].tolist()
        )

    def guessed_tokens(self) -> NDArray[np.float64]:
        """About how many tokens each planned example has, without reading a word of it: three and a half characters a
        token and four tokens around each line, which is what Spanish chats come to."""
        grouping, made = self.grouping, self.plan
        characters = np.concatenate(([0], np.cumsum(self.columns.lengths[grouping.rows], dtype=np.int64)))
        spoken = characters[grouping.turns[made.end]] - characters[grouping.turns[made.context]]
        return spoken / 3.5 + 4 * (made.end - made.context)

    @property
    def pinned(self) -> Recipe:
        """The recipe with the labels that the chats gave: what a frozen dataset keeps, for an export to write from.

        Without context no example says who asks, yet a stop text names them.
        """
        names = self.names
        labels = {"persona_label": self.recipe.persona_label or names[self.persona.id]}
        others = {int(one) for one in np.unique(self.grouping.authors)} - {self.persona.id}
        if not self.recipe.other_label and len(others) == 1:
            labels["other_label"] = names[others.pop()]
        return self.recipe.changed(labels)

    @cached_property
    def names(self) -> dict[int, str]:
        """What each participant is called in the examples: on one line, whatever their export says."""
        people = self.material.participants
        return {
            number: self.aliases.of(number) if self.aliases else " ".join(one.name.split())
            for number, one in people.items()
        }

    @cached_property
    def alone(self) -> dict[int, bool]:
        """For each chat, whether the persona has one partner only."""
        return alone(self.columns, self.persona.id)

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
            messages=len(grouping.rows), turns=grouping.turn_count, grouped=grouping.conversation_count,
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
        writer = self.writer()
        weights = self.weights
        duplicates = Duplicates(recipe.near_duplicates, recipe.similarity)
        yielded = 0
        for side, name in ((TRAIN, Side.TRAIN), (VALIDATION, Side.VALIDATION)):
            for place in np.flatnonzero(side_of == side).tolist():
                before = yielded
                for entry in range(int(first[place]), int(last[place])):
                    lines = writer.lines(entry)
                    reason, flagged, weight = self._judged(weights.get(entry, 1), lines, name, duplicates)
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
                report.conversations += yielded > before
            if name is Side.TRAIN:
                corrected = self.corrected(writer)
                report.uncorrected = len(self.corrections) - len(corrected)
                for number, lines in enumerate(corrected):
                    again = bool(duplicates.seen(lines, name))
                    report.duplicates += again and recipe.near_duplicates != "keep"
                    if again and recipe.near_duplicates == "remove":
                        continue
                    if again and recipe.near_duplicates == "flag":
                        self.flagged.append(yielded)
                    # Each is a conversation of its own, after all that were had.
                    yield Example(lines, len(order) + number, name)
                    yielded += 1
                    report.train += 1
                    report.corrections += 1
        report.masked = writer.masker.different

    def _judged(
        self, weight: int, lines: tuple[Line, ...], side: Side, duplicates: Duplicates
    ) -> tuple[str, bool, int]:
        """(why the example is left out or "", whether it is flagged, how many times it is written)."""
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
    def weights(self) -> dict[int, int]:
        """How often examples are to be written, where the curator said so of their replies; 0 is never."""
        said: dict[int, list[int]] = {}
        grouping, made = self.grouping, self.plan
        for row in self.material.rows_where(WEIGHED):
            decision = self.material.decided[row]
            if not self.columns.kept[row] or not len(made):
                continue
            turn = np.searchsorted(grouping.turns, np.searchsorted(grouping.rows, row), side="right") - 1
            entry = int(np.searchsorted(made.reply, turn, side="right")) - 1
            if entry >= 0 and turn < made.end[entry]:
                said.setdefault(entry, []).append(decision.weight)
        return {entry: 0 if min(weights) <= 0 else max(weights) for entry, weights in said.items()}

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


def build(material: Material, recipe: Recipe, hits: NDArray[np.uint16] | None = None) -> Build:
    """The examples that a recipe makes of the material. `hits` is an earlier `material.scan` that still holds."""
    made = Build(material, recipe, hits)
    if not len(made.plan):
        raise Problem(
            _("This recipe makes no examples of {name}'s messages.").format(name=made.persona.name),
            advice=_("See what cleaning leaves out, or widen the windows: sinsonte recipe preview."),
        )
    return made
