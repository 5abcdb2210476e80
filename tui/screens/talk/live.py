"""What is to be seen of replies on their way: the bubbles that have had their turn, and how it goes.

In: the talk and a moment. Out: entries for the view, figures for the meter. It holds the pace and how far each reply has
been shown; reading goes on at full speed meanwhile.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui.screens.talk import meter
from tui.screens.talk.entries import entry_of, revealed
from tui.screens.talk.view import Entry

if TYPE_CHECKING:
    from core.workspace.answering import Answer
    from core.workspace.conversing import Conversation
    from core.workspace.pacing import Pace, Reveal
    from core.workspace.transcripts import Said


def answer_of(talk: Conversation, message: int) -> Answer | None:
    """The reply on its way that this message is."""
    return next((answer for answer in list(talk.answers) if any(one.id == message for one in answer.said)), None)


class Live:
    """How far each reply has been shown."""

    def __init__(self) -> None:
        self.pace: Pace | None = None
        self.reveals: dict[int, Reveal] = {}

    def moves(self, talk: Conversation, one: Said) -> bool:
        """Whether the message may look otherwise in a moment."""
        return one.id in self.reveals or answer_of(talk, one.id) is not None

    def entry(self, talk: Conversation, one: Said, now: float) -> Entry:
        """A message as it is to be seen now."""
        answer = answer_of(talk, one.id)
        if answer is not None:
            one = next(said for said in answer.so_far() if said.id == one.id)
            if one.id not in self.reveals:
                self.reveals[one.id] = self._reveal(talk, one)
        reveal = self.reveals.get(one.id)
        if reveal is None:
            return entry_of(talk, one)
        entry, seen = revealed(talk, one, reveal, done=answer is None or answer.done, now=now)
        if seen and answer is None:
            del self.reveals[one.id]
        return entry

    def _reveal(self, talk: Conversation, one: Said) -> Reveal:
        from core.workspace.pacing import Pace, Reveal

        # Two models side by side are being compared: there bubbles come as they come.
        paced = talk.terms.paced and self.pace is not None and len(talk.models) == 1
        return Reveal(one.separator, self.pace if paced and self.pace is not None else Pace())

    @staticmethod
    def figures(
        talk: Conversation, lane: int, way: list[Said], opening_since: float | None
    ) -> tuple[str, list[tuple[str, str]], bool]:
        """Who speaks on a lane, the figures to show, and whether they are moving."""
        model = talk.models[lane] if lane < len(talk.models) else ""
        answer = next((one for one in list(talk.answers) if one.lane == lane), None)
        if answer is not None:
            return model, meter.told(answer.figures), True
        asked = bool(way) and way[-1].role == "user"
        if opening_since is not None and (asked or talk.loading is not None):
            return model, meter.opening(time.monotonic() - opening_since, talk.loading), True
        last = next((one for one in reversed(way) if one.role == "assistant"), None)
        return model, meter.told_of(last) if last is not None else [], False
