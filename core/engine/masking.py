"""Which tokens the loss is taken on: the persona's replies and the token that ends them, nothing else.

In: examples as messages, and a tokenizer with its chat template. Out: token rows with one flag a token. It knows no
template by name: a conversation is rendered up to a reply with the reply opened, and again with the reply in it, and
the difference is what is learnt. Where earlier renderings are not the beginning of later ones (templates that rewrite
old turns, or that end every text with one more token) each reply gets a row of its own.

Padding plays no part: rows are packed, and what is trained is told by the flags alone, so an end-of-text token that a
tokenizer also pads with is learnt like any other.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.engine.problems import ModelProblem
from core.engine.templates import Said, check_template, control_words, defused, fitted, render
from core.language import _


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence for the model."""

    ids: tuple[int, ...]
    trained: tuple[bool, ...]  # is this token predicted under the loss; the first never is
    conversation: int = 0
    example: int = 0  # 0-based line of the file that it came from
    text_bytes: int = 0  # of the replies that are trained
    text_chars: int = 0

    @property
    def trained_tokens(self) -> int:
        """How many tokens the loss is taken on."""
        return sum(self.trained)


@dataclass(slots=True)
class Masked:
    """The rows of a file, and what was seen on the way."""

    rows: list[Row] = field(default_factory=list[Row])
    examples: int = 0
    split_examples: int = 0  # examples that needed a row a reply
    endless_replies: int = 0  # trained replies that no end token follows
    shortened: int = 0
    dropped: int = 0
    end_tokens: set[int] = field(default_factory=set[int])  # the tokens seen to end a trained reply

    @property
    def tokens(self) -> int:
        """All tokens, trained or not."""
        return sum(len(row.ids) for row in self.rows)

    @property
    def trained_tokens(self) -> int:
        """Tokens under the loss."""
        return sum(row.trained_tokens for row in self.rows)


class Masker:
    """Turns examples into rows for one tokenizer."""

    def __init__(self, tokenizer: Any, *, context: int, too_long: str = "refuse") -> None:
        self.tokenizer = tokenizer
        self.context = context
        self.too_long = too_long
        check_template(tokenizer)
        self.words = control_words(tokenizer)
        self.special = set(tokenizer.all_special_ids) | {
            number for number, token in tokenizer.added_tokens_decoder.items() if token.special
        }

    def mask(self, examples: Iterable[dict[str, Any]]) -> Masked:
        """All rows of the examples, in order."""
        told = Masked()
        for number, example in enumerate(examples):
            told.examples += 1
            try:
                rows = self.rows(example, number, told)
            except TooLongError as long:
                rows = self._shorter(example, number, told, long.tokens)
            told.rows += rows
        return told

    def _shorter(self, example: dict[str, Any], number: int, told: Masked, tokens: int) -> list[Row]:
        if self.too_long == "refuse":
            raise too_long(number, tokens, self.context)
        messages = list(example["messages"])
        while self.too_long == "shorten":
            # The system line stays; the oldest other line goes; at least one line before the last must remain.
            first = 1 if messages and messages[0]["role"] == "system" else 0
            if len(messages) - first <= 2:
                break
            del messages[first]
            try:
                rows = self.rows({**example, "messages": messages}, number, told)
            except TooLongError:
                continue
            told.shortened += 1
            return rows
        told.dropped += 1
        return []

    def rows(self, example: dict[str, Any], number: int, told: Masked) -> list[Row]:
        """The rows of one example: one, or one a reply; counts what was seen."""
        messages: list[Said] = [
            {
                "role": str(message["role"]),
                "content": defused(str(message["content"]), self.words),
                "train": bool(message.get("train", message["role"] == "assistant")) and message["role"] == "assistant",
            }
            for message in example["messages"]
        ]
        messages = fitted(self.tokenizer, messages)
        replies = [i for i, message in enumerate(messages) if message.get("train")]
        if not replies:
            return []
        prompts = [render(self.tokenizer, messages[:i], ask=True) for i in replies]
        upto = [render(self.tokenizer, messages[: i + 1]) for i in replies]
        encoded: list[list[int]] = self.tokenizer(prompts + upto, add_special_tokens=False)["input_ids"]
        asked, answered = encoded[: len(replies)], encoded[len(replies) :]
        conversation = int(example.get("conversation", 0))
        last = answered[-1]
        in_one_row = all(last[: len(ids)] == ids for ids in answered)
        if not in_one_row:
            told.split_examples += 1
        rows: list[Row] = []
        flags = [False] * len(last)
        size = [0, 0]
        for i, prompt, full in zip(replies, asked, answered, strict=True):
            content = messages[i]["content"]
            start = _common(prompt, full)
            end = self._end(full, start)
            if end > start and full[end - 1] in self.special:
                told.end_tokens.add(full[end - 1])
            elif i == replies[-1] and self.tokenizer.eos_token_id is not None:
                # The template closes no reply: the model's own end-of-text does, or it would never learn to stop.
                full = [*full[:end], self.tokenizer.eos_token_id]
                end += 1
                told.end_tokens.add(self.tokenizer.eos_token_id)
                if in_one_row:
                    last, flags = full, flags[:end] + [False] * (end - len(flags))
            else:
                told.endless_replies += 1
            if in_one_row:
                flags[start:end] = [True] * (end - start)
                size = [size[0] + len(content.encode()), size[1] + len(content)]
            else:
                mine = [start <= at < end for at in range(end)]
                rows.append(self._row(full[:end], mine, conversation, number, [len(content.encode()), len(content)]))
        if in_one_row:
            stop = max(at for at, flag in enumerate(flags) if flag) + 1 if any(flags) else len(last)
            rows.append(self._row(last[:stop], flags[:stop], conversation, number, size))
        return rows

    def _row(self, ids: list[int], flags: list[bool], conversation: int, number: int, size: list[int]) -> Row:
        if len(ids) > self.context:
            raise TooLongError(len(ids))
        if flags:
            flags = [False, *flags[1:]]  # nothing comes before the first token to predict it from
        return Row(tuple(ids), tuple(flags), conversation, number, size[0], size[1])

    def _end(self, full: list[int], start: int) -> int:
        """One past the token that ends the reply: the first control token from the end of the text that only white
        space and other control tokens follow. Trailing line breaks of the template are not learnt."""
        end = len(full)
        while end > start and full[end - 1] not in self.special and not self.tokenizer.decode([full[end - 1]]).strip():
            end -= 1
        # Some templates end the whole text with one more control token: the reply ends at the first of them.
        while end - 1 > start and full[end - 1] in self.special and self._ends_before(full, end - 1, start):
            end -= 1
            while full[end - 1] not in self.special and not self.tokenizer.decode([full[end - 1]]).strip():
                end -= 1
        return end

    def _ends_before(self, full: list[int], at: int, start: int) -> bool:
        at -= 1
        while at > start and full[at] not in self.special and not self.tokenizer.decode([full[at]]).strip():
            at -= 1
        return at > start and full[at] in self.special


class TooLongError(Exception):
    """An example has so many tokens."""

    def __init__(self, tokens: int) -> None:
        super().__init__(tokens)
        self.tokens = tokens


def too_long(number: int, tokens: int, context: int) -> ModelProblem:
    """What is said of an example that the model cannot read whole."""
    return ModelProblem(
        "too-long",
        _("An example has {tokens} tokens, more than the {context} that the model can read.").format(
            tokens=tokens, context=context
        ),
        where=_("example {number}").format(number=number + 1),
        advice=_("Lower the buffer size, or set too_long=shorten (drop its oldest lines) or too_long=drop."),
    )


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with. A tokenizer may join the last token of the opening with the first of the reply;
    then the joined token counts as the reply's."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
