"""What exactly is learnt from an example: its text as the model will see it, each stretch with whether it is trained.

In: an example and the counter of the chosen model. Out: a `Learnt`. For a local model it is what the engine's masker
does, by the packages tokenizers and jinja2 alone (a test holds both together): a conversation is rendered up to a reply
with the reply opened, and again with the reply in it; the tokens in which they differ are trained. For a provider's
model, whose template is not published, roles stand for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, cast

from core.chat import Example, Line, Role
from core.counting.counter import Counter
from core.counting.local import LocalCounter

Sort = Literal["context", "control", "trained"]
_USUAL_CONTEXT: Final = 2048  # the engine's, where a model does not say


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: what was said and is read, what the template puts around it, what is learnt to be written."""

    text: str
    sort: Sort
    separator: bool = False  # what joins the messages of a turn


@dataclass(frozen=True, slots=True)
class Learnt:
    """An example as it is trained."""

    pieces: tuple[Piece, ...]
    tokens: int
    trained_tokens: int | None  # None where only the provider knows
    limit: int | None  # the most tokens that the model takes
    dropped: int = 0  # of the oldest lines, so many do not fit
    rows: int = 1  # templates that rewrite earlier turns need a row a reply; the last is shown

    @property
    def over(self) -> int:
        """Tokens beyond the limit."""
        return max(0, self.tokens - self.limit) if self.limit else 0


def learnt(
    counter: Counter, example: Example, limit: int | None, separator: str = "", tokens: int | None = None
) -> Learnt:
    """The example as this model will see it; `separator` is what the recipe joins the messages of a turn with. `tokens`:
    how many it has, where they were counted before."""
    if not isinstance(counter, LocalCounter):
        return _parted(_by_roles(counter, example, limit, tokens), example.lines, separator)
    told = _parted(_by_template(counter, example.lines, limit), example.lines, separator)
    if not told.over:
        return told
    first = 1 if example.lines and example.lines[0].role is Role.SYSTEM else 0
    for dropped in range(1, len(example.lines) - first - 1):
        shorter = (*example.lines[:first], *example.lines[first + dropped :])
        if not _by_template(counter, shorter, limit).over:
            return replace(told, dropped=dropped)
    return replace(told, dropped=max(0, len(example.lines) - first - 1))


def context_of(folder: Path) -> int:
    """The longest sequence that a local model can read, as the engine finds it."""
    known: list[int] = []
    for name, keys in (
        ("config.json", ("max_position_embeddings", "n_positions")),
        ("tokenizer_config.json", ("model_max_length",)),
    ):
        try:
            told: Any = json.loads((folder / name).read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(told, dict):
            continue
        config = cast("dict[str, Any]", told)
        if isinstance(inner := config.get("text_config"), dict):
            config = {**config, **cast("dict[str, Any]", inner)}
        known += [config[key] for key in keys if isinstance(config.get(key), int) and 0 < config[key] < 10_000_000]
    return min(known, default=_USUAL_CONTEXT)


def _parted(told: Learnt, lines: Sequence[Line], separator: str) -> Learnt:
    """The same with the template's words told from those of the chat, and with the separators told from both."""
    text = "".join(piece.text for piece in told.pieces)
    sorts: list[tuple[Sort, bool]] = [(piece.sort, False) for piece in told.pieces for _character in piece.text]
    said = [False] * len(text)
    at = 0
    for line in lines:
        words = line.text.strip()
        found = text.find(words, at) if words else -1
        if found < 0:
            continue  # the template or the guard against control words wrote it otherwise
        at = found + len(words)
        said[found:at] = [True] * len(words)
        # Somebody's own line break in a message looks like one that joins two: where it cannot be told, none is marked.
        if separator and separator in words and words.count(separator) == len(line.messages) - 1:
            place = found
            while (place := text.find(separator, place, at)) >= 0:
                for one in range(place, place + len(separator)):
                    sorts[one] = (sorts[one][0], True)
                place += len(separator)
    marked: list[tuple[Sort, bool]] = [
        (sort if sort == "trained" or said[place] else "control", joins) for place, (sort, joins) in enumerate(sorts)
    ]
    pieces: list[Piece] = []
    at = 0
    for (sort, joins), run in groupby(marked):
        size = len(list(run))
        pieces.append(Piece(text[at : at + size], sort, joins))
        at += size
    return replace(told, pieces=tuple(pieces))


def _by_roles(counter: Counter, example: Example, limit: int | None, tokens: int | None) -> Learnt:
    pieces: list[Piece] = []
    for line in example.lines:
        pieces.append(Piece(f"{line.role.value}\n", "control"))
        pieces.append(Piece(f"{line.text}\n", "trained" if line.trained else "context"))
    return Learnt(tuple(pieces), counter.example(example) if tokens is None else tokens, None, limit)


def _by_template(counter: LocalCounter, lines: Sequence[Line], limit: int | None) -> Learnt:
    messages = counter.fitted(lines)
    replies = [at for at, message in enumerate(messages) if message["train"]]
    if not replies:
        text = counter.render(messages)
        return Learnt((Piece(text, "context"),), len(counter.encoded(text).ids), 0, limit)
    special = counter.special
    text = counter.render(messages[: replies[-1] + 1])
    encoding = counter.encoded(text)
    last: list[int] = list(encoding.ids)
    offsets: list[tuple[int, int]] = list(encoding.offsets)
    flags = [False] * len(last)
    answered: list[list[int]] = [counter.encoded(counter.render(messages[: at + 1])).ids for at in replies]
    in_one_row = all(last[: len(full)] == full for full in answered)
    for at, full in zip(replies, answered, strict=True):
        if not in_one_row and at != replies[-1]:
            continue
        start = _common(counter.encoded(counter.render(messages[:at], ask=True)).ids, full)
        end = _end(counter, full, start, special)
        if not (end > start and full[end - 1] in special) and at == replies[-1] and counter.end_of_text:
            # The template closes no reply: the model's own end-of-text does.
            keep = offsets[end - 1][1] if end else 0
            text = text[:keep] + counter.end_of_text
            last = [*last[:end], counter.token(counter.end_of_text) or 0]
            offsets = [*offsets[:end], (keep, len(text))]
            flags = [*flags[:end], False]
            end += 1
        flags[start:end] = [True] * (end - start)
    if flags:
        flags[0] = False  # nothing comes before the first token to predict it from
    stop = max((at for at, flag in enumerate(flags) if flag), default=len(flags) - 1) + 1
    return Learnt(
        _pieces(text, last[:stop], offsets[:stop], flags[:stop], special),
        stop,
        sum(flags[:stop]),
        limit,
        rows=1 if in_one_row else len(replies),
    )


def _pieces(
    text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]], flags: Sequence[bool], special: frozenset[int]
) -> tuple[Piece, ...]:
    """The text in stretches of one sort. A character of several tokens is trained as soon as one of them is."""
    sorts: list[Sort] = ["context"] * (offsets[-1][1] if offsets else 0)
    for token, (start, end), flag in zip(ids, offsets, flags, strict=True):
        for at in range(start, end):
            if flag:
                sorts[at] = "trained"
            elif token in special and sorts[at] != "trained":
                sorts[at] = "control"
    pieces: list[Piece] = []
    at = 0
    for sort, run in groupby(sorts):
        size = len(list(run))
        pieces.append(Piece(text[at : at + size], sort))
        at += size
    return tuple(pieces)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _end(counter: LocalCounter, full: Sequence[int], start: int, special: frozenset[int]) -> int:
    """One past the token that ends the reply: the first control token after which only blanks and control tokens come."""

    def blank(token: int) -> bool:
        return token not in special and not counter.decoded(token).strip()

    end = len(full)
    while end > start and blank(full[end - 1]):
        end -= 1
    while end - 1 > start and full[end - 1] in special:
        before = end - 2
        while before > start and blank(full[before]):
            before -= 1
        if not (before > start and full[before] in special):
            break
        end = before + 1
    return end
