"""The nouns of talking: pieces of a reply, its figures, and how it ended.

Plain data, no I/O. A reply is whole only when its server said why it ended and that was of its own accord; what went
otherwise is a `Trouble` with a kind that programs can test and words for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from core.problem import Problem

if TYPE_CHECKING:
    from core.counting.using import UsePrice

# Kinds of trouble. Those of the first row leave a beginning that one can go on from; the others say that nothing more
# is to be had by asking the same again at once.
CUT_OFF, UNFINISHED, BROKEN, STALLED, MALFORMED, FAILED, STOPPED = (
    "cut_off", "unfinished", "broken", "stalled", "malformed", "failed", "stopped",
)  # fmt: skip
REFUSED, UNREACHABLE, FILTERED, FOREIGN = "refused", "unreachable", "filtered", "foreign"
CAN_GO_ON: Final = frozenset({CUT_OFF, UNFINISHED, BROKEN, STALLED, MALFORMED, FAILED, STOPPED})


@dataclass(frozen=True, slots=True)
class Token:
    """A token, how likely it was, and what could have stood in its place (natural logarithms)."""

    text: str
    logprob: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event of the stream added to an alternative."""

    text: str
    index: int = 0  # which alternative
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a reply is not whole."""

    kind: str
    what: str
    advice: str = ""
    code: str = ""  # the server's own word for it, or that of core/endpoints/failures.py
    again: bool = False  # worth another try in a moment, nothing else changed
    after: float = 0.0  # seconds to wait before that, as the server said

    @property
    def can_go_on(self) -> bool:
        """Whether what arrived is a beginning that can be gone on from."""
        return self.kind in CAN_GO_ON

    @property
    def broke(self) -> bool:
        """Whether it was the way here that failed, so that the same question may well be answered next time."""
        return self.kind in (UNFINISHED, BROKEN, STALLED, MALFORMED, FAILED)

    def problem(self, where: str = "") -> Problem:
        """The same, to be raised."""
        return Problem(self.what, where=where, advice=self.advice)


@dataclass(frozen=True, slots=True)
class Figures:
    """How it is going. Counts are estimates (a piece is a token) until the server has told the exact ones."""

    seconds: float = 0.0  # since it was asked
    first_token: float | None = None  # seconds to the first piece
    prompt_tokens: int | None = None
    reply_tokens: int = 0
    cached_tokens: int | None = None  # of the prompt's: read from the server's cache
    reasoning_tokens: int | None = None  # of the reply's: thought and not said
    exact: bool = False
    cost: Decimal | None = None  # None: no price is known, which is not free
    currency: str = ""
    price: UsePrice | None = None
    waits: float = 0.0  # the server is busy: seconds until it is asked again

    @property
    def tokens_per_second(self) -> float | None:
        """The pace once it speaks; None before the second token."""
        if self.first_token is None or self.reply_tokens < 2 or self.seconds <= self.first_token:
            return None
        return (self.reply_tokens - 1) / (self.seconds - self.first_token)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the replies to one question."""

    text: str = ""
    finish: str = ""  # as the server said it; "" if it said nothing
    thought: str = ""  # what a reasoning model thought aloud first; no part of the reply
    tokens: tuple[Token, ...] = ()


Alternatives = tuple[Alternative, *tuple[Alternative, ...]]  # at least one


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Text, finish and tokens are those of the first alternative."""

    alternatives: Alternatives
    figures: Figures = field(default_factory=Figures)
    trouble: Trouble | None = None
    model: str = ""  # as the server named itself
    done: bool = True

    @property
    def text(self) -> str:
        return self.alternatives[0].text

    @property
    def finish(self) -> str:
        return self.alternatives[0].finish

    @property
    def cut_off(self) -> bool:
        """Whether the end of it is missing."""
        return self.trouble is not None

    @property
    def prompt_tokens(self) -> int:
        return self.figures.prompt_tokens or 0

    @property
    def reply_tokens(self) -> int:
        return self.figures.reply_tokens

    def as_json(self, separator: str = "") -> dict[str, Any]:
        """The reply for `--json`; with a separator, the messages that it stands for too."""
        figures = self.figures
        told: dict[str, Any] = {
            "model": self.model,
            "text": self.text,
            "finish_reason": self.finish,
            "cut_off": self.cut_off,
            "trouble": self.trouble.kind if self.trouble else None,
            "prompt_tokens": figures.prompt_tokens,
            "cached_tokens": figures.cached_tokens,
            "reply_tokens": figures.reply_tokens,
            "reasoning_tokens": figures.reasoning_tokens,
            "seconds": round(figures.seconds, 4),
            "first_token_seconds": None if figures.first_token is None else round(figures.first_token, 4),
            "tokens_per_second": figures.tokens_per_second and round(figures.tokens_per_second, 2),
            "cost": None if figures.cost is None else str(figures.cost),
            "currency": figures.currency or None,
            "price": figures.price.as_json() if figures.price is not None else None,
        }
        if separator.strip():
            told["messages"] = [one.strip() for one in self.text.split(separator.strip()) if one.strip()]
        if self.alternatives[0].thought:
            told["thought"] = self.alternatives[0].thought
        if len(self.alternatives) > 1:
            told["alternatives"] = [{"text": one.text, "finish_reason": one.finish} for one in self.alternatives]
        if self.alternatives[0].tokens:
            told["logprobs"] = [
                {"token": one.text, "logprob": one.logprob, "others": dict(one.others)}
                for one in self.alternatives[0].tokens
            ]
        return told
