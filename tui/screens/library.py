"""The chats of the workspace, and the way in for new ones.

Shows what `core.workspace.chats.listing` gives; imports in a named worker, so that keys are answered meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import work
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.figures import number, short_day
from tui.lines import NOTHING, Line, fitted, said, strip_of, width_of
from tui.screens.importing import ImportingScreen
from tui.themes import Palette, palette_of
from tui.widgets.bars import Titles
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.chats import ChatRow


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


def titles(width: int) -> list[SafeText]:
    """The titles over the columns of `paint_chat`."""
    return [
        fitted(said("  {text}", text=_("From – to")), 29),
        fitted(said("{text}", text=_("Messages")), 10, right=True),
        fitted(said("  {text}", text=_("From what")), 12 if width >= 100 else 0),
        said("  {text}", text=_("Chat and participants")),
    ]


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
            line("", _("WhatsApp, Telegram, Discord, Messenger, Instagram, ChatGPT,"), palette.muted),
            line("", _("Excel, CSV, training files"), palette.muted),
            [],
            [(SafeText(_("Everything stays on this machine,")), palette.muted)],
            [(SafeText(_("in a folder that you alone can read.")), palette.muted)],
        ]
        widest = max(sum(width_of(text) for text, _style in line) for line in words)
        left = SafeText(" " * max(0, (self.size.width - widest) // 2))
        return [[(left, palette.text), *line] for line in words]


class LibraryScreen(ImportingScreen):
    """All chats."""

    PLACE = "chats"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "people", N_("people"), id="chats.people"),
        Binding("X", "ask_delete", N_("delete"), id="chats.delete", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[ChatRow] | None = None
        self.chats: RowList[ChatRow] = RowList(paint_chat, id="chats")

    def body(self) -> Iterable[Widget]:
        yield Titles(titles)
        yield Welcome()
        yield self.chats

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
        row_list: RowList[ChatRow] = self.chats
        here = row_list.row
        place = next((at for at, row in enumerate(rows) if here is not None and row.id == here.id), None)
        if rows != self._rows:
            row_list.show(Listed(rows), place)
        self._rows = rows
        row_list.display = self.query_one(Titles).display = bool(rows)
        self.query_one(Welcome).display = not rows
        if rows and not row_list.has_focus:
            row_list.focus()
        messages = sum(row.messages for row in rows)
        detail = [
            ngettext("{n} chat", "{n} chats", len(rows)).format(n=number(len(rows))),
            ngettext("{n} message", "{n} messages", messages).format(n=number(messages)),
        ]
        self.heading.show(SafeText(_("Chats")), SafeText(" · ".join(detail)) if rows else NOTHING)
        self.refresh_bindings()

    # Opening

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        row = event.row_list.row
        if row is not None:
            self.workbench.show_chat(row.id)

    def action_people(self) -> None:
        from tui.screens.people import PeopleScreen

        self.app.push_screen(PeopleScreen())

    # Deleting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("people", "ask_delete"):
            return self.is_mounted and self.chats.count > 0
        return super().check_action(action, parameters)

    def action_ask_delete(self) -> None:
        from core.workspace import deleting
        from tui.screens.confirm import NameDialog

        row: ChatRow | None = self.chats.row
        if row is None:
            return
        try:
            told = deleting.would_delete(self.workbench.workspace, str(row.id))
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        words = [
            said(
                ngettext("Delete “{title}” with its {n} message?", "Delete “{title}” with its {n} messages?", told.messages),
                title=told.title, n=number(told.messages),
            ),
            SafeText(_("A copy of the database is made first; decisions stay for a later import.")),
        ]  # fmt: skip
        if told.datasets:
            words.append(said(_("Datasets made from it keep their examples: {names}"), names=", ".join(told.datasets)))
        question = SafeText("\n".join(words))

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(row.id)

        self.app.push_screen(NameDialog(question, told.title), answered)

    @work(thread=True, exclusive=True, group="delete", name="delete", exit_on_error=False)
    def _delete(self, chat: int) -> None:
        from core.workspace import deleting

        try:
            told = deleting.delete(self.workbench.workspace, str(chat))
        except Problem as problem:
            self.app.call_from_thread(self.workbench.say_problem, problem)
            return
        words = said(_("Deleted. Everything is still in {backup}."), backup=told.backup)
        self.app.call_from_thread(self._deleted, words)

    def _deleted(self, words: SafeText) -> None:
        self.workspace_changed()
        self.workbench.look_for_changes()
        self.workbench.say(words)

    def commands(self) -> Iterator[Command]:
        row_list: RowList[ChatRow] = self.chats
        yield from super().commands()
        here = row_list.row
        if here is not None:
            yield Command(SafeText(_("People")), "screen.people", "p")
        for index in range(min(row_list.count, 200)):
            if (row := row_list.at(index)) is None:
                break
            yield Command(said(_("Open: {chat}"), chat=row.title), f"app.open_chat({row.id})")
        if here is not None:
            yield Command(said(_("Delete: {chat}"), chat=here.title), "screen.ask_delete", "X")
