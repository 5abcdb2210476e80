"""Choosing an exported chat: a folder's files with the likely ones first, narrowed by typing; a path may be typed too.

In: where to begin. Out: a file, or None. What is typed without a `/` narrows the folder that is open; with one it is a
path, which `tab` completes as a shell does. A folder of any size is read once, and no more of it than a person looks at.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from core.language import N_, _
from core.problem import system_words
from core.safe_text import SafeText, shown_in_line
from tui.figures import short_day, size
from tui.lines import fitted, said
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList

_LOOKED_AT: Final = 5000  # entries of a folder, so that a huge one does not hold up the keys
_LIT: Final = 26
_KINDS: Final = {".txt": 3, ".zip": 3, ".json": 3, ".jsonl": 2, ".csv": 2, ".tsv": 1, ".xlsx": 1, ".parquet": 1}
_NAMES: Final = ("whatsapp", "_chat", "result.json", "message_", "conversations.json", "chat")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder to be chosen."""

    name: str
    is_folder: bool
    likely: int  # how likely it is an export; 0 for what is none
    bytes: int
    changed: int  # local wall clock, as seconds


def entries(folder: Path) -> list[Entry]:
    """What is in a folder: likely exports first, the newest of them before the others, then folders, then the rest."""
    found: list[Entry] = []
    with os.scandir(folder) as there:
        for one in islice(there, _LOOKED_AT):
            if one.name.startswith("."):
                continue
            try:
                is_folder, told = one.is_dir(), one.stat()
            except OSError:
                continue  # gone meanwhile, or a link that leads nowhere
            changed = int((datetime.fromtimestamp(told.st_mtime) - datetime(1970, 1, 1)).total_seconds())
            likely = 0 if is_folder else _likelihood(one.name)
            found.append(Entry(one.name, is_folder, likely, told.st_size, changed))
    return sorted(
        found,
        key=lambda one: (
            (0, -one.likely, -one.changed, one.name) if one.likely else (1 if one.is_folder else 2, 0, 0, one.name)
        ),
    )


def _likelihood(name: str) -> int:
    low = name.casefold()
    kind = _KINDS.get(os.path.splitext(low)[1], 0)  # noqa: PTH122 - a name, not a path
    return kind + 4 if kind and any(part in low for part in _NAMES) else kind


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


class Entries:
    """Entries as rows."""

    def __init__(self, rows: Sequence[Entry]) -> None:
        self._rows = rows

    def count(self) -> int:
        return len(self._rows)

    def rows(self, first: int, n: int) -> Sequence[Entry]:
        return self._rows[first : first + n]


def paint_entry(row: Entry, _before: Entry | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """When it was changed and how big it is; its name last, since its width is anybody's guess."""
    ground = palette.chosen if chosen else palette.ground
    name = said("{name}/" if row.is_folder else "{name}", name=row.name)
    ink = palette.accent if row.is_folder else palette.strong if row.likely > 3 else palette.text
    return Painted(
        [
            [
                (SafeText("▌ " if chosen else "  "), ground + palette.accent),
                (fitted(SafeText("" if row.is_folder else size(row.bytes)), 9, right=True), ground + palette.muted),
                (fitted(SafeText(f"  {short_day(row.changed)}"), _LIT - 11), ground + palette.muted),
                (name, ink if row.is_folder or row.likely else palette.muted),
            ]
        ]
    )


class FilePicker(ModalScreen[Path | None]):
    """A field, and what it could mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("back"), id="dialog.back"),
        Binding("tab", "complete", N_("complete or open a folder"), id="path.complete", priority=True),
        Binding("down,ctrl+n", "move(1)", N_("next row"), id="path.down"),
        Binding("up", "move(-1)", N_("row above"), id="path.up"),
        Binding("pagedown", "page(1)", N_("next page"), id="path.page_down"),
        Binding("pageup", "page(-1)", N_("page before"), id="path.page_up"),
        Binding("backspace", "rub_out", N_("rub out, or a folder up"), id="path.above", priority=True),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__(classes="dialog tall")
        self.folder = folder
        self._there: list[Entry] = []
        self._shown = self.folder  # the folder whose entries are in the list
        self._list: RowList[Entry] = RowList(
            paint_entry, Entries(()), lit=_LIT, empty=SafeText(_("Nothing here matches.")), id="entries"
        )
        self._list.can_focus = False
        self._field = Input(id="path", compact=True, select_on_focus=False)
        self._field.cursor_blink = False
        self._said = Plain(
            SafeText(_("⏎ choose   tab open, complete   backspace folder above   esc back")), id="path-said"
        )
        self._where = Plain(SafeText(""), id="path-where")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(SafeText(_("Which file? An exported chat, a table or a training file.")))
            yield self._where
            yield self._field
            yield self._list
            yield self._said

    def on_mount(self) -> None:
        self._open(self.folder)

    # The list

    def _open(self, folder: Path) -> bool:
        try:
            self._there = entries(folder)
        except OSError as error:
            self._there = []
            self._said.show(said("{folder}: {reason}", folder=folder, reason=system_words(error)))
            opened = False
        else:
            opened = True
        self._shown = folder
        self._where.show(shown_in_line(f"{folder}/".replace("//", "/")))
        self._narrow()
        return opened

    def _narrow(self) -> None:
        words = os.path.basename(self._field.value).casefold().split()  # noqa: PTH119 - what was typed, not a path
        rows = [one for one in self._there if all(word in one.name.casefold() for word in words)]
        self._list.show(Entries(rows), 0)

    def on_input_changed(self, event: Input.Changed) -> None:
        typed = event.value
        folder = Path(os.path.dirname(typed) or "/").expanduser() if "/" in typed else self.folder  # noqa: PTH120
        if folder != self._shown and folder.is_dir():
            self._open(folder)
        elif folder != self._shown:
            self._there, self._shown = [], folder
            self._narrow()
        else:
            self._narrow()

    # Keys

    def action_move(self, by: int) -> None:
        self._list.action_move(by)

    def action_page(self, by: int) -> None:
        self._list.action_page(by)

    def action_rub_out(self) -> None:
        if self._field.value:
            self._field.action_delete_left()
        else:
            self._go(self.folder.parent)

    def action_complete(self) -> None:
        row = self._list.row
        if "/" not in self._field.value:
            if row is not None and row.is_folder:
                self._go(self.folder / row.name)
            elif row is not None:
                self._field.value = row.name
                self._field.cursor_position = len(row.name)
            return
        self._field.value, names = completed(self._field.value)
        self._field.cursor_position = len(self._field.value)
        words = said("{names}", names="  ".join(names[:12]) + ("  …" if len(names) > 12 else ""))
        if len(names) != 1:
            self._said.show(words)

    def _go(self, folder: Path) -> None:
        self.folder = folder
        self._field.value = ""
        self._open(folder)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        path = Path(typed).expanduser() if "/" in typed else self.folder / typed
        row = self._list.row
        if typed and path.is_file():
            self.dismiss(path)
        elif typed and "/" in typed and path.is_dir():
            self._go(path)
        elif row is not None:
            self._take(self._shown / row.name, row)
        elif typed:
            self._said.show(SafeText(_("There is no such file.")))

    def _take(self, path: Path, row: Entry) -> None:
        if row.is_folder:
            self._go(path)
        else:
            self.dismiss(path)

    def on_row_list_chosen(self) -> None:
        row = self._list.row
        if row is not None:
            self._take(self._shown / row.name, row)

    def action_leave(self) -> None:
        self.dismiss(None)
