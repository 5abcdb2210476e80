"""What the recipe gives, and how that differs from what the last save gave.

In: the counters of now and of the last save. Out: a board. ≈ stands before what is not exact yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.language import N_, _
from core.safe_text import SafeText
from tui.figures import number
from tui.lines import SPACE, Line, fitted, said, wrapped
from tui.themes import Palette
from tui.widgets.board import Board

if TYPE_CHECKING:
    from core.workspace.recipe import Counters

_ROWS = (
    ("messages", N_("messages")), ("turns", N_("turns")), ("conversations", N_("conversations")),
    ("examples", N_("examples")), ("train", N_("to train on")), ("validation", N_("held out")),
    ("tokens", N_("tokens")),
)  # fmt: skip
_LABEL, _FIGURE, _CHANGE, _COST = 15, 12, 12, 8


def marked(value: int | None, exact: bool) -> str:
    """A figure with ≈ while it is provisional; — where there is none yet."""
    return "—" if value is None else ("" if exact else "≈") + number(value)


def change(now: int | None, before: int | None) -> str:
    """How much more or less: +12, −3; nothing where nothing changed or one of both is not known."""
    if now is None or before is None or now == before:
        return ""
    return ("+" if now > before else "−") + number(abs(now - before))


class Figures(Board):
    """The counters, one a line, each with its change since the last save."""

    DEFAULT_CSS = "Figures { height: 9; }"

    def __init__(self) -> None:
        super().__init__(id="figures", classes="pane")
        self._now: Counters | None = None
        self._saved: Counters | None = None

    def show(self, now: Counters, saved: Counters | None) -> None:
        """Take new counters."""
        if (now, saved) != (self._now, self._saved):
            self._now, self._saved = now, saved
            self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        now, saved = self._now, self._saved
        if now is None:
            return []
        # An estimate is compared with an estimate, or the estimate's error would pass for a change.
        comparable = saved is not None and saved.settled == now.settled
        fields: list[Line] = []
        for name, label in _ROWS:
            value: int | None = getattr(now, name)
            exact = name in ("messages", "turns", "conversations") or (now.exact if name == "tokens" else now.settled)
            more = ""
            if saved is not None and (comparable or name in ("messages", "turns", "conversations")):
                more = change(value, getattr(saved, name))
            fields.append(
                [
                    (SPACE, palette.text),
                    (fitted(SafeText(_(label)), _LABEL), palette.muted),
                    (fitted(SafeText(marked(value, exact)), _FIGURE, right=True), palette.text),
                    (fitted(SafeText("  " + more), _CHANGE), palette.accent),
                ]
            )
        if height >= len(fields) + 2:
            whole = [*fields, *self._cost(now, palette, width, height - len(fields))]
            return whole if len(whole) == height else [[], *whole]
        half = (len(fields) + 1) // 2  # two columns where there is no height for one
        beside: list[Line] = [[*one, *other] for one, other in zip(fields[:half], [*fields[half:], []], strict=True)]
        return [*beside, *self._cost(now, palette, width, height - half)]

    @staticmethod
    def _cost(now: Counters, palette: Palette, width: int, most: int) -> list[Line]:
        """The sum, and whole what it is made from: an old price is no price."""
        words = ("" if now.exact else "≈") + now.cost if now.cost else _("trained here, for nothing")
        lines = wrapped(said("{words}", words=words), max(16, width - _COST - 1), most)
        return [
            [
                (SPACE, palette.text),
                (fitted(SafeText("" if n else _("cost")), _COST), palette.muted),
                (line, palette.text if now.cost else palette.muted),
            ]
            for n, line in enumerate(lines)
        ]
