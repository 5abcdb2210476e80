"""What every screen of the workbench has: the bars, a heading, and the answers to what the app tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.geometry import Region
from textual.reactive import Reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from core.safe_text import SafeText, shown_in_line
from tui.commands import Command
from tui.lines import NOTHING, Line, fitted, said, strip_of, width_of
from tui.places import PLACES
from tui.themes import palette_of
from tui.widgets.bars import Bar, Counted, Foot, LongNotice, Places
from tui.work import WorkBar

if TYPE_CHECKING:
    from textual.worker import Worker

    from core.workspace.recipe import Counters
    from tui.app import Workbench
    from tui.work import Work


_LEAST = 24  # columns that the right half of a note needs, unless all of it is shorter


class Heading(Bar):
    """What is shown here: a title, and what there is to say of it."""

    DEFAULT_CSS = "Heading { height: 2; }"

    def __init__(self) -> None:
        super().__init__(id="heading")
        self.title: SafeText = NOTHING
        self.detail: SafeText = NOTHING
        self._note: tuple[SafeText, SafeText] = (NOTHING, NOTHING)

    def show(self, title: SafeText, detail: SafeText) -> None:
        """Take new words."""
        if (title, detail) != (self.title, self.detail):
            self.title, self.detail = title, detail
            self.refresh()

    def note(self, left: SafeText, right: SafeText = NOTHING) -> None:
        """Take words for the line below: what is filtered or marked, and what a key would do."""
        if (left, right) != self._note:
            self._note = (left, right)
            self.refresh(Region(0, 1, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        cells: Line = []
        if y == 0:
            cells = [(said("  {title}   ", title=self.title), palette.strong), (self.detail, palette.muted)]
        if y == 1 and any(self._note):
            left, right = self._note
            cells = [(said("  {left}", left=left), palette.accent)]
            room = self.size.width - 6 - width_of(left)
            if room >= min(width_of(right), _LEAST):  # a word and a half of it says nothing
                cells += [(SafeText("  "), palette.muted), (fitted(right, room, right=True), palette.muted)]
        return strip_of(cells, self.size.width, palette.ground)


class PlaceScreen(Screen[None]):
    """A screen with a number key. Subclasses give `body` and say what changed means for them."""

    AUTO_FOCUS = "RowList"
    DEFAULT_CSS = "PlaceScreen { layers: default notice; }"
    PLACE: ClassVar[str] = ""
    # Textual repaints the whole screen for another focus, 10 KB; what shows it here are two rows that repaint themselves.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self.heading = Heading()

    @property
    def workbench(self) -> Workbench:
        """The app, as what it is."""
        return cast("Workbench", self.app)

    def body(self) -> Iterable[Widget]:
        """What stands between the bars."""
        return ()

    def work_bar(self) -> WorkBar:
        """What shows long work, on the line of air above the heading: no list moves when it comes and goes."""
        return WorkBar()

    def compose(self) -> ComposeResult:
        folder = shown_in_line(str(self.workbench.workspace.folder))
        yield Places([(place.key, place.title) for place in PLACES], self._title(), folder)
        yield self.work_bar()
        yield self.heading
        yield from self.body()
        yield Foot()
        yield Counted()
        yield LongNotice()

    def _title(self) -> str:
        return next(place.title for place in PLACES if place.name == self.PLACE)

    def on_mount(self) -> None:
        if self.workbench.counters is not None:
            self.take_counters(self.workbench.counters)

    def on_screen_resume(self) -> None:
        self.workspace_changed()
        self.show_work(self.workbench.works.first)
        if self.workbench.counters is not None:
            self.take_counters(self.workbench.counters)

    def say(self, text: SafeText, severity: str = "information") -> None:
        """Show a notice until the next key."""
        # A screen that is ending has no bars any more, and workers that end with it still tell.
        for foot in self.query(Foot):
            foot.say(text, severity)

    def on_key(self, _event: events.Key) -> None:
        self.query_one(Foot).quiet()

    def show_work(self, work: Work | None) -> None:
        """Show how far long work is."""
        for bar in self.query(WorkBar):
            bar.show(work)
        self.refresh_bindings()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Workers of screens end as those of the workbench do."""
        self.workbench.on_worker_state_changed(event)

    def take_counters(self, counters: Counters) -> None:
        """Show new counters."""
        for bar in self.query(Counted):
            bar.show(counters)

    def workspace_changed(self) -> None:
        """Something was imported, decided or forgotten, here or elsewhere."""

    def commands(self) -> Iterator[Command]:
        """What the palette offers on this screen."""
        yield from ()
