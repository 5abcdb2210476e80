"""What the transcript shows of each message of a talk: the words in bubbles, and beneath them how a reply went.

In: messages as they were kept, or a reply on its way. Out: entries for the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.chat import local_seconds
from core.language import _
from core.safe_text import SafeText, shown
from tui.figures import clock
from tui.lines import NOTHING, said
from tui.screens.talk.view import Entry

if TYPE_CHECKING:
    from core.workspace.conversing import Conversation
    from core.workspace.pacing import Reveal
    from core.workspace.transcripts import Said

_LONGEST_REAL = 4000


def entry_of(
    talk: Conversation, one: Said, *, bubbles: Sequence[str] | None = None, writing: bool = False, live: bool = False
) -> Entry:
    """A message; `bubbles` are those of its words that are to be seen by now."""
    from core.workspace.transcripts import CORRECTED, USER, moment

    mine = one.role == USER
    foot: list[tuple[SafeText, str]] = []
    if one.cut_off and not live:
        why = said("{why}", why=one.trouble or _("It was cut off."))
        keys = _("c goes on, r asks again") if one.text else _("c asks again")
        foot += [(SafeText(f"⚠ {why}"), "warning"), (SafeText(keys), "muted")]
    if not mine and not live and not writing and (real := talk.tree.real(one.parent)) is not None:
        words = shown("\n".join(real.bubbles), limit=_LONGEST_REAL)
        foot.append((said(_("In the chat, {name} wrote:"), name=real.model), "muted"))
        foot.append((words, "good"))
    around = talk.around(one.id) if one.id in talk.tree.by_id else []
    notes: list[str] = []
    if len(around) > 1:
        place = next(at for at, other in enumerate(around, 1) if other.id == one.id)
        notes.append(f"‹ {place}/{len(around)} ›")
    if one.finish == CORRECTED:
        notes.append(_("corrected"))
    return Entry(
        one.id,
        _("you") if mine else one.model,
        mine,
        clock(local_seconds(moment(one.at))),
        SafeText("  ".join(notes)) if notes else NOTHING,
        tuple(words for words in (one.bubbles if bubbles is None else bubbles) if words or not writing),
        tuple(foot),
        writing,
    )


def revealed(talk: Conversation, one: Said, reveal: Reveal, *, done: bool, now: float) -> tuple[Entry, bool]:
    """A reply that comes in, or whose bubbles are still coming out; and whether all of it is to be seen."""
    bubbles, waiting = reveal.at(one.text, done, now)
    seen = done and not waiting
    return entry_of(talk, one, bubbles=bubbles, writing=not seen, live=not seen), seen
