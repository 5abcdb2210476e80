"""Importing on the library's screen: in a named worker, so that keys are answered meanwhile; with its report.

The file comes from the picker, or they are the sample chats. What an import cannot know is asked: the order of dates
that nothing tells, and after the first import whose voice is to be learnt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from tui.commands import Command
from tui.figures import number
from tui.lines import NOTHING, Line, said
from tui.screens.place import PlaceScreen
from tui.themes import Palette
from tui.widgets.row_list import RowList
from tui.work import WorkBar, guessed, left_of, progress_cells

if TYPE_CHECKING:
    from core.workspace.chats import ChatRow, ImportReport

Order = tuple[str, str]  # a date order, and a day as it would be in it
_SAY_EVERY = 0.25  # seconds between two reports of progress: an import reads 400,000 lines in that time


class ImportBar(WorkBar):
    """How far the import is, before any other work."""

    def __init__(self) -> None:
        super().__init__()
        self._at: tuple[str, int, int, int] | None = None
        self._started = 0.0

    def show_import(self, name: str, done: int, total: int, messages: int) -> None:
        """Take the figures of now."""
        if self._at is None or name != self._at[0] or done < self._at[1]:
            self._started = time.monotonic()  # another file
        self._at = (name, done, total, messages)
        self.redraw()

    def no_import(self) -> None:
        """It has ended."""
        self._at = None
        self.redraw()

    def draw(self, palette: Palette, width: int) -> Line:
        if self._at is None:
            return super().draw(palette, width)
        name, done, total, messages = self._at
        return [
            *progress_cells(done, total, palette),
            (said(_("{n} messages"), n=number(messages)), palette.muted),
            (left_of(guessed(time.monotonic() - self._started, done, total)), palette.muted),
            (said("   {name}", name=name), palette.muted),
        ]


class ImportingScreen(PlaceScreen):
    """A screen from which chats are imported."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "import_path", N_("import"), id="chats.import"),
        Binding("s", "import_samples", N_("sample chats"), id="chats.samples"),
        Binding("r", "report", N_("import report"), id="chats.report"),
        Binding("escape", "stop_import", N_("stop the import"), id="chats.stop_import"),
    ]
    chats: RowList[ChatRow]

    class Progressed(Message):
        """The import read more."""

        def __init__(self, name: str, done: int, total: int, messages: int, report: Sequence[str]) -> None:
            super().__init__()
            self.at = (name, done, total, messages)
            self.report = report

    class Ended(Message):
        """The import ended: what to say, how bad it is, the report, and what is to be asked."""

        def __init__(
            self,
            text: SafeText,
            severity: str,
            report: Sequence[str] = (),
            ask: tuple[Path, Sequence[Order]] | None = None,
        ) -> None:
            super().__init__()
            self.text = text
            self.severity = severity
            self.report = report
            self.ask = ask

    def __init__(self) -> None:
        super().__init__()
        self._importing: Worker[None] | None = None
        self._several = False  # more than one file: its report is there to be asked for, and does not come by itself
        self._report: Sequence[str] = ()  # of the import that goes on, or of the last one
        self._folder = Path.cwd()

    def work_bar(self) -> ImportBar:
        return ImportBar()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop_import":
            return self._importing is not None
        if action == "report":
            return bool(self._report)
        if action == "import_samples":
            return self._importing is None and self.is_mounted and not self.chats.count
        return self._importing is None if action == "import_path" else True

    def action_import_samples(self) -> None:
        from core.workspace import chats

        try:
            files = chats.sample_files()
        except OSError:
            files = []
        if files:
            self._start(files)
        else:
            self.workbench.say(SafeText(_("The sample chats are not part of this installation.")), "error")

    def action_import_path(self) -> None:
        from tui.screens.picker import FilePicker

        self.app.push_screen(FilePicker(self._folder), self._take_path)

    def _take_path(self, path: Path | None) -> None:
        if path is not None:
            self._folder = path.parent
            self._start([path])

    def action_stop_import(self) -> None:
        if self._importing is not None:
            self._importing.cancel()

    def action_report(self) -> None:
        self._show_report(NOTHING)

    def _show_report(self, heading: SafeText) -> None:
        from tui.screens.report import ReportDialog

        self.app.push_screen(ReportDialog(self._report, heading), self._ask_whose_voice)

    def _start(self, files: Sequence[Path], date_order: str | None = None) -> None:
        self._several = len(files) > 1
        self._report = ()
        self._importing = self._import(files, date_order)
        self.query_one(ImportBar).show_import(files[0].name, 0, 0, 0)
        self.refresh_bindings()

    @work(thread=True, exclusive=True, group="import", name="import", exit_on_error=False)
    def _import(self, files: Sequence[Path], date_order: str | None) -> None:
        from core.workspace import chats

        worker: Worker[None] = get_current_worker()
        added = unread = 0
        last = 0.0
        at = files[0]
        reports: list[ImportReport] = []
        told: list[str] = []  # of the files that are done

        def progress(done: int, total: int, messages: int) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= _SAY_EVERY:
                last = now
                lines = told + (reports[-1].as_text() if reports else [])
                self.post_message(self.Progressed(at.name, done, total, messages, lines))

        try:
            for at in files:
                report = chats.import_file(
                    self.workbench.workspace, at, date_order=date_order, progress=progress, watch=reports.append,
                    cancelled=lambda: worker.is_cancelled,
                )  # fmt: skip
                told += report.as_text()
                added += report.added or 0
                unread += report.unread_total
        except chats.Cancelled:
            self.post_message(self.Ended(SafeText(_("Stopped; nothing of the file was kept.")), "warning"))
        except Problem as problem:
            orders = chats.date_readings(problem)
            self.post_message(self.Ended(shown_in_line(str(problem)), "error", told, (at, orders) if orders else None))
        else:
            said_ = ngettext("{n} new message.", "{n} new messages.", added).format(n=number(added))
            if unread:
                said_ += " " + ngettext(
                    "{n} line was not understood.", "{n} lines were not understood.", unread
                ).format(n=number(unread))
            self.post_message(self.Ended(SafeText(said_), "warning" if unread else "information", told))

    def on_importing_screen_progressed(self, event: Progressed) -> None:
        from tui.screens.report import ReportDialog

        if self._importing is not None:
            self.query_one(ImportBar).show_import(*event.at)
            first = not self._report
            self._report = event.report
            if isinstance(self.app.screen, ReportDialog):
                self.app.screen.show(event.report)
            elif first:
                self.refresh_bindings()

    def on_importing_screen_ended(self, event: Ended) -> None:
        from tui.screens.report import ReportDialog

        self._importing = None
        self._report = event.report
        self.query_one(ImportBar).no_import()
        self.workbench.look_for_changes()
        self.workspace_changed()
        self.workbench.say(event.text, event.severity)
        if event.ask is not None:
            self._ask_date_order(*event.ask)
        elif isinstance(self.app.screen, ReportDialog):
            self.app.screen.show(event.report, event.text)
        elif event.report and self.app.screen is self:
            if self._several:
                self._ask_whose_voice(None)  # without one there are no examples to count, and nothing would say why
            else:
                self._show_report(event.text)

    def _ask_date_order(self, file: Path, orders: Sequence[Order]) -> None:
        from tui.screens.palette import PaletteDialog

        words = {
            "dmy": _("day, month, year: {day}"), "mdy": _("month, day, year: {day}"), "ymd": _("year, month, day: {day}")
        }  # fmt: skip
        commands = [Command(said(words[order], day=day), order) for order, day in orders]

        def take(command: Command | None) -> None:
            if command is not None:
                self._start([file], command.action)

        self.app.push_screen(PaletteDialog(commands, _("The dates can be read in two ways. Which is right?")), take)

    def _ask_whose_voice(self, _closed: None) -> None:
        """After the first import: whose voice is to be learnt. Not asked again once it is known."""
        from core.workspace import people, recipe
        from tui.screens.palette import PaletteDialog

        workspace = self.workbench.workspace
        if self._importing is not None or recipe.current(workspace).persona:
            return
        rows = people.listing(workspace)
        if not rows:
            return
        commands = [Command(said("{name}", name=row.name), row.name, number(row.messages)) for row in rows]

        def take(command: Command | None) -> None:
            if command is None:
                return
            try:
                recipe.change(workspace, {"persona": command.action})
            except Problem as problem:
                self.workbench.say_problem(problem)
                return
            self.workbench.say(said(_("The voice to learn: {name}."), name=command.action))
            self.workbench.look_for_changes()

        self.app.push_screen(PaletteDialog(commands, _("Whose voice is to be learnt?")), take)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        super().on_worker_state_changed(event)
        if event.worker is self._importing and event.state is WorkerState.ERROR:
            self._importing = None
            self.query_one(ImportBar).no_import()
            self.refresh_bindings()

    def commands(self) -> Iterator[Command]:
        if self._importing is None:
            yield Command(SafeText(_("Import a chat")), "screen.import_path", "i")
            if not self.chats.count:
                yield Command(SafeText(_("Import the sample chats")), "screen.import_samples", "s")
        else:
            yield Command(SafeText(_("Stop the import")), "screen.stop_import", _("esc"))
        if self._report:
            yield Command(SafeText(_("Show the import report")), "screen.report", "r")
