"""The side panel: preset, system prompt, pace and every parameter of a reply, changed in place, each with its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from core.language import N_, _
from core.safe_text import SafeText, shown_in_line
from tui.lines import Line, fitted, width_of, wrapped
from tui.themes import Palette
from tui.widgets.board import Board
from tui.widgets.row_list import Painted, RowList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.workspace.conversing import Terms

PANEL = 40  # columns
LABELS = {
    "preset": N_("preset"),
    "system": N_("told first"),
    "paced": N_("pace of bubbles"),
    "temperature": N_("temperature"),
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": N_("most tokens"),
    "n": N_("alternatives"),
    "stop": N_("stop at"),
    "seed": N_("seed"),
    "frequency_penalty": N_("frequency"),
    "presence_penalty": N_("presence"),
    "repetition_penalty": N_("repetition"),
    "no_repeat_ngram_size": N_("no repeat of"),
    "logprobs": N_("probabilities"),
}
_OWN_HELP = {
    "preset": N_("Named manners: those of the course, of the WhatsApp persona, and a few of our own."),
    "system": N_("What the model hears before anything else. Asked otherwise than in its training, it is less itself."),
    "paced": N_("Bubbles appear at the pace of the persona's chats. Reading and figures are not slowed down."),
}


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One line of the panel."""

    name: str
    value: str
    help: str
    usual: bool  # left to the server, or as it comes


def rows_of(terms: Terms) -> list[ParameterRow]:
    """The lines of the panel."""
    from core.workspace.talking import PARAMETERS

    own = terms.system is None
    told = {name: _(meaning) for name, meaning in _OWN_HELP.items()}
    system = _("the model's own") if own else terms.system or _("none")
    paced = _("as in the chats") if terms.paced else _("off")
    rows = [
        ParameterRow("preset", terms.preset or "—", told["preset"], not terms.preset),
        ParameterRow("system", system, told["system"], own),
        ParameterRow("paced", paced, told["paced"], terms.paced),
    ]
    for parameter in PARAMETERS.values():
        value: Any = getattr(terms.manner, parameter.name)
        unset = value in (None, ())
        usual = "—" if parameter.usual is None else f"{parameter.usual:g}"
        text = usual if unset else " ".join(map(repr, value)) if isinstance(value, tuple) else f"{value:g}"  # pyright: ignore[reportUnknownArgumentType]
        meaning = _(parameter.help)
        if parameter.sort in ("number", "count"):
            meaning += f" ({parameter.low:g}–{parameter.high:g})"
        if not parameter.everywhere:
            meaning += " " + _("Only our own server and some others know it.")
        rows.append(ParameterRow(parameter.name, text, meaning, unset))
    return rows


class Parameters:
    """The lines as rows."""

    def __init__(self, rows: Sequence[ParameterRow]) -> None:
        self.rows_ = rows

    def count(self) -> int:
        return len(self.rows_)

    def rows(self, first: int, n: int) -> Sequence[ParameterRow]:
        return self.rows_[first : first + n]


def paint_parameter(
    row: ParameterRow, _before: ParameterRow | None, width: int, chosen: bool, palette: Palette
) -> Painted:
    """Name and value; what is left to the server is muted."""
    label = SafeText(_(LABELS[row.name]))
    room = max(4, width - 19)
    value = fitted(shown_in_line(row.value), min(room, width_of(shown_in_line(row.value))))
    line: Line = [
        (SafeText("▌" if chosen else " "), palette.accent),
        (fitted(label, 17), palette.text if not row.usual else palette.muted),
        (value, palette.muted if row.usual else palette.strong),
    ]
    return Painted([line])


class Help(Board):
    """What the parameter under the cursor does."""

    DEFAULT_CSS = "Help { height: 6; }"

    def __init__(self) -> None:
        super().__init__(id="help")
        self._text = SafeText("")

    def show(self, text: str) -> None:
        """Take other words."""
        self._text = SafeText(text)
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        if not height:  # the panel is not shown
            return []
        return [
            [(SafeText(" "), palette.muted), (line, palette.muted)] for line in wrapped(self._text, width - 2, height)
        ]


class ParameterPanel(Vertical):
    """The panel at the side."""

    DEFAULT_CSS = "ParameterPanel { width: 40; height: 1fr; padding: 0 0 0 2; }"

    class Chosen(Message):
        """A parameter is to be changed."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def compose(self) -> ComposeResult:
        yield RowList[ParameterRow](paint_parameter, id="parameters")
        yield Help()

    def show(self, terms: Terms) -> None:
        """Take the terms of now."""
        row_list: RowList[ParameterRow] = self.query_one("#parameters", RowList)
        row_list.show(Parameters(rows_of(terms)))
        self._explain(row_list.row)

    def _explain(self, row: ParameterRow | None) -> None:
        self.query_one(Help).show(row.help if row is not None else "")

    def on_row_list_rested(self, event: RowList.Rested) -> None:
        event.stop()
        self._explain(event.row_list.row)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        row = event.row_list.row
        if row is not None:
            self.post_message(self.Chosen(row.name))
