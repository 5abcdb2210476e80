"""A screen that looks at runs again and again, for as long as somebody looks at it.

What is looked at is read in a worker, one look at a time, and shown when it has come. Beneath another screen nothing is
read: Textual repaints all of the screen on top for whatever moves on the one beneath, even behind an opaque one.
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from textual import work
from textual.message import Message

from core.problem import Problem
from tui.screens.place import PlaceScreen

Found = TypeVar("Found")


class WatchingScreen(PlaceScreen, Generic[Found]):
    """Subclasses say what a look reads, in its thread, and what is done with that."""

    EVERY: ClassVar[float] = 1.0  # seconds between two looks

    class Looked(Message):
        """What a look has found."""

        def __init__(self, found: Any) -> None:
            super().__init__()
            self.found = found

    class Unread(Message):
        """It could not be read."""

        def __init__(self, problem: Problem) -> None:
            super().__init__()
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self._looking = False

    def read(self) -> Found:
        """What there is now. In a thread of its own."""
        raise NotImplementedError

    def take(self, found: Found) -> None:
        """Show what a look has found."""
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        self._clock = self.set_interval(self.EVERY, self.look)
        self.look()

    def on_screen_suspend(self) -> None:
        self._clock.pause()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._clock.resume()

    def workspace_changed(self) -> None:
        self.look()

    def look(self) -> None:
        """Look, unless that is being done or nobody looks at the screen."""
        if not self._looking and self.app.screen is self:
            self._looking = True
            self._look()

    @work(thread=True, group="look", name="looking at runs", exit_on_error=False)
    def _look(self) -> None:
        try:
            self.post_message(self.Looked(self.read()))
        except Problem as problem:
            self.post_message(self.Unread(problem))

    def on_watching_screen_looked(self, event: Looked) -> None:
        self._looking = False
        self.take(event.found)

    def on_watching_screen_unread(self, event: Unread) -> None:
        self._looking = False
        self.workbench.say_problem(event.problem)
