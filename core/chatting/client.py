"""Asking a model: one reply, whole or streamed, through the openai package, over a local socket or to an endpoint.

In: a client, a model's name, messages. Out: pieces of text and, at the end, a `Reply` that says whether it is whole.
A reply is whole only when the server said why it ended and that was not the length: anything else was cut off.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.chatting.serving import Server
from core.language import _
from core.problem import Problem

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    text: str
    finish: str  # as the server said it; "" if it said nothing
    prompt_tokens: int = 0
    reply_tokens: int = 0

    @property
    def cut_off(self) -> bool:
        """Whether the end of it is missing."""
        return self.finish in ("", "length")


@dataclass(frozen=True, slots=True)
class Manner:
    """How to answer; what is None is left to the server."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    top_k: int | None = None  # beyond the protocol: our own server and vLLM know it
    repetition_penalty: float | None = None  # likewise

    def request(self) -> dict[str, Any]:
        """The same as arguments of a request."""
        told: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "stop": list(self.stop) or None,
            "seed": self.seed,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
        }
        extra = {"top_k": self.top_k, "repetition_penalty": self.repetition_penalty}
        extra = {name: value for name, value in extra.items() if value is not None}
        kept = {name: value for name, value in told.items() if value is not None}
        return {**kept, "extra_body": extra} if extra else kept


def open_client(server: Server, *, timeout: float = 600.0) -> openai.OpenAI:
    """A client of the local model server."""
    import httpx2
    import openai

    transport = httpx2.HTTPTransport(uds=str(server.socket))
    return openai.OpenAI(
        base_url="http://sinsonte.invalid/v1",  # the socket is the address; no name is ever looked up
        api_key="local",
        http_client=openai.DefaultHttpxClient(transport=transport, trust_env=False),
        timeout=timeout,
        max_retries=0,
    )


def ask(
    client: openai.OpenAI, model: str, messages: Sequence[Mapping[str, str]], manner: Manner | None = None
) -> Reply:
    """One whole reply."""
    stream = stream_reply(client, model, messages, manner)
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value


def stream_reply(
    client: openai.OpenAI, model: str, messages: Sequence[Mapping[str, str]], manner: Manner | None = None
) -> Generator[str, None, Reply]:
    """The pieces as they come; the generator's value (what `yield from` gives) is the whole reply. Closing it ends the
    reply at the server too."""
    import httpx2
    import openai

    said: list[str] = []
    finish, prompt_tokens, reply_tokens = "", 0, 0
    request: dict[str, Any] = {"model": model, "messages": [dict(one) for one in messages]}
    request |= (manner or Manner()).request()
    try:
        with client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}) as stream:
            for chunk in stream:
                if chunk.usage:
                    prompt_tokens, reply_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
                for choice in chunk.choices:
                    if choice.index == 0:
                        finish = choice.finish_reason or finish
                        if choice.delta.content:
                            said.append(choice.delta.content)
                            yield choice.delta.content
    except openai.APIConnectionError:
        if not said:
            raise Problem(
                _("The model does not answer."), where=model, advice=_("Its server may have stopped: try again.")
            ) from None
    except openai.APIStatusError as error:
        raise Problem(_("The model's server refused: {reason}").format(reason=_reason(error)), where=model) from None
    except (openai.APIError, httpx2.HTTPError):
        pass  # broken off in the middle: what came is told, and that it was cut off
    return Reply("".join(said), finish, prompt_tokens, reply_tokens)


def _reason(error: openai.APIStatusError) -> str:
    body: Any = error.body
    if isinstance(body, dict):
        message = body.get("message")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(message, str):
            return message
    return f"HTTP {error.status_code}"
