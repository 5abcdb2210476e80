"""What stands above the log of a run: how far it is, its newest figures, and what the log shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.language import _
from core.workspace import run_words
from tui.lines import NOTHING, Cell, Line, said, width_of
from tui.screens.runs.painting import bar_of, ink_of, room_for, steps_of
from tui.themes import Palette
from tui.widgets.bars import Bar

if TYPE_CHECKING:
    from core.safe_text import SafeText
    from core.workspace.runs import RunRow


class Progress(Bar):
    """How far it is, and how long it will take."""

    row: RunRow | None = None

    def draw(self, palette: Palette, width: int) -> Line:
        if self.row is None:
            return []
        row, now = self.row, self.row.now
        share = min(1.0, row.step / row.steps) if row.steps else 0.0  # a provider may go past what it said
        done, to_do = bar_of(share, 20 if width < 100 else 36)
        parts: list[Cell] = [
            (said("  {state}  ", state=run_words.state(row.state)), ink_of(row.state, palette)),
            (done, palette.accent),
            (to_do, palette.faint),
            (said(" {percent} %  ", percent=f"{share * 100:3.0f}"), palette.strong),
            (said(_("step {steps}"), steps=steps_of(row)), palette.text),
        ]
        if row.state in ("running", "pausing") and now.eta_seconds is not None:
            parts.append((said(_("  {time} left"), time=run_words.span(now.eta_seconds)), palette.text))
        if row.attempt > 1:
            parts.append((said(_("  attempt {n}"), n=row.attempt), palette.muted))
        for text in (now.where, now.note):
            if text:
                parts.append((said("  {text}", text=text), palette.muted))
        return room_for(parts, width)


class RunFigures(Bar):
    """The newest figures."""

    row: RunRow | None = None
    best: float | None = None

    def draw(self, palette: Palette, width: int) -> Line:
        if self.row is None:
            return []
        now = self.row.now
        if now.problem:
            advice = said(" {advice}", advice=now.advice) if now.advice else NOTHING
            return [(said("  {problem}", problem=now.problem), palette.error), (advice, palette.text)]
        best = said(_(" (best {loss})"), loss=run_words.figure(self.best, 4)) if self.best is not None else NOTHING
        named = [
            (_("loss"), run_words.figure(now.loss, 4), NOTHING),
            (_("held-out"), run_words.figure(now.validation_loss, 4), best),
            (_("tokens/s"), run_words.count(now.tokens_per_second), NOTHING),
            (_("memory"), run_words.size(now.memory_bytes), NOTHING),
            (_("rate"), "—" if now.learning_rate is None else f"{now.learning_rate:.1e}", NOTHING),
        ]
        line: Line = []
        for name, figure, more in named:
            cells: Line = [
                (said("  {name} ", name=name), palette.muted),
                (said("{figure}", figure=figure), palette.text),
            ]
            room = width - sum(width_of(text) for text, _style in line)
            if sum(width_of(text) for text, _style in cells) > room:
                break  # a name without its figure says nothing
            line += room_for([*cells, (more, palette.muted)], room)
        return line


class LogTitle(Bar):
    """What the log shows, and whether it runs on."""

    DEFAULT_CSS = "LogTitle { height: 1; }"
    shows: SafeText = NOTHING
    state: SafeText = NOTHING

    def draw(self, palette: Palette, width: int) -> Line:
        return [(said("  {shows}", shows=self.shows), palette.strong), (said("   {s}", s=self.state), palette.muted)]
