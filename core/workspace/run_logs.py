"""What a run's log says, for screens and their twins: rows of it, and its curves.

In: a run's folder. Out: rows by number, by kind or by a word; points over steps. Both may be asked again while the run
goes on and then read only what is new. However long the log is, its end is there at once (core/training/history.py).
Everything in it that a model, a template or another program wrote is untrusted; this room hands it on as it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from core.workspace.runs import EventRow, RunRow

if TYPE_CHECKING:
    from core.training.events import Event

# What a log is looked at for: everything, or some kinds. The order is that of the key that goes through them.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": (),
    "story": ("state", "plan", "log", "checkpoint", "problem", "summary", "end"),  # all but figures and samples
    "samples": ("sample",),
    "validations": ("validation",),
    "steps": ("step",),
    "problems": ("problem",),
}
_POINTS: Final = 600  # a curve of a long log to begin with: a wide terminal has 400 dots across
_MOST_POINTS: Final = 4096
_KEPT: Final = 0.95  # of the running mean, at each further point
_FAR_BEHIND: Final = 20_000  # events: then a look here and there is quicker than reading them all


class RunLog:
    """The events as rows, the oldest first; with a kind or words, only those.

    All events are numbered without gaps, so a row's number is its place. What is picked out is found backwards from the
    end; `look` does a part of that and says whether there is more, so that a screen can do it between two keys.
    """

    def __init__(self, run: RunRow, kinds: str = "all", words: str = "") -> None:
        from core.training.events import FILE
        from core.training.history import History, of_kinds, with_words

        self._history = History(run.folder / FILE)
        self.kinds, self.words = kinds, words
        self._whole = not (KINDS[kinds] or words)
        self._count = self._newest = self._history.count()
        self._found: list[EventRow] = []  # when picked out
        self._older: Iterator[Event] | None = None
        if not self._whole:
            wanted = of_kinds(*KINDS[kinds]) if KINDS[kinds] else with_words(words)
            self._older = self._history.backwards(wanted)

    def _is_wanted(self, event: Event) -> bool:
        from core.training.history import says

        kinds = KINDS[self.kinds]
        return (not kinds or event.kind in kinds) and (not self.words or says(event, self.words))

    def look(self, most: int = 2000) -> bool:
        """Find some more of the older rows that were asked for; false when all are there."""
        if self._older is None:
            return False
        more: list[EventRow] = []
        for event in self._older:
            if event.seq <= self._newest and self._is_wanted(event):
                more.append(_row(event))
            if len(more) == most:
                break
        else:
            self._older = None
        self._found[:0] = reversed(more)
        return self._older is not None

    def grow(self) -> bool:
        """Take in what was written since; says whether there are more rows now."""
        now = self._history.count()
        if now == self._newest:
            return False
        if self._whole:
            self._count = self._newest = now
            return True
        fresh = self._history.page(self._newest + 1, now - self._newest)
        wanted = [_row(event) for event in fresh if event.seq <= now and self._is_wanted(event)]
        self._found += wanted
        self._newest = now
        return bool(wanted)

    def count(self) -> int:
        """How many rows there are, as far as was looked."""
        return self._count if self._whole else len(self._found)

    def rows(self, first: int, n: int) -> Sequence[EventRow]:
        """Rows from `first` on."""
        if not self._whole:
            return self._found[first : first + n]
        found = {event.seq: _row(event) for event in self._history.page(first + 1, n)}
        last = min(first + n, self._count)
        # A number that is not there (a line too long to be ours, or written over) keeps its row: places are numbers.
        return [found.get(seq) or EventRow(seq, 0, 0.0, "log", {"text": "…"}) for seq in range(first + 1, last + 1)]


def _row(event: Event) -> EventRow:
    return EventRow(event.seq, event.attempt, event.at, event.kind, dict(event.fields))


@dataclass(slots=True)
class Curve:
    """A figure over steps, in order of the steps."""

    steps: list[float] = field(default_factory=list[float])
    values: list[float] = field(default_factory=list[float])

    def add(self, step: float, value: float) -> None:
        """One more point. A run that was resumed goes back to its checkpoint: what it had done after that is gone."""
        if self.steps and step <= self.steps[-1]:
            keep = bisect_left(self.steps, step)
            del self.steps[keep:], self.values[keep:]
        self.steps.append(step)
        self.values.append(value)
        if len(self.steps) > _MOST_POINTS:
            del self.steps[:-1:2], self.values[:-1:2]

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None

    def smoothed(self) -> list[float]:
        """The values as a running mean of about twenty: the loss of single steps jumps with their few examples."""
        mean, weight, found = 0.0, 0.0, list[float]()
        for value in self.values:
            mean, weight = _KEPT * mean + (1 - _KEPT) * value, _KEPT * weight + (1 - _KEPT)
            found.append(mean / weight)
        return found

    @property
    def best(self) -> float | None:
        """The lowest value."""
        return min(self.values) if self.values else None


# figure -> the kind of event that tells it, and its name there
_TOLD: Final[Mapping[str, tuple[str, str]]] = {
    "loss": ("step", "loss"),
    "validation": ("validation", "loss"),
    "learning_rate": ("step", "lr"),
    "speed": ("step", "tokens_per_second"),
    "memory": ("step", "memory_bytes"),
    "gradient": ("step", "grad_norm"),
}


class Curves:
    """The curves of a run. `grow` reads on; the first time it looks at a long log here and there only."""

    def __init__(self, run: RunRow) -> None:
        from core.training.events import FILE
        from core.training.history import History

        self.run = run
        self.curves: dict[str, Curve] = {name: Curve() for name in _TOLD}
        self.steps = run.steps
        self._history = History(run.folder / FILE)
        self._seen = 0

    def __getitem__(self, figure: str) -> Curve:
        return self.curves[figure]

    def grow(self) -> bool:
        """Take in what is new; says whether there was anything."""
        now = self._history.count()
        if now == self._seen:
            return False
        if self._seen == 0 or now - self._seen > _FAR_BEHIND:
            self._begin()
        else:
            self._take(self._history.page(self._seen + 1, now - self._seen))
        self._seen = max(now, self._seen)
        return True

    def _begin(self) -> None:
        from core.training.history import of_kinds

        figures = self._history.sampled(of_kinds("step", "plan", "validation"), _POINTS)
        known = {event.seq for event in figures}
        # Validations are few and each counts, so of a long log the last hundred megabytes are gone through for them.
        older = self._history.backwards(of_kinds("validation"), most=100 << 20)
        figures += [event for event in older if event.seq not in known]
        self._take(sorted(figures, key=lambda event: event.seq))
        if figures:
            self._seen = max(event.seq for event in figures)

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            step = _number(event.fields.get("step"))
            steps = event.fields.get("steps")
            if isinstance(steps, int) and not isinstance(steps, bool) and steps > 0:
                self.steps = steps
            if step is None:
                continue
            for name, (kind, key) in _TOLD.items():
                if event.kind == kind and (value := _number(event.fields.get(key))) is not None:
                    self.curves[name].add(step, value)


def _number(value: Any) -> float | None:
    # A log is anybody's: JSON as Python reads it knows NaN, and integers that no float holds.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return float(value)
