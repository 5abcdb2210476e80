"""What the chat screen says of itself: its heading, its invitation while nothing was said, its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.language import N_, _
from core.safe_text import SafeText
from tui.lines import NOTHING, fitted, said, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.workspace.conversing import Conversation
    from core.workspace.transcripts import Said

# title, action of the screen, key that does the same
COMMANDS: Final = (
    (N_("New talk"), "new", "n"),
    (N_("Earlier talks"), "history", "o"),
    (N_("Choose the model"), "models", "m"),
    (N_("A second model beside it"), "second", "b"),
    (N_("Parameters"), "panel", "p"),
    (N_("A real question, with the real reply beside"), "prompts", "v"),
    (N_("Three more replies"), "alternatives", "a"),
    (N_("How likely each token was"), "tokens", "t"),
    (N_("Copy the message"), "copy", "y"),
    (N_("Write the talk to a file: Markdown"), "save", "w"),
    (N_("Write the talk to a file: JSON Lines"), "save('jsonl')", ""),
    (N_("Write the talk to a file: text"), "save('text')", ""),
    (N_("Put the talk among the chats, to learn from"), "to_chats", ""),
    (N_("Delete the talk"), "delete", "D"),
)


def heading(talk: Conversation, edited: Said | None, width: int) -> tuple[SafeText, SafeText]:
    """The talk's title, and how it goes on, or what the field holds."""
    title = said("{title}", title=talk.row.title) if talk.row and talk.row.title else SafeText(_("A new talk"))
    title = fitted(title, min(width_of(title), max(10, width // 2)))
    if edited is not None:
        does = _("⏎ asks this in its place") if edited.role == "user" else _("⏎ keeps it as a correction")
        leaves = _("esc leaves it")
        return title, SafeText(f"{does}   {leaves}")
    terms = talk.terms
    told = [terms.preset or _("own manner")]
    if terms.system is not None:
        told.append(_("another system prompt") if terms.system else _("no system prompt"))
    told += talk.notices()
    return title, said("{terms}", terms=" · ".join(told))


def invitation(models: Sequence[str], lane: int) -> list[SafeText]:
    """What an empty talk says."""
    if not models:
        return [SafeText(_("Nobody is there to talk to. m chooses a model."))]
    if lane >= len(models):
        return []
    keys = SafeText(_("⏎ sends   ^j new line   esc reads and acts"))
    return [said(_("Say something to {model}."), model=models[lane]), NOTHING, keys]
