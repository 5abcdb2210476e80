"""The talks that were had: found by their words, opened again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from core.chat import local_seconds
from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from tui.figures import clock, number, short_day
from tui.lines import NOTHING, Line, fitted, said
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from core.workspace.opening import Workspace
    from core.workspace.transcripts import Said, TalkRow
    from tui.screens.talk.screen import TalkScreen

_FOUND = 200  # messages that a search shows


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A talk, or a message that was found in one."""

    talk: TalkRow
    said: Said | None = None


class History:
    """Talks as rows."""

    def __init__(self, rows: Sequence[HistoryRow]) -> None:
        self.rows_ = rows

    def count(self) -> int:
        return len(self.rows_)

    def rows(self, first: int, n: int) -> Sequence[HistoryRow]:
        return self.rows_[first : first + n]


def paint_talk(row: HistoryRow, _before: HistoryRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """When, with whom, about what; beneath a talk that was searched, what was found."""
    from core.workspace.transcripts import moment

    mark = SafeText("▌ " if chosen else "  ")
    at = local_seconds(moment(row.talk.changed_at))
    line: Line = [
        (mark, palette.accent),
        (SafeText(f"{short_day(at)} {clock(at)}  "), palette.muted),
        (fitted(said("{models}", models=" + ".join(row.talk.models)), 16), palette.persona),
        (said("  {title}", title=row.talk.title or "—"), palette.text),
    ]
    if row.said is None:
        return Painted([line])
    who = row.said.model or _("you")
    found: Line = [
        (mark, palette.accent),
        (said("    {who}: ", who=who), palette.muted),
        (shown_in_line(row.said.text), palette.muted),
    ]
    return Painted([line, found])


class HistoryDialog(ModalScreen[tuple[int, int | None] | None]):
    """A field and the talks; dismissed with the number of one, and of the message that was found in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("back"), id="dialog.back"),
        Binding("down,ctrl+n", "move(1)", N_("next talk"), id="history.down"),
        Binding("up", "move(-1)", N_("talk above"), id="history.up"),
        Binding("pagedown", "page(1)", N_("next page"), id="history.page_down"),
        Binding("pageup", "page(-1)", N_("page before"), id="history.page_up"),
    ]

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(classes="dialog tall")
        self._workspace = workspace

    def compose(self) -> ComposeResult:
        field = Input(placeholder=_("Words to look for"), compact=True, id="history-query")
        field.cursor_blink = False
        row_list = RowList[HistoryRow](paint_talk, lit=2, id="history", empty=SafeText(_("No talk has these words.")))
        row_list.can_focus = False
        with Vertical():
            yield field
            yield row_list
            yield Plain(NOTHING, id="history-said")

    def on_mount(self) -> None:
        self._look_for("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._look_for(event.value)

    def _look_for(self, query: str) -> None:
        from core.workspace import transcripts

        try:
            if query.strip():
                rows = [HistoryRow(talk, said_) for talk, said_ in transcripts.search(self._workspace, query, _FOUND)]
            else:
                rows = [HistoryRow(talk) for talk in transcripts.listing(self._workspace)]
        except Problem as problem:
            self.query_one("#history-said", Plain).show(shown_in_line(str(problem)))
            return
        self.query_one("#history", RowList).show(History(rows), 0)
        if query.strip():
            told = ngettext("{n} message found", "{n} messages found", len(rows))
        else:
            told = ngettext("{n} talk", "{n} talks", len(rows))
        keys = SafeText("   " + _("⏎ open   esc back"))
        self.query_one("#history-said", Plain).show(SafeText(said(told, n=number(len(rows))) + keys))

    def on_input_submitted(self) -> None:
        self._choose()

    def on_row_list_chosen(self) -> None:
        self._choose()

    def _choose(self) -> None:
        row: HistoryRow | None = self.query_one("#history", RowList).row
        self.dismiss((row.talk.id, row.said.id if row.said else None) if row is not None else None)

    def action_move(self, by: int) -> None:
        self.query_one("#history", RowList).action_move(by)

    def action_page(self, by: int) -> None:
        self.query_one("#history", RowList).action_page(by)

    def action_leave(self) -> None:
        self.dismiss(None)


def open_history(screen: TalkScreen) -> None:
    """Choose a talk, and open it where it was found."""

    def chosen(found: tuple[int, int | None] | None) -> None:
        if found is not None:
            screen.open_talk(*found)
            screen.set_focus(screen.view(0))

    screen.app.push_screen(HistoryDialog(screen.workbench.workspace), chosen)
