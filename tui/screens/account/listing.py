"""What lies at a provider, and its removal: one kind at a time, of one profile.

What is to be removed is marked, shown as a number, and that number is typed. The list is that of choosing.py, the asking
that of asking.py; from here also a training at this provider begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message

from core.language import N_, _, grouped, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from core.workspace import run_words
from tui.commands import Command
from tui.lines import said
from tui.screens.account.choosing import ChoosingScreen
from tui.screens.ask import AskDialog
from tui.screens.confirm import ConfirmDialog, NameDialog
from tui.screens.place import PlaceScreen
from tui.screens.text import TextDialog
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.account import ThingRow


class AccountScreen(ChoosingScreen):
    """The list, and what can be done with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "next_kind", N_("next kind"), id="account.kind"),
        Binding("p", "next_profile", N_("provider"), id="account.profile"),
        Binding("n", "train", N_("train here"), id="account.train"),
        Binding("m", "mark", N_("mark"), id="account.mark"),
        Binding("slash", "narrow", N_("narrow by name"), id="account.narrow", show=False),
        Binding("u", "unknown", N_("only what no run knows"), id="account.unknown", show=False),
        Binding("d", "remove", N_("remove"), id="account.remove"),
        Binding("o", "older", N_("only older ones"), id="account.older", show=False),
        Binding("a", "mark_shown", N_("mark all that is shown"), id="account.mark_shown", show=False),
        Binding("R", "record", N_("what was removed"), id="account.record", show=False),
        Binding("r", "look", N_("look again"), id="account.look", show=False),
        Binding("escape", "give_up", N_("give up"), id="account.give_up"),
    ]

    class Removing(Message):
        """So many of them are gone."""

        def __init__(self, done: int, count: int) -> None:
            super().__init__()
            self.done, self.count = done, count

    class Removed(Message):
        """So many of what was to go are gone; the rest has stayed by a wish, or for this problem."""

        def __init__(self, done: int, problem: Problem | None) -> None:
            super().__init__()
            self.done, self.problem = done, problem

    def __init__(self) -> None:
        super().__init__()
        self._removal: Event | None = None  # one that goes on; set: it was given up

    @property
    def is_idle(self) -> bool:
        return super().is_idle and self._removal is None

    def on_unmount(self) -> None:
        if self._removal is not None:
            self._removal.set()

    # Acts

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "remove" and self._removal is not None:
            return False
        if action in ("mark", "mark_shown", "narrow", "unknown", "older", "remove"):
            return self.what != "limits" and bool(self.all)
        if action == "give_up":
            return self.asked is not None or self._removal is not None
        return len(self.workbench.settings.endpoints) > 1 if action == "next_profile" else True

    def action_give_up(self) -> None:
        if self._removal is None:
            super().action_give_up()
            return
        self._removal.set()
        self.say_in_heading(_("the rest stays"))

    def action_train(self) -> None:
        """Choose a dataset and a base; the page of the run comes before anything is uploaded."""
        from core.workspace import datasets
        from tui.screens.account.page import PageScreen
        from tui.screens.choose import Choice, ChooseDialog

        try:
            rows = datasets.listing(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        if not rows:
            self.say(SafeText(_("There is no dataset yet: build one, then come back.")), "warning")
            return

        def with_dataset(at: int | None) -> None:
            if at is None:
                return
            openai = self.workbench.settings.endpoints[self.profile].kind == "openai"
            question = said(_("The base that {profile} is to tune (its own name for it):"), profile=self.profile)
            self.app.push_screen(
                AskDialog(question, "gpt-4.1-mini-2025-04-14" if openai else ""),
                lambda base: (
                    self._open_page(PageScreen(self.profile, rows[at].name, base.strip(), self.beside))
                    if base
                    else None
                ),
            )

        words = _("{train} to train on, {validation} held out")
        choices = [
            Choice(shown_in_line(row.name), said(words, train=grouped(row.train), validation=grouped(row.validation)))
            for row in rows
        ]
        self.app.push_screen(ChooseDialog(SafeText(_("The dataset to learn from:")), choices), with_dataset)

    def _open_page(self, page: PlaceScreen) -> None:
        self.app.push_screen(page)

    def action_record(self) -> None:
        """What was removed from here, the newest first."""
        from core.workspace import account

        try:
            rows = account.removed(self.workbench.workspace, self.profile)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        lines = [shown_in_line("  ".join(account.removed_cells(row))) for row in rows]
        text = SafeText("\n".join(lines) or _("Nothing was removed from here yet."))
        self.app.push_screen(TextDialog(said(_("Removed from {profile}"), profile=self.profile), text))

    def action_remove(self) -> None:
        """Remove what is marked, else what stands under the cursor."""
        from core.workspace import account

        row_list: RowList[ThingRow] = self.query_one("#things", RowList)
        here = row_list.row
        ids = tuple(sorted(self.painter.marked)) or ((here.thing.id,) if here is not None else ())
        if not ids:
            return
        try:
            if self.what == "jobs":
                raise Problem(
                    _("the protocol deletes no jobs."),
                    advice=_("One that still goes on can be cancelled: sinsonte train cancel RUN."),
                )
            rows = account.chosen(self.all, account.Filter(ids))
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        size = run_words.size(sum(row.thing.size for row in rows))

        def go(agreed: bool | None) -> None:
            if agreed:
                self.say_in_heading(_("removing"))
                self._removal = Event()
                self.refresh_bindings()
                self._remove(self.profile, rows, self._removal)

        if len(rows) == 1:
            one = rows[0].thing
            what = ", ".join(filter(None, (one.name, size if one.size else "")))
            question = (
                _("Remove {id} ({what}) from {profile} for good?")
                if what
                else _("Remove {id} from {profile} for good?")
            )
            self.app.push_screen(ConfirmDialog(said(question, id=one.id, what=what, profile=self.profile)), go)
            return
        names = ", ".join(row.thing.name or row.thing.id for row in rows[:5]) + (", …" if len(rows) > 5 else "")
        question = said(
            _("Remove {count} things ({size}) from {profile} for good? {names}\nType how many they are:"),
            count=len(rows),
            size=size,
            profile=self.profile,
            names=names,
        )
        self.app.push_screen(NameDialog(question, str(len(rows)), is_name=False), go)

    @work(thread=True, group="account-removal", name="account-removal", exit_on_error=False)
    def _remove(self, profile: str, rows: list[ThingRow], stop: Event) -> None:
        from core.workspace import account

        gone = [0]

        def progress(done: int, count: int) -> None:
            gone[0] += 1
            self.post_message(self.Removing(done, count))

        try:
            patience = account.Patience(stop=stop.is_set, beside=self.beside)
            failed = account.remove(self.workbench.workspace, profile, rows, progress, patience)
            self.post_message(self.Removed(gone[0], failed[0][1] if failed else None))
        except Problem as problem:
            self.post_message(self.Removed(gone[0], problem))

    def on_account_screen_removing(self, event: Removing) -> None:
        if self._removal is not None and not self._removal.is_set():
            words = _("removed {done} of {count}; esc leaves the rest")
            self.say_in_heading(words.format(done=event.done, count=event.count))

    def on_account_screen_removed(self, event: Removed) -> None:
        self._removal = None
        self.painter.marked.clear()
        self.say(SafeText(ngettext("{count} removed.", "{count} removed.", event.done).format(count=event.done)))
        if event.problem is not None:
            self.workbench.say_problem(event.problem)
        self.action_look()

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Show the next kind: files, models, jobs, limits")), "screen.next_kind", "t")
        if len(self.workbench.settings.endpoints) > 1:
            yield Command(SafeText(_("Show another provider")), "screen.next_profile", "p")
        yield Command(SafeText(_("Train at this provider")), "screen.train", "n")
        yield Command(SafeText(_("Ask the provider again")), "screen.look", "r")
        yield Command(SafeText(_("Show the record of what was removed")), "screen.record", "R")
        if self.all and self.what in ("files", "models"):
            yield Command(SafeText(_("Show only what is older than so many days")), "screen.older", "o")
            yield Command(SafeText(_("Mark all that the filter shows")), "screen.mark_shown", "a")
            yield Command(SafeText(_("Remove what is marked at the provider")), "screen.remove", "d")
