"""The conversations screen as a place to find: search as one types, filters, and acts on all that was found.

While something is looked for, the list at the left holds the messages that were found, and the messages at the right
stay whole, with the words marked: one judges a message where it was said. A worker looks; the newest question wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker, get_current_worker

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.figures import number
from tui.lines import said
from tui.screens.conversations.editing import EditingScreen
from tui.screens.conversations.painting import FoundPainter
from tui.screens.conversations.words import Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.workspace.chats import ChatRow, MessageRow, Transcript
    from core.workspace.finding import Filter

_SURE = 50  # messages up to which an act is done without asking


class Found:
    """The messages that were found, as rows."""

    def __init__(self, transcript: Transcript, places: NDArray[Any]) -> None:
        self._transcript = transcript
        self.places = places

    def count(self) -> int:
        return len(self.places)

    def rows(self, first: int, n: int) -> list[MessageRow]:
        return self._transcript.at([int(one) for one in self.places[first : first + n]])


class SearchField(Input):
    """The field for words; there only while one searches."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("end the search"), id="search.leave"),
        Binding("down,tab", "list", N_("to what was found"), id="search.list"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder=_("words, or “several words”"), compact=True, select_on_focus=False, id="search")
        self.cursor_blink = False
        self.styles.margin = 0
        self.display = False

    def action_leave(self) -> None:
        assert isinstance(self.screen, FindingScreen)
        self.screen.leave_search()

    def action_list(self) -> None:
        assert isinstance(self.screen, FindingScreen)
        self.screen.end_search(self.value)


class FindingScreen(EditingScreen):
    """Finding by words and filters."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", N_("search"), id="find.search"),
        Binding("f", "filter", N_("filter"), id="find.filter"),
        Binding("asterisk", "mark_all", N_("mark all that was found"), id="find.mark_all", show=False),
    ]

    class Answered(Message):
        """What a question found: the places in the chat."""

        def __init__(self, question: int, places: NDArray[Any]) -> None:
            super().__init__()
            self.question = question
            self.places = places

    def __init__(self) -> None:
        super().__init__()
        from core.workspace.finding import Filter

        self.wanted: Filter = Filter()
        self.found: Found | None = None
        self._question = 0  # the number of the newest question
        self._answered = 0  # the number of the question that the list answers
        self.is_of_before = False  # something was decided, and it is not known yet what the list lost by it
        self.found_painter = FoundPainter(self.marked)
        self.field = SearchField()

    def panes(self) -> Iterator[Widget]:
        messages = list(super().panes())
        with_field = Vertical(self.field, messages[0], id="left")
        yield with_field
        yield from messages[1:]

    # Asking

    def action_search(self) -> None:
        self.field.display = True
        self.field.value = self.wanted.query
        self.set_focus(self.field)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input is self.field and self.field.has_focus:
            # A single letter begins half of all words: it is looked for when it was meant. A single emoji is a word.
            typed = event.value.strip()
            query = event.value if len(typed) > 1 or not (typed.isascii() or typed.isalpha()) else ""
            self.look_for(replace(self.wanted, query=query))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input is self.field:
            self.end_search(event.value)

    def end_search(self, query: str) -> None:
        """Go from the field to what was found."""
        self.field.display = False
        if query.strip() != self.wanted.query.strip():
            self.look_for(replace(self.wanted, query=query))
        self.set_focus(self.listed)

    def leave_search(self) -> None:
        """Give the search up."""
        self.field.display = False
        self.look_for(replace(self.wanted, query=""))
        self.set_focus(self.messages)

    def action_filter(self) -> None:
        from core.workspace import finding
        from tui.screens.palette import PaletteDialog

        if self._chat is None:
            return
        commands = [Command(SafeText(_("Clear the filter")), "clear")] if self.wanted else []
        for part, title in (
            ("longer", _("at least … characters")),
            ("shorter", _("at most … characters")),
            ("since", _("from the day …")),
            ("until", _("up to the day …")),
        ):
            commands.append(Command(SafeText(title), f"ask {part}"))
        choices = [one for one in finding.choices(self.workbench.workspace, self.chat) if one.count != 0]
        commands[len(commands) - 4 : len(commands) - 4] = [
            Command(
                said("{meaning}", meaning=one.meaning),
                f"{one.part} {one.value}",
                "" if one.count is None else number(one.count),
            )
            for one in choices
        ]
        self.app.push_screen(PaletteDialog(commands, _("Show only messages …")), self._take_choice)

    def _take_choice(self, command: Command | None) -> None:
        if command is None:
            return
        part, _space, value = command.action.partition(" ")
        if part == "clear":
            self.clear_filter()
        elif part == "ask":
            self._ask_part(value)
        else:
            self.look_for(replace(self.wanted, **{part: value}))

    def _ask_part(self, part: str) -> None:
        from core.workspace import finding
        from tui.screens.ask import AskDialog

        words = {
            "longer": _("At least how many characters?"),
            "shorter": _("At most how many characters?"),
            "since": _("From which day on? Year, year-month or year-month-day."),
            "until": _("Up to which day? Year, year-month or year-month-day."),
        }

        def take(typed: str) -> None:
            typed = typed.strip()
            if part in ("longer", "shorter"):
                if not typed.isdecimal():
                    raise Problem(_("that is no whole number."))
                wanted = replace(self.wanted, **{part: int(typed)})
            else:
                wanted = replace(self.wanted, **{part: typed})
            finding.must_make_sense(wanted)
            self.look_for(wanted)

        now = getattr(self.wanted, part)
        self.app.push_screen(AskDialog(SafeText(words[part]), str(now or ""), take, suggested=True))

    def clear_filter(self) -> None:
        """Look for nothing any more."""
        from core.workspace.finding import Filter

        self.field.value = ""
        self.look_for(Filter())

    def look_for(self, wanted: Filter) -> None:
        """Ask for other messages; the list shows them when they are found."""
        if wanted == self.wanted:
            return
        self.wanted = wanted
        self.painter.words = self.found_painter.words = Words(wanted.query) if wanted.query.strip() else None
        self.ask_again()

    @property
    def is_looking(self) -> bool:
        """Whether the list still answers an earlier question."""
        return self._answered != self._question

    def ask_again(self) -> None:
        """Look for what is wanted, as things are now."""
        self._question += 1
        if self.wanted and self._chat is not None:
            self._look(self._question, self.chat, self.wanted)
            return
        self._answered = self._question
        self.found = None
        self.painter.found = ()
        self.found_anew()
        self.messages.changed()
        self.show_list()
        self.say_state()

    @work(thread=True, exclusive=True, group="find", name="find", exit_on_error=False)
    def _look(self, question: int, chat: int, wanted: Filter) -> None:
        from core.workspace import chats, finding, memory

        worker: Worker[None] = get_current_worker()
        try:
            places = finding.places(self.workbench.workspace, chat, wanted, cancelled=lambda: worker.is_cancelled)
            self.post_message(self.Answered(question, places))
            memory.give_back(self.workbench.workspace)
        except chats.Cancelled:
            return
        except Problem as problem:
            if not worker.is_cancelled:
                self.app.call_from_thread(self.workbench.say_problem, problem)

    def on_finding_screen_answered(self, event: Answered) -> None:
        from core.workspace import chats, memory

        if event.question != self._question or self._chat is None:
            return
        try:
            transcript = chats.transcript(self.workbench.workspace, self.chat)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self._answered = event.question
        self.found = Found(transcript, event.places)
        self.found_anew()
        self.painter.found = event.places  # type: ignore[assignment]
        self.messages.changed()
        self.show_list()
        self.say_state()
        if self.found.count() and not self.messages.has_focus:
            self.show_listed()
        self.call_after_refresh(memory.give_back, self.workbench.workspace)

    def found_anew(self) -> None:
        """The list is of now."""
        self.is_of_before = False
        self.found_painter.gone = ()

    # What was found, in the list

    def show_list(self) -> None:
        if self.found is None:
            super().show_list()
            return
        self.listed.painter = self.found_painter
        self.listed.empty = SafeText(_("Nothing was found."))
        self.listed.show(self.found, self._nearest())

    def _nearest(self) -> int:
        """The first message found at or after the cursor, or the last one."""
        assert self.found is not None
        from bisect import bisect_left

        at = bisect_left(self.found.places, self.messages.cursor)
        return max(0, min(at, self.found.count() - 1))

    def show_chat(self, chat: ChatRow, *, same: bool) -> None:
        if not same:
            self.found = None
        super().show_chat(chat, same=same)
        if self.wanted:
            self.ask_again()

    def show_listed(self) -> None:
        if self.found is None:
            super().show_listed()
        elif self.listed.cursor < self.found.count():
            self.messages.go_to(int(self.found.places[self.listed.cursor]))

    def follow_messages(self) -> None:
        if self.found is None:
            super().follow_messages()

    def listed_rows(self, places: Sequence[int]) -> set[int]:
        if self.found is None:
            return super().listed_rows(places)
        from bisect import bisect_left

        found = self.found.places
        rows = {bisect_left(found, place) for place in places}
        return {row for row in rows if row < len(found) and found[row] in places}

    def action_conversation(self, by: int) -> None:
        """The next conversation; while something is looked for, the next message that was found."""
        if self.found is None:
            super().action_conversation(by)
        elif self.found.count():
            from bisect import bisect_left, bisect_right

            places, here = self.found.places, self.messages.cursor
            row = bisect_right(places, here) if by > 0 else bisect_left(places, here) - 1
            row = max(0, min(row, self.found.count() - 1))
            self.listed.go_to(row)
            self.messages.go_to(int(places[row]))

    # Acting on what was found

    def targets(self) -> Sequence[int]:
        if self.found is None or self.messages.has_focus or self.marked:
            return super().targets() if not self.marked else sorted(self.marked)
        row = self.listed.cursor
        return [int(self.found.places[row])] if row < self.found.count() else []

    def marks_of_focus(self) -> set[int]:
        return self.marked if self.found is not None else super().marks_of_focus()

    def mark_of_cursor(self) -> int:
        if self.found is not None and not self.messages.has_focus:
            return int(self.found.places[self.listed.cursor])
        return super().mark_of_cursor()

    def action_mark_all(self) -> None:
        """Mark all that was found; without a filter, the conversation that is being read."""
        if self.wanted and (self.is_looking or self.is_of_before):
            # Or the marks would be those of another filter, or of what one has just decided on.
            self.workbench.say(SafeText(_("Still looking; nothing is marked yet.")), "warning")
            return
        if self.found is not None:
            gone = {int(one) for one in self.found_painter.gone}
            self.marked.update(place for one in self.found.places if (place := int(one)) not in gone)
        elif self.history is not None and self.history.count():
            self.marked.update(range(*self.history.bounds(self.history.number_of(self.messages.cursor))))
        self.messages.changed()
        self.listed.changed()
        self.say_state()

    def decide(self, what: str, value: str = "") -> None:
        from tui.screens.confirm import ConfirmDialog

        count = len(self.targets())
        if count <= _SURE or not self.marked:
            super().decide(what, value)
            return
        words = {
            "drop": ngettext("Drop {n} message?", "Drop {n} messages?", count),
            "keep": ngettext("Keep {n} message?", "Keep {n} messages?", count),
            "clear": ngettext("Leave {n} message as exported?", "Leave {n} messages as exported?", count),
        }
        question = said(words[what] + " " + _("One undo takes it back."), n=number(count))

        def answered(yes: bool | None) -> None:
            if yes:
                super(FindingScreen, self).decide(what, value)

        self.app.push_screen(ConfirmDialog(question), answered)

    def forget_marks(self) -> None:
        in_list = bool(self.marked) and self.found is not None
        super().forget_marks()
        if in_list:
            self.listed.changed()

    def action_back(self) -> None:
        if not self.marked and self.wanted:
            self.clear_filter()
        else:
            super().action_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # While one types words, a letter is a letter.
        return False if self.field.has_focus else super().check_action(action, parameters)

    # What is said of it

    def filter_line(self) -> SafeText:
        """The filter in words, with how many messages it lets through."""
        wanted = self.wanted
        parts = [
            _in_quotes(wanted.query),
            wanted.author,
            f"#{wanted.tag}" if wanted.tag else "",
            _decision(wanted.decision),
            f"≥{wanted.longer}" if wanted.longer else "",
            f"≤{wanted.shorter}" if wanted.shorter else "",
            _("from {day}").format(day=wanted.since) if wanted.since else "",
            _("to {day}").format(day=wanted.until) if wanted.until else "",
            wanted.rule,
            wanted.private,
        ]
        words = " · ".join(part for part in parts if part)
        if self.found is None:
            return said(_("{words}: looking …"), words=words)
        count = self.found.count()
        told = ngettext("{words}: {n} message (esc clears)", "{words}: {n} messages (esc clears)", count)
        return said(told, words=words, n=number(count))

    def state_parts(self) -> list[SafeText]:
        return [self.filter_line(), *super().state_parts()] if self.wanted else super().state_parts()

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Search")), "screen.search", "/")
        yield Command(SafeText(_("Filter")), "screen.filter", "f")
        if self.wanted:
            yield Command(SafeText(_("Clear the filter")), "screen.back", _("esc"))
            yield Command(SafeText(_("Mark all that was found")), "screen.mark_all", "*")
        yield from super().commands()


def _in_quotes(query: str) -> str:
    """What is looked for, between quotes once: words that have their own are shown with these. One that was not closed yet
    is nothing to the search, and is not shown."""
    words = query.strip()
    if words.count('"') % 2:
        before, _quote, after = words.rpartition('"')
        words = f"{before}{after}".strip()
    return _("“{words}”").format(words=words) if words and '"' not in words else words


def _decision(name: str) -> str:
    from core.workspace.finding import DECISIONS

    return _(DECISIONS[name]) if name else ""
