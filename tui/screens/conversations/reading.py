"""The conversations screen as a place to read: two lists that follow each other, and where one stopped.

The messages are there at once; the list of conversations comes from a worker, since at a million messages it takes
half a second to know where they begin. What changes elsewhere (an import, a decision in another workbench) is taken in
row by row, so that the view stands still.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.figures import number
from tui.lines import said
from tui.screens.conversations.painting import LIT, LIT_CONVERSATION, ConversationPainter, MessagePainter
from tui.screens.place import PlaceScreen
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.chats import ChatRow, MessageRow
    from core.workspace.conversations import History

_REMEMBER = 15.0  # seconds between two looks at whether the place to go on from has moved


class Nothing:
    """No rows."""

    def count(self) -> int:
        return 0

    def rows(self, first: int, n: int) -> list[Any]:
        return []


class Panes(Container):
    """The two lists: side by side, or one above the other when there is no room."""

    SCOPED_CSS = False  # how wide there is room is a class of the screen's
    DEFAULT_CSS = """
    Panes { height: 1fr; layout: vertical; }
    Panes #left { height: 28%; min-height: 3; margin-bottom: 1; }
    .-wide Panes { layout: horizontal; }
    .-wide Panes #left { height: 1fr; width: 40%; max-width: 66; margin: 0 1 0 0; }
    """


class ReadingScreen(PlaceScreen):
    """The chat that is open: its conversations, and its messages."""

    AUTO_FOCUS = "#messages"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("back"), id="messages.back", show=False),
        Binding("h,left", "leave_pane", N_("left pane, or the chats"), id="messages.left", show=False),
        Binding("tab", "other_pane", N_("other pane"), id="messages.pane", show=False),
        Binding("n,right_square_bracket", "conversation(1)", N_("next conversation"), id="messages.next", show=False),
        Binding(
            "p,left_square_bracket", "conversation(-1)", N_("conversation before"), id="messages.previous", show=False
        ),
        Binding("D", "ask_date", N_("jump to a day"), id="messages.date", show=False),
    ]

    class Known(Message):
        """It is known where the conversations of a chat begin."""

        def __init__(self, history: History) -> None:
            super().__init__()
            self.history = history

    def __init__(self) -> None:
        super().__init__()
        self.history: History | None = None
        self._chat: ChatRow | None = None
        self._shown: object = None  # what the rows on the screen were made from
        self._decided = 0  # the version of what stands that is on the screen
        self.painter = MessagePainter()
        self.conversation_painter = ConversationPainter()
        self.listed: RowList[Any] = RowList(
            self.conversation_painter, lit=LIT_CONVERSATION, id="conversations", empty=SafeText(_("Reading …"))
        )
        self.messages: RowList[MessageRow] = RowList(
            self.painter, lit=LIT, id="messages", empty=SafeText(_("There are no messages here."))
        )

    # What there is

    def body(self) -> Iterable[Widget]:
        yield Panes(*self.panes())

    def panes(self) -> Iterator[Widget]:
        """The two lists."""
        yield self.listed
        yield self.messages

    @property
    def chat(self) -> int:
        """The number of the chat that is open; -1 when none is."""
        return self._chat.id if self._chat is not None else -1

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()
        self.set_interval(_REMEMBER, self.remember)

    def on_screen_suspend(self) -> None:
        self.remember()

    def on_unmount(self) -> None:
        self.remember()

    def remember(self) -> None:
        """Keep where the cursor is, to go on from another day."""
        from core.workspace import positions

        row = self.messages.row if self._chat is not None else None
        if row is not None:
            try:
                positions.remember(self.workbench.workspace, self.chat, row.uid)
            except Problem as problem:
                self.workbench.say_problem(problem)

    def workspace_changed(self) -> None:
        try:
            self._take_in()
        except Problem as problem:
            self.workbench.say_problem(problem)

    def _take_in(self) -> None:
        from core.workspace import chats, positions, recipe, revision

        workspace = self.workbench.workspace
        wanted = self.workbench.open_chat if self.workbench.open_chat is not None else positions.last_chat(workspace)
        now = recipe.current(workspace)
        state = (revision.of_messages(workspace.store), wanted, now.persona, now.burst_window, now.conversation_gap)
        if state == self._shown:
            self.take_decisions()
            self._go_to_wanted()
            return
        rows = chats.listing(workspace)
        chat = next((row for row in rows if row.id == wanted), rows[0] if rows else None)
        if chat is None:
            self.heading.show(SafeText(_("No chat is open.")), SafeText(_("1 leads to the chats.")))
            self.messages.show(Nothing())
            self.listed.empty = SafeText("")
            self.listed.show(Nothing())
            self._chat = self._shown = self.history = None
            return
        same = self._chat is not None and self._chat.id == chat.id
        if not same:
            self.remember()
        self.show_chat(chat, same=same)
        self._shown = (state[0], chat.id, *state[2:])
        self.workbench.open_chat = chat.id
        self._go_to_wanted()

    def show_chat(self, chat: ChatRow, *, same: bool) -> None:
        """Show the messages of a chat, at the place where one stopped."""
        from core.workspace import chats, curation, positions

        workspace = self.workbench.workspace
        transcript = chats.transcript(workspace, chat.id)
        self._decided = curation.standing_now(workspace).version
        self._chat = chat
        self.painter.participants = chat.participants
        cursor = None
        if not same:
            place = positions.place_in(workspace, chat.id)
            cursor = max(0, transcript.count() - 1) if place is None else place
            self.history = None
            self.listed.show(Nothing(), 0)
        self.messages.show(transcript, cursor)
        self._say_what_is_open(chat)
        self._know(chat.id)

    def _say_what_is_open(self, chat: ChatRow) -> None:
        detail = said(
            "{messages} · {names}",
            messages=ngettext("{n} message", "{n} messages", chat.messages).format(n=number(chat.messages)),
            names=", ".join(chat.participants),
        )
        self.heading.show(said("{title}", title=chat.title), detail)

    @work(thread=True, exclusive=True, group="conversations", name="conversations", exit_on_error=False)
    def _know(self, chat: int) -> None:
        from core.workspace import conversations

        try:
            self.post_message(self.Known(conversations.history(self.workbench.workspace, chat)))
        except Problem as problem:
            self.app.call_from_thread(self.workbench.say_problem, problem)

    def on_reading_screen_known(self, event: Known) -> None:
        if event.history.chat == self.chat:
            self.history = event.history
            self.show_list()

    def show_list(self) -> None:
        """Show the conversations, the cursor on the one that is being read."""
        if self.history is not None:
            self.listed.painter = self.conversation_painter
            self.listed.empty = SafeText("")
            self.listed.show(self.history, self.history.number_of(self.messages.cursor))

    def take_decisions(self) -> None:
        """Take in what was decided since the last look, here or in another workbench."""
        from core.workspace import conversations

        if self._chat is None:
            return
        workspace = self.workbench.workspace
        self._decided, places = conversations.touched(workspace, self.chat, self._decided)
        if places is not None and not places:
            return
        self.messages.changed(places)
        if self.history is not None:
            if self.history.follow() or places is None:
                self.show_list()
            else:
                self.listed.changed(self.listed_rows(places))
        self.decisions_taken(places)

    def listed_rows(self, places: Sequence[int]) -> set[int]:
        """The rows of the list that say something of these messages."""
        return {self.history.number_of(place) for place in places} if self.history is not None else set()

    def decisions_taken(self, places: Sequence[int] | None) -> None:
        """What else has to know of new decisions on these messages (None: any)."""

    # Going about

    def _go_to_wanted(self) -> None:
        wanted, self.workbench.wanted_message = self.workbench.wanted_message, None
        if wanted is None:
            return
        from core.workspace import conversations

        found = conversations.place_of(self.workbench.workspace, wanted)
        if found is not None and found[0] == self.chat:
            self.set_focus(self.messages)
            self.go_to_place(found[1])
        else:
            self.workbench.say(SafeText(_("This message is no longer there.")), "warning")

    def go_to_place(self, place: int, *, first: bool = False) -> None:
        """Put the cursor of the messages on a place; the list follows."""
        self.messages.go_to(place, first=first)
        self.follow_messages()

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        if event.row_list is self.messages and self.messages.has_focus:
            self.follow_messages()

    def on_row_list_rested(self, event: RowList.Rested) -> None:
        # A page of messages costs 5 KB: not for each of the conversations that one passes.
        if event.row_list is self.listed and self.listed.has_focus:
            self.show_listed()

    def follow_messages(self) -> None:
        """Put the list's cursor on the conversation that is being read."""
        if self.history is not None and self.listed.count:
            self.listed.go_to(self.history.number_of(self.messages.cursor))

    def show_listed(self) -> None:
        """Show the messages of the conversation under the list's cursor."""
        if self.history is not None and self.listed.cursor < self.history.count():
            first, end = self.history.bounds(self.listed.cursor)
            if not first <= self.messages.cursor < end or self.messages.line_of(first) is None:
                self.messages.go_to(first, first=True)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if event.row_list is self.listed:
            self.show_listed()
            self.set_focus(self.messages)
            return
        from tui.screens.message import MessageDialog

        row = self.messages.row
        if row is not None:
            self.app.push_screen(MessageDialog(row))

    def action_back(self) -> None:
        self.workbench.action_go("chats")

    def action_leave_pane(self) -> None:
        if self.messages.has_focus and self.listed.count:
            self.set_focus(self.listed)
        else:
            self.workbench.action_go("chats")

    def action_other_pane(self) -> None:
        self.set_focus(self.listed if self.messages.has_focus else self.messages)

    def action_conversation(self, by: int) -> None:
        """Go to where the next conversation starts, or this one, or the one before."""
        if self.history is None or not self.history.count():
            return
        here = self.messages.cursor
        now = self.history.number_of(here)
        if by < 0 and self.history.bounds(now)[0] < here:
            by = 0
        wanted = min(max(0, now + by), self.history.count() - 1)
        self.go_to_place(self.history.bounds(wanted)[0], first=True)

    def action_ask_date(self) -> None:
        from tui.screens.ask import AskDialog

        if self._chat is not None:
            question = SafeText(_("Which day? Year, year-month or year-month-day."))
            self.app.push_screen(AskDialog(question, take=self._go_to_day, placeholder="2025-06-15"))

    def _go_to_day(self, typed: str) -> None:
        from core.workspace import conversations

        seconds = conversations.moment(typed)
        self.go_to_place(conversations.place_on(self.workbench.workspace, self.chat, seconds), first=True)

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Next conversation")), "screen.conversation(1)", "n")
        yield Command(SafeText(_("Conversation before")), "screen.conversation(-1)", "p")
        yield Command(SafeText(_("Jump to a day")), "screen.ask_date", "D")
