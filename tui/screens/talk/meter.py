"""The line above a lane: who speaks, and how it goes: tokens, tokens a second, time to the first, money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.language import _, grouped
from core.safe_text import SafeText
from tui.figures import number
from tui.lines import SPACE, Cell, Line, fitted, said, width_of
from tui.themes import Palette
from tui.widgets.bars import Bar

if TYPE_CHECKING:
    from core.workspace.talking import Figures, Loading
    from core.workspace.transcripts import Said


def decimal(value: float, places: int) -> str:
    """A number as people of each language write it."""
    return grouped(value, places)


def money(value: float, currency: str = "USD") -> str:
    """Small amounts keep the digits that say something."""
    sign = "$" if currency in ("USD", "") else f"{currency} "
    return sign + decimal(value, 2 if value >= 1 else 4 if value >= 0.001 else 6)


def told(figures: Figures) -> list[tuple[str, str]]:
    """The figures of a reply on its way, each with its unit."""
    if figures.waits:
        return [(decimal(figures.waits, 0), _("s until the busy server is asked again"))]
    if figures.first_token is None:
        return [(decimal(figures.seconds, 0), _("s waiting"))]
    fields = [(("" if figures.exact else "≈") + number(figures.reply_tokens), _("tokens"))]
    if figures.tokens_per_second is not None:
        fields.append((decimal(figures.tokens_per_second, 1), _("tokens/s")))
    fields.append((decimal(figures.first_token, 2), _("s to the first")))
    if figures.price is not None and figures.cost is not None:
        fields.append(_paid(float(figures.cost), figures.currency, sure=figures.exact))
    return fields


def _paid(cost: float, currency: str, *, sure: bool = True) -> tuple[str, str]:
    """A sum, or that there is none: what runs on this machine costs nothing."""
    if not cost:
        return "", _("costs nothing")
    return ("" if sure else "≈") + money(cost, currency), ""


def opening(seconds: float, loading: Loading | None) -> list[tuple[str, str]]:
    """The figures of a model that is being opened: it may take minutes, and another terminal may be at it."""
    if loading is None:
        return [(decimal(seconds, 0), _("s opening the model"))]
    what = _("s: another terminal loads it") if loading.elsewhere else _("s loading the model")
    return [(decimal(loading.seconds, 0), what), (decimal(loading.resident / 1e9, 1), _("GB in memory"))]


def told_of(reply: Said) -> list[tuple[str, str]]:
    """The figures of a reply that was kept."""
    if not reply.reply_tokens:
        return []
    fields = [(number(reply.reply_tokens), _("tokens"))]
    spoken = (reply.seconds or 0) - (reply.first_token or 0)
    if reply.reply_tokens > 1 and spoken > 0:
        fields.append((decimal((reply.reply_tokens - 1) / spoken, 1), _("tokens/s")))
    if reply.first_token is not None:
        fields.append((decimal(reply.first_token, 2), _("s to the first")))
    if reply.cost is not None:
        fields.append(_paid(reply.cost, str(reply.manner.get("currency") or "")))
    return fields


class Meter(Bar):
    """Who speaks on a lane, and how it goes."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._model = ""
        self._fields: list[tuple[str, str]] = []
        self._live = False

    def show(self, model: str, fields: list[tuple[str, str]], live: bool = False) -> None:
        """Take new figures."""
        if (model, fields, live) != (self._model, self._fields, self._live):
            self._model, self._fields, self._live = model, fields, live
            self.redraw()

    def draw(self, palette: Palette, width: int) -> Line:
        figures: list[Cell] = []
        for figure, unit in self._fields:
            figures += [
                (said("  {figure}", figure=figure), palette.text),
                (said(" {unit}" if unit else "", unit=unit), palette.muted),
            ]
        while figures and sum(width_of(text) for text, _style in figures) > width - 12:
            del figures[-2:]
        left = max(4, width - 4 - sum(width_of(text) for text, _style in figures))
        mark = SafeText(" ● " if self._live else " ○ ")
        model = said("{model}", model=self._model)
        return [
            (mark, palette.good if self._live else palette.faint),
            (fitted(model, min(left, width_of(model))), palette.persona),
            *figures,
            (SPACE, palette.muted),
        ]
