"""How runs and their events look in lists: rows of the run list and of the event log, and the inks of states.

In: rows of `core.workspace.runs` and `run_logs`, untrusted texts and all. Out: lines of safe text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rich.style import Style

from core.language import _, ngettext
from core.safe_text import SafeText, shown, shown_in_line
from core.workspace import run_words
from tui.lines import NOTHING, SPACE, Line, fitted, said, width_of, wrapped
from tui.themes import Palette
from tui.widgets.row_list import Painted

if TYPE_CHECKING:
    from core.workspace.runs import EventRow, RunRow

LIT: Final = 10  # columns of an event that the cursor lights: its mark and the time, never what was said
KIND: Final = 13  # columns of the kind
_SOON: Final = 90  # days that a model at a provider still answers
WIDE: Final = 100  # columns from which a list has room for more
_WHOLE: Final = 200_000  # characters of an event; a sample of a megabyte is no sample
_MOST_LINES: Final = 3  # of one event in the list; enter shows all of it


def ink_of(state: str, palette: Palette) -> Style:
    """A state's colour: what goes on, what went well, what needs somebody."""
    match state:
        case "running" | "pausing" | "queued":
            return palette.accent
        case "succeeded":
            return palette.good
        case "failed":
            return palette.error
        case _:
            return palette.muted


def steps_of(row: RunRow) -> str:
    """120/900; 120 where nobody knows of how many, or a provider has gone past what it said; — before anything."""
    if row.step > row.steps or not row.steps:
        return "—" if not row.step else run_words.count(row.step)
    return f"{run_words.count(row.step)}/{run_words.count(row.steps)}"


def titles(width: int) -> list[SafeText]:
    """The titles over the columns of `RunPainter`."""
    return [
        fitted(said("    {text}", text=_("state")), 15),
        fitted(said("{text}", text=_("run")), 15 if width >= WIDE else 0),
        fitted(said("{text}", text=_("step")), 13, right=True),
        fitted(said("{text}", text=_("loss")), 9, right=True),
        fitted(said("{text}", text=_("held-out")), 11, right=True),
        fitted(said("{text}", text=_("left")), 14 if width >= WIDE else 0, right=True),
        said("  {text}", text=_("dataset · base · where")),
    ]


class RunPainter:
    """Paints the list of runs; knows which are marked for comparing."""

    def __init__(self) -> None:
        self.marked: set[str] = set()

    def __call__(self, row: RunRow, _before: RunRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
        """State, figures, and at the end what it is made of, whose width is anybody's guess."""
        now = row.now
        line: Line = [
            (SafeText("▌" if chosen else " "), palette.accent),
            (SafeText(" ● " if row.id in self.marked else "   "), palette.accent),
            (fitted(said("{state}", state=run_words.state(row.state)), 11), ink_of(row.state, palette)),
        ]
        if width >= WIDE:
            line.append((fitted(said("{id}", id=row.id), 15), palette.muted))
        line += [
            (fitted(SafeText(steps_of(row)), 13, right=True), palette.text),
            (fitted(SafeText(run_words.figure(now.loss, 4)), 9, right=True), palette.text),
            (fitted(SafeText(run_words.figure(now.validation_loss, 4)), 11, right=True), palette.strong),
        ]
        if width >= WIDE:
            left = run_words.span(now.eta_seconds) if row.state in ("running", "pausing") else ""
            line.append((fitted(SafeText(left), 14, right=True), palette.muted))
        if row.days is not None:
            # First, since there is no room for it where the rest ends.
            words = ngettext("{n} day left", "{n} days left", row.days).format(n=run_words.count(row.days))
            words = words if row.days >= 0 else _("no longer answers")
            line.append((said("  {words}", words=words), palette.warning if row.days < _SOON else palette.muted))
        what = " · ".join(part for part in (row.learns, row.base, row.backend, now.where) if part)
        line.append((said("  {what}", what=what), palette.muted))
        if row.model:
            line.append((said("  → {model}", model=row.model), palette.good))
        return Painted([line])


def clock_of(at: float) -> SafeText:
    """When something happened, by this machine's clock."""
    # A log is anybody's: no date outside of four digits is asked of the system.
    if not 0 < at < 2e11:
        return SafeText("--:--:--")
    return SafeText(time.strftime("%H:%M:%S", time.localtime(at)))


def paint_event(row: EventRow, before: EventRow | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """When, what kind, and what was said, which stands last: its width is anybody's guess."""
    ground = palette.chosen if chosen else palette.ground
    kind_ink = {
        "problem": palette.error, "end": palette.strong, "state": palette.strong, "sample": palette.persona,
        "validation": palette.good, "summary": palette.good,
    }.get(row.kind, palette.muted)  # fmt: skip
    at = clock_of(row.at)
    if before is not None and clock_of(before.at) == at and not chosen:
        at = SPACE
    most = 1 if row.kind == "step" else _MOST_LINES
    words: list[SafeText] = []
    room = max(8, width - LIT - KIND - 1)
    for line in run_words.event(row.kind, row.body).split("\n", 2):
        words += wrapped(whole_of(line, room) if row.kind == "step" else shown_in_line(line), room, most)
    ink = palette.error if row.kind == "problem" else palette.muted if row.kind == "step" else palette.text
    mark = SafeText("▌" if chosen else " ")
    own: list[Line] = [
        [
            (mark, ground + palette.accent),
            (fitted(at, LIT - 1), ground + palette.muted),
            (fitted(shown_in_line(run_words.kind(row.kind)), KIND), kind_ink),
            (words[0] if words else NOTHING, ink),
        ]
    ]
    own += [
        [(mark, ground + palette.accent), (SafeText(" " * (LIT - 1)), ground), (SafeText(" " * KIND + text), ink)]
        for text in words[1:]
    ]
    return Painted(own)


def whole_of(line: str, room: int) -> SafeText:
    """As many of the figures of a step as there is room for: half a time says less than none."""
    parts = line.split("  ")
    while len(parts) > 1 and width_of(shown_in_line("  ".join(parts))) > room:
        parts.pop()
    return shown_in_line("  ".join(parts))


def whole(event: EventRow) -> tuple[SafeText, SafeText]:
    """A title and every field of an event, to read."""
    title = said("{kind}   {at} · ", kind=run_words.kind(event.kind), at=clock_of(event.at))
    place = said(_("event {seq}, attempt {attempt}"), seq=event.seq, attempt=event.attempt)
    fields = [f"{shown_in_line(name)}: {shown(str(value), limit=_WHOLE)}" for name, value in event.body.items()]
    return SafeText(title + place), shown("\n".join(fields), limit=_WHOLE)


def bar_of(share: float, width: int) -> tuple[SafeText, SafeText]:
    """The done and the open part of a progress bar."""
    full = round(width * min(1.0, max(0.0, share)))
    return SafeText("━" * full), SafeText("━" * (width - full))


def room_for(parts: list[tuple[SafeText, Style]], width: int) -> Line:
    """As many of the parts as fit whole: half a figure is no figure."""
    line: Line = []
    for text, style in parts:
        if width_of(text) > width:
            break
        width -= width_of(text)
        line.append((text, style))
    return line
