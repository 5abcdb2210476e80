"""Copying what is on the screen: to a file, or to the clipboard of the person's own terminal.

In: a text, and only because somebody asked. Out: a file, or one OSC 52 sequence. Nobody answers that sequence: whether
the terminal took it is not known, so it is never called copied. What is sent is the text as it is shown, without
anything that a shell could obey when it is pasted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.language import _
from core.problem import Problem, system_words
from core.safe_text import SafeText, shown
from tui.figures import number
from tui.lines import said
from tui.screens.ask import AskDialog
from tui.screens.choose import Choice, ChooseDialog

if TYPE_CHECKING:
    from tui.app import Workbench

MOST: Final = 74_000  # bytes: in base64 these are the 100,000 characters that careful terminals take


def offer(app: Workbench, text: str, what: SafeText, name: str) -> None:
    """Ask where to, and send or write it. `name` is that of the file, if it is to be one."""
    clean = shown(text)
    choices = [
        Choice(SafeText(_("to the clipboard of the terminal")), SafeText(_clipboard_words(clean))),
        Choice(SafeText(_("to a file")), said(_("{n} bytes"), n=number(len(clean.encode())))),
    ]

    def chosen(place: int | None) -> None:
        if place == 0:
            _send(app, clean)
        elif place == 1:
            _ask_file(app, clean, name)

    app.push_screen(ChooseDialog(said(_("Copy {what}:"), what=what), choices), chosen)


def _clipboard_words(clean: SafeText) -> str:
    words = _("{n} bytes, sent to the terminal; whether it keeps them only the terminal knows.").format(
        n=number(len(clean.encode()))
    )
    if os.environ.get("TMUX"):
        words += " " + _("In tmux: set -g set-clipboard on.")
    return words


def _send(app: Workbench, clean: SafeText) -> None:
    size = len(clean.encode())
    if size > MOST:
        app.say(
            said(
                _("{n} bytes are too many for a terminal, which takes {most}; write them to a file."),
                n=number(size),
                most=number(MOST),
            ),
            "warning",
        )
        return
    app.copy_to_clipboard(clean)
    app.say(said(_("Sent to the terminal: {n} bytes."), n=number(size)))


def _ask_file(app: Workbench, clean: SafeText, name: str) -> None:
    def write(typed: str) -> None:
        file = Path(typed.strip()).expanduser()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(clean)
        except FileExistsError:
            raise Problem(
                _("there is such a file already."), where=str(file), advice=_("Choose another name.")
            ) from None
        except OSError as error:
            raise Problem(
                _("it could not be written: {reason}.").format(reason=system_words(error)),
                where=str(file),
                advice=_("Choose another place."),
            ) from error

    def done(typed: str | None) -> None:
        if typed is not None:
            app.say(said(_("Written to {file}."), file=typed.strip()))

    app.push_screen(AskDialog(SafeText(_("Into which file?")), str(app.workspace.folder / name), write), done)
