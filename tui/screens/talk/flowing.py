"""The talk that is open: shown in its lanes, and what flows into it while replies come.

Whatever waits or writes (a server that starts, the store) is done by workers; a timer of five ticks a second, which runs
only while a reply comes in, shows what has come. It knows no keys: what one can do is in screen.py.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import events, work
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from core.problem import Problem
from core.workspace.opening import Cancelled
from tui.screens.place import Heading, PlaceScreen
from tui.screens.talk import words
from tui.screens.talk.composer import Composer
from tui.screens.talk.lane import Lane
from tui.screens.talk.live import Live
from tui.screens.talk.meter import Meter
from tui.screens.talk.parameters import PANEL, ParameterPanel
from tui.screens.talk.view import TranscriptView

if TYPE_CHECKING:
    from textual.timer import Timer
    from textual.worker import Worker

    from core.workspace.answering import Answer
    from core.workspace.conversing import Conversation
    from core.workspace.transcripts import Said

TICK: Final = 0.2  # seconds: what a person sees as flowing, at a few hundred bytes each
LANES: Final = 2
SIDE_BY_SIDE: Final = 96  # columns; narrower, two models stand one above the other
ALONE: Final = 72  # columns that one model keeps; where there are fewer, the panel comes only when asked for


class FlowingScreen(PlaceScreen):
    """The talk that is open, as it comes."""

    class Ready(Message):
        """A worker has done its part: the talk has changed, or it went wrong."""

        def __init__(self, problem: Problem | None = None, then: Callable[[], None] | None = None) -> None:
            super().__init__()
            self.problem = problem
            self.then = then

    def __init__(self) -> None:
        super().__init__()
        self._talk: Conversation | None = None
        self._live = Live()
        self._busy = 0  # workers on their way
        self._keeping = False
        self._timer: Timer | None = None
        self._opening = False  # a model was being opened when last looked
        self._panel: bool | None = None  # shown or hidden by the person
        self._edited: tuple[int, Said] | None = None  # lane and message that the field holds
        self._since = 0.0  # when the workers began

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="middle"):
            with Horizontal(id="lanes"):
                for number in range(LANES):
                    yield Lane(number)
            yield ParameterPanel()
        yield Composer(id="composer")

    # ── what there is ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def talk(self) -> Conversation:
        """The talk that is open."""
        assert self._talk is not None
        return self._talk

    @property
    def lane(self) -> int:
        """The lane that keys act on."""
        focused = self.focused
        return 1 if isinstance(focused, TranscriptView) and focused.id == "transcript-1" else 0

    def view(self, lane: int) -> TranscriptView:
        return self.query_one(f"#transcript-{lane}", TranscriptView)

    def on_mount(self) -> None:
        super().on_mount()
        self._timer = self.set_interval(TICK, self._tick, pause=True)
        self.open_talk(None)
        self._learn_pace()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width)

    def _arrange(self, width: int) -> None:
        two = self._talk is not None and len(self.talk.models) > 1
        fits = width - PANEL >= (SIDE_BY_SIDE if two else ALONE)
        panel = fits if self._panel is None else self._panel
        lanes, middle = self.query_one("#lanes"), self.query_one("#middle")
        lanes.set_class(two, "two")
        lanes.set_class(width - (PANEL if panel else 0) < SIDE_BY_SIDE, "stacked")
        middle.set_class(panel, "panel")

    def workspace_changed(self) -> None:
        if self._talk is None or self.talk.answers or self._busy or self._keeping:
            return
        if not self.talk.models:
            self.talk.set_models(self._first_models())
            self.show_talk()
        elif self.talk.number is not None:
            self._look_again(self.talk)

    def _look_again(self, talk: Conversation) -> None:
        """See what another workbench did with this talk."""
        try:
            changed = talk.changed_elsewhere()
        except Problem as problem:
            self.open_talk(None, forget=True)
            self.workbench.say_problem(problem)
            return
        if changed:
            self.show_talk()

    def _first_models(self) -> list[str]:
        """The newest tuned model, or the embedded one."""
        from core.workspace import talking

        try:
            return [row.name for row in talking.speakers(self.workbench.workspace, priced=False)[:1]]
        except Problem as problem:
            self.workbench.say_problem(problem)
            return []

    def open_talk(
        self,
        number: int | None,
        message: int | None = None,
        *,
        forget: bool = False,
        models: list[str] | None = None,
    ) -> None:
        """Open a talk that was had, with the cursor on a message, or a new one with these models, else those of now.
        `forget`: the one that was open is no longer there."""
        from core.workspace.conversing import Conversation

        if models is None:
            models = list(self._talk.models) if self._talk is not None else self._first_models()
        terms = self._talk.terms if self._talk is not None else None
        try:
            opened = Conversation(self.workbench.workspace, number, models, terms)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        if self._talk is not None and not forget:
            self._close(self._talk)
        self._talk = opened
        self._live.reveals.clear()
        self._edited = None
        self.show_talk(to_end=message is None, cursor=message)

    def show_talk(self, *, to_end: bool = False, cursor: int | None = None) -> None:
        """Show the talk as it is."""
        talk = self.talk
        self._arrange(self.size.width)
        now = time.monotonic()
        for lane in range(LANES):
            way = talk.way(lane)
            entries = [self._live.entry(talk, one, now) for one in way]
            self.view(lane).set_empty(words.invitation(talk.models, lane))
            self.view(lane).show(entries, to_end=to_end, cursor=cursor if lane == self.lane else None)
            self._show_meter(lane, way)
        self._show_heading()
        self.query_one(ParameterPanel).show(talk.terms)
        self.refresh_bindings()

    def _show_heading(self) -> None:
        edited = self._edited[1] if self._edited is not None else None
        self.query_one(Heading).show(*words.heading(self.talk, edited, self.size.width))

    def _show_meter(self, lane: int, way: list[Said]) -> None:
        since = self._since if self._busy else None
        self.query_one(f"#meter-{lane}", Meter).show(*self._live.figures(self.talk, lane, way, since))

    # ── replies on their way ────────────────────────────────────────────────────────────────────────────────────

    def _tick(self) -> None:
        from core.workspace.conversing import KEEP_EVERY

        talk = self.talk
        now = time.monotonic()
        due = False
        if talk.opening != self._opening:
            self._opening = talk.opening
            self.refresh_bindings()  # esc gives up
        for answer in list(talk.answers):
            answer.drain()
            due = due or answer.done or now - answer.kept_at >= KEEP_EVERY
        for lane in range(len(talk.models)):
            way = talk.way(lane)
            for one in way[-2:]:
                if self._live.moves(talk, one):
                    self.view(lane).grow(self._live.entry(talk, one, now))
            if talk.answers or self._busy:
                self._show_meter(lane, way)
        if due and not self._keeping:
            self._keeping = True
            self._keep(talk)
        if not talk.answers and not self._live.reveals and not self._busy and self._timer is not None:
            self._timer.pause()

    @work(thread=True, group="talk", name="keep", exit_on_error=False)
    def _keep(self, talk: Conversation) -> None:
        try:
            ended = talk.keep()
        except Problem as problem:
            self.post_message(self.Ready(problem, self._kept))
            return
        self.post_message(self.Ready(None, partial(self._ended, ended) if ended else self._kept))

    def _kept(self) -> None:
        self._keeping = False

    def _ended(self, ended: list[Answer]) -> None:
        self._keeping = False
        for answer in ended:
            trouble = answer.stream.reply.trouble
            if trouble is not None and not answer.texts[0]:
                self.workbench.say_problem(trouble.problem(answer.model))

    def do(self, act: Callable[[], object], then: Callable[[], None] | None = None) -> None:
        """Let a worker do what waits or writes; the talk is shown anew when it is done."""
        if not self._busy:
            self._since = time.monotonic()
        self._busy += 1
        if self._timer is not None:
            self._timer.resume()  # a model may have to be opened again, which takes its time
        self._do(act, then)

    @work(thread=True, group="talk", name="talk", exit_on_error=False)
    def _do(self, act: Callable[[], object], then: Callable[[], None] | None) -> None:
        problem: Problem | None = None
        try:
            act()
        except Problem as error:
            problem = error
        except Cancelled:
            then = None  # the person stopped it
        self.post_message(self.Ready(problem, partial(self._done, then)))

    def _done(self, then: Callable[[], None] | None) -> None:
        self._busy -= 1
        if then is not None:
            then()

    def on_flowing_screen_ready(self, event: Ready) -> None:
        if event.then is not None:
            event.then()
        self.show_talk()
        if self._timer is not None:
            self._timer.resume()
        if event.problem is not None:
            self.workbench.say_problem(event.problem)

    @work(thread=True, exclusive=True, group="pace", name="pace", exit_on_error=False)
    def _learn_pace(self) -> None:
        from core.workspace import pacing

        try:
            self._live.pace = pacing.of_persona(self.workbench.workspace)
        except Problem:
            return  # without it bubbles come as they come; what is wrong is told where it matters

    @work(thread=True, group="closing", name="close talk", exit_on_error=False)
    def _close(self, talk: Conversation) -> None:
        try:
            talk.close()
        except Problem as problem:
            self.app.call_from_thread(self.workbench.say_problem, problem)

    def on_unmount(self) -> None:
        if self._talk is not None:
            with contextlib.suppress(Problem):  # the workbench ends; what was kept until now is marked as cut off
                self._talk.close()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        self.workbench.on_worker_state_changed(event)
