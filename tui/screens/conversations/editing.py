"""The conversations screen as a place to edit: a message's words, changed where they stand.

⏎ saves, ^j begins a line (the one key for it that arrives everywhere), esc leaves. What is being written is kept in the
workspace as a draft while it is written, so neither a hang-up nor a kill loses it: the next `e` on the message goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.lines import wrapped
from tui.screens.conversations.curating import CuratingScreen
from tui.screens.conversations.painting import LIT

if TYPE_CHECKING:
    from core.workspace.chats import MessageRow

_DRAFT = 0.5  # seconds without a key after which a draft is kept


class Editor(TextArea):
    """The field over the words of one message. It is there all the time and shown while one writes: a field that is
    taken away while something else is painted took the workbench with it, on a busy machine."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "save", N_("save the edit"), id="edit.save", priority=True),
        Binding("ctrl+j", "new_line", N_("new line"), id="edit.new_line", priority=True),
        Binding("escape", "leave", N_("leave the edit"), id="edit.leave", priority=True),
    ]

    def __init__(self, save: Callable[[], None], leave: Callable[[], None]) -> None:
        super().__init__(compact=True, soft_wrap=True, id="editor", highlight_cursor_line=False)
        self.uid = ""  # of the message
        self.began_with = ""
        # Called and not told by a message: the next key must find the field gone.
        self._save, self._leave = save, leave
        self.cursor_blink = False
        self.display = False

    def begin(self, row: MessageRow, draft: str | None) -> None:
        """Take the words of a message, or the draft that goes on from them."""
        self.uid = row.uid
        self.text = row.text
        self.began_with = self.text  # as the field has it: what it cannot hold (a lone \r) is no change of the person's
        if draft is not None:
            self.text = draft
        self.display = True
        self.move_cursor(self.document.end)

    def action_save(self) -> None:
        self._save()

    def action_leave(self) -> None:
        self._leave()

    def action_new_line(self) -> None:
        self.insert("\n")


class EditingScreen(CuratingScreen):
    """Editing in place."""

    DEFAULT_CSS = """
    #right { layers: words editor; height: 1fr; width: 1fr; }
    #editor { layer: editor; margin: 0; padding: 0; border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("e", "edit", N_("edit"), id="curate.edit")]

    def __init__(self) -> None:
        super().__init__()
        self._words = Editor(self.save_edit, self.leave_edit)
        self.editor: Editor | None = None  # while one writes
        self._edited_from: Widget | None = None  # the list that had the keys
        self._draft_later: Timer | None = None

    def panes(self) -> Iterator[Widget]:
        panes = list(super().panes())
        yield from panes[:-1]
        yield Container(panes[-1], self._words, id="right")

    def action_edit(self) -> None:
        """Open the field over the words of the message under the cursor, or its draft; from the list, over those of the
        message that it is at."""
        from core.workspace import curation

        if self.editor is not None:
            return
        self._edited_from = self.messages if self.messages.has_focus else self.listed
        if not self.messages.has_focus:
            self.show_listed()  # the cursor may not have rested on the row yet
            self.messages.bring_into_view()
        row = self.messages.row
        if row is None:
            return
        draft = curation.draft_of(self.workbench.workspace, row.uid)
        self.editor = self._words
        self.editor.begin(row, draft)
        self._place(self.editor)
        self.set_focus(self.editor)
        self.workbench.say(
            SafeText(
                _("⏎ saves, ^j new line, esc leaves.")
                if draft is None
                else _("A draft of yours. ⏎ saves, ^j new line, esc leaves.")
            )
        )

    def _place(self, editor: Editor) -> None:
        pane = self.messages.size
        width = max(10, pane.width - LIT - 4)
        lines = len(wrapped(SafeText(editor.text), width - 1)) + 1
        height = max(2, min(lines, pane.height))
        top = self.messages.line_of(self.messages.cursor) or 0
        editor.styles.offset = (LIT + 3, max(0, min(top, pane.height - height)))
        editor.styles.width, editor.styles.height = width, height

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if event.text_area is self.editor and self.editor is not None:
            self._place(self.editor)
            if self._draft_later is not None:
                self._draft_later.stop()
            self._draft_later = self.set_timer(_DRAFT, self.keep_draft)

    def keep_draft(self) -> None:
        """Keep what is being written."""
        from core.workspace import curation

        if self.editor is None or self.editor.text == self.editor.began_with:
            return
        try:
            curation.keep_draft(self.workbench.workspace, self.editor.uid, self.editor.text)
            self.remember()  # a kill is followed by going on, and there is where to go on
        except Problem as problem:
            self.workbench.say_problem(problem)

    def leave_edit(self) -> None:
        """Close the field; what was changed stays as a draft."""
        changed = self.editor is not None and self.editor.text != self.editor.began_with
        self.keep_draft()
        self._close()
        if changed:
            self.workbench.say(SafeText(_("Not saved; kept as a draft. e goes on with it.")), "warning")

    def save_edit(self) -> None:
        """Make the words of the field the message's, if they are others, and close it."""
        from core.workspace import curation

        editor = self.editor
        if editor is None:
            return
        workspace = self.workbench.workspace
        try:
            if editor.text != editor.began_with:
                label = curation.decide(workspace, "edit", [editor.uid], editor.text).label
                curation.keep_draft(workspace, editor.uid, None)
                self._close()
                self.after_act(label)
            else:
                self._close()
        except Problem as problem:
            self.workbench.say_problem(problem)

    def _close(self) -> None:
        if self._draft_later is not None:
            self._draft_later.stop()
        if self.editor is not None:
            self.editor.display = False
            self.editor = None
        self.set_focus(self._edited_from or self.messages)

    def on_unmount(self) -> None:
        self.keep_draft()
        super().on_unmount()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # While one writes, a letter is a letter.
        return False if self.editor is not None else super().check_action(action, parameters)

    def commands(self) -> Iterator[Command]:
        if self.messages.count:
            yield Command(SafeText(_("Edit this message")), "screen.edit", "e")
        yield from super().commands()
