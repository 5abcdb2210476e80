"""The conversations screen when what was found is of before: one decides, and the filter no longer lets the message through.

No row goes away or comes under the cursor by itself: the next key would be said of another message. Once the keys rest, a
worker looks again; what fits no longer gets a sign, what has come to fit is counted, and `r` shows the list of now.
Meanwhile "all that was found" leaves out what fits no longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.worker import Worker, get_current_worker

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.figures import number
from tui.lines import said
from tui.screens.conversations.finding import FindingScreen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.workspace.finding import Filter

_REST = 0.4  # seconds without a decision after which is looked again: a filter may have to read every text


class RenewingScreen(FindingScreen):
    """A list that says when it is of before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "look_again", N_("look again"), id="find.again", show=False),
    ]

    class Compared(Message):
        """What was found before is compared with what would be found now."""

        def __init__(self, question: int, gone: NDArray[Any], more: int) -> None:
            super().__init__()
            self.question = question
            self.gone = gone
            self.more = more

    def __init__(self) -> None:
        super().__init__()
        self._more = 0  # messages that have come to fit
        self._compare_later: Timer | None = None

    def decisions_taken(self, places: Sequence[int] | None) -> None:
        super().decisions_taken(places)
        if self.found is not None:
            self.is_of_before = True
            if self._compare_later is not None:
                self._compare_later.stop()
            self._compare_later = self.set_timer(_REST, self._compare_now)

    def _compare_now(self) -> None:
        if self.found is not None and not self.is_looking:
            self._compare(self._question, self.chat, self.wanted, self.found.places)

    @work(thread=True, exclusive=True, group="compare found", name="find", exit_on_error=False)
    def _compare(self, question: int, chat: int, wanted: Filter, before: NDArray[Any]) -> None:
        from core.workspace import chats, finding, memory

        worker: Worker[None] = get_current_worker()
        try:
            gone, more = finding.since(self.workbench.workspace, chat, wanted, before, lambda: worker.is_cancelled)
            self.post_message(self.Compared(question, gone, more))
            memory.give_back(self.workbench.workspace)
        except chats.Cancelled:
            return
        except Problem as problem:
            if not worker.is_cancelled:
                self.app.call_from_thread(self.workbench.say_problem, problem)

    def on_renewing_screen_compared(self, event: Compared) -> None:
        if event.question != self._question or self.found is None:
            return
        self.is_of_before = False
        gone: list[int] = event.gone.tolist()
        if gone != list(self.found_painter.gone):  # by most decisions of a search nothing goes, and a page is 5 KB
            self.found_painter.gone = gone
            self.listed.repaint_rows()
        self._more = event.more
        self.say_state()

    def found_anew(self) -> None:
        self._more = 0
        super().found_anew()

    def action_look_again(self) -> None:
        """Show what the filter lets through now."""
        if self.wanted:
            self.ask_again()
        else:
            self.workbench.say(SafeText(_("Nothing is looked for: / searches, f filters.")))

    def filter_line(self) -> SafeText:
        line = super().filter_line()
        gone = len(self.found_painter.gone)
        if self.found is None or not (gone or self._more):
            return line
        parts: list[str] = []
        if gone:
            parts.append(ngettext("{n} fits no longer (×)", "{n} fit no longer (×)", gone).format(n=number(gone)))
        if self._more:
            more = ngettext("{n} more fits now", "{n} more fit now", self._more)
            parts.append(more.format(n=number(self._more)))
        return said(_("{line} · {changes} · r looks again"), line=line, changes=", ".join(parts))

    def commands(self) -> Iterator[Command]:
        if self.wanted:
            yield Command(SafeText(_("Look again")), "screen.look_again", "r")
        yield from super().commands()
