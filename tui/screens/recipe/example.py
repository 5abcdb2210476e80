"""An example as it will be trained: dim what is read, bright what is learnt, the separators and the template apart.

In: an `ExampleShown` (or a frozen example as its model sees it). Out: a board, and a dialog that shows all of a long one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.worker import Worker, get_current_worker

from core.chat import Side
from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown, shown_in_line
from tui.figures import number, short_day
from tui.lines import SPACE, Cell, Line, flowed, said
from tui.themes import Palette, palette_of
from tui.widgets.board import Board
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from core.workspace.preview import ExampleShown, Learnt
    from tui.app import Workbench

_MOST = 20_000  # characters; nobody reads more of one example
_SIDES = {Side.TRAIN: N_("to train on"), Side.VALIDATION: N_("held out")}


def heading(one: ExampleShown) -> SafeText:
    """Which example it is."""
    side = _(_SIDES[one.side]) if one.side is not None else _("unused, between both sides")
    many = ("" if one.exact else "≈") + number(one.count)
    when = f" · {short_day(one.sent_at).strip()}" if one.sent_at is not None else ""
    if one.correction:
        when = " · " + _("a correction")
    return said(_("example {n} of {many} · {side}{when}"), n=number(one.n + 1), many=many, side=side, when=when)


def sizes(told: Learnt) -> tuple[SafeText, bool]:
    """How long it is and how much of it is trained; and whether it does not fit."""
    words = ngettext("{n} token", "{n} tokens", told.tokens).format(n=number(told.tokens))
    if told.trained_tokens is not None:
        words = _("{tokens}, {n} of them trained").format(tokens=words, n=number(told.trained_tokens))
    if told.over and told.limit:
        words += " · " + _("{over} more than the model takes ({limit})").format(
            over=number(told.over), limit=number(told.limit)
        )
        if told.dropped:
            words += "; " + ngettext("{n} line would go", "{n} lines would go", told.dropped).format(n=told.dropped)
    if told.rows > 1:
        words += " · " + _("{n} rows, the last is shown").format(n=told.rows)
    return SafeText(words), bool(told.over)


def cells(told: Learnt, palette: Palette) -> list[Cell]:
    """The text of the example, each stretch in its ink."""
    inks = {"context": palette.muted, "control": palette.gone, "trained": palette.strong}
    made: list[Cell] = []
    for piece in told.pieces:
        text = shown(piece.text, limit=_MOST)
        if piece.separator:
            made.append((SafeText(text.replace("\n", "⏎\n")), palette.accent))
        else:
            made.append((text, inks[piece.sort]))
    return made


class ExampleBoard(Board):
    """As much of an example as there is room for."""

    DEFAULT_CSS = "ExampleBoard { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="example", classes="pane")
        self.example: ExampleShown | None = None

    def show(self, example: ExampleShown | None) -> None:
        """Take another example."""
        if example != self.example:
            self.example = example
            self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        one = self.example
        if one is None:
            return []
        size, over = sizes(one.learnt)
        lines: list[Line] = [
            [(SPACE, palette.text), (heading(one), palette.text)],
            [(SPACE, palette.text), (size, palette.error if over else palette.muted)],
        ]
        words = flowed(cells(one.learnt, palette), width - 3)
        while words and not words[-1]:
            words.pop()
        room = height - len(lines)
        if len(words) > room:
            more = len(words) - room + 1
            told = ngettext("… {n} more line: e", "… {n} more lines: e", more).format(n=more)
            words = [*words[: room - 1], [(SafeText(told), palette.accent)]]
        return lines + [[(SPACE, palette.text), *line] for line in words]


class _Lines:
    """Lines as rows."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines

    def count(self) -> int:
        return len(self.lines)

    def rows(self, first: int, n: int) -> Sequence[Line]:
        return self.lines[first : first + n]


def _paint(row: Line, _before: Line | None, _width: int, chosen: bool, palette: Palette) -> Painted:
    return Painted([[(SafeText("▌" if chosen else " "), palette.accent), *row]])


class ExampleDialog(ModalScreen["ExampleShown | None"]):
    """All of an example, and its neighbours by key. Dismissed with the one whose conversation is wanted.

    Each is fetched by a worker: with many messages the process that makes them may only just have been started.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,e,h,left", "leave", N_("back"), id="dialog.back"),
        Binding("right_square_bracket,n", "turn(1)", N_("next example"), id="example.next"),
        Binding("left_square_bracket,p", "turn(-1)", N_("example before"), id="example.previous"),
        Binding("o,enter", "go", N_("its conversation"), id="example.go"),
        Binding("y", "copy", N_("copy"), id="example.copy"),
    ]

    def __init__(self, n: int, fetch: Callable[[int], ExampleShown | None]) -> None:
        super().__init__(classes="dialog tall")
        self._n = n  # the one that is wanted
        self._example: ExampleShown | None = None  # the one that is there
        self._fetch = fetch

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(SafeText(_("reading the example…")), id="which")
            yield RowList[Line](_paint, lit=1)
            yield Plain(SafeText(_("[ ] other examples   o its conversation   y copy   esc back")))

    def on_mount(self) -> None:
        self.call_after_refresh(self._look)

    @work(thread=True, exclusive=True, group="example", name="example", exit_on_error=False)
    def _look(self) -> None:
        worker = get_current_worker()
        try:
            one = self._fetch(self._n)
        except Problem as problem:
            said_ = shown_in_line(str(problem))
            if not worker.is_cancelled:
                self.app.call_from_thread(self._say, said_)
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._show, one)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        cast("Workbench", self.app).on_worker_state_changed(event)

    def _say(self, text: SafeText) -> None:
        if self.is_attached:
            self.query_one("#which", Plain).show(text)

    def _show(self, one: ExampleShown | None) -> None:
        if not self.is_attached:
            return
        if one is None:
            self.dismiss(None)
            return
        self._n, self._example = one.n, one
        palette = palette_of(self.app.current_theme)
        size, _over = sizes(one.learnt)
        self._say(SafeText(f"{heading(one)}\n{size}\n"))
        row_list = self.query_one(RowList)
        row_list.show(_Lines(flowed(cells(one.learnt, palette), max(10, row_list.size.width - 3))), 0)

    def action_turn(self, by: int) -> None:
        self._n += by
        self._look()

    def action_copy(self) -> None:
        from tui.copying import offer

        if (one := self._example) is not None:
            text = "".join(piece.text for piece in one.learnt.pieces)
            offer(cast("Workbench", self.app), text, SafeText(_("the example")), f"example-{one.n + 1}.txt")

    def action_go(self) -> None:
        if self._example is not None:
            self.dismiss(self._example)

    def on_row_list_chosen(self) -> None:
        self.action_go()

    def action_leave(self) -> None:
        self.dismiss(None)
