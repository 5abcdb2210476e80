"""The keys of what has focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText
from tui.keyboard import KeyRow
from tui.lines import fitted, said, width_of
from tui.themes import Palette
from tui.widgets.plain import Plain
from tui.widgets.row_list import Painted, RowList


class KeyRows:
    """The keys as rows."""

    def __init__(self, keys: Sequence[KeyRow]) -> None:
        self.keys = keys

    def count(self) -> int:
        return len(self.keys)

    def rows(self, first: int, n: int) -> Sequence[KeyRow]:
        return self.keys[first : first + n]


def paint_key(row: KeyRow, _before: KeyRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """Keys, what they do, and the name to bind them anew by."""
    # The ids end where the widest does: 23 columns, which nothing may cut. Where there are many keys, the words come later.
    keys = fitted(row.keys, max(16, width_of(row.keys) + 2))
    line = [
        (SafeText("▌" if chosen else " "), palette.accent),
        (keys, palette.accent),
        (fitted(row.does, max(18, width - 25 - width_of(keys))), palette.text),
        (said(" {id}", id=row.id), palette.muted),
    ]
    return Painted([line])


class KeysDialog(ModalScreen[None]):
    """A list of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,h,left", "leave", N_("back"), id="dialog.back")
    ]

    def __init__(self, keys: Sequence[KeyRow]) -> None:
        super().__init__(classes="dialog tall")
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(SafeText(_("Keys here, and the names to bind them anew by in the settings:") + "\n"))
            yield RowList[KeyRow](paint_key, KeyRows(self._keys), opens=False)
            yield Plain(SafeText("\n" + _("esc back")))

    def action_leave(self) -> None:
        self.dismiss(None)
