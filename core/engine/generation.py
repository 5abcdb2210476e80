"""Writing a reply, token by token.

In: a model, the tokens so far, and how to choose. Out: an iterator of pieces of text with their tokens and, if asked
for, log-probabilities; and why it ended. Characters of several bytes come whole, stop strings are never shown in
part. A generator can be closed at any token: that is how a reader who has gone is noticed. Knows no protocol and no
adapters.

A loop of our own with the cache of transformers: about 30 % faster than `generate` with a streamer on a tiny model,
and equal on large ones.
"""

# pyright: basic

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers

from core.engine.stepping import only_at


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen. Temperature 0 takes the likeliest."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    no_repeat_ngram: int = 0  # never so many tokens in a row twice, the prompt's included; 0: off
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: int = -1  # alternatives to report for each token; −1: none, not even the token's own


@dataclass
class Piece:
    """What one token added to the text (often nothing, while a character is incomplete or a stop string may begin)."""

    text: str
    token: int = -1
    logprob: float = 0.0
    others: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    ended: str = ""  # "stop" or "length" on the last piece


def write(
    model: Any, tokenizer: Any, ids: Sequence[int], choice: Choice, *, ends: Collection[int], context: int
) -> Iterator[Piece]:
    """The reply to `ids`, piece by piece; the last piece says why it ended."""
    device = next(model.parameters()).device
    chance = torch.Generator(device="cpu")
    if choice.seed is None:
        chance.seed()
    else:
        chance.manual_seed(choice.seed)
    vocabulary = len(tokenizer)
    room = min(choice.max_tokens, max(0, context - len(ids)))
    cache = transformers.DynamicCache(config=model.config.get_text_config())
    text = _Text(tokenizer, choice.stop)
    # What the model itself said, for the two additive penalties; the multiplicative one also looks at the prompt.
    counts: dict[int, int] = {}
    seen = set(ids)
    rows = _Rows(ids, choice.no_repeat_ngram)
    given = torch.tensor([list(ids)], device=device)
    last = torch.tensor([len(ids) - 1], device=device)
    for number in range(room):
        with torch.inference_mode():
            # While the prompt is read, only its last position needs logits: a whole one may have gigabytes of them.
            with only_at(model, last) if number == 0 else contextlib.nullcontext():
                logits = model(input_ids=given, past_key_values=cache, use_cache=True).logits[0, -1].float().cpu()
            # A model may have more rows than its voice has tokens: filling, or what another adapter added.
            logits = logits[:vocabulary]
            token = _choose(rows.without_repeats(logits), choice, counts, seen, chance)
            told = torch.log_softmax(logits, -1) if choice.logprobs >= 0 else None
        if token in ends:
            yield Piece(text.rest(), ended="stop")
            return
        piece = Piece(text.add(token), token)
        if told is not None:
            piece.logprob = float(told[token])
            best = told.topk(min(choice.logprobs, told.numel())) if choice.logprobs else None
            if best is not None:
                piece.others = list(zip(best.indices.tolist(), best.values.tolist(), strict=True))
        if text.stopped:
            piece.ended = "stop"
            yield piece
            return
        yield piece
        counts[token] = counts.get(token, 0) + 1
        seen.add(token)
        rows.add(token)
        given = torch.tensor([[token]], device=device)
    yield Piece(text.rest(), ended="stop" if text.stopped else "length")


def _choose(
    logits: torch.Tensor, choice: Choice, counts: dict[int, int], seen: set[int], chance: torch.Generator
) -> int:
    if choice.repetition_penalty != 1.0 and seen:
        at = torch.tensor(sorted(seen))
        old = logits[at]
        logits = logits.clone()
        logits[at] = torch.where(old > 0, old / choice.repetition_penalty, old * choice.repetition_penalty)
    if counts and (choice.frequency_penalty or choice.presence_penalty):
        at = torch.tensor(list(counts))
        times = torch.tensor(list(counts.values()), dtype=logits.dtype)
        logits = logits.clone()
        logits[at] -= choice.frequency_penalty * times + choice.presence_penalty
    if choice.temperature <= 1e-5:
        return int(logits.argmax())
    logits = logits / choice.temperature
    if choice.top_k:
        least = logits.topk(min(choice.top_k, logits.numel())).values[-1]
        logits = logits.masked_fill(logits < least, -torch.inf)
    chances = torch.softmax(logits, -1)
    if choice.top_p < 1:
        ordered, places = chances.sort(descending=True, stable=True)
        before = ordered.cumsum(0) - ordered
        ordered = ordered.masked_fill(before >= choice.top_p, 0.0)  # the likeliest always stays
        chances = torch.zeros_like(chances).scatter_(0, places, ordered)
    return int(torch.multinomial(chances, 1, generator=chance))


class _Rows:
    """Which token would say a row of so many a second time."""

    def __init__(self, ids: Sequence[int], size: int) -> None:
        self.size = size
        self.last: list[int] = []
        self.after: dict[tuple[int, ...], set[int]] = {}
        for token in ids if size else ():
            self.add(token)

    def add(self, token: int) -> None:
        if not self.size:
            return
        if len(self.last) == self.size - 1:
            self.after.setdefault(tuple(self.last), set()).add(token)
        self.last = [*self.last, token][-(self.size - 1) :] if self.size > 1 else []

    def without_repeats(self, logits: torch.Tensor) -> torch.Tensor:
        banned = self.after.get(tuple(self.last)) if self.size and len(self.last) == self.size - 1 else None
        if not banned:
            return logits
        logits = logits.clone()
        logits[list(banned)] = -torch.inf
        return logits


class _Text:
    """Turns tokens into text that may be shown: whole characters, nothing that may be the start of a stop string."""

    def __init__(self, tokenizer: Any, stop: Sequence[str]) -> None:
        self.tokenizer = tokenizer
        self.stop = [one for one in stop if one]
        self.tokens: list[int] = []
        self.from_ = 0  # tokens before this one have been turned into text for good
        self.held = ""
        self.stopped = False

    def _decode(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def add(self, token: int) -> str:
        # A tokenizer may write a space before a word only when something stands before it, so the last settled token is
        # decoded along and taken off again.
        self.tokens.append(token)
        lead = max(0, self.from_ - 4)
        before = self._decode(self.tokens[lead : self.from_])
        now = self._decode(self.tokens[lead:])
        if now.endswith("\ufffd") and len(self.tokens) - self.from_ < 8:
            return ""  # an unfinished character
        self.from_ = len(self.tokens)
        self.held += now[len(before) :]
        return self._let_go(last=False)

    def rest(self) -> str:
        lead = max(0, self.from_ - 4)
        before = self._decode(self.tokens[lead : self.from_])
        self.held += self._decode(self.tokens[lead:])[len(before) :]
        self.from_ = len(self.tokens)
        return self._let_go(last=True)

    def _let_go(self, *, last: bool) -> str:
        cut = min((at for at in (self.held.find(one) for one in self.stop) if at >= 0), default=-1)
        if cut >= 0:
            shown, self.held, self.stopped = self.held[:cut], "", True
            return shown
        keep = 0
        if not last:
            for one in self.stop:
                for size in range(min(len(one) - 1, len(self.held)), keep, -1):
                    if self.held.endswith(one[:size]):
                        keep = size
                        break
        shown = self.held[: len(self.held) - keep]
        self.held = self.held[len(shown) :]
        return shown
