"""The OpenAI protocol's shapes: reading what is asked, and writing what is answered.

In: the parsed JSON of a request. Out: an `Asked` with the tokens of the prompt, or `WrongError` with the status and the
parameter at fault; then the JSON of chunks and whole replies. Pure: no model, no network.
"""

# pyright: basic

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from core.engine.generation import Choice, Piece
from core.engine.templates import Said, control_words, defused, fitted, render
from core.problem import Problem

_MOST_REPLIES: Final = 16
_MOST_ALTERNATIVES: Final = 20
# Asked for and ignored, these would give something else than was asked for; so only values that change nothing pass.
_UNSUPPORTED: Final[Mapping[str, tuple[Any, ...]]] = {
    "best_of": (1,), "echo": (False,), "suffix": ("",), "logit_bias": ({},), "tools": ([],), "functions": ([],),
}  # fmt: skip


class WrongError(Exception):
    """The request cannot be answered; the message goes back to whoever asked."""

    def __init__(
        self, message: str, *, code: str = "invalid_value", param: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.code, self.param, self.status = code, param, status


@dataclass(frozen=True)
class Asked:
    """One request, understood."""

    voice: Any
    ids: list[int]
    choice: Choice
    chat: bool
    stream: bool
    usage: bool
    counts: bool  # the tokens so far are told with every piece
    n: int
    id: str
    made: int

    def choice_for(self, index: int) -> Choice:
        """How reply number `index` is chosen: with a seed, every one of them has its own."""
        if self.choice.seed is None or index == 0:
            return self.choice
        return replace(self.choice, seed=self.choice.seed + index)


def read(body: Any, voices: Mapping[str, Any], *, chat: bool) -> Asked:
    """Understand a request."""
    if not isinstance(body, dict):
        raise WrongError("The body must be an object.", code="invalid_json")
    told: dict[str, Any] = body
    voice = voices.get(told.get("model", "")) if isinstance(told.get("model", ""), str) else None
    if voice is None:
        raise WrongError(
            f"There is no such model here; there are: {', '.join(voices)}.",
            code="model_not_found",
            param="model",
            status=404,
        )
    for name, harmless in _UNSUPPORTED.items():
        if told.get(name) not in (None, *harmless):
            raise WrongError(f"{name} is not supported here.", code="unsupported_parameter", param=name)
    ids = _chat_ids(told, voice) if chat else _plain_ids(told, voice)
    if len(ids) >= voice.context:
        raise WrongError(
            f"The prompt has {len(ids)} tokens; this model reads {voice.context}.",
            code="context_length_exceeded",
            param="messages" if chat else "prompt",
        )
    room = voice.context - len(ids)
    most = _number(told, "max_completion_tokens", 1, 1 << 30) or _number(told, "max_tokens", 1, 1 << 30) or room
    stop = told.get("stop") or []
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or len(stop) > 16 or not all(isinstance(one, str) for one in stop):
        raise WrongError("stop must be a string or up to 16 strings.", param="stop")
    if chat:
        logprobs = _number(told, "top_logprobs", 0, _MOST_ALTERNATIVES) or 0
        logprobs = int(logprobs) if told.get("logprobs") is True else -1
    else:
        asked = _number(told, "logprobs", 0, _MOST_ALTERNATIVES)
        logprobs = -1 if asked is None else int(asked)
    seed = _number(told, "seed", -(2**63), 2**63 - 1)
    choice = Choice(
        temperature=_or(_number(told, "temperature", 0, 2), 1.0),
        top_p=_or(_number(told, "top_p", 0, 1), 1.0),
        top_k=int(_or(_number(told, "top_k", 0, 1 << 30), 0)),
        repetition_penalty=_or(_number(told, "repetition_penalty", 0.1, 10), 1.0),
        frequency_penalty=_or(_number(told, "frequency_penalty", -2, 2), 0.0),
        presence_penalty=_or(_number(told, "presence_penalty", -2, 2), 0.0),
        no_repeat_ngram=int(_or(_number(told, "no_repeat_ngram_size", 0, 1000), 0)),
        max_tokens=int(min(most, room)),
        stop=tuple(stop),
        seed=None if seed is None else int(seed) & (2**63 - 1),
        logprobs=logprobs,
    )
    options = told.get("stream_options")
    options = options if isinstance(options, dict) else {}
    usage = options.get("include_usage") is True
    kind = "chatcmpl" if chat else "cmpl"
    return Asked(
        voice,
        ids,
        choice,
        chat,
        told.get("stream") is True,
        usage,
        usage and options.get("continuous_usage_stats") is True,
        int(_or(_number(told, "n", 1, _MOST_REPLIES), 1)),
        f"{kind}-{secrets.token_hex(12)}",
        int(time.time()),
    )


def _or(value: float | None, usual: float) -> float:
    return usual if value is None else value


def _number(told: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise WrongError(f"{name} must be a number between {least:g} and {most:g}.", param=name)
    return value


def _chat_ids(told: Mapping[str, Any], voice: Any) -> list[int]:
    given = told.get("messages")
    if not isinstance(given, list) or not given:
        raise WrongError("messages must be a list with at least one message.", param="messages")
    words = control_words(voice.tokenizer)
    messages: list[Said] = []
    for number, one in enumerate(given):
        role = one.get("role") if isinstance(one, dict) else None
        if role not in ("system", "developer", "user", "assistant"):
            raise WrongError("role must be system, user or assistant.", param=f"messages[{number}].role")
        content = _text(one.get("content"), f"messages[{number}].content")
        messages.append({"role": "system" if role == "developer" else role, "content": defused(content, words)})
    # The names are vLLM's: the last message is the beginning of the reply, which goes on from there.
    begun = ""
    if told.get("continue_final_message") is True:
        if len(messages) < 2 or messages[-1]["role"] != "assistant":
            raise WrongError("continue_final_message needs an assistant message at the end.", param="messages")
        begun = messages.pop()["content"]
    try:
        text = render(voice.tokenizer, fitted(voice.tokenizer, messages), ask=True) + begun
    except Problem as problem:
        raise WrongError(str(problem), param="messages") from None
    return list(voice.tokenizer(text, add_special_tokens=False)["input_ids"])


def _text(content: Any, where: str) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        parts = [text for text in texts if isinstance(text, str)]
        if len(parts) == len(content):
            return "".join(parts)
    raise WrongError("Only text can be read here.", param=where)


def _plain_ids(told: Mapping[str, Any], voice: Any) -> list[int]:
    prompt = told.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
        prompt = prompt[0]
    if isinstance(prompt, list) and prompt and all(isinstance(one, int) for one in prompt):
        size = len(voice.tokenizer)
        if not all(0 <= one < size for one in prompt):
            raise WrongError("prompt holds tokens that this model does not have.", param="prompt")
        return list(prompt)
    if not isinstance(prompt, str):
        raise WrongError("prompt must be a string, or a list of tokens.", param="prompt")
    # Raw text: whoever completes raw text writes the control words himself.
    ids = list(voice.tokenizer(prompt, add_special_tokens=True)["input_ids"])
    if not ids:
        raise WrongError("prompt must not be empty.", param="prompt")
    return ids


def _head(asked: Asked, *, chunk: bool) -> dict[str, Any]:
    kind = "chat.completion" if asked.chat else "text_completion"
    return {
        "id": asked.id,
        "object": kind + (".chunk" if chunk and asked.chat else ""),
        "created": asked.made,
        "model": asked.voice.name,
    }


def opening() -> dict[str, Any]:
    """What the first chunk of a chat says."""
    return {"delta": {"role": "assistant", "content": ""}}


def part(asked: Asked, piece: Piece) -> dict[str, Any]:
    """What a piece says, as a part of a choice."""
    told: dict[str, Any]
    if asked.chat:
        told = {"delta": {"content": piece.text} if piece.text or not piece.ended else {}}
    else:
        told = {"text": piece.text}
    if asked.choice.logprobs >= 0 and piece.token >= 0:
        told["logprobs"] = _logprobs(asked, [piece])
    return told


def line(asked: Asked, index: int, said: dict[str, Any], ended: str = "", spent: int = 0) -> bytes:
    """One server-sent event; `spent` is the tokens so far, for those who asked to be told."""
    choice = {"index": index, "finish_reason": ended or None, "logprobs": None, **said}
    whole = {**_head(asked, chunk=True), "choices": [choice]}
    if asked.usage:
        whole["usage"] = _usage(asked, spent) if asked.counts else None
    return b"data: " + json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


def usage_line(asked: Asked, spent: int) -> bytes:
    """The last event before [DONE] when the count was asked for."""
    whole = {**_head(asked, chunk=True), "choices": list[Any](), "usage": _usage(asked, spent)}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


def whole(asked: Asked, replies: list[list[Piece]]) -> dict[str, Any]:
    """A reply that is not streamed."""
    choices: list[dict[str, Any]] = []
    for index, pieces in enumerate(replies):
        text = "".join(piece.text for piece in pieces)
        said: dict[str, Any] = (
            {"message": {"role": "assistant", "content": text, "refusal": None}} if asked.chat else {"text": text}
        )
        ended = pieces[-1].ended if pieces else ""
        told = _logprobs(asked, [p for p in pieces if p.token >= 0]) if asked.choice.logprobs >= 0 else None
        choices.append({"index": index, "finish_reason": ended or None, "logprobs": told, **said})
    spent = sum(piece.token >= 0 for pieces in replies for piece in pieces)
    return {**_head(asked, chunk=False), "choices": choices, "usage": _usage(asked, spent)}


def _usage(asked: Asked, spent: int) -> dict[str, int]:
    return {"prompt_tokens": len(asked.ids), "completion_tokens": spent, "total_tokens": len(asked.ids) + spent}


def _logprobs(asked: Asked, pieces: list[Piece]) -> dict[str, Any]:
    def word(token: int) -> str:
        return asked.voice.tokenizer.decode([token])

    if not asked.chat:
        return {
            "tokens": [word(p.token) for p in pieces],
            "token_logprobs": [p.logprob for p in pieces],
            "top_logprobs": [{word(token): value for token, value in p.others} for p in pieces],
            "text_offset": list[int](),
        }

    def entry(token: int, value: float) -> dict[str, Any]:
        text = word(token)
        return {"token": text, "logprob": value, "bytes": list(text.encode("utf-8", "replace"))}

    return {
        "content": [
            {**entry(p.token, p.logprob), "top_logprobs": [entry(token, value) for token, value in p.others]}
            for p in pieces
        ],
        "refusal": None,
    }
