"""The chats of the workspace, and the way in for new ones.

Shows what `core.workspace.chats.listing` gives; imports in a named worker, so that keys are answered meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.style import Style
from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import WorkerState, get_current_worker

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from tui.commands import Command
from tui.figures import number, short_day
from tui.lines import NOTHING, SPACE, Cell, Line, fitted, said, strip_of, width_of
from tui.screens.place import Heading, PlaceScreen
from tui.themes import Palette, palette_of
from tui.widgets.bars import Bar
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from textual.worker import Worker

    from core.workspace.chats import ChatRow

_SAY_EVERY = 0.25  # seconds between two reports of progress: an import reads 400,000 lines in that time


class Chats:
    """The chats as rows."""

    def __init__(self, chats: Sequence[ChatRow]) -> None:
        self.chats = chats

    def count(self) -> int:
        return len(self.chats)

    def rows(self, first: int, n: int) -> Sequence[ChatRow]:
        return self.chats[first : first + n]


def paint_chat(row: ChatRow, _before: ChatRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """When, how much, and at the end, since its width is anybody's guess, who."""
    days = f"{short_day(row.first)} – {short_day(row.last)}" if row.first is not None and row.last is not None else "—"
    line: Line = [
        (SafeText("▌ " if chosen else "  "), palette.accent),
        (fitted(SafeText(days), 27), palette.muted),
        (fitted(SafeText(number(row.messages)), 10, right=True), palette.text),
    ]
    if width >= 100:
        line.append((fitted(said("  {platform}", platform=row.platform), 12), palette.muted))
    line.append((said("  {title}", title=row.title), palette.strong))
    names = ", ".join(row.participants)
    # A chat between two is often called by one of them: the names add nothing then but repetition.
    line.append((said("  {names}", names=names), palette.muted))
    return Painted([line])


class ColumnTitles(Bar):
    """The titles of the columns."""

    DEFAULT_CSS = "ColumnTitles { height: 1; }"

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        width = self.size.width
        titles: list[Cell] = [
            (SPACE, palette.muted),
            (fitted(said(" {text}", text=_("From – to")), 28), palette.faint),
            (fitted(said("{text}", text=_("Messages")), 10, right=True), palette.faint),
        ]
        if width > 100:
            titles.append((fitted(said("  {text}", text=_("From what")), 12), palette.faint))
        titles.append((said("  {text}", text=_("Chat and participants")), palette.faint))
        return strip_of(titles, width, palette.ground)


class Welcome(Widget):
    """What a first start shows instead of an empty list."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Welcome { height: 1fr; width: 1fr; }"

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        lines = self._lines(palette)
        top = max(0, (self.size.height - len(lines)) // 3)
        line = lines[y - top] if top <= y < top + len(lines) else []
        return strip_of(line, self.size.width, palette.ground)

    def _lines(self, palette: Palette) -> list[Line]:
        def line(key: str, text: str, style: Style = palette.text) -> Line:
            return [(SafeText(f"{key:3}"), palette.accent), (SafeText(text), style)]

        words: list[Line] = [
            [(SafeText(_("There are no chats yet.")), palette.strong)],
            [],
            line("s", _("import the sample chats, of people who do not exist")),
            line("i", _("import a chat that you exported")),
            line("", _("WhatsApp, Telegram, CSV, JSON Lines"), palette.muted),
            [],
            [(SafeText(_("Everything stays on this machine,")), palette.muted)],
            [(SafeText(_("in a folder that you alone can read.")), palette.muted)],
        ]
        widest = max(sum(width_of(text) for text, _style in line) for line in words)
        left = SafeText(" " * max(0, (self.size.width - widest) // 2))
        return [[(left, palette.text), *line] for line in words]


class ImportProgress(Bar):
    """How far the import is. Not there while nothing is imported."""

    DEFAULT_CSS = "ImportProgress { height: 1; display: none; } ImportProgress.on { display: block; }"

    def __init__(self) -> None:
        super().__init__(id="progress")
        self._at: tuple[str, int, int, int] = ("", 0, 0, 0)

    def show(self, name: str, done: int, total: int, messages: int) -> None:
        """Take the figures of now."""
        self._at = (name, done, total, messages)
        self.add_class("on")
        self.redraw()

    def draw(self, palette: Palette, width: int) -> Line:
        name, done, total, messages = self._at
        share = done / total if total else 0.0
        full = round(24 * min(1.0, share))
        return [
            (SPACE, palette.text),
            (SafeText("━" * full), palette.accent),
            (SafeText("━" * (24 - full)), palette.faint),
            (said(" {percent} %  ", percent=f"{share * 100:3.0f}"), palette.text),
            (said(_("{n} messages"), n=number(messages)), palette.muted),
            (said("   {name}", name=name), palette.muted),
        ]


class LibraryScreen(PlaceScreen):
    """All chats."""

    PLACE = "chats"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "import_path", N_("import"), id="chats.import"),
        Binding("s", "import_samples", N_("sample chats"), id="chats.samples"),
        Binding("escape", "stop_import", N_("stop the import"), id="chats.stop_import"),
    ]

    class Progressed(Message):
        """The import read more."""

        def __init__(self, name: str, done: int, total: int, messages: int) -> None:
            super().__init__()
            self.at = (name, done, total, messages)

    class Ended(Message):
        """The import ended: what to say, and how bad it is."""

        def __init__(self, text: SafeText, severity: str) -> None:
            super().__init__()
            self.text = text
            self.severity = severity

    def __init__(self) -> None:
        super().__init__()
        self._importing: Worker[None] | None = None

    def body(self) -> Iterable[Widget]:
        yield ColumnTitles()
        yield Welcome()
        yield RowList[Any](paint_chat, id="chats")
        yield ImportProgress()

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()

    def workspace_changed(self) -> None:
        from core.workspace import chats

        try:
            rows = chats.listing(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        row_list: RowList[ChatRow] = self.query_one("#chats", RowList)
        here = row_list.row
        place = next((at for at, row in enumerate(rows) if here is not None and row.id == here.id), None)
        row_list.show(Chats(rows), place)
        row_list.display = self.query_one(ColumnTitles).display = bool(rows)
        self.query_one(Welcome).display = not rows
        if rows and not row_list.has_focus:
            row_list.focus()
        messages = sum(row.messages for row in rows)
        detail = [
            ngettext("{n} chat", "{n} chats", len(rows)).format(n=number(len(rows))),
            ngettext("{n} message", "{n} messages", messages).format(n=number(messages)),
        ]
        self.query_one(Heading).show(SafeText(_("Chats")), SafeText(" · ".join(detail)) if rows else NOTHING)
        self.refresh_bindings()

    # Opening

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        row = event.row_list.row
        if row is not None:
            self.workbench.show_chat(row.id)

    # Importing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop_import":
            return self._importing is not None
        if action == "import_samples":
            return self._importing is None and self.is_mounted and not self.query_one("#chats", RowList).count
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
        from tui.screens.path import PathDialog

        self.app.push_screen(PathDialog(), self._take_path)

    def _take_path(self, path: Path | None) -> None:
        if path is not None:
            self._start([path])

    def action_stop_import(self) -> None:
        if self._importing is not None:
            self._importing.cancel()

    def _start(self, files: Sequence[Path]) -> None:
        self._importing = self._import(files)
        self.query_one(ImportProgress).show(files[0].name, 0, 0, 0)
        self.refresh_bindings()

    @work(thread=True, exclusive=True, group="import", name="import", exit_on_error=False)
    def _import(self, files: Sequence[Path]) -> None:
        from core.workspace import chats

        worker: Worker[None] = get_current_worker()
        added = unread = 0
        last = 0.0
        at = files[0]

        def progress(done: int, total: int, messages: int) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= _SAY_EVERY:
                last = now
                self.post_message(self.Progressed(at.name, done, total, messages))

        try:
            for at in files:
                reports = chats.import_files(
                    self.workbench.workspace, [at], progress=progress, cancelled=lambda: worker.is_cancelled
                )
                added += sum(report.added or 0 for report in reports)
                unread += sum(report.unread_total for report in reports)
        except chats.Cancelled:
            self.post_message(self.Ended(SafeText(_("Stopped; nothing of the file was kept.")), "warning"))
        except Problem as problem:
            self.post_message(self.Ended(shown_in_line(str(problem)), "error"))
        else:
            said_ = ngettext("{n} new message.", "{n} new messages.", added).format(n=number(added))
            if unread:
                said_ += " " + ngettext(
                    "{n} line was not understood.", "{n} lines were not understood.", unread
                ).format(n=number(unread))
            self.post_message(self.Ended(SafeText(said_), "warning" if unread else "information"))

    def on_library_screen_progressed(self, event: Progressed) -> None:
        if self._importing is not None:
            self.query_one(ImportProgress).show(*event.at)

    def on_library_screen_ended(self, event: Ended) -> None:
        self._importing = None
        self.query_one(ImportProgress).remove_class("on")
        self.workbench.look_for_changes()
        self.workspace_changed()
        self.workbench.say(event.text, event.severity)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        super().on_worker_state_changed(event)
        if event.worker is self._importing and event.state is WorkerState.ERROR:
            self._importing = None
            self.query_one(ImportProgress).remove_class("on")
            self.refresh_bindings()

    def commands(self) -> Iterator[Command]:
        row_list: RowList[ChatRow] = self.query_one("#chats", RowList)
        if self._importing is None:
            yield Command(SafeText(_("Import a chat")), "screen.import_path", "i")
            if not row_list.count:
                yield Command(SafeText(_("Import the sample chats")), "screen.import_samples", "s")
        else:
            yield Command(SafeText(_("Stop the import")), "screen.stop_import", _("esc"))
        for index in range(min(row_list.count, 200)):
            if (row := row_list.at(index)) is None:
                break
            yield Command(said(_("Open: {chat}"), chat=row.title), f"app.open_chat({row.id})")
