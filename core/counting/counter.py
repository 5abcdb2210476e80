"""Counting tokens: of texts and of rendered examples, under one model's own encoding.

In: a model's name, or a local model's folder. Out: a `Counter`. A count is exact or says that it is not; texts are
never counted in batches, for starting a batch of short texts costs six times what counting them does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

from core.chat import Example, Line
from core.counting import bases, vocabulary

# Texts whose count is kept: contexts overlap, so most are asked for again, but with their neighbours only.
REMEMBERED = 20_000


class Counter(Protocol):
    """What every counter can do."""

    @property
    def model(self) -> str:
        """The name that it was made for."""
        ...

    @property
    def exact(self) -> bool:
        """Whether its counts are the model's own."""
        ...

    @property
    def encoding(self) -> str:
        """What it counts by, for a person to read."""
        ...

    @property
    def separable(self) -> bool:
        """Whether an example's tokens are those of its lines and `around_example`."""
        ...

    @property
    def around_example(self) -> int:
        """The tokens of an example beside its lines'."""
        ...

    def text(self, text: str) -> int:
        """The tokens of a text on its own."""
        ...

    def line(self, line: Line) -> int:
        """The tokens of a line with what stands around it, where `separable`."""
        ...

    def example(self, example: Example) -> int:
        """The tokens of a whole example, with what the model's template puts around its lines."""
        ...


class ChatCounter:
    """OpenAI's chat models: three tokens around each message, its role and words, and three more at the end.

    The role is one token in both encodings. What the provider bills may differ by a little; the job says.
    """

    separable = True
    around_line = 4
    around_example = 3

    def __init__(self, model: str, encoding: str, *, exact: bool = True) -> None:
        self.model = model
        self.encoding = encoding
        self.exact = exact

    @cached_property
    def _remembered(self) -> Callable[[str], int]:
        # Loaded when the first text is counted, 80 MB of it: what was counted before may be all that is asked for.
        return lru_cache(REMEMBERED)(vocabulary.counting(self.encoding))

    def text(self, text: str) -> int:
        """The tokens of a text on its own."""
        return self._remembered(text)

    def line(self, line: Line) -> int:
        """The tokens of a line with those around it."""
        return self.around_line + self._remembered(line.text)

    def example(self, example: Example) -> int:
        """The tokens of an example."""
        return self.around_example + sum(map(self.line, example.lines))


def counter_for(model: str, *, folder: Path | None = None) -> Counter:
    """The counter of a model.

    `folder` is the model's own folder, where there is one with a tokenizer.json; without it the name decides. A name
    that nothing is known of is counted by o200k_base, and the counter says that this is not exact.
    """
    if folder is not None:
        from core.counting.local import LocalCounter

        return LocalCounter(model, folder)
    encoding = bases.encoding_of(model)
    if encoding is None:
        return ChatCounter(model, bases.O200K, exact=False)
    return ChatCounter(model, encoding)


def total(counter: Counter, examples: Iterable[Example]) -> int:
    """The tokens of many examples."""
    return sum(counter.example(example) for example in examples)
