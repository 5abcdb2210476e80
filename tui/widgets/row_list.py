"""The one list of the workbench: any number of rows, of which only those in sight exist.

In: a `RowSource` (how many rows, and any page of them) and a painter that makes the lines of one row. Out: `Highlighted`
when the cursor has moved, `Rested` when it then stays, `Chosen` on enter or a second click. A row may have lines above it
(a separator) that the cursor does not touch. It knows nothing of chats, and no database.

Textual repaints whole lines and never scrolls the terminal, so a list that scrolls by one row on each key costs 7 KB a
key where this one costs a few hundred bytes: the view stands still until the cursor leaves it and then jumps by half a
page, and a move repaints two rows, once the queue of keys is empty.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from core.language import N_
from core.safe_text import SafeText
from tui.lines import NOTHING, Line, fitted, strip_of, width_of
from tui.themes import Palette, palette_of, resting
from tui.typed import OneByOne

R = TypeVar("R")
Row = TypeVar("Row", covariant=True)
Shown = TypeVar("Shown", contravariant=True)

PAGE: Final = 256  # rows fetched at once: a page of any terminal, and 2 ms of SQLite
PAGES_KEPT: Final = 16
REST: Final = 0.2  # seconds after a move in which there was no other
_FEW: Final = 16  # rows that are fetched one by one when they have changed


class RowSource(Protocol[Row]):
    """Where rows come from."""

    def count(self) -> int:
        """How many rows there are now."""
        ...

    def rows(self, first: int, n: int) -> Sequence[Row]:
        """Rows from `first` on; fewer than `n` at the end."""
        ...


class Listed(Generic[R]):
    """Rows that are all there already."""

    def __init__(self, listed: Sequence[R]) -> None:
        self.listed = listed

    def count(self) -> int:
        """How many they are."""
        return len(self.listed)

    def rows(self, first: int, n: int) -> Sequence[R]:
        """A page of them."""
        return self.listed[first : first + n]


@dataclass(slots=True)
class Painted:
    """One row as lines: those above it are a separator, its own are what the cursor lights."""

    own: list[Line]
    above: list[Line] = field(default_factory=list[Line])


class Painter(Protocol[Shown]):
    """Makes the lines of a row; `before` is the row above it, if any."""

    def __call__(self, row: Shown, before: Shown | None, width: int, chosen: bool, palette: Palette, /) -> Painted: ...


class Rows(Generic[R]):
    """A source in pages of 256, of which the last sixteen used are kept."""

    def __init__(self, source: RowSource[R]) -> None:
        self.source = source
        self.count = source.count()
        self._pages: OrderedDict[int, Sequence[R]] = OrderedDict()

    def forget(self, rows: Collection[int] | None = None) -> None:
        """Fetch these rows anew (None: all). A few are fetched one by one: a page of what is slow to tell costs 20 ms."""
        if rows is None or len(rows) > _FEW:
            self._pages.clear()
            return
        for row in rows:
            number, place = divmod(row, PAGE)
            page = self._pages.get(number)
            if page is not None and place < len(page):
                there = self.source.rows(row, 1)
                self._pages[number] = [*page[:place], *there, *page[place + 1 :]]

    def get(self, index: int) -> R | None:
        """A row; None when the source has fewer by now: another process may have forgotten a person meanwhile."""
        number, place = divmod(index, PAGE)
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = self.source.rows(number * PAGE, PAGE)
            if len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(number)
        return page[place] if place < len(page) else None


class RowList(Widget, Generic[R], can_focus=True):
    """A list with a cursor."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "RowList { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("next row"), id="list.down", show=False),
        Binding("up,k", "move(-1)", N_("row above"), id="list.up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", N_("next page"), id="list.page_down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", N_("page before"), id="list.page_up", show=False),
        Binding("home,g", "go_to(0)", N_("first row"), id="list.first", show=False),
        Binding("end,G", "go_to(-1)", N_("last row"), id="list.last", show=False),
        Binding("enter,l,right", "choose", N_("open"), id="list.choose"),
    ]

    class Highlighted(Message):
        """The cursor is on this row now."""

        def __init__(self, row_list: RowList[Any], index: int) -> None:
            super().__init__()
            self.row_list = row_list
            self.index = index

        @property
        def control(self) -> RowList[Any]:
            return self.row_list

    class Rested(Highlighted):
        """The cursor has stayed on this row: the moment for what costs more than a move, as what is said of a row."""

    class Chosen(Highlighted):
        """This row was opened."""

    def __init__(
        self,
        painter: Painter[R],
        source: RowSource[R] | None = None,
        *,
        lit: int | None = None,
        opens: bool = True,
        empty: SafeText = NOTHING,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        """`lit` columns at the left change with the cursor; without it the whole row does. A list that `opens` nothing
        promises no key for it.

        Text whose width a terminal may see differently (emoji) is best kept out of them: it is then never repainted
        by a move of the cursor.
        """
        super().__init__(id=id)
        self.cursor = 0
        self.painter = painter
        self._rows: Rows[R] | None = Rows(source) if source is not None else None
        self._lit = lit
        self.empty = empty
        self._opens = opens
        self._top = 0
        self._laid_width = 0
        self._view: list[tuple[int, int]] = []  # for each line in sight: its row, and which of the row's lines it is
        self._strips: dict[tuple[int, bool], list[Strip]] = {}
        self._shown_cursor = 0
        self._awaiting_show = False
        self._resting: Timer | None = None

    # What others call

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._rows.count if self._rows is not None else 0

    @property
    def source(self) -> RowSource[R] | None:
        """Where the rows come from."""
        return self._rows.source if self._rows is not None else None

    @property
    def row(self) -> R | None:
        """The row under the cursor."""
        return self.at(self.cursor)

    def at(self, index: int) -> R | None:
        """The row with this number, if it is there."""
        return self._rows.get(index) if self._rows is not None and 0 <= index < self._rows.count else None

    def show(self, source: RowSource[R], cursor: int | None = None) -> None:
        """Show these rows; the cursor stays where it was, as far as that is still there, or goes where told."""
        empty = not self.count
        self._rows = Rows(source)
        if empty != (not self.count) and self.is_attached:
            self.screen.refresh_bindings()  # what enter does is a hint only where there is a row
        wanted = self.cursor if cursor is None else cursor
        self.cursor = min(max(0, wanted), max(0, self.count - 1))
        self._top = min(self._top, max(0, self.count - 1))
        self._strips.clear()
        self._bring_into_view(fresh=True)

    def bring_into_view(self) -> None:
        """Show the cursor's row now, where one has to know where it stands; else it is shown when the keys rest."""
        self._bring_into_view()

    def repaint_row(self, index: int) -> None:
        """This row says something else now."""
        self.changed((index,))

    def go_to(self, index: int, *, first: bool = False) -> None:
        """Put the cursor on a row; -1 is the last. With `first` the row becomes the first in sight, if it can."""
        if not self.count:
            return
        index = self.count - 1 if index < 0 else min(index, self.count - 1)
        if first and not (index == self._top and self._view):
            self.cursor = self._top = index
            self._bring_into_view(fresh=True)
            self._show_soon()
        elif index != self.cursor:
            self.cursor = index
            self._show_soon()

    def changed(self, rows: Iterable[int] | None = None) -> None:
        """These rows are others now (None: any may be): they are fetched anew, and only what is in sight is repainted."""
        if self._rows is None:
            return
        rows = None if rows is None else set(rows)
        self._rows.forget(rows)
        if rows is None:
            self._strips.clear()
            self._bring_into_view(fresh=True)
            return
        touched: set[int] = set()
        for row in rows:
            touched |= {row, row + 1}  # what stands above a row depends on the one before it
        seen = {row for row, _part in self._view} & touched
        before = {row: len(self._row_strips(row, row == self._shown_cursor)) for row in seen}
        for key in [key for key in self._strips if key[0] in touched]:
            del self._strips[key]
        if any(len(self._row_strips(row, row == self._shown_cursor)) != lines for row, lines in before.items()):
            self._bring_into_view(fresh=True)
            return
        for y, (row, _part) in enumerate(self._view):
            if row in seen:
                self.refresh(Region(0, y, self.size.width, 1))

    def repaint_rows(self) -> None:
        """The rows are the same and look otherwise now."""
        self._strips.clear()
        self.refresh()

    @property
    def in_sight(self) -> range:
        """The rows in sight."""
        return range(self._view[0][0], self._view[-1][0] + 1) if self._view else range(0)

    def line_of(self, row: int) -> int | None:
        """The line of the view at which a row's own lines begin; None when it is not in sight."""
        lines = [y for y, (there, _part) in enumerate(self._view) if there == row]
        if not lines:
            return None
        there = self.at(row)
        if there is None:
            return lines[0]
        palette = palette_of(self.app.current_theme)
        above = self.painter(there, self.at(row - 1), max(1, self.size.width - 1), True, palette).above
        return lines[min(len(above), len(lines) - 1)]

    # Keys and mouse

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._opens and self.count > 0 if action == "choose" else True

    def action_move(self, by: int) -> None:
        self.go_to(max(0, self.cursor + by))

    def action_go_to(self, index: int) -> None:
        self.go_to(index)

    def action_page(self, by: int) -> None:
        if not self.count or not self._view:
            return
        rows = max(1, len({row for row, _part in self._view}) - 1)
        self._top = min(max(0, self._top + by * rows), self.count - 1)
        self.cursor = min(max(0, self.cursor + by * rows), self.count - 1)
        self._lay_out(full=True)
        self._bring_into_view(fresh=True)
        self._show_soon()

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._view):
            row = self._view[event.y][0]
            if row == self.cursor:
                self.action_choose()
            else:
                self.go_to(row)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.action_move(-3)

    def on_resize(self) -> None:
        self._strips.clear()
        self._bring_into_view(fresh=True)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.repaint_rows())

    def on_focus(self, event: events.Focus) -> None:
        self._focus_moved(event, events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        self._focus_moved(event, events.DescendantBlur(self))

    def _focus_moved(self, event: events.Event, told: events.DescendantFocus | events.DescendantBlur) -> None:
        # In place of Textual's own handlers, which do just this and repaint the whole list: 11 KB for two rows' colours.
        event.prevent_default()
        self.has_focus = isinstance(event, events.Focus)
        if self.parent is not None:
            self.parent.post_message(told)
        self._repaint_cursor()

    def _repaint_cursor(self) -> None:
        self._strips.pop((self._shown_cursor, True), None)
        self._refresh_row(self._shown_cursor)

    # The view

    def _show_soon(self) -> None:
        # After the keys that already wait: of a hundred moves that came at once, only the last is painted.
        if not self._awaiting_show:
            self._awaiting_show = True
            if isinstance(self.app, OneByOne):
                self.app.after_keys(self, self._show_cursor)
            else:
                self.call_later(self._show_cursor)

    def _show_cursor(self) -> None:
        self._awaiting_show = False
        self._bring_into_view()
        if self.count:
            self.post_message(self.Highlighted(self, self.cursor))
            if self._resting is not None:
                self._resting.stop()
            self._resting = self.set_timer(REST, lambda: self.post_message(self.Rested(self, self.cursor)))

    def _bring_into_view(self, fresh: bool = False) -> None:
        if not self.size.height or self._rows is None:
            return
        if fresh:
            self._lay_out(full=True)
        if self.count and not self._in_sight(self.cursor):
            # In the middle: after a leap one reads what stands on both sides, and a held key is followed in half pages.
            self._top = self._above(self.cursor, self.size.height // 2)
            self._lay_out(full=True)
            fresh = True
        if fresh:
            self.refresh()
        else:
            self._refresh_row(self._shown_cursor)
            self._refresh_row(self.cursor)
        self._shown_cursor = self.cursor

    def _in_sight(self, row: int) -> bool:
        last = len(self._row_strips(row)) - 1 if row < self.count else 0
        # A row taller than the view is in sight when its first line of its own is.
        return (row, last) in self._view or (last >= self.size.height and bool(self._view) and self._view[0][0] == row)

    def _above(self, row: int, lines: int) -> int:
        """The row to begin with so that `row` stands about this many lines down."""
        used = len(self._row_strips(row))
        while row > 0 and used + len(self._row_strips(row - 1)) <= lines + 1:
            row -= 1
            used += len(self._row_strips(row))
        return row

    def _lay_out(self, *, full: bool) -> None:
        """Which row stands on which line; with `full`, the last page is filled from the end."""
        height = self.size.height
        if len(self._strips) > 8 * max(1, height):
            self._strips.clear()
        self._laid_width = self.size.width
        view: list[tuple[int, int]] = []
        row = self._top
        while len(view) < height and row < self.count:
            view.extend((row, part) for part in range(len(self._row_strips(row))))
            row += 1
        if full and len(view) < height and self._top > 0:
            self._top = self._above(self.count - 1, height - 1)
            self._lay_out(full=False)
            return
        self._view = view[:height]

    def _refresh_row(self, row: int) -> None:
        width = self.size.width if self._lit is None else self._lit
        for y, (there, _part) in enumerate(self._view):
            if there == row:
                self.refresh(Region(0, y, width, 1))

    # Painting

    def _row_strips(self, row: int, chosen: bool = False) -> list[Strip]:
        key = (row, chosen)
        strips = self._strips.get(key)
        if strips is None:
            palette = palette_of(self.app.current_theme)
            if chosen and self.can_focus and not self.has_focus:
                palette = resting(palette)  # so that one sees which of two lists the keys go to
            width = max(1, self.size.width - 1)
            there = self.at(row)
            painted = (
                self.painter(there, self.at(row - 1), width, chosen, palette) if there is not None else Painted([[]])
            )
            own = palette.chosen if chosen and self._lit is None else palette.ground
            strips = [strip_of(line, width, palette.ground) for line in painted.above]
            strips += [strip_of(line, width, own) for line in painted.own]
            self._strips[key] = strips
        return strips

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        if self._laid_width != self.size.width:
            # Painted before the resize was told: lines of the old width would be left on the cells of the neighbour.
            self._strips.clear()
            self._lay_out(full=True)
        if y >= len(self._view):
            text = NOTHING
            if not self.count and y == self.size.height // 3:
                text = fitted(self.empty, max(self.size.width // 2 + width_of(self.empty) // 2, 0), right=True)
            return strip_of([(text, palette.muted)], self.size.width, palette.ground)
        row, part = self._view[y]
        strip = self._row_strips(row, row == self._shown_cursor)[part]
        if (thumb := self._thumb()) is None:
            return strip.adjust_cell_length(self.size.width, palette.ground)
        mark = SafeText("▐" if thumb[0] <= y < thumb[1] else " ")
        return Strip([*strip, *strip_of([(mark, palette.faint)], 1, palette.ground)], self.size.width)

    def _thumb(self) -> tuple[int, int] | None:
        """The lines of the mark at the right that says where in the list the view is."""
        height, count = self.size.height, self.count
        rows = len({row for row, _part in self._view})
        if rows >= count:
            return None
        size = max(1, height * rows // count)
        at = round((height - size) * self._top / max(1, count - rows))
        return (min(at, height - size), min(at, height - size) + size)
