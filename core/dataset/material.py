"""What a dataset is made from: messages as columns with their texts and ids, the people, the curator's decisions.

In: plain data, however it was stored. Out: which messages are kept, and the text of each as an example will have it
before masks. It knows no turn and no example; what it is given it never changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.chat import Chat, Consent, Mark, Message, Participant
from core.cleaning import consent, rules
from core.dataset.recipe import Recipe
from core.grouping import JOINED, NOBODY, Columns, columns_of
from core.language import _
from core.problem import Misuse, Problem


@dataclass(frozen=True, slots=True)
class Decision:
    """What the curator said of one message; it outlives every recipe."""

    state: Literal["", "keep", "drop"] = ""
    text: str | None = None  # in place of what was exported
    tags: frozenset[str] = frozenset()
    weight: int = 1  # 0: never learnt as a reply; above 1: its example is written so many times
    begins: bool | None = None  # a conversation starts here, or does not, whatever the windows say


KEPT, DROPPED, EDITED, TAGGED, WEIGHED, REGROUPED = 1, 2, 4, 8, 16, 32


def _bits(one: Decision) -> int:
    """What a decision says, as bits: a million of them in an array are compared in a millisecond."""
    return (
        {"keep": KEPT, "drop": DROPPED}.get(one.state, 0)
        | EDITED * (one.text is not None)
        | TAGGED * bool(one.tags)
        | WEIGHED * (one.weight != 1)
        | REGROUPED * (one.begins is not None)
    )


@dataclass(frozen=True, slots=True)
class Material:
    """Messages, one row each, sorted by chat and place."""

    columns: Columns
    texts: Sequence[str]  # as exported
    uids: Sequence[str]
    participants: Mapping[int, Participant]
    decisions: Mapping[str, Decision] = field(default_factory=dict[str, Decision])
    decided: Mapping[int, Decision] = field(init=False)  # the same by row
    said: NDArray[np.uint8] = field(init=False)  # by row, which things were said: bits of KEPT, DROPPED, EDITED, ...

    def __post_init__(self) -> None:
        decisions = self.decisions
        by_row = {row: decisions[uid] for row, uid in enumerate(self.uids) if uid in decisions} if decisions else {}
        object.__setattr__(self, "decided", {})
        object.__setattr__(self, "said", np.zeros(len(self.columns), np.uint8))
        self._decide(by_row, by_row)

    def deciding(self, decided: Mapping[int, Decision], changed: Collection[int] | None = None) -> Material:
        """The same messages with other decisions, given by row: nothing is read or looked up again, so that a curator's
        key press costs no more at a million messages than at a thousand. `changed`: the rows of which something else is
        said than before, where that is known.
        """
        before = self.decided
        made = replace(self, decisions={})
        object.__setattr__(made, "decided", before)
        object.__setattr__(made, "said", self.said)
        made._decide(decided, decided.keys() | before.keys() if changed is None else changed)
        return made

    def _decide(self, decided: Mapping[int, Decision], changed: Collection[int]) -> None:
        """Take these decisions, with the lengths of edited words in the columns and those of exported ones where an edit
        was taken back."""
        if not changed:
            return
        said, lengths = self.said.copy(), self.columns.lengths
        for row in changed:
            one = decided.get(row)
            edited = one is not None and one.text is not None
            if edited or said[row] & EDITED:
                lengths = lengths.copy() if lengths is self.columns.lengths else lengths
                lengths[row] = len(one.text if one is not None and one.text is not None else self.texts[row])
            said[row] = 0 if one is None else _bits(one)
        object.__setattr__(self, "said", said)
        object.__setattr__(self, "decided", dict(decided))
        if lengths is not self.columns.lengths:
            object.__setattr__(self, "columns", replace(self.columns, lengths=lengths))

    def rows_where(self, bits: int) -> list[int]:
        """The rows of which one of these things was said."""
        rows: list[int] = np.flatnonzero(self.said & bits).tolist()
        return rows

    def text(self, row: int) -> str:
        """The words of a message: the curator's if they were edited."""
        one = self.decided.get(row)
        return self.texts[row] if one is None or one.text is None else one.text

    def person(self, name: str) -> Participant:
        """The participant of this name."""
        for one in self.participants.values():
            if one.name == name:
                return one
        if not name:
            raise Misuse(_("No persona was chosen."), advice=_("Choose one: sinsonte recipe set persona=NAME"))
        near = [one.name for one in self.participants.values() if one.name.casefold() == name.casefold()]
        raise Misuse(
            _("Nobody in the chats is called “{name}”.").format(name=name),
            advice=_("Did you mean {near}?").format(near=near[0])
            if near
            else _("`sinsonte participants` lists who is."),
        )


def material_of(
    chats: Sequence[tuple[Chat, Sequence[Message]]],
    *,
    consents: Mapping[str, Consent] | None = None,
    decisions: Mapping[str, Decision] | None = None,
    uids: Sequence[str] | None = None,
) -> Material:
    """Material of chats that are in memory whole, each in its own order. Without `uids`, rows are named by place."""
    names = sorted({message.author for _chat, messages in chats for message in messages} - {""})
    numbers = {name: number for number, name in enumerate(names)}
    columns = columns_of([messages for _chat, messages in chats], numbers)
    return Material(
        columns=columns,
        texts=[message.text for _chat, messages in chats for message in messages],
        uids=uids
        if uids is not None
        else [f"{place}:{n}" for place, (_chat, messages) in enumerate(chats) for n in range(len(messages))],
        participants={
            number: Participant(number, name, (consents or {}).get(name, Consent.UNKNOWN))
            for name, number in numbers.items()
        },
        decisions=decisions or {},
    )


def scan(
    material: Material,
    recipe: Recipe,
    earlier: tuple[Material, NDArray[np.uint16]] | None = None,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.uint16]:
    """The rules that every message falls under. Holds while `rules.scan_key` of the recipe's cleaning does.

    `earlier` is another material of the same messages (`Material.deciding`) with its scan under the same key: then only
    the messages that were edited in one of both are looked at. `progress` gets messages looked at.
    """
    cleaning = recipe.cleaning
    kinds, marks = material.columns.kinds, material.columns.marks
    pattern = re.compile(cleaning.pattern) if cleaning.pattern else None
    edited = material.rows_where(EDITED)
    if earlier is not None and earlier[0].texts is material.texts:
        before, hits = earlier
        if before.said is material.said:
            return hits
        hits = hits.copy()
        for row in before.rows_where(EDITED):
            if not material.said[row] & EDITED:
                hits[row] = rules.scan(kinds[row : row + 1], marks[row : row + 1], [material.texts[row]], cleaning)[0]
        edited = [row for row in edited if before.decided.get(row) is not material.decided[row]]
    else:
        texts = material.texts if progress is None else _telling(material.texts, progress)
        hits = rules.scan(kinds, marks, texts, cleaning)
    for row in edited:
        # Words that the curator wrote are words, whatever stood there.
        hits[row] = rules.text_bits(material.text(row), cleaning, pattern)
    return hits


def _telling(texts: Iterable[str], progress: Callable[[int], None]) -> Iterator[str]:
    for done, text in enumerate(texts):
        if not done % 4_096:
            progress(done)
        yield text


def kept(material: Material, recipe: Recipe, hits: NDArray[np.uint16] | None = None) -> Columns:
    """The columns with what the recipe, the curator and consent leave. `hits` is an earlier scan that still holds."""
    columns = material.columns
    if hits is None:
        hits = scan(material, recipe)
    stays = ~rules.dropped(hits, columns.lengths, recipe.cleaning)
    unwanted = frozenset(recipe.drop_tags)
    empty = rules.BITS["empty"]
    if material.decided:
        said = material.said
        stays |= ((said & KEPT) != 0) & ((hits & empty) == 0)
        stays[(said & DROPPED) != 0] = False
        if unwanted:
            stays[
                [row for row in material.rows_where(TAGGED) if not unwanted.isdisjoint(material.decided[row].tags)]
            ] = False
    # Last, so that no decision brings back the words of somebody who refused.
    stays &= consent.may_be_used(columns.authors, material.participants, require_consent=recipe.require_consent)
    if cut := material.rows_where(REGROUPED):
        begins = {row: bool(material.decided[row].begins) for row in cut}
        columns = replace(columns, marks=regrouped(columns.marks, begins))
    return columns.keeping(stays)


def regrouped(marks: NDArray[np.uint8], begins: Mapping[int, bool]) -> NDArray[np.uint8]:
    """The marks with what the curator split and joined."""
    made = marks.copy()
    for row, starts in begins.items():
        made[row] = made[row] & ~np.uint8(Mark.STARTS | JOINED) | (Mark.STARTS if starts else JOINED)
    return made


def persona_of(material: Material, recipe: Recipe) -> Participant:
    """The persona, who must be in the chats and not have refused."""
    one = material.person(recipe.persona)
    refused = one.consent is Consent.REFUSED
    if refused or (recipe.require_consent and one.consent is not Consent.GIVEN):
        raise Problem(
            _("{name} has not agreed that their words are used.").format(name=one.name),
            advice=_("Record the consent, or choose another persona."),
        )
    return one


__all__ = ["NOBODY", "Decision", "Material", "kept", "material_of", "persona_of", "regrouped", "scan"]
