"""The final page before a run at a provider: what would be uploaded, trained and paid, and until when it will answer.

The page is that of `sinsonte train start DATASET --on PROFILE` (core.workspace.final_page): nothing is uploaded before
s, and what may cost much is agreed to by typing its sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from tui.commands import Command
from tui.lines import Line, fitted, said, wrapped
from tui.screens.ask import AskDialog
from tui.screens.confirm import ConfirmDialog, NameDialog
from tui.screens.place import Heading, PlaceScreen
from tui.themes import Palette
from tui.widgets.board import Board

if TYPE_CHECKING:
    from core.workspace.account import Beside
    from core.workspace.final_page import Plan
    from core.workspace.runs import RunRow

_NAMES = 16  # columns of what a line tells


class PageBoard(Board):
    """The page itself, or what stands in its way."""

    DEFAULT_CSS = "PageBoard { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="page")
        self._page: Plan | None = None
        self._words: SafeText = SafeText("")

    def show(self, page: Plan | None, words: SafeText = SafeText("")) -> None:  # noqa: B008 - a text, never changed
        """Take a page, or words in its place."""
        self._page, self._words = page, words
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        lines: list[Line] = []
        room = max(20, width - _NAMES - 4)
        if self._page is None:
            return [[(said("  {line}", line=line), palette.text)] for line in wrapped(self._words, width - 4)]
        for what, value in self._page.lines():
            for n, part in enumerate(wrapped(shown_in_line(value), room)):
                name = fitted(said("  {what}", what=what if n == 0 else ""), _NAMES + 2)
                lines.append([(name, palette.muted), (part, palette.text)])
        for warning in self._page.warnings:
            lines.append([])
            lines += [
                [(SafeText("! " if n == 0 else "  "), palette.error), (part, palette.text)]
                for n, part in enumerate(wrapped(shown_in_line(warning), width - 4))
            ]
        return lines


class PageScreen(PlaceScreen):
    """One page, for one dataset at one provider."""

    PLACE = "account"
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", N_("upload and start"), id="page.start"),
        Binding("o", "options", N_("settings"), id="page.options"),
        Binding("escape,h,left", "back", N_("back"), id="page.back"),
    ]

    class Planned(Message):
        """The page is there."""

        def __init__(self, page: Plan) -> None:
            super().__init__()
            self.page = page

    class Failed(Message):
        """It cannot be."""

        def __init__(self, problem: Problem) -> None:
            super().__init__()
            self.problem = problem

    class Started(Message):
        """The run is under way."""

        def __init__(self, row: RunRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, profile: str, dataset: str, base: str, beside: Beside) -> None:
        super().__init__()
        self._profile, self._dataset, self._base, self._beside = profile, dataset, base, beside
        self._pairs = ""
        self._page: Plan | None = None

    def body(self) -> Iterable[Widget]:
        yield PageBoard()

    def on_mount(self) -> None:
        super().on_mount()
        title = said(_("Train “{dataset}” at {profile}"), dataset=self._dataset, profile=self._profile)
        self.query_one(Heading).show(title, SafeText(_("nothing is uploaded before s")))
        self._ask()

    def _ask(self) -> None:
        self._page = None
        self.refresh_bindings()
        self.query_one(PageBoard).show(None, SafeText(_("Counting, and asking the provider about the base …")))
        self._plan(self._options())

    def _options(self) -> dict[str, str]:
        from core.workspace import starting

        return starting.pairs_in(self._pairs)

    @work(thread=True, group="page", name="page", exclusive=True, exit_on_error=False)
    def _plan(self, options: dict[str, str]) -> None:
        from core.workspace import account, final_page

        patience = account.Patience(beside=self._beside)
        try:
            page = final_page.plan(
                self.workbench.workspace,
                self._dataset,
                self._profile,
                self._base,
                options,
                patience,
                self.workbench.counting.tokens_to_train,  # a vocabulary takes 70 MB
            )
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            self.post_message(self.Planned(page))

    def on_page_screen_planned(self, event: Planned) -> None:
        self._page = event.page
        self.query_one(PageBoard).show(event.page)
        self.refresh_bindings()

    def on_page_screen_failed(self, event: Failed) -> None:
        self.query_one(PageBoard).show(None, shown_in_line(str(event.problem)))
        self.refresh_bindings()

    # Acts

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._page is not None if action == "start" else True

    def action_back(self) -> None:
        self.dismiss()

    def action_options(self) -> None:
        def take(text: str) -> None:
            from core.workspace import final_page, starting

            final_page.check_options(self.workbench.workspace, self._profile, starting.pairs_in(text))

        def taken(text: str | None) -> None:
            if text is not None:
                self._pairs = text
                self._ask()

        question = SafeText(_("Settings as KEY=VALUE: epochs, batch_size, learning_rate, seed, suffix, method …"))
        self.app.push_screen(AskDialog(question, self._pairs, take), taken)

    def action_start(self) -> None:
        page = self._page
        if page is None:
            return

        def go(agreed: bool | None) -> None:
            if agreed:
                self._page = None
                self.refresh_bindings()
                self.query_one(PageBoard).show(None, SafeText(_("Starting …")))
                self._start(page)

        cost = page.money_said() or _("an unknown sum")
        if page.confirm in ("", "yes"):
            question = said(_("Upload the examples and start? It may cost {cost}."), cost=cost)
            self.app.push_screen(ConfirmDialog(question), go)
            return
        question = said(
            _("Upload the examples and start? It may cost {cost}.\nType {words} to go on:"),
            cost=cost,
            words=page.confirm,
        )
        self.app.push_screen(NameDialog(question, page.confirm, is_name=False), go)

    @work(thread=True, group="page-start", name="page-start", exit_on_error=False)
    def _start(self, page: Plan) -> None:
        from core.workspace import cloud

        try:
            row = cloud.start(self.workbench.workspace, page)
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            self.post_message(self.Started(row))

    def on_page_screen_started(self, event: Started) -> None:
        from tui.screens.runs.run import RunScreen

        self.app.switch_screen(RunScreen(event.row))

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Change the settings of the run")), "screen.options", "o")
        if self._page is not None:
            yield Command(SafeText(_("Upload the examples and start the run")), "screen.start", "s")
