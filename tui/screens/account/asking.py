"""Asking a provider, and what is said meanwhile: whom it asks, what it waits for, of when the answer is.

Asks in a worker, when the screen is opened and when somebody says so, never by itself; a process beside the workbench does
it, for the package that it takes would be a third of all that the workbench has resident. A question that was given up is
nobody's, whatever comes of it. What is done with the answer is the business of whoever builds on this.
"""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Final

from textual import work
from textual.message import Message

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from tui.lines import said
from tui.screens.place import Heading, PlaceScreen
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.account import Beside, Limits, ThingRow

KINDS: Final = ("files", "models", "jobs", "limits")
TITLES: Final = {"files": N_("files"), "models": N_("models"), "jobs": N_("jobs"), "limits": N_("limits")}


class AskingScreen(PlaceScreen):
    """One kind of one provider, as it was last told."""

    PLACE = "account"

    class Looked(Message):
        """What the provider said."""

        def __init__(self, question: Event, rows: list[ThingRow], limits: Limits | None) -> None:
            super().__init__()
            self.question, self.rows, self.limits = question, rows, limits

    class Waits(Message):
        """The provider is to be asked again in so many seconds."""

        def __init__(self, question: Event, left: float, problem: Problem) -> None:
            super().__init__()
            self.question, self.left, self.problem = question, left, problem

    class Failed(Message):
        """It could not be asked; a question that was given up has failed for nobody."""

        def __init__(self, question: Event, problem: Problem) -> None:
            super().__init__()
            self.question, self.problem = question, problem

    def __init__(self) -> None:
        super().__init__()
        self.profile = ""
        self.what = "files"
        self.at = ""  # when the answer came that is shown
        self.asked: Event | None = None  # the question that is on its way; set: it was given up
        self._seen: tuple[str, str] | None = None
        self._beside: Beside | None = None

    # For whoever builds on this

    def take(self, rows: list[ThingRow], limits: Limits | None) -> None:
        """Take an answer."""

    def show_taken(self) -> None:
        """Show what was taken last."""

    @property
    def beside(self) -> Beside:
        """Who asks for the workbench."""
        from core.workspace import account

        if self._beside is None:
            self._beside = account.beside(self.workbench.workspace)
        return self._beside

    def say_in_heading(self, words: str) -> None:
        """Say something beside the title."""
        title = said(_("{what} at {profile}"), what=_(TITLES[self.what]), profile=self.profile)
        self.query_one(Heading).show(title, shown_in_line(words))

    # Asking

    def workspace_changed(self) -> None:
        names = sorted(self.workbench.settings.endpoints)
        if self.profile not in names:
            # The one that somebody has named, before the one that is always there.
            self.profile = next((one for one in names if one != "openai"), "openai")
        if self._seen != (self.profile, self.what):
            self.action_look()

    def action_look(self) -> None:
        """Ask the provider."""
        self.stop_asking()
        self._seen = (self.profile, self.what)
        address = self.workbench.settings.endpoints[self.profile].base_url
        self.say_in_heading(_("asking {address}…; esc gives up").format(address=address))
        self.query_one("#things", RowList).empty = SafeText(_("Asking the provider…"))
        self.asked = Event()
        self.refresh_bindings()
        self._read(self.profile, self.what, self.asked)

    @work(thread=True, group="account", name="account", exit_on_error=False)
    def _read(self, profile: str, what: str, stop: Event) -> None:
        from core.workspace import account

        def tell(left: float, failure: Problem, attempt: int) -> None:
            self.post_message(self.Waits(stop, left, failure))

        patience = account.Patience(tell, stop.is_set, self.beside)
        try:
            if what == "limits":
                told = account.limits(self.workbench.workspace, profile, patience)
                self.post_message(self.Looked(stop, [], told))
            else:
                rows = account.things(self.workbench.workspace, profile, what, patience)
                self.post_message(self.Looked(stop, rows, None))
        except Problem as problem:
            self.post_message(self.Failed(stop, problem))

    def stop_asking(self) -> None:
        """Let the question that is on its way be nobody's any more."""
        if self.asked is not None:
            self.asked.set()
        self.asked = None

    def on_screen_suspend(self) -> None:
        # Covered by a dialog it may ask on; when another place is shown, nobody asks for a while.
        if self.app.current_mode != self.PLACE and self.is_idle and self._beside is not None:
            self._beside.leave()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way to the provider."""
        return self.asked is None

    def on_unmount(self) -> None:
        self.stop_asking()
        if self._beside is not None:
            self._beside.leave()

    def action_give_up(self) -> None:
        self.stop_asking()
        self.query_one("#things", RowList).empty = SafeText("")
        self.show_taken()
        self.say_in_heading(_("given up; r asks again"))

    def on_asking_screen_waits(self, event: Waits) -> None:
        if event.question is self.asked and event.left:
            words = _("{what} Next try in {seconds} s; esc gives up.")
            self.say_in_heading(words.format(what=event.problem.what, seconds=max(1, round(event.left))))

    def on_asking_screen_failed(self, event: Failed) -> None:
        if event.question is not self.asked:
            return
        self.asked = None
        self.query_one("#things", RowList).empty = SafeText("")
        self.take([], None)
        self.say_in_heading(_("could not be asked; r tries again"))
        self.workbench.say_problem(event.problem)

    def on_asking_screen_looked(self, event: Looked) -> None:
        if event.question is not self.asked:
            return  # another was asked meanwhile, or it was given up
        self.asked, self.at = None, time.strftime("%H:%M:%S")
        self.query_one("#things", RowList).empty = SafeText(_("There is nothing there."))
        self.take(event.rows, event.limits)
