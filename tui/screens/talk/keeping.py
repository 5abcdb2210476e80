"""What a person takes away from a talk: its words to the terminal's clipboard or to a file, a reply made better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.language import _
from core.problem import Problem
from core.safe_text import SafeText
from tui import copying
from tui.lines import said
from tui.screens.confirm import ConfirmDialog

if TYPE_CHECKING:
    from core.workspace.transcripts import Said
    from tui.screens.talk.screen import TalkScreen


def copy(screen: TalkScreen, one: Said) -> None:
    """Send a message's words to the terminal's clipboard, or write them to a file."""
    what = said(_("this message of {name}"), name=one.model) if one.model else SafeText(_("this message"))
    copying.offer(screen.workbench, "\n".join(one.bubbles), what, f"message-{one.id}.txt")


def save(screen: TalkScreen, form: str = "markdown") -> None:
    """Write the talk to a file in the workspace."""
    from core.workspace import transcripts

    number_ = screen.talk.number
    if number_ is None:
        screen.workbench.say(SafeText(_("Nothing was said yet.")), "warning")
        return
    try:
        file = transcripts.export(screen.workbench.workspace, number_, form)
    except Problem as problem:
        screen.workbench.say_problem(problem)
        return
    screen.workbench.say(said(_("Written: {file}"), file=file))


def to_chats(screen: TalkScreen) -> None:
    """Put the talk among the chats, so that it can be learnt from."""
    from core.workspace import transcripts

    number_ = screen.talk.number
    if number_ is None:
        screen.workbench.say(SafeText(_("Nothing was said yet.")), "warning")
        return
    workspace = screen.workbench.workspace
    screen.do(
        lambda: transcripts.to_library(workspace, number_),
        lambda: screen.workbench.say(SafeText(_("The talk is among the chats (1)."))),
    )


def correct(screen: TalkScreen, one: Said, lane: int, text: str) -> None:
    """Keep better words in the place of a reply."""
    from core.workspace import corrections

    talk, workspace = screen.talk, screen.workbench.workspace
    if talk.number is None:
        return
    number_ = talk.number
    # In the field each bubble has its line.
    words = one.separator.join(text.split("\n")) if one.separator else text

    def keep() -> None:
        corrections.correct(workspace, number_, one.id, words, lane)
        talk.reload()

    screen.do(keep, lambda: screen.workbench.say(SafeText(_("Kept as a correction, for the next dataset."))))


def delete(screen: TalkScreen) -> None:
    """Delete the talk, when the person says so once more."""
    from core.workspace import transcripts

    number_, workspace = screen.talk.number, screen.workbench.workspace
    if number_ is None:
        screen.workbench.say(SafeText(_("Nothing was said yet.")), "warning")
        return

    def answered(yes: bool | None) -> None:
        if not yes:
            return
        try:
            transcripts.delete(workspace, number_)
        except Problem as problem:
            screen.workbench.say_problem(problem)
            return
        screen.open_talk(None, forget=True)
        screen.workbench.say(SafeText(_("The talk is deleted.")))

    question = _("Delete this talk and everything said in it? Corrections made in it stay.")
    screen.app.push_screen(ConfirmDialog(SafeText(question)), answered)
