"""The conversations screen as a place to decide: each key is an act that is saved when it is pressed, and can be undone.

What an act is said of: the marked rows if there are any, else the row under the cursor; in the list of conversations
that is all messages of the conversation. However many they are, it is one act and one undo. More than a few thousand
are written by a worker, so that no key waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.figures import number
from tui.lines import NOTHING, said
from tui.screens.conversations.reading import ReadingScreen

if TYPE_CHECKING:
    from core.workspace.chats import MessageRow

_AT_ONCE = 5_000  # messages that are decided on within a key press: 10 ms
_FEW = 256  # messages that are looked at one by one before


class CuratingScreen(ReadingScreen):
    """Deciding by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,minus", "decide('drop')", N_("drop"), id="curate.drop"),
        Binding("plus,K", "decide('keep')", N_("keep"), id="curate.keep"),
        Binding("equals_sign,c", "decide('clear')", N_("as exported"), id="curate.clear", show=False),
        Binding("t", "ask_tag", N_("tag"), id="curate.tag", show=False),
        Binding("T", "ask_untag", N_("take a tag off"), id="curate.untag", show=False),
        Binding("w", "ask_weight", N_("weigh"), id="curate.weight", show=False),
        Binding("s", "split_or_join", N_("split or join here"), id="curate.split", show=False),
        Binding("space", "mark", N_("mark"), id="curate.mark"),
        Binding("v", "mark_range", N_("mark from here on"), id="curate.range", show=False),
        Binding("u", "undo", N_("undo"), id="curate.undo"),
        Binding("ctrl+r,U", "redo", N_("redo"), id="curate.redo", show=False),
    ]

    class Decided(Message):
        """A worker wrote an act, or could not."""

        def __init__(self, label: SafeText, problem: Problem | None = None) -> None:
            super().__init__()
            self.label = label
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self._range_from: int | None = None  # the place at which a range of marks began
        self._walking = False  # an undo or a redo is being shown
        self._last_tag = ""  # the one that was put on last: most are put on many messages

    # What is acted on

    @property
    def marked(self) -> set[int]:
        """The places of the marked messages."""
        return self.painter.marked

    def targets(self) -> Sequence[int]:
        """The places of the messages that an act is said of now."""
        if self.messages.has_focus or self.history is None:
            if self.marked:
                return sorted(self.marked)
            return [self.messages.cursor] if self.messages.count else []
        numbers = sorted(self.conversation_painter.marked) or [self.listed.cursor]
        bounds = [self.history.bounds(one) for one in numbers if one < self.history.count()]
        return [place for first, end in bounds for place in range(first, end)]

    def forget_marks(self) -> None:
        """Take all marks away."""
        self._range_from = None
        touched, conversations = set(self.marked), set(self.conversation_painter.marked)
        self.marked.clear()
        self.conversation_painter.marked.clear()
        if touched:
            self.messages.changed(touched)
        if conversations:
            self.listed.changed(conversations)
        self.say_state()

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        row_list = self.messages if self.messages.has_focus else self.listed
        if not row_list.count:
            return
        marks = self.marks_of_focus()
        marks.symmetric_difference_update({self.mark_of_cursor()})
        row_list.changed([row_list.cursor])
        row_list.action_move(1)
        self.say_state()

    def marks_of_focus(self) -> set[int]:
        """The marks of the list that has the keys."""
        return self.marked if self.messages.has_focus else self.conversation_painter.marked

    def mark_of_cursor(self) -> int:
        """What stands in the marks for the row under the cursor."""
        return self.messages.cursor if self.messages.has_focus else self.listed.cursor

    def action_mark_range(self) -> None:
        """Mark all messages from where this was pressed first to where it is pressed again."""
        if not self.messages.has_focus:
            self.set_focus(self.messages)
        here = self.messages.cursor
        if self._range_from is None:
            self._range_from = here
            self.marked.add(here)
            self.messages.changed([here])
            self.workbench.say(SafeText(_("Marking begins here. Move, then v again marks all between.")))
            return
        first, last = sorted((self._range_from, here))
        self._range_from = None
        self.marked.update(range(first, last + 1))
        self.messages.changed(range(first, last + 1))
        self.say_state()

    # Acts

    def action_decide(self, what: str, value: str = "") -> None:
        self.decide(what, value)

    def decide(self, what: str, value: str = "") -> None:
        """Say one thing of what is marked, or of the row under the cursor."""
        alone = not self.marked and not self.marks_of_focus()
        try:
            was_so = not self._say(what, value)
        except Problem as problem:
            self.workbench.say_problem(problem)
        else:
            if alone and what in ("drop", "keep"):
                self._go_on(was_so)

    def _go_on(self, was_so: bool) -> None:
        """To the next row, for the next key; at the last one a hasty hand would decide on the same row again."""
        row_list = self.messages if self.messages.has_focus else self.listed
        if row_list.cursor + 1 < row_list.count:
            row_list.action_move(1)
        elif not was_so:
            self.workbench.say(SafeText(_("Saved. That was the last row; u takes it back.")))

    def _say(self, what: str, value: str) -> bool:
        """The same; what is wrong with the value is raised, for a dialog to show it. False where it was so already."""
        places = self.targets()
        if (rows := self._rows_at(places)) and all(_is_so(row, what, value) for row in rows):
            # An act that changes nothing would only be one more to undo.
            self.workbench.say(SafeText(_("It is so already; nothing was changed.")))
            return False
        if len(places) > _AT_ONCE:
            self._decide_all(places, what, value)
        elif places:
            self.after_act(self._decided_at(places, what, value))
        return True

    def _rows_at(self, places: Sequence[int]) -> list[MessageRow]:
        """The messages at these places, where they are few."""
        if len(places) > _FEW:
            return []
        return [row for place in places if (row := self.messages.at(place)) is not None]

    def _decided_at(self, places: Sequence[int], what: str, value: str) -> str:
        from core.workspace import curation

        return curation.decide_at(self.workbench.workspace, self.chat, places, what, value).label

    def after_act(self, label: str) -> None:
        """Show what was decided, and say that it is saved."""
        self.take_decisions()
        self.forget_marks()
        self.remember()
        self.workbench.say(said(_("Saved: {label}. u takes it back."), label=label))

    @work(thread=True, exclusive=True, group="decide", name="decide", exit_on_error=False)
    def _decide_all(self, places: Sequence[int], what: str, value: str) -> None:
        try:
            label = self._decided_at(places, what, value)
            if self.history is not None:
                self.history.follow()
        except Problem as problem:
            self.post_message(self.Decided(NOTHING, problem))
        else:
            self.post_message(self.Decided(said("{label}", label=label)))

    def on_curating_screen_decided(self, event: Decided) -> None:
        if event.problem is not None:
            self.workbench.say_problem(event.problem)
        else:
            self.after_act(event.label)

    def action_split_or_join(self) -> None:
        """At the first message of a conversation: join it to the one before. Anywhere else: split here."""
        from core.workspace import curation

        row = self.messages.row
        if not self.messages.has_focus and self.history is not None and self.listed.count:
            row = self.messages.at(self.history.bounds(self.listed.cursor)[0])
        if row is None or row.place == 0:
            self.workbench.say(SafeText(_("The first message of a chat has nothing before it to be joined to.")))
            return
        what = "join" if row.conversation_starts else "split"
        try:
            act = curation.decide(self.workbench.workspace, what, [row.uid])
        except Problem as problem:
            self.workbench.say_problem(problem)
        else:
            self.after_act(act.label)

    def action_ask_tag(self) -> None:
        self._ask_value("tag", _("Which tag? In use: {tags}"))

    def action_ask_untag(self) -> None:
        self._ask_value("untag", _("Which tag is to go? In use: {tags}"))

    def _ask_value(self, what: str, question: str) -> None:
        from core.workspace import curation
        from tui.screens.ask import AskDialog

        if not (places := self.targets()):
            return
        tags = curation.standing_now(self.workbench.workspace).tags()
        words = said(question, tags=", ".join(f"{tag} {n}" for tag, n in tags.most_common(12)) or "—")
        many = ngettext("{n} message.", "{n} messages.", len(places)).format(n=number(len(places)))
        question = said("{many} {words}", many=many, words=words)

        def take(typed: str) -> None:
            self._say(what, typed.strip())
            if what == "tag":
                self._last_tag = typed.strip()

        # Most tags are put on many messages, and most messages have one: then ⏎ is all there is to press.
        proposed = self._last_tag if what == "tag" else self._only_tag(places)
        self.app.push_screen(AskDialog(question, proposed, take, suggested=True))

    def _only_tag(self, places: Sequence[int]) -> str:
        """The tag of these messages, where they have one and no other."""
        found = {tag for row in self._rows_at(places) for tag in row.said.tags}
        return found.pop() if len(found) == 1 else ""

    def action_ask_weight(self) -> None:
        from tui.screens.ask import AskDialog

        if self.targets():
            question = _("How often is it learnt as a reply? 0 never, 1 as it is, 2 twice.")
            self.app.push_screen(
                AskDialog(SafeText(question), take=lambda typed: self._say("weight", typed.strip()), placeholder="2")
            )

    def action_undo(self) -> None:
        self._walk("undo", _("Undone: {label}"), _("There is nothing to undo."))

    def action_redo(self) -> None:
        self._walk("redo", _("Done again: {label}"), _("There is nothing to redo."))

    def _walk(self, way: str, told: str, nothing: str) -> None:
        from core.workspace import curation

        self.take_decisions()  # what others decided until now is no part of what this brings into sight
        try:
            step = curation.undo if way == "undo" else curation.redo
            act = step(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        if act is None:
            self.workbench.say(SafeText(nothing), "warning")
            return
        self._walking = True
        try:
            self.take_decisions()
        finally:
            self._walking = False
        self.say_state()
        self.workbench.say(said(told, label=act.label))

    def decisions_taken(self, places: Sequence[int] | None) -> None:
        """An undo brings one of the messages into sight that it undid; what others decide never moves the cursor, or the
        next key would be said of a message that nobody chose."""
        if self._walking and places and not any(place in self.messages.in_sight for place in places):
            self.go_to_place(min(places))
        self.say_state()

    # What is said of the state

    def say_state(self) -> None:
        """What is marked, and what `u` would take back."""
        from core.workspace import curation

        if self._chat is None:
            return
        act = curation.next_undo(self.workbench.workspace)
        undo = said(_("u undoes: {label}"), label=act.label) if act is not None else NOTHING
        self.heading.note(SafeText(" · ".join(self.state_parts())), undo)

    def state_parts(self) -> list[SafeText]:
        """What there is to say at the left, part by part."""
        parts: list[SafeText] = []
        if self.marked:
            count = len(self.marked)
            told = ngettext("{n} message marked", "{n} messages marked", count)
            parts.append(said(told, n=number(count)))
        if self.conversation_painter.marked:
            count = len(self.conversation_painter.marked)
            told = ngettext("{n} conversation marked", "{n} conversations marked", count)
            parts.append(said(told, n=number(count)))
        return parts

    def workspace_changed(self) -> None:
        super().workspace_changed()
        self.say_state()

    def action_back(self) -> None:
        if self.marked or self.conversation_painter.marked or self._range_from is not None:
            self.forget_marks()
        else:
            super().action_back()

    def commands(self) -> Iterator[Command]:
        from core.workspace import curation

        workspace = self.workbench.workspace
        if (act := curation.next_undo(workspace)) is not None:
            yield Command(said(_("Undo: {label}"), label=act.label), "screen.undo", "u")
        if (act := curation.next_redo(workspace)) is not None:
            yield Command(said(_("Redo: {label}"), label=act.label), "screen.redo", "U")
        if self.targets():
            acts: tuple[tuple[str, str, str], ...] = (
                (_("Drop"), "screen.decide('drop')", "d"),
                (_("Keep, whatever the rules say"), "screen.decide('keep')", "+"),
                (_("Leave as exported"), "screen.decide('clear')", "="),
                (_("Tag"), "screen.ask_tag", "t"),
                (_("Take a tag off"), "screen.ask_untag", "T"),
                (_("Weigh"), "screen.ask_weight", "w"),
                (_("Split or join here"), "screen.split_or_join", "s"),
            )
            for title, action, key in acts:
                yield Command(SafeText(title), action, key)
        yield from super().commands()


def _is_so(row: MessageRow, what: str, value: str) -> bool:
    """Whether this was said of the message already, and nothing would change."""
    return (
        row.said.state == what
        or (what == "tag" and value in row.said.tags)
        or (what == "untag" and bool(value) and value not in row.said.tags)
    )
