"""What the curator's acts come to, by row of the material, kept up to date act by act.

In: the stable ids of the material's rows, and the store's acts. Out: a `Decision` for every row of which something was
said, and which rows the last acts changed. Playing all acts again costs 1 s for 100,000 of them; here a new act costs
what it touches, and an undo what the act had touched, for what each act replaced is remembered. Ids that no row bears
are passed over: their messages are not there, and when they come the material is another one. Knows no recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from core.dataset.material import Decision
from core.store import decisions
from core.store.connection import Readable
from core.workspace.uids import Uids

NOTHING: Final = Decision()


class Standing:
    """The decisions that stand, by row."""

    def __init__(self, uids: Uids) -> None:
        self._uids = uids
        self._played: list[tuple[int, dict[int, Decision]]] = []  # acts, and what they replaced
        self._base = 0  # the newest of the acts that stood at the beginning, of which nothing is remembered
        self.by_row: dict[int, Decision] = {}

    def follow(self, store: Readable) -> set[int]:
        """Take in what was decided, undone and redone since; the rows of which something else is said now.

        Acts are a stack: undo takes the newest that stands, redo puts it back, a new one covers what was undone. So where
        the newest act that was played still stands, all below it do.
        """
        changed: set[int] = set()
        while True:
            later = decisions.since(store, self._played[-1][0] if self._played else self._base)
            if later is not None:
                break
            if self._played:
                for row, before in self._played.pop()[1].items():
                    self._say(row, before)
                    changed.add(row)
            else:
                changed.update(self.by_row)
                self.by_row, self._base = {}, 0
        remember = bool(self._base or self._played)
        for act, what, value, uids in later:
            if remember and (not self._played or self._played[-1][0] != act):
                self._played.append((act, {}))
            for row, said in self._after(what, value, uids):
                if remember:
                    self._played[-1][1].setdefault(row, self.by_row.get(row, NOTHING))
                self._say(row, said)
                changed.add(row)
            if not remember:
                self._base = act
        return changed

    def _say(self, row: int, said: Decision) -> None:
        if said == NOTHING:
            self.by_row.pop(row, None)
        else:
            self.by_row[row] = said

    def _after(self, what: str, value: str, uids: bytes) -> Iterator[tuple[int, Decision]]:
        """The rows of one decision, and what stands of each after it."""
        by_row = self.by_row
        made: dict[Decision, Decision] = {}  # of a million messages that are dropped together most come to the same
        for row in self._uids.rows(uids):
            before = by_row.get(row, NOTHING)
            after = made.get(before)
            if after is None:
                after = made[before] = _said(before, what, value)
            yield row, after


def _said(before: Decision, what: str, value: str) -> Decision:
    if what in (decisions.KEEP, decisions.DROP):
        return replace(before, state=what)
    if what == decisions.EDIT:
        return replace(before, text=value or None)
    if what == decisions.WEIGHT:
        return replace(before, weight=int(float(value)))
    if what == decisions.TAG:
        return replace(before, tags=before.tags | {value})
    if what == decisions.UNTAG:
        return replace(before, tags=before.tags - {value})
    return NOTHING
