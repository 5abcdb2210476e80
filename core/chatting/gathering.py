"""Putting a reply together from the chunks of a stream: plain JSON in, pieces and alternatives out.

Knows the protocol's shapes (chat and raw completions, streamed or whole, with log-probabilities or not) and distrusts
them: servers differ. What is not as it should be raises TypeError, ValueError, KeyError or AttributeError, which the
stream takes for a malformed reply. No network, no threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from core.chatting import bounds, troubles
from core.chatting.replies import Alternative, Alternatives, Piece, Token, Trouble
from core.chatting.thinking import Thinking


class _One:
    """One alternative on its way."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tokens: list[Token] = []
        self.thinking = Thinking()
        self.finish: str = ""

    def told(self) -> Alternative:
        return Alternative("".join(self.texts), self.finish, self.thinking.thought, tuple(self.tokens))


class Usage(NamedTuple):
    """Tokens as the server counts them."""

    sent: int  # the whole prompt
    got: int  # the whole reply, what was thought before it too
    cached: int = 0  # of those sent: read from the server's cache
    thought: int = 0  # of those got: thought and not said


class Gathered:
    """A reply on its way."""

    def __init__(self, alternatives: int, *, chat: bool) -> None:
        self._ones = [_One() for _number in range(alternatives)]
        self._chat = chat
        self.model: str = ""
        self.size: int = 0  # bytes of memory, about
        self.spoken: int = 0  # pieces with anything in them: an estimate of the tokens
        self.usage: Usage | None = None

    def take(self, chunk: Any) -> list[Piece]:
        """What this chunk adds."""
        self.model = self.model or str(chunk.get("model") or "")
        usage = chunk.get("usage")
        if usage:
            self.usage = _usage(usage)
        fresh: list[Piece] = []
        for choice in chunk.get("choices") or ():
            index = int(choice.get("index") or 0)
            if index < len(self._ones) and (piece := self._piece(choice, self._ones[index], index)):
                fresh.append(piece)
        return fresh

    def _piece(self, choice: Any, one: _One, index: int) -> Piece | None:
        said: Any = (choice.get("delta") or choice.get("message") or {}) if self._chat else choice
        text = said.get("content" if self._chat else "text") or ""
        thought = said.get("reasoning_content") or said.get("reasoning") or ""
        if not isinstance(text, str) or not isinstance(thought, str):
            raise TypeError("text")
        if not self._chat and not one.texts:
            text = text.lstrip(" ")  # completions begin with the space that their examples began with
        tokens = _tokens(choice.get("logprobs"), chat=self._chat)
        one.thinking.think(thought)
        shown = one.thinking.add(text)
        if choice.get("finish_reason"):
            one.finish = str(choice["finish_reason"])
            shown += one.thinking.rest()
        self.spoken += bool(text or thought or tokens)
        self.size += bounds.size_of(text + thought, tokens)
        if shown:
            one.texts.append(shown)
        one.tokens += tokens
        return Piece(shown, index, tokens) if shown or tokens else None

    def rest(self) -> list[Piece]:
        """What was held back, should it be thought, when nothing more comes."""
        fresh: list[Piece] = []
        for index, one in enumerate(self._ones):
            if text := one.thinking.rest():
                one.texts.append(text)
                fresh.append(Piece(text, index))
        return fresh

    def alternatives(self) -> Alternatives:
        """What there is so far; a server that gives fewer than were asked for gave fewer."""
        told = [one.told() for one in self._ones]
        return (told[0], *(one for one in told[1:] if one.text or one.finish))

    def verdict(self) -> Trouble | None:
        """Whether what has come is whole, now that the server has ended it."""
        told = self.alternatives()
        if not all(one.finish for one in told):
            return troubles.unfinished()
        if any(one.finish == "length" for one in told):
            return troubles.cut_off()
        return troubles.filtered() if any(one.finish == "content_filter" for one in told) else None


def _usage(told: Any) -> Usage:
    sent, got = int(told.get("prompt_tokens") or 0), int(told.get("completion_tokens") or 0)
    cached = _detail(told.get("prompt_tokens_details"), "cached_tokens")
    return Usage(sent, got, cached, _detail(told.get("completion_tokens_details"), "reasoning_tokens"))


def _detail(told: Any, name: str) -> int:
    """A count that only some servers give, each in its own way."""
    count = cast("dict[str, Any]", told).get(name) if isinstance(told, dict) else None
    return count if isinstance(count, int) and 0 <= count < 1 << 53 else 0


def _tokens(told: Any, *, chat: bool) -> tuple[Token, ...]:
    if not told:
        return ()
    if chat:
        return tuple(
            _token(one, {o["token"]: o["logprob"] for o in one["top_logprobs"]}) for one in told["content"] or ()
        )
    words, values = told["tokens"], told["token_logprobs"]
    tops = told.get("top_logprobs") or [None for _word in words]
    pairs = zip(words, values, tops, strict=True)
    return tuple(_token({"token": word, "logprob": value}, others or {}) for word, value, others in pairs)


def _token(one: Any, others: dict[str, Any]) -> Token:
    return Token(str(one["token"]), float(one["logprob"]), tuple((str(o), float(v)) for o, v in others.items()))
