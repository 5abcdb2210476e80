"""Asking a model: one streaming client over the openai package for every endpoint, local or not.

In: a door, a model's name, messages, a manner. Out: a `Stream` of pieces with live figures, and at its end a `Reply`
(core/chatting/streaming.py). Nothing is shown here and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.chatting import bounds, pump
from core.chatting.manner import Manner
from core.chatting.replies import Reply
from core.chatting.streaming import Stream

if TYPE_CHECKING:
    import openai

    from core.counting.using import UsePrice
    from core.endpoints import Profile

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds. A server that sends keep-alive comments while a request waits its turn is alive."""

    connect: float = 5.0
    first: float = 180.0  # for anything at all: a large model on a processor reads a long prompt for minutes
    between: float = 60.0  # for the next piece
    tries: int = 3  # where nothing has arrived and the server is busy or away


@dataclass(frozen=True, slots=True)
class Door:
    """An endpoint as the client needs it: how to open it, and what it can do beyond the protocol."""

    profile: Profile
    local: bool = False  # our own server on a socket, which may have stopped
    goes_on: bool = False  # takes the beginning of a reply as the last message, and goes on from there
    counts: bool = False  # tells the tokens so far with every piece
    beyond: bool = False  # knows top_k, repetition_penalty and the like
    patience: Patience = Patience()


class Client:
    """One endpoint. Serves any thread, and several streams at once."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._opened: openai.AsyncOpenAI | None = None

    async def opened(self) -> openai.AsyncOpenAI:
        """The openai package's client, made when first asked for, on the thread that reads."""
        if self._opened is None:
            from core import endpoints

            patience = self.door.patience
            self._opened = endpoints.open_async_client(
                self.door.profile, connect=patience.connect, read=patience.first, look=bounds.bound
            )
        return self._opened

    def wake(self) -> None:
        """Begin to import what the first question needs (half a second), while the person still types."""
        pump.start(self.opened())

    def stream(
        self,
        model: str,
        messages: Messages,
        manner: Manner | None = None,
        *,
        prompt: str | None = None,
        going_on: bool = False,
        price: UsePrice | None = None,
    ) -> Stream:
        """Begin a reply. With `prompt` it is a raw completion. `going_on`: the last message is the reply's beginning."""
        manner = manner or Manner()
        told: dict[str, Any] = {"model": model, **manner.request(chat=prompt is None, beyond=self.door.beyond)}
        told["stream_options"] = {"include_usage": True}
        if self.door.counts:
            told["stream_options"]["continuous_usage_stats"] = True
        if prompt is not None:
            told["prompt"] = prompt
        else:
            told["messages"] = [dict(one) for one in messages]
            if going_on:
                # The names are vLLM's; llama.cpp and Ollama go on from an assistant's line by themselves.
                more = {"continue_final_message": True, "add_generation_prompt": False}
                told["extra_body"] = {**told.get("extra_body", {}), **more}
        return Stream(
            self,
            told,
            chat=prompt is None,
            alternatives=manner.n or 1,
            price=price,
            goes_on=going_on,
        )

    def ask(
        self, model: str, messages: Messages, manner: Manner | None = None, *, tries: int = 1, **told: Any
    ) -> Reply:
        """One reply, waited for; asked anew, up to `tries` times, where it broke off on the way."""
        while True:
            reply = self.stream(model, messages, manner, **told).whole()
            tries -= 1
            if reply.trouble is None or not reply.trouble.broke or tries <= 0:
                return reply

    def close(self) -> None:
        """Close its connections."""
        client, self._opened = self._opened, None
        if client is not None:
            pump.start(client.close())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
