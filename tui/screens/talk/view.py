"""The transcript of one lane: messages in bubbles, of which only those in sight are wrapped, and only what changed is sent.

In: entries (who, when, the words, what to say of them). Out: `Chosen` when a message is opened. The view stands still
until a reply leaves it at the bottom, and then jumps by half a page: Textual never scrolls the terminal, so following
line by line would repaint everything for each line. It knows no talk and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from core.language import N_
from core.safe_text import SafeText
from tui.lines import NOTHING, SPACE, Line, fitted, said, width_of
from tui.screens.talk.wrapping import Wrapped
from tui.themes import Palette
from tui.widgets.board import Board

MARGIN = 4  # columns that are not words: the cursor's mark, a bar, blanks


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it is to be seen. Its words may come from anywhere; the view makes them safe."""

    key: int
    who: str
    mine: bool
    at: str = ""
    note: SafeText = NOTHING  # at the right of the name: which of several, corrected
    bubbles: tuple[str, ...] = ()
    foot: tuple[tuple[SafeText, str], ...] = ()  # lines beneath, each with the name of an ink of the palette
    writing: bool = False


class _Laid:
    """An entry in lines."""

    def __init__(self, entry: Entry, width: int) -> None:
        self.width = width
        self.entry = entry
        self._wrapped: list[Wrapped] = []
        self.lines: list[tuple[str, SafeText]] = []
        self.become(entry)

    def become(self, entry: Entry) -> None:
        """Take what the entry has become."""
        self.entry = entry
        room = max(4, self.width - MARGIN)
        del self._wrapped[len(entry.bubbles) :]
        for number, words in enumerate(entry.bubbles):
            if number < len(self._wrapped):
                self._wrapped[number].become(words)
            else:
                self._wrapped.append(Wrapped(room, words))
        lines: list[tuple[str, SafeText]] = [("name", NOTHING)]
        for number, one in enumerate(self._wrapped):
            if number:
                lines.append(("gap", NOTHING))
            lines += [("words", text) for text in one.lines]
        if entry.writing:
            lines.append(("writing", SafeText("…")))
        for text, ink in entry.foot:
            lines += [(ink, line) for line in Wrapped(room, text).lines]
        lines.append(("gap", NOTHING))
        self.lines = lines


class TranscriptView(Board, can_focus=True):
    """A talk to read."""

    DEFAULT_CSS = "TranscriptView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("next message"), id="transcript.down", show=False),
        Binding("up,k", "move(-1)", N_("message above"), id="transcript.up", show=False),
        Binding("pagedown,ctrl+d,space", "page(1)", N_("next page"), id="transcript.page_down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", N_("page before"), id="transcript.page_up", show=False),
        Binding("home,g", "go_to(0)", N_("first message"), id="transcript.first", show=False),
        Binding("end,G", "go_to(-1)", N_("last message"), id="transcript.last", show=False),
    ]

    class Moved(Message):
        """The cursor is on another message."""

    def __init__(self, empty: Sequence[SafeText] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._empty = list(empty)
        self._entries: list[Entry] = []
        self._laid: dict[int, _Laid] = {}
        self._top: tuple[int, int] = (0, 0)  # entry, line
        self._follows = True
        self.cursor = -1

    # ── what it shows ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def entries(self) -> Sequence[Entry]:
        """The messages that it shows."""
        return self._entries

    @property
    def chosen(self) -> Entry | None:
        """The message under the cursor."""
        return self._entries[self.cursor] if 0 <= self.cursor < len(self._entries) else None

    def show(self, entries: Sequence[Entry], *, to_end: bool = False, cursor: int | None = None) -> None:
        """Show these messages; what is the same as before is not wrapped again. `cursor` is the key to stand on."""
        chosen = self.chosen
        self._entries = list(entries)
        keys = {entry.key for entry in entries}
        self._laid = {key: laid for key, laid in self._laid.items() if key in keys}
        wanted = cursor if cursor is not None else chosen.key if chosen else None
        places = [at for at, entry in enumerate(entries) if entry.key == wanted]
        self.cursor = places[0] if places and not to_end else len(entries) - 1
        self._top = (min(self._top[0], max(0, len(entries) - 1)), self._top[1])
        if to_end:
            self._follows = True
        if self._follows:
            self._to_end()
        elif cursor is not None and not self._in_sight(self.cursor):
            self._top = self._before((self.cursor, 0), self.size.height // 3)
        self.redraw()

    def set_empty(self, lines: Sequence[SafeText]) -> None:
        """What to say while nothing was said."""
        self._empty = list(lines)
        if not self._entries:
            self.redraw()

    def grow(self, entry: Entry) -> None:
        """Show what a message has become; nothing happens if it is not here."""
        for at in range(len(self._entries) - 1, -1, -1):
            if self._entries[at].key == entry.key:
                if self._entries[at] == entry:
                    return
                self._entries[at] = entry
                if (laid := self._laid.get(entry.key)) is not None and laid.width == self.size.width:
                    laid.become(entry)
                if self._follows and not self._end_in_sight():
                    self._jump()
                self.redraw()
                return

    # ── where it is ─────────────────────────────────────────────────────────────────────────────────────────────

    def _of(self, at: int) -> _Laid:
        entry = self._entries[at]
        laid = self._laid.get(entry.key)
        if laid is None or laid.width != self.size.width:
            laid = self._laid[entry.key] = _Laid(entry, self.size.width)
        elif laid.entry != entry:
            laid.become(entry)
        return laid

    def _before(self, place: tuple[int, int], lines: int) -> tuple[int, int]:
        """The place so many lines further up."""
        at, line = place
        while lines > line and at > 0:
            lines -= line + 1
            at -= 1
            line = len(self._of(at).lines) - 1
        return (at, max(0, line - lines))

    def _after(self, place: tuple[int, int], lines: int) -> tuple[int, int]:
        at, line = place
        while at < len(self._entries) and line + lines >= len(self._of(at).lines):
            lines -= len(self._of(at).lines) - line
            at, line = at + 1, 0
        return (at, line + lines) if at < len(self._entries) else (at, 0)

    def _last_page(self) -> tuple[int, int]:
        if not self._entries:
            return (0, 0)
        last = len(self._entries) - 1
        return self._before((last, len(self._of(last).lines) - 1), max(0, self.size.height - 1))

    def _end_in_sight(self) -> bool:
        return self._after(self._top, self.size.height)[0] >= len(self._entries)

    def _in_sight(self, at: int) -> bool:
        return self._top <= (at, 0) < self._after(self._top, self.size.height)

    def _to_end(self) -> None:
        if self.size.height and self._entries and not self._end_in_sight():
            self._top = self._last_page()
        elif self.size.height and self._entries:
            self._top = min(self._top, self._last_page())

    def _jump(self) -> None:
        """Follow: the end stands in the middle, so that half a page of lines may come before the next jump."""
        last = len(self._entries) - 1
        end = (last, len(self._of(last).lines) - 1)
        self._top = self._before(end, max(1, self.size.height // 2))

    # ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_move(self, by: int) -> None:
        if self._entries:
            self.action_go_to(min(max(0, self.cursor + by), len(self._entries) - 1))

    def action_go_to(self, at: int) -> None:
        if not self._entries:
            return
        self.cursor = len(self._entries) - 1 if at < 0 else at
        self._follows = self.cursor == len(self._entries) - 1
        if self._follows:
            self._to_end()
        elif not self._in_sight(self.cursor):
            self._top = self._before((self.cursor, 0), self.size.height // 3)
        self.redraw()
        self.post_message(self.Moved())

    def action_page(self, by: int) -> None:
        if not self._entries:
            return
        lines = max(1, self.size.height - 2)
        if by > 0:
            self._top = min(self._after(self._top, lines), self._last_page())
        else:
            self._top = self._before(self._top, lines)
        self._follows = self._end_in_sight()
        first, last = self._top[0], min(self._after(self._top, self.size.height - 1)[0], len(self._entries) - 1)
        if self._top[1] > 0 and first < last:
            first += 1
        self.cursor = min(max(self.cursor, first), last) if not self._follows else len(self._entries) - 1
        self.redraw()
        self.post_message(self.Moved())

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.action_move(1)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.action_move(-1)

    def on_click(self, event: events.Click) -> None:
        at, _line = self._after(self._top, event.y)
        if at < len(self._entries):
            self.action_go_to(at)

    # ── painting ────────────────────────────────────────────────────────────────────────────────────────────────

    def on_resize(self) -> None:
        if self._follows:
            self._to_end()
        else:
            self._top = (self._top[0], 0)
        super().on_resize()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        if not self._entries:
            return self._nothing(palette, width, height)
        lines: list[Line] = []
        at, line = self._top
        while len(lines) < height and at < len(self._entries):
            laid = self._of(at)
            chosen = at == self.cursor and self.has_focus
            for kind, text in laid.lines[line : line + height - len(lines)]:
                lines.append(self._line(laid.entry, kind, text, chosen, palette))
            at, line = at + 1, 0
        return lines

    def _nothing(self, palette: Palette, width: int, height: int) -> list[Line]:
        widest = max((width_of(text) for text in self._empty), default=0)
        left = SafeText(" " * max(1, (width - widest) // 2))
        above: list[Line] = [[] for _line in range(max(0, (height - len(self._empty)) // 3))]
        return above + [[(left, palette.text), (text, palette.muted)] for text in self._empty]

    def _line(self, entry: Entry, kind: str, text: SafeText, chosen: bool, palette: Palette) -> Line:
        ink = palette.others[0] if entry.mine else palette.persona
        if kind == "name":
            mark = SafeText("▌ " if chosen else "  ")
            name = said("{who}", who=entry.who)
            note = said("  {note}", note=entry.note) if entry.note else NOTHING
            room = self.size.width - 3 - width_of(note) - width_of(entry.at) - 2
            name = fitted(name, min(width_of(name), max(4, room)))
            return [
                (mark, palette.accent),
                (name, ink),
                (said("  {at}", at=entry.at) if entry.at else NOTHING, palette.muted),
                (note, palette.accent),
            ]
        if kind == "gap":
            return []
        if kind in ("words", "writing"):
            bar = SafeText(" │ " if entry.mine else " ┃ ")
            return [(bar, ink), (text, palette.text if kind == "words" else palette.muted)]
        style: Style = getattr(palette, kind)
        return [(SPACE, style), (SafeText("  "), style), (text, style)]
