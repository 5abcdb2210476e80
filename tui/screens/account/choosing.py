"""The list of what lies at a provider: narrowed by name, by age and by what no run knows, and marked.

In: the rows that the provider told. Out: those that fit, and the marks on them, for whoever removes. There is no key that
marks everything: all that is shown is marked only where a filter has narrowed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.strip import Strip
from textual.widget import Widget

from core.language import _, ngettext
from core.problem import Misuse
from core.safe_text import SafeText, shown_in_line
from core.workspace import run_words
from tui.lines import strip_of
from tui.screens.account.asking import KINDS, AskingScreen
from tui.screens.account.limits import LimitsText
from tui.screens.account.painting import ThingPainter, titles
from tui.screens.ask import AskDialog
from tui.themes import palette_of
from tui.widgets.bars import Bar
from tui.widgets.row_list import Listed, RowList

if TYPE_CHECKING:
    from core.workspace.account import Filter, Limits, ThingRow


class ThingTitles(Bar):
    """The titles of the columns."""

    what = "files"

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        width = self.size.width
        return strip_of([(text, palette.muted) for text in titles(self.what, width)], width, palette.ground)


class ChoosingScreen(AskingScreen):
    """The list, and the page of limits."""

    def __init__(self) -> None:
        super().__init__()
        self.painter = ThingPainter()
        self.all: list[ThingRow] = []
        self._pattern = ""
        self._only_unknown = False
        self._older: int | None = None

    def body(self) -> Iterable[Widget]:
        yield ThingTitles()
        yield RowList[Any](self.painter, opens=False, id="things")
        yield LimitsText()

    def take(self, rows: list[ThingRow], limits: Limits | None) -> None:
        self.all = rows
        self.painter.marked &= {row.thing.id for row in rows}
        if limits is not None:
            self.query_one(LimitsText).show(limits)
        self.show_taken()

    def show_taken(self) -> None:
        rows = self._fitting()
        limits = self.what == "limits"
        row_list: RowList[ThingRow] = self.query_one("#things", RowList)
        row_list.display = not limits
        self.query_one(LimitsText).display = limits
        head = self.query_one(ThingTitles)
        head.display = not limits and bool(rows)
        if not limits:
            head.what = self.what
            head.refresh()
            row_list.show(Listed(rows))
            if self.focused is None:
                row_list.focus()  # which it lost when the page of limits took its place
        self._say_taken(rows)

    def _say_taken(self, rows: list[ThingRow]) -> None:
        limits = self.what == "limits"
        size = sum(row.thing.size for row in rows)
        marked = len(self.painter.marked)
        words = [] if limits else [ngettext("{count} thing", "{count} things", len(rows)).format(count=len(rows))]
        words += [ngettext("{count} marked", "{count} marked", marked).format(count=marked)] if marked else []
        words += [_("as of {time}").format(time=self.at)] if self.at else []
        words += [run_words.size(size)] if size else []
        self.say_in_heading(" · ".join(words))
        only = [_("named {pattern}").format(pattern=self._pattern)] if self._pattern else []
        only += [_("that no run knows")] if self._only_unknown else []
        only += [_("≥ {days} days").format(days=self._older)] if self._older is not None else []
        self.heading.note(shown_in_line(" · ".join(only)))  # on a line of its own: at 80 columns it was cut off
        self.refresh_bindings()

    def _filter(self) -> Filter:
        from core.workspace.account import Filter

        return Filter(named=self._pattern, unknown=self._only_unknown, older_than=self._older)

    def _fitting(self) -> list[ThingRow]:
        which = self._filter()
        return [row for row in self.all if which.fits(row)]

    def action_next_kind(self) -> None:
        self.what = KINDS[(KINDS.index(self.what) + 1) % len(KINDS)]
        self._turn()

    def action_next_profile(self) -> None:
        names = sorted(self.workbench.settings.endpoints)
        self.profile = names[(names.index(self.profile) + 1) % len(names)]
        self._turn()

    def _turn(self) -> None:
        self.all, self._pattern, self._only_unknown, self._older, self.at = [], "", False, None, ""
        self.painter.marked.clear()
        self.query_one(LimitsText).forget()
        self.show_taken()
        self.action_look()

    def action_mark(self) -> None:
        row_list: RowList[ThingRow] = self.query_one("#things", RowList)
        if (row := row_list.row) is not None:
            self.painter.marked ^= {row.thing.id}
            row_list.repaint_row(row_list.cursor)  # one line: all of them are 6 KB
            self._say_taken(self._fitting())

    def action_narrow(self) -> None:
        def take(pattern: str | None) -> None:
            if pattern is not None:
                self._pattern = pattern.strip()
                self.painter.marked.clear()
                self.show_taken()

        self.app.push_screen(
            AskDialog(SafeText(_("Whose id or name fits (with * and ?); empty for all:")), self._pattern), take
        )

    def action_unknown(self) -> None:
        self._only_unknown = not self._only_unknown
        self.painter.marked.clear()
        self.show_taken()

    def action_older(self) -> None:
        def take(typed: str) -> None:
            if typed.strip() and not typed.strip().isdecimal():
                raise Misuse(_("a number of days is wanted."))

        def done(typed: str | None) -> None:
            if typed is not None:
                self._older = int(typed) if typed.strip() else None
                self.painter.marked.clear()
                self.show_taken()

        now = "" if self._older is None else str(self._older)
        self.app.push_screen(AskDialog(SafeText(_("At least how many days old (empty for all):")), now, take), done)

    def action_mark_shown(self) -> None:
        """Mark what the filter shows; without one it would be everything."""
        if self._filter().empty:
            self.say(SafeText(_("Narrow first (/, u or o): everything at once is never marked.")), "warning")
            return
        self.painter.marked |= {row.thing.id for row in self._fitting()}
        self.show_taken()
