"""The messages of one chat: turns, conversations and days made visible, over any number of messages.

Reads pages of `core.workspace.chats.transcript`; what a turn or a conversation is comes with each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.chat import Kind, Mark
from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown
from tui.commands import Command
from tui.figures import clock, day, later, number
from tui.lines import NOTHING, SPACE, Line, fitted, said, width_of, wrapped
from tui.screens.place import Heading, PlaceScreen
from tui.themes import Palette
from tui.widgets.row_list import Painted, Painter, RowList

if TYPE_CHECKING:
    from core.workspace.chats import ChatRow, MessageRow

LIT = 23  # columns that the cursor lights: a mark, the time, the author; never the text
_MOST_LINES = 6  # of one message in the list; enter shows all of it
_MOST_CHARACTERS = 2000
KINDS = {
    Kind.MEDIA: N_("media"),
    Kind.DELETED: N_("deleted"),
    Kind.CALL: N_("call"),
    Kind.LOCATION: N_("location"),
    Kind.POLL: N_("poll"),
}


def painter_for(participants: Sequence[str]) -> Painter[MessageRow]:
    """A painter of messages in which each participant has a colour of their own, as far as there are colours."""
    colours = {name: at for at, name in enumerate(participants)}
    return partial(paint_message, colours)


def paint_message(
    colours: Mapping[str, int],
    row: MessageRow,
    before: MessageRow | None,
    width: int,
    chosen: bool,
    palette: Palette,
) -> Painted:
    """Time and author where a turn starts, a line along the turn, the words at the end of the row."""
    ground = palette.chosen if chosen else palette.ground
    author = palette.persona if row.mine else palette.others[colours.get(row.author, 0) % len(palette.others)]
    at = clock(row.sent_at) if _timed(row) and _time_is_news(row, before) else ""
    name = said("{author}", author=row.author) if row.turn_starts or chosen else NOTHING
    first: Line = [
        (SafeText("▌" if chosen else " "), ground + palette.accent),
        (fitted(SafeText(at), 6), ground + palette.muted),
        (fitted(name, LIT - 7), ground + author),
    ]
    rest: Line = [(SafeText("▌" if chosen else " "), ground + palette.accent), (SafeText(" " * (LIT - 1)), ground)]
    bar = SafeText("  " if row.kind is Kind.SYSTEM else " ┃ " if row.mine else " │ ")
    ink = palette.text if row.kind is Kind.TEXT else palette.muted
    words = wrapped(_words(row), max(8, width - LIT - 5), _MOST_LINES)
    own: list[Line] = [[*first, (bar, author), (words[0], ink)]]
    # What goes on stands further in, so that a long message is not taken for several short ones.
    own += [[*rest, (bar, author), (SafeText("  " + text), ink)] for text in words[1:]]
    return Painted(own, _separator(row, before, width, palette))


def _words(row: MessageRow) -> SafeText:
    text = shown(row.text, limit=_MOST_CHARACTERS)
    parts: list[str] = []
    if row.kind in KINDS:
        parts.append(f"‹{_(KINDS[row.kind])}›")
    if row.marks & Mark.FORWARDED:
        parts.append("↪")
    if text and not (row.kind in KINDS and text.startswith(("<", "‹"))):
        # What an export writes in the place of a picture says the same again, in its own words.
        parts.append(text)
    if row.marks & Mark.EDITED:
        parts.append(f"({_('edited')})")
    return SafeText(" ".join(parts))


def _timed(row: MessageRow) -> bool:
    return not row.marks & Mark.UNTIMED


def _time_is_news(row: MessageRow, before: MessageRow | None) -> bool:
    return before is None or row.turn_starts or clock(before.sent_at) != clock(row.sent_at)


def _separator(row: MessageRow, before: MessageRow | None, width: int, palette: Palette) -> list[Line]:
    new_day = _timed(row) and (before is None or before.sent_at // 86_400 != row.sent_at // 86_400)
    if not (new_day or row.conversation_starts):
        return []
    left = said(" {day} ", day=day(row.sent_at)) if new_day else SPACE
    right = NOTHING
    if row.conversation_starts and before is not None and _timed(row) and row.sent_at > before.sent_at:
        right = said(" {later} ", later=later(row.sent_at - before.sent_at))
    rule = SafeText("─" * max(0, width - width_of(left) - width_of(right) - 1))
    line: Line = [(left, palette.strong), (rule, palette.faint), (right, palette.muted)]
    return [[], line] if row.conversation_starts and before is not None else [line]


class ConversationScreen(PlaceScreen):
    """The messages of the chat that is open."""

    PLACE = "messages"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,left", "back", N_("chats"), id="messages.back"),
        Binding("n", "conversation(1)", N_("next conversation"), id="messages.next"),
        Binding("p", "conversation(-1)", N_("conversation before"), id="messages.previous"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[int, object] | None = None
        self._chat: ChatRow | None = None

    def body(self) -> Iterable[Widget]:
        yield RowList[Any](painter_for(()), lit=LIT, id="messages", empty=SafeText(_("There are no messages here.")))

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()

    def workspace_changed(self) -> None:
        from core.workspace import changes, chats

        row_list = self.query_one("#messages", RowList)
        try:
            rows = chats.listing(self.workbench.workspace)
            found = [row for row in rows if row.id == self.workbench.open_chat] or rows[:1]
            if not found:
                self.query_one(Heading).show(SafeText(_("No chat is open.")), SafeText(_("1 leads to the chats.")))
                row_list.show(_Nothing())
                self._shown = None
                return
            chat = found[0]
            state = (chat.id, changes.version(self.workbench.workspace))
            if state == self._shown:
                return
            transcript = chats.transcript(self.workbench.workspace, chat.id)
            same = self._shown is not None and self._shown[0] == chat.id
            row_list.painter = painter_for(chat.participants)
            row_list.show(transcript, None if same else max(0, transcript.count() - 1))
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self._chat, self._shown = chat, state
        self.workbench.open_chat = chat.id
        detail = said(
            "{messages} · {names}",
            messages=ngettext("{n} message", "{n} messages", chat.messages).format(n=number(chat.messages)),
            names=", ".join(chat.participants),
        )
        self.query_one(Heading).show(said("{title}", title=chat.title), detail)

    def action_back(self) -> None:
        self.workbench.action_go("chats")

    def action_conversation(self, by: int) -> None:
        """Go to where the next conversation starts, or this one or the one before; looks no further than 20,000 rows."""
        row_list: RowList[MessageRow] = self.query_one("#messages", RowList)
        index = row_list.cursor + by
        for _step in range(20_000):
            if not 0 <= index < row_list.count:
                break
            row = row_list.at(index)
            if row is not None and row.conversation_starts:
                row_list.go_to(index)
                return
            index += by
        row_list.go_to(min(max(0, index), max(0, row_list.count - 1)))

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        from tui.screens.message import MessageDialog

        row = event.row_list.row
        if row is not None:
            self.app.push_screen(MessageDialog(row))

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Next conversation")), "screen.conversation(1)", "n")
        yield Command(SafeText(_("Conversation before")), "screen.conversation(-1)", "p")


class _Nothing:
    """No rows."""

    def count(self) -> int:
        return 0

    def rows(self, first: int, n: int) -> list[Any]:
        return []
