"""A reply on its way: what has come of it so far, and the messages that it will be kept as.

In: the stream of a model, and the messages that were entered when it began. Out: its texts, its tokens and its figures at
any moment. It writes nothing and never waits; whose turn it is and what is kept is the talk's (conversing.py).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from core.chatting.transcripts import Said
from core.workspace import talking
from core.workspace.talking import Token

if TYPE_CHECKING:
    from core.chatting.client import Stream

MOST: Final = 400_000  # characters of one reply; a model that goes on beyond that has lost its way


@dataclass
class Answer:
    """A reply on its way, with its alternatives."""

    lane: int
    model: str
    said: list[Said]  # as entered, one for each alternative
    stream: Stream
    starts: list[str]  # what was there before, when it goes on
    real: tuple[str, str] | None = None  # who answered this in the chat, and what: shown afterwards
    texts: list[str] = field(default_factory=list[str])
    tokens: list[list[Token]] = field(default_factory=list[list[Token]])
    kept_at: float = field(default_factory=time.monotonic)
    ended: bool = False

    def __post_init__(self) -> None:
        self.texts = list(self.starts)
        self.tokens = [[] for _one in self.said]

    def drain(self) -> bool:
        """Take in what has come; says whether anything did. Never waits."""
        pieces = self.stream.drain()
        grown: dict[int, list[str]] = {}
        for piece in pieces:
            if piece.index < len(self.texts):
                grown.setdefault(piece.index, []).append(piece.text)
                self.tokens[piece.index] += piece.tokens
        for index, texts in grown.items():
            self.texts[index] = (self.texts[index] + "".join(texts))[:MOST]
        if any(len(text) >= MOST for text in self.texts) and not self.stream.done:
            self.stream.stop(endless=True)
        return bool(pieces)

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        return self.stream.done

    @property
    def figures(self) -> talking.Figures:
        """How it is going."""
        return self.stream.figures

    def so_far(self) -> list[Said]:
        """The messages as they are now; once `done`, as they will stay."""
        reply = self.stream.reply
        figures, trouble = reply.figures, reply.trouble if reply.done else None
        told: list[Said] = []
        for index, one in enumerate(self.said):
            other = reply.alternatives[index] if index < len(reply.alternatives) else None
            finish = other.finish if other and reply.done else ""
            whole = finish and finish not in ("length", "content_filter")
            told.append(
                replace(
                    one,
                    text=self.texts[index],
                    finish=finish,
                    trouble="" if whole or trouble is None else trouble.what,
                    # Of several alternatives the server counts the tokens together.
                    prompt_tokens=figures.prompt_tokens or 0,
                    reply_tokens=figures.reply_tokens if len(self.said) == 1 else 0,
                    first_token=figures.first_token,
                    seconds=figures.seconds,
                    cost=None if figures.cost is None else float(figures.cost) / len(self.said),
                )
            )
        return told
