"""Asking for the path of an exported chat. Tab completes as a shell does."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from core.language import N_, _
from core.safe_text import SafeText
from tui.lines import said
from tui.widgets.plain import Plain

_LOOKED_AT = 5000  # entries of a folder, so that a huge one does not hold up the keys


def completed(typed: str) -> tuple[str, list[str]]:
    """The path as far as it is certain, and the names that could come next."""
    folder, start = os.path.split(typed)
    try:
        with os.scandir(Path(folder or ".").expanduser()) as found:
            names = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in islice(found, _LOOKED_AT)
                if entry.name.startswith(start) and (start.startswith(".") or not entry.name.startswith("."))
            )
    except OSError:
        return typed, []
    if not names:
        return typed, []
    # os.path.join and not Path: a Path would tidy away what the person typed.
    return os.path.join(folder, os.path.commonprefix(names)), names  # noqa: PTH118, RUF071


class PathDialog(ModalScreen[Path | None]):
    """One field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("back"), id="dialog.back"),
        Binding("tab", "complete", N_("complete the path"), id="path.complete", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__(classes="dialog")

    def compose(self) -> ComposeResult:
        field = Input(id="path", compact=True, select_on_focus=False)
        field.cursor_blink = False
        with Vertical():
            yield Plain(SafeText(_("Which file? WhatsApp (.txt, .zip), Telegram (.json), CSV, JSON Lines.")))
            yield field
            yield Plain(SafeText(_("⏎ import   tab complete   esc back")), id="path-said")

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_complete(self) -> None:
        field = self.query_one(Input)
        field.value, names = completed(field.value)
        field.cursor_position = len(field.value)
        words = said("{names}", names="  ".join(names[:12]) + ("  …" if len(names) > 12 else ""))
        self.query_one("#path-said", Plain).show(words if len(names) != 1 else SafeText(""))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        if not typed:
            return
        path = Path(typed).expanduser()
        if path.is_file():
            self.dismiss(path)
        else:
            self.query_one("#path-said", Plain).show(SafeText(_("There is no such file.")))
