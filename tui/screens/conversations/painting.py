"""What rows of the conversations screen look like: messages, conversations, messages that were found.

In: rows of `core.workspace`. Out: lines. What the curator said of a message stands before it as a sign (`-` dropped, `+`
kept, `~` edited, `s` split, `j` joined) and not by colour alone, so that it is there without colours too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.style import Style

from core.chat import Kind, Mark
from core.language import N_, _
from core.safe_text import SafeText, shown, shown_in_line
from tui.figures import brief, clock, day, later, short_day
from tui.lines import NOTHING, SPACE, Cell, Line, fitted, said, width_of, wrapped
from tui.screens.conversations.words import Words
from tui.themes import Palette
from tui.widgets.row_list import Painted

if TYPE_CHECKING:
    from core.workspace.chats import MessageRow
    from core.workspace.conversations import ConversationRow

# Columns that the cursor lights: a mark, signs, the time, the author; never the text.
LIT: Final = 26
LIT_CONVERSATION: Final = 28
_MOST_LINES = 6  # of one message in the list; enter shows all of it
_MOST_CHARACTERS = 2000
KINDS: Final = {
    Kind.MEDIA: N_("media"),
    Kind.DELETED: N_("deleted"),
    Kind.CALL: N_("call"),
    Kind.LOCATION: N_("location"),
    Kind.POLL: N_("poll"),
}


@dataclass(slots=True)
class MessagePainter:
    """Paints messages; each participant has a colour of their own, as far as there are colours."""

    participants: Sequence[str] = ()
    marked: set[int] = field(default_factory=set[int])  # places
    words: Words | None = None  # what is looked for, to be marked where it was found
    found: Sequence[int] = ()  # the places at which something was found, sorted

    def __call__(
        self, row: MessageRow, before: MessageRow | None, width: int, chosen: bool, palette: Palette, /
    ) -> Painted:
        """Signs, time and author where a turn starts, a line along the turn, the words at the end of the row."""
        ground = palette.chosen if chosen else palette.ground
        author = palette.persona if row.mine else self._colour(row.author, palette)
        at = clock(row.sent_at) if row.timed and _time_is_news(row, before) else ""
        name = said("{author}", author=row.author) if row.turn_starts or chosen else NOTHING
        mark = SafeText("▌" if chosen else " ")
        first: Line = [
            (mark, ground + palette.accent),
            *self._signs(row, ground, palette),
            (fitted(SafeText(at), 6), ground + palette.muted),
            (fitted(name, LIT - 10), ground + author),
        ]
        rest: Line = [(mark, ground + palette.accent), (SafeText(" " * (LIT - 1)), ground)]
        bar = SafeText("  " if row.kind is Kind.SYSTEM else " ┃ " if row.mine else " │ ")
        dropped = row.said.state == "drop"
        ink = palette.gone if dropped else palette.text if row.kind is Kind.TEXT else palette.muted
        line = palette.faint if dropped else author
        words = wrapped(_words(row), max(8, width - LIT - 5), _MOST_LINES)
        here = self.words if self.words is not None and _is_in(self.found, row.place) else None
        own: list[Line] = [[*first, (bar, line), *marked_words(words[0], here, ink, palette)]]
        # What goes on stands further in, so that a long message is not taken for several short ones.
        own += [
            [*rest, (bar, line), (SafeText("  "), ink), *marked_words(text, here, ink, palette)] for text in words[1:]
        ]
        if told := _said(row, palette):
            if sum(width_of(text) for text, _style in own[-1] + told) > width:
                own.append([*rest, (bar, line)])
            own[-1] += told
        return Painted(own, _separator(row, before, width, palette))

    def _colour(self, author: str, palette: Palette) -> Style:
        place = self.participants.index(author) if author in self.participants else 0
        return palette.others[place % len(palette.others)]

    def _signs(self, row: MessageRow, ground: Style, palette: Palette) -> Line:
        marked = row.place in self.marked
        edited = row.said.text is not None
        sign = {"drop": "-", "keep": "+"}.get(row.said.state, "~" if edited else " ")
        if sign == " " and row.said.begins is not None:
            sign = "s" if row.said.begins else "j"
        ink = palette.error if sign == "-" else palette.good if sign == "+" else palette.warning
        return [(SafeText("●" if marked else " "), ground + palette.accent), (SafeText(f"{sign} "), ground + ink)]


def _is_in(places: Sequence[int], place: int) -> bool:
    at = bisect_left(places, place)
    return at < len(places) and places[at] == place


def marked_words(text: SafeText, words: Words | None, ink: Style, palette: Palette) -> list[Cell]:
    """The text as cells, with the words that are looked for standing out."""
    if words is None:
        return [(text, ink)]
    cells: list[Cell] = []
    at = 0
    for start, end in words.spans(text):
        cells += [(SafeText(text[at:start]), ink), (SafeText(text[start:end]), palette.found)]
        at = end
    return [*cells, (SafeText(text[at:]), ink)]


def _said(row: MessageRow, palette: Palette) -> Line:
    cells: Line = [(said("  #{tag}", tag=tag), palette.accent) for tag in sorted(row.said.tags)]
    if row.said.weight != 1:
        cells.append((said("  ×{weight}", weight=f"{row.said.weight:g}"), palette.accent))
    return cells


def _words(row: MessageRow) -> SafeText:
    text = shown(row.text, limit=_MOST_CHARACTERS)
    parts: list[str] = []
    if row.kind in KINDS and row.said.text is None:
        parts.append(f"‹{_(KINDS[row.kind])}›")
    if row.marks & Mark.FORWARDED:
        parts.append("↪")
    if text and not (row.kind in KINDS and text.startswith(("<", "‹"))):
        # What an export writes in the place of a picture says the same again, in its own words.
        parts.append(text)
    if row.marks & Mark.EDITED:
        parts.append(f"({_('edited')})")
    return SafeText(" ".join(parts))


def _time_is_news(row: MessageRow, before: MessageRow | None) -> bool:
    return before is None or row.turn_starts or clock(before.sent_at) != clock(row.sent_at)


def _separator(row: MessageRow, before: MessageRow | None, width: int, palette: Palette) -> list[Line]:
    new_day = row.timed and (before is None or before.sent_at // 86_400 != row.sent_at // 86_400)
    if not (new_day or row.conversation_starts):
        return []
    left = said(" {day} ", day=day(row.sent_at)) if new_day else SPACE
    right = NOTHING
    if row.conversation_starts and before is not None:
        if row.said.begins:
            right = said(" {text} ", text=_("split here"))
        elif row.timed and row.sent_at > before.sent_at:
            right = said(" {later} ", later=later(row.sent_at - before.sent_at))
    rule = SafeText("─" * max(0, width - width_of(left) - width_of(right) - 1))
    line: Line = [(left, palette.strong), (rule, palette.faint), (right, palette.muted)]
    return [[], line] if row.conversation_starts and before is not None else [line]


@dataclass(slots=True)
class ConversationPainter:
    """Paints conversations: when, how many messages, what became of them, how it begins."""

    marked: set[int] = field(default_factory=set[int])  # numbers

    def __call__(
        self, row: ConversationRow, _before: ConversationRow | None, _width: int, chosen: bool, palette: Palette, /
    ) -> Painted:
        """When, how many, and at the end, since its width is anybody's guess, the first words."""
        ground = palette.chosen if chosen else palette.ground
        when = f"{short_day(row.started_at)} {clock(row.started_at)}" if row.started_at is not None else "—"
        gone = row.dropped == row.messages
        sign = "-" if gone else "+" if row.kept == row.messages else "*" if row.said else " "
        ink = palette.error if gone else palette.good if sign == "+" else palette.warning
        line: Line = [
            (SafeText("▌" if chosen else " "), ground + palette.accent),
            (SafeText("●" if row.number in self.marked else " "), ground + palette.accent),
            (SafeText(f"{sign} "), ground + ink),
            (fitted(SafeText(when), 17), ground + palette.muted),
            (fitted(SafeText(brief(row.messages)), 6, right=True), ground + palette.text),
            (SPACE, ground),
            (SafeText(" "), palette.text),
            (shown_in_line(row.opening, limit=200), palette.gone if gone else palette.text),
        ]
        return Painted([line])


@dataclass(slots=True)
class FoundPainter:
    """Paints messages that were found, one line each."""

    marked: set[int] = field(default_factory=set[int])  # places
    words: Words | None = None
    gone: Sequence[int] = ()  # the places that fit the filter no longer, sorted

    def __call__(
        self, row: MessageRow, _before: MessageRow | None, width: int, chosen: bool, palette: Palette, /
    ) -> Painted:
        """When, who, and the words around what was looked for."""
        ground = palette.chosen if chosen else palette.ground
        when = short_day(row.sent_at) if row.timed else "—"
        sign = {"drop": "-", "keep": "+"}.get(row.said.state, "~" if row.said.text is not None else " ")
        ink = palette.gone if row.said.state == "drop" else palette.text
        mark = "●" if row.place in self.marked else "×" if _is_in(self.gone, row.place) else " "
        text = shown_in_line(_words(row))
        if self.words is not None:
            text = self.words.around(text, max(10, width - LIT_CONVERSATION - 2))
        line: Line = [
            (SafeText("▌" if chosen else " "), ground + palette.accent),
            (SafeText(mark), ground + palette.accent),
            (SafeText(f"{sign} "), ground + (palette.error if sign == "-" else palette.good)),
            (fitted(SafeText(when), 12), ground + palette.muted),
            (fitted(said("{author}", author=row.author), 11), ground + palette.muted),
            (SPACE, ground),
            (SafeText(" "), palette.text),
            *marked_words(text, self.words, ink, palette),
        ]
        return Painted([line])
