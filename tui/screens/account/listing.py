"""What lies at a provider, and its removal: one kind at a time, of one profile.

Asks the provider in a worker, when the screen is opened and when somebody says so, never by itself; it says whom it asks,
what it waits for and of when the answer is, and esc gives up. What is to be removed is marked, shown as a number, and that
number is typed; there is no key for everything: all that is shown is marked only where a filter has narrowed it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.language import N_, _, ngettext
from core.problem import Misuse, Problem
from core.safe_text import SafeText, shown_in_line
from core.workspace import run_words
from tui.commands import Command
from tui.lines import Line, said, strip_of, wrapped
from tui.screens.account.painting import ThingPainter, titles
from tui.screens.ask import AskDialog
from tui.screens.confirm import ConfirmDialog, NameDialog
from tui.screens.place import Heading, PlaceScreen
from tui.screens.text import TextDialog
from tui.themes import palette_of
from tui.widgets.bars import Bar
from tui.widgets.row_list import Listed, RowList

if TYPE_CHECKING:
    from core.workspace.account import Filter, Limits, ThingRow

KINDS: Final = ("files", "models", "jobs", "limits")
TITLES: Final = {"files": N_("files"), "models": N_("models"), "jobs": N_("jobs"), "limits": N_("limits")}


class ThingTitles(Bar):
    """The titles of the columns."""

    what = "files"

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        width = self.size.width
        return strip_of([(text, palette.muted) for text in titles(self.what, width)], width, palette.ground)


class LimitsText(Widget):
    """What the account may still do, in lines."""

    DEFAULT_CSS = "LimitsText { height: 1fr; display: none; }"

    def __init__(self) -> None:
        super().__init__(id="limits")
        self.lines: list[SafeText] = []

    def forget(self) -> None:
        """Say nothing: these were another's."""
        self.lines = []
        self.refresh()

    def show(self, told: Limits) -> None:
        """Take new words."""
        self.lines = [said(_("can: {abilities}"), abilities=", ".join(told.abilities))]
        if told.last_job:
            self.lines.append(said(_("last day for a new job: {day}"), day=told.last_job))
        self.lines += [said("{model}: {ends}", model=model, ends=ends) for model, ends in told.ends]
        words = json.dumps(told.told, ensure_ascii=False) if told.told else ""
        self.lines.append(
            said(_("limits as the server says them: {told}"), told=words)
            if words
            else SafeText(_("the server does not say its limits"))
        )
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        width = self.size.width
        broken = [part for line in self.lines for part in wrapped(line, width - 4)]
        cells: Line = [(SafeText("  "), palette.ground), (broken[y], palette.text)] if y < len(broken) else []
        return strip_of(cells, width, palette.ground)


class AccountScreen(PlaceScreen):
    """The list, and the page of limits."""

    PLACE = "account"
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

        def __init__(self, problem: Problem, question: Event | None = None) -> None:
            super().__init__()
            self.problem, self.question = problem, question

    class Removing(Message):
        """So many of them are gone."""

        def __init__(self, done: int, count: int) -> None:
            super().__init__()
            self.done, self.count = done, count

    class Removed(Message):
        """What was to go is gone, or most of it."""

        def __init__(self, done: int, failed: list[tuple[ThingRow, Problem]]) -> None:
            super().__init__()
            self.done, self.failed = done, failed

    def __init__(self) -> None:
        super().__init__()
        self._painter = ThingPainter()
        self._profile = ""
        self._what = "files"
        self._all: list[ThingRow] = []
        self._pattern = ""
        self._only_unknown = False
        self._older: int | None = None
        self._asked: Event | None = None  # the question that is on its way; set: it was given up
        self._removal: Event | None = None  # one that goes on; set: it was given up
        self._at = ""  # when the answer came that is shown
        self._seen: tuple[str, str] | None = None

    def body(self) -> Iterable[Widget]:
        yield ThingTitles()
        yield RowList[Any](self._painter, opens=False, id="things")
        yield LimitsText()

    def workspace_changed(self) -> None:
        names = sorted(self.workbench.settings.endpoints)
        if self._profile not in names:
            # The one that somebody has named, before the one that is always there.
            self._profile = next((one for one in names if one != "openai"), "openai")
        if self._seen != (self._profile, self._what):
            self.action_look()

    def action_look(self) -> None:
        """Ask the provider."""
        self._stop()
        self._seen = (self._profile, self._what)
        address = self.workbench.settings.endpoints[self._profile].base_url
        self._heading(_("asking {address}…; esc gives up").format(address=address))
        self.query_one("#things", RowList).empty = SafeText(_("Asking the provider…"))
        self._asked = Event()
        self.refresh_bindings()
        self._read(self._profile, self._what, self._asked)

    @work(thread=True, group="account", name="account", exit_on_error=False)
    def _read(self, profile: str, what: str, stop: Event) -> None:
        from core.workspace import account

        def tell(left: float, failure: Problem, attempt: int) -> None:
            self.post_message(self.Waits(stop, left, failure))

        patience = account.Patience(tell, stop.is_set)
        try:
            if what == "limits":
                told = account.limits(self.workbench.workspace, profile, patience)
                self.post_message(self.Looked(stop, [], told))
            else:
                rows = account.things(self.workbench.workspace, profile, what, patience)
                self.post_message(self.Looked(stop, rows, None))
        except Problem as problem:
            self.post_message(self.Failed(problem, stop))

    def _stop(self) -> None:
        """Let the question that is on its way be nobody's any more."""
        if self._asked is not None:
            self._asked.set()
        self._asked = None

    def on_unmount(self) -> None:
        self._stop()
        if self._removal is not None:
            self._removal.set()

    def action_give_up(self) -> None:
        if self._removal is not None:
            self._removal.set()
            self._heading(_("the rest stays"))
            return
        self._stop()
        self.query_one("#things", RowList).empty = SafeText("")
        self._show()
        self._heading(_("given up; r asks again"))

    def on_account_screen_waits(self, event: Waits) -> None:
        if event.question is self._asked and event.left:
            words = _("{what} Next try in {seconds} s; esc gives up.")
            self._heading(words.format(what=event.problem.what, seconds=max(1, round(event.left))))

    def on_account_screen_failed(self, event: Failed) -> None:
        if event.question is not None and event.question is not self._asked:
            return
        self._asked = self._removal = None
        self._all = []
        self.query_one("#things", RowList).empty = SafeText("")
        self._show()
        self._heading(_("could not be asked; r tries again"))
        self.workbench.say_problem(event.problem)

    def on_account_screen_looked(self, event: Looked) -> None:
        if event.question is not self._asked:
            return  # another was asked meanwhile, or it was given up
        self._asked, self._at = None, time.strftime("%H:%M:%S")
        self._all = event.rows
        self.query_one("#things", RowList).empty = SafeText(_("There is nothing there."))
        self._painter.marked &= {row.thing.id for row in event.rows}
        if event.limits is not None:
            self.query_one(LimitsText).show(event.limits)
        self._show()

    def _show(self) -> None:
        rows = self._fitting()
        limits = self._what == "limits"
        row_list: RowList[ThingRow] = self.query_one("#things", RowList)
        row_list.display = not limits
        self.query_one(LimitsText).display = limits
        head = self.query_one(ThingTitles)
        head.display = not limits and bool(rows)
        if not limits:
            head.what = self._what
            head.refresh()
            row_list.show(Listed(rows))
        size = sum(row.thing.size for row in rows)
        # What is cut off where the terminal is narrow stands last.
        marked = len(self._painter.marked)
        words = [] if limits else [ngettext("{count} thing", "{count} things", len(rows)).format(count=len(rows))]
        words += [ngettext("{count} marked", "{count} marked", marked).format(count=marked)] if marked else []
        words += [_("as of {time}").format(time=self._at)] if self._at else []
        words += [run_words.size(size)] if size else []
        words += [_("named {pattern}").format(pattern=self._pattern)] if self._pattern else []
        words += [_("that no run knows")] if self._only_unknown else []
        words += [_("≥ {days} days").format(days=self._older)] if self._older is not None else []
        self._heading(" · ".join(words))
        self.refresh_bindings()

    def _heading(self, words: str) -> None:
        title = said(_("{what} at {profile}"), what=_(TITLES[self._what]), profile=self._profile)
        self.query_one(Heading).show(title, shown_in_line(words))

    def _filter(self) -> Filter:
        from core.workspace.account import Filter

        return Filter(named=self._pattern, unknown=self._only_unknown, older_than=self._older)

    def _fitting(self) -> list[ThingRow]:
        which = self._filter()
        return [row for row in self._all if which.fits(row)]

    # Acts

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "remove" and self._removal is not None:
            return False
        if action in ("mark", "mark_shown", "narrow", "unknown", "older", "remove"):
            return self._what != "limits" and bool(self._all)
        if action == "give_up":
            return self._asked is not None or self._removal is not None
        return len(self.workbench.settings.endpoints) > 1 if action == "next_profile" else True

    def action_next_kind(self) -> None:
        self._what = KINDS[(KINDS.index(self._what) + 1) % len(KINDS)]
        self._turn()

    def action_next_profile(self) -> None:
        names = sorted(self.workbench.settings.endpoints)
        self._profile = names[(names.index(self._profile) + 1) % len(names)]
        self._turn()

    def _turn(self) -> None:
        self._all, self._pattern, self._only_unknown, self._older, self._at = [], "", False, None, ""
        self._painter.marked.clear()
        self.query_one(LimitsText).forget()
        self._show()
        self.action_look()

    def action_train(self) -> None:
        """Choose a dataset and a base; the page of the run comes before anything is uploaded."""
        from core.workspace import datasets
        from tui.screens.account.page import PageScreen
        from tui.screens.choose import Choice, ChooseDialog

        try:
            names = [row.name for row in datasets.listing(self.workbench.workspace)]
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        if not names:
            self.say(SafeText(_("There is no dataset yet: build one, then come back.")), "warning")
            return

        def with_dataset(at: int | None) -> None:
            if at is None:
                return
            openai = self.workbench.settings.endpoints[self._profile].kind == "openai"
            question = said(_("The base that {profile} is to tune (its own name for it):"), profile=self._profile)
            self.app.push_screen(
                AskDialog(question, "gpt-4.1-mini-2025-04-14" if openai else ""),
                lambda base: self._open_page(PageScreen(self._profile, names[at], base.strip())) if base else None,
            )

        choices = [Choice(shown_in_line(name)) for name in names]
        self.app.push_screen(ChooseDialog(SafeText(_("The dataset to learn from:")), choices), with_dataset)

    def _open_page(self, page: PlaceScreen) -> None:
        self.app.push_screen(page)

    def action_mark(self) -> None:
        row_list: RowList[ThingRow] = self.query_one("#things", RowList)
        if (row := row_list.row) is not None:
            self._painter.marked ^= {row.thing.id}
            self._show()

    def action_narrow(self) -> None:
        def take(pattern: str | None) -> None:
            if pattern is not None:
                self._pattern = pattern.strip()
                self._painter.marked.clear()
                self._show()

        self.app.push_screen(
            AskDialog(SafeText(_("Whose id or name fits (with * and ?); empty for all:")), self._pattern), take
        )

    def action_unknown(self) -> None:
        self._only_unknown = not self._only_unknown
        self._painter.marked.clear()
        self._show()

    def action_older(self) -> None:
        def take(typed: str) -> None:
            if typed.strip() and not typed.strip().isdecimal():
                raise Misuse(_("a number of days is wanted."))

        def done(typed: str | None) -> None:
            if typed is not None:
                self._older = int(typed) if typed.strip() else None
                self._painter.marked.clear()
                self._show()

        now = "" if self._older is None else str(self._older)
        self.app.push_screen(AskDialog(SafeText(_("At least how many days old (empty for all):")), now, take), done)

    def action_mark_shown(self) -> None:
        """Mark what the filter shows; without one it would be everything."""
        if self._filter().empty:
            self.say(SafeText(_("Narrow first (/, u or o): everything at once is never marked.")), "warning")
            return
        self._painter.marked |= {row.thing.id for row in self._fitting()}
        self._show()

    def action_record(self) -> None:
        """What was removed from here, the newest first."""
        from core.workspace import account

        try:
            rows = account.removed(self.workbench.workspace, self._profile)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        lines = [shown_in_line("  ".join(account.removed_cells(row))) for row in rows]
        text = SafeText("\n".join(lines) or _("Nothing was removed from here yet."))
        self.app.push_screen(TextDialog(said(_("Removed from {profile}"), profile=self._profile), text))

    def action_remove(self) -> None:
        """Remove what is marked, else what stands under the cursor."""
        from core.workspace import account

        row_list: RowList[ThingRow] = self.query_one("#things", RowList)
        here = row_list.row
        ids = tuple(sorted(self._painter.marked)) or ((here.thing.id,) if here is not None else ())
        if not ids:
            return
        try:
            if self._what == "jobs":
                raise Problem(
                    _("the protocol deletes no jobs."),
                    advice=_("One that still goes on can be cancelled: sinsonte train cancel RUN."),
                )
            rows = account.chosen(self._all, account.Filter(ids))
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        size = run_words.size(sum(row.thing.size for row in rows))

        def go(agreed: bool | None) -> None:
            if agreed:
                self._heading(_("removing"))
                self._removal = Event()
                self.refresh_bindings()
                self._remove(self._profile, rows, self._removal)

        if len(rows) == 1:
            question = said(_("Remove {id} from {profile} for good?"), id=rows[0].thing.id, profile=self._profile)
            self.app.push_screen(ConfirmDialog(question), go)
            return
        names = ", ".join(row.thing.name or row.thing.id for row in rows[:5]) + (", …" if len(rows) > 5 else "")
        question = said(
            _("Remove {count} things ({size}) from {profile} for good? {names}\nType how many they are:"),
            count=len(rows),
            size=size,
            profile=self._profile,
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
            patience = account.Patience(stop=stop.is_set)
            failed = account.remove(self.workbench.workspace, profile, rows, progress, patience)
            self.post_message(self.Removed(gone[0], failed))
        except Problem as problem:
            self.post_message(self.Failed(problem))

    def on_account_screen_removing(self, event: Removing) -> None:
        if self._removal is not None and not self._removal.is_set():
            words = _("removed {done} of {count}; esc leaves the rest")
            self._heading(words.format(done=event.done, count=event.count))

    def on_account_screen_removed(self, event: Removed) -> None:
        self._removal = None
        self._painter.marked.clear()
        self.say(SafeText(ngettext("{count} removed.", "{count} removed.", event.done).format(count=event.done)))
        for _row, problem in event.failed[:1]:
            self.workbench.say_problem(problem)
        self.action_look()

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Show the next kind: files, models, jobs, limits")), "screen.next_kind", "t")
        if len(self.workbench.settings.endpoints) > 1:
            yield Command(SafeText(_("Show another provider")), "screen.next_profile", "p")
        yield Command(SafeText(_("Train at this provider")), "screen.train", "n")
        yield Command(SafeText(_("Ask the provider again")), "screen.look", "r")
        yield Command(SafeText(_("Show the record of what was removed")), "screen.record", "R")
        if self._all and self._what in ("files", "models"):
            yield Command(SafeText(_("Show only what is older than so many days")), "screen.older", "o")
            yield Command(SafeText(_("Mark all that the filter shows")), "screen.mark_shown", "a")
            yield Command(SafeText(_("Remove what is marked at the provider")), "screen.remove", "d")
