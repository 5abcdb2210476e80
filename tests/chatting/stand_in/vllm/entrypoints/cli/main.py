"""A stand-in for vLLM's command line and server, where there is no GPU for the real one: its routes, its words, no model.

Written after vLLM 0.11's own argument parser and API server; strict where those are: an option or a value that they
refuse is refused here, answers have their form (text for adapters, its errors), and what is sent is said back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
_BETWEEN = {
    "temperature": (0, 2), "top_p": (1e-9, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2),
    "repetition_penalty": (1e-9, 1e9), "top_logprobs": (0, 20), "max_tokens": (1, 4_096),
}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("vllm", allow_abbrev=False)
    serve = top.add_subparsers(dest="verb", required=True).add_parser("serve", allow_abbrev=False)
    serve.add_argument("model_tag")
    serve.add_argument("--served-model-name", nargs="+")
    serve.add_argument("--uds")
    serve.add_argument("--generation-config", default="auto")
    serve.add_argument("--enable-lora", action=argparse.BooleanOptionalAction)
    serve.add_argument("--max-lora-rank", type=int, choices=RANKS, default=16)
    serve.add_argument("--max-cpu-loras", type=int)
    serve.add_argument("--lora-modules", nargs="+", type=json.loads, default=[])
    serve.add_argument("--enable-log-requests", action=argparse.BooleanOptionalAction, default=False)
    serve.add_argument("--disable-uvicorn-access-log", action="store_true")
    return top


def refused(message: str, status: int, kind: str = "BadRequestError") -> Response:
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": status}}, status)


class House:
    """The names that it answers to."""

    def __init__(self, told: argparse.Namespace) -> None:
        self.told = told
        self.base = told.served_model_name[0]
        self.adapters: dict[str, str] = {}
        for one in told.lora_modules:
            if problem := self.let_in(one["name"], one["path"]):
                raise SystemExit(problem)

    def let_in(self, name: str, path: str) -> str:
        try:
            rank = json.loads((Path(path) / "adapter_config.json").read_bytes())["r"]
        except OSError:
            return f"Loading lora {name} failed: No adapter found for {path}"
        if rank > self.told.max_lora_rank:
            return f"LoRA rank {rank} is greater than max_lora_rank {self.told.max_lora_rank}."
        self.adapters[name] = path
        return ""

    async def models(self, _request: Request) -> Response:
        cards = [{"id": self.base, "object": "model", "root": self.told.model_tag, "parent": None}]
        cards += [
            {"id": one, "object": "model", "root": path, "parent": self.base} for one, path in self.adapters.items()
        ]
        return JSONResponse({"object": "list", "data": cards})

    async def load(self, request: Request) -> Response:
        body = await request.json()
        name, path = body.get("lora_name"), body.get("lora_path")
        if not name or not path:
            return refused("Both 'lora_name' and 'lora_path' must be provided.", 400, "InvalidUserInput")
        if name in self.adapters:
            return refused(f"The lora adapter '{name}' has already been loaded.", 400, "InvalidUserInput")
        if problem := self.let_in(name, path):
            return refused(problem, 404, "NotFoundError")
        return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")

    async def unload(self, request: Request) -> Response:
        name = (await request.json()).get("lora_name")
        if name not in self.adapters:
            return refused(f"The lora adapter '{name}' cannot be found.", 404, "NotFoundError")
        del self.adapters[name]
        return PlainTextResponse(f"Success: LoRA adapter '{name}' removed successfully.")

    async def complete(self, request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        chat = request.url.path.endswith("/chat/completions")
        if asked["model"] not in (self.base, *self.adapters):
            return refused(f"The model `{asked['model']}` does not exist.", 404, "NotFoundError")
        for name, (low, high) in _BETWEEN.items():
            if (value := asked.get(name)) is not None and not low <= value <= high:
                return refused(f"{name} must be in [{low}, {high}], got {value}.", 400)
        if asked.get("top_k") is not None and asked["top_k"] < -1:
            return refused(f"top_k must be 0 (disable), or at least 1, got {asked['top_k']}.", 400)
        if asked.get("temperature") == 0 and (asked.get("n") or 1) > 1:
            return refused("n must be 1 when using greedy sampling, got 2.", 400)
        if asked.get("continue_final_message") and asked.get("add_generation_prompt", True):
            return refused("Cannot set both `continue_final_message` and `add_generation_prompt` to True.", 400)
        options = asked.get("stream_options")
        if options and not asked.get("stream"):
            return refused("Stream options can only be defined when `stream=True`.", 400)
        last = asked["messages"][-1]["content"] if chat else asked["prompt"]
        words = [f"{asked['model']} ", "oyó: ", last]
        return StreamingResponse(self.stream(asked, words, chat), media_type="text/event-stream; charset=utf-8")

    async def stream(self, asked: dict[str, Any], words: list[str], chat: bool) -> AsyncIterator[bytes]:
        options = asked.get("stream_options") or {}
        head = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": asked["model"],
        }

        def event(choices: list[dict[str, Any]], spent: int) -> bytes:
            usage = {"prompt_tokens": 5, "total_tokens": 5 + spent, "completion_tokens": spent}
            counted = options.get("continuous_usage_stats") or not choices
            told = {
                **head,
                "choices": choices,
                **({"usage": usage} if options.get("include_usage") and counted else {}),
            }
            return f"data: {json.dumps(told)}\n\n".encode()

        for index in range(asked.get("n") or 1):
            if chat:
                first = {"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
                yield event([first], 0)
            for number, word in enumerate(words, 1):
                end = "stop" if number == len(words) else None
                said = {"delta": {"content": word}} if chat else {"text": word}
                yield event([{"index": index, "logprobs": None, "finish_reason": end, **said}], number)
        if options.get("include_usage"):
            yield event([], len(words))
        yield b"data: [DONE]\n\n"


def main() -> None:
    told = parser().parse_args()
    assert told.enable_lora
    house = House(told)
    routes = [
        Route("/health", lambda _request: Response()),
        Route("/v1/models", house.models),
        Route("/v1/chat/completions", house.complete, methods=["POST"]),
        Route("/v1/completions", house.complete, methods=["POST"]),
    ]
    if os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "").lower() in ("1", "true"):
        routes += [
            Route("/v1/load_lora_adapter", house.load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", house.unload, methods=["POST"]),
        ]
    place = socket.socket(socket.AF_UNIX)
    place.bind(told.uds)
    config = uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off", ws="none")
    asyncio.run(uvicorn.Server(config).serve(sockets=[place]))


if __name__ == "__main__":
    main()
