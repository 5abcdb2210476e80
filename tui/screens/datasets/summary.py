"""What there is to say of the dataset under the cursor: its sizes, how it is spread, and how its recipe differs from the
working one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.language import N_, _, ngettext
from core.safe_text import SafeText
from tui.figures import number
from tui.lines import SPACE, Line, fitted, said, wrapped
from tui.screens.recipe.figures import marked
from tui.screens.recipe.plots import columns, fewer
from tui.themes import Palette
from tui.widgets.board import Board

if TYPE_CHECKING:
    from core.workspace.datasets import DatasetRow
    from core.workspace.preview import FrozenShape, Spread

_COUNTS = (
    ("train", N_("to train on")), ("validation", N_("held out")), ("conversations", N_("conversations")),
    ("duplicates", N_("said before")), ("across", N_("on both sides")), ("purged", N_("in between")),
)  # fmt: skip


class Summary(Board):
    """The dataset in figures and plots."""

    DEFAULT_CSS = "Summary { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="summary")
        self._row: DatasetRow | None = None
        self._changes: Mapping[str, tuple[Any, Any]] = {}
        self._shape: FrozenShape | None = None
        self._newer = 0  # corrections

    def show(self, row: DatasetRow | None, changes: Mapping[str, tuple[Any, Any]], newer: int = 0) -> None:
        """Speak of this dataset, and of corrections that it has not; its plots come when they were made."""
        if row != self._row:
            self._shape = None
        if (row, changes, newer) != (self._row, self._changes, self._newer):
            self._row, self._changes, self._newer = row, changes, newer
            self.redraw()

    def take_shape(self, name: str, shape: FrozenShape) -> None:
        """Take the plots of a dataset, if it is still the one that is shown."""
        if self._row is not None and self._row.name == name and shape != self._shape:
            self._shape = shape
            self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        row = self._row
        if row is None:
            return []
        air: list[Line] = [[]] if height > 14 else []
        lines: list[Line] = [*air]
        room = max(16, width // 2 - 2)
        fields: list[Line] = [
            [
                (fitted(said(" {label}", label=_(label)), room - 8), palette.muted),
                (fitted(SafeText(number(row.counts.get(key, 0))), 8, right=True), palette.text),
                (SafeText("  "), palette.text),
            ]
            for key, label in _COUNTS
        ]
        lines += [[*one, *other] for one, other in zip(fields[::2], fields[1::2], strict=True)]
        if corrected := row.counts.get("corrections", 0):
            words = ngettext(" {n} of them is a correction", " {n} of them are corrections", corrected)
            lines.append([(SafeText(words.format(n=number(corrected))), palette.muted)])
        if self._newer:
            words = ngettext(
                " {n} correction is newer: another build takes it in",
                " {n} corrections are newer: another build takes them in",
                self._newer,
            )
            lines.append([(SafeText(words.format(n=number(self._newer))), palette.accent)])
        if row.tainted:
            lines.append([(SafeText(_(" holds words of somebody who was forgotten since")), palette.error)])
        lines.append([(said(_(" counted for {model}"), model=row.recipe.get("model", "mini")), palette.muted)])
        lines += air
        lines += self._plots(palette, width)
        if self._changes:
            told = ", ".join(f"{name} {_short(was)} → {_short(now)}" for name, (was, now) in self._changes.items())
            words = said(_("its recipe → the working one: {told}"), told=told)
        else:
            words = SafeText(_("its recipe is the working one"))
        lines += [[(SPACE, palette.text), (text, palette.muted)] for text in wrapped(words, width - 2, 5)]
        return lines

    def _plots(self, palette: Palette, width: int) -> list[Line]:
        shape = self._shape
        if shape is None:
            return [[(SafeText(" …"), palette.muted)], [], [], [], [], []]
        room = (width - 2) // 2 - 2
        one = _plot(shape.tokens, _("tokens of an example"), room, palette, exact=shape.exact)
        other = _plot(shape.replies, _("characters of a reply"), room, palette, exact=True)
        lines: list[Line] = [
            [(SPACE, palette.text), *left, (SafeText("  "), palette.text), *right]
            for left, right in zip(one, other, strict=True)
        ]
        tokens = ngettext("{n} token to train on", "{n} tokens to train on", shape.total).format(
            n=marked(shape.total, shape.exact)
        )
        return [*lines, [(SafeText(f" {tokens}"), palette.text)]]


def _plot(spread: Spread, title: str, room: int, palette: Palette, *, exact: bool) -> list[Line]:
    told = _("half ≤ {median}, 95 % ≤ {high}").format(
        median=marked(spread.median, exact), high=marked(spread.high, exact)
    )
    drawn = columns(fewer([*spread.counts, spread.beyond], room)) or [""] * 3
    return [
        [(fitted(SafeText(title), room), palette.muted)],
        *([(fitted(SafeText(row), room), palette.others[0])] for row in drawn),
        [(fitted(SafeText(told), room), palette.text)],
    ]


def _short(value: Any) -> str:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value).replace("\n", "\\n") or "—"
    return text if len(text) <= 24 else text[:23] + "…"
