"""The model server: one copy of the base's weights, with any number of adapters, spoken to in the OpenAI protocol.

In: requests over a Unix socket that only its owner can open, or over a port with a key. Out: replies, whole or
streamed. A model is named by its adapter, or by the base's name with every adapter off; over the socket an adapter can
be let in and go while it runs, by the names that vLLM gave these requests. Who speaks when is core/engine/turns.py's.

It writes no log of what is said, ends a reply when its reader has gone, and stops itself when idle.
"""

# pyright: basic

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hmac
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine import asking
from core.engine.asking import Asked, WrongError
from core.engine.generation import Piece, write
from core.engine.listening import assert_free, open_port, open_socket, read_key
from core.engine.problems import ModelProblem, out_of_memory
from core.engine.turns import FullError, Turn, Turns
from core.engine.voices import House, open_house
from core.language import _
from core.training.events import Log

KEY_VARIABLE: Final = "SINSONTE_SERVER_KEY"
_LARGEST_BODY: Final = 8 << 20
_BEAT: Final = 10.0  # seconds: a comment says that the server lives, to readers who wait for their turn
_GRACE: Final = 3  # seconds for replies under way when the server is told to stop


def application(house: House, key: str = "", *, turns: Turns | None = None) -> Starlette:
    """The routes. An empty key means that the socket's own permissions guard it."""
    turns = turns or Turns(house)

    async def models(request: Request) -> Response:
        return refused(request, key) or JSONResponse(
            {
                "object": "list",
                "data": [
                    {
                        "id": v.name,
                        "object": "model",
                        "created": v.made,
                        "owned_by": "sinsonte",
                        "kind": "adapter" if v.adapter else "base",
                        "max_model_len": v.context,
                    }
                    for v in house.voices.values()
                ],
            }
        )

    async def complete(request: Request) -> Response:
        if no := refused(request, key):
            return no
        try:
            body = await _body(request)
            asked = asking.read(body, house.voices, chat=request.url.path.endswith("/chat/completions"))
            pieces = _pieces(turns, asked, request)
            if asked.stream:
                return StreamingResponse(
                    _stream(asked, pieces), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
                )
            return await _whole(asked, pieces)
        except WrongError as wrong:
            return _error(wrong.status, str(wrong), wrong.code, wrong.param)
        except FullError:
            return _error(503, "Too many requests are waiting.", "busy", headers={"Retry-After": "5"})
        except ClientDisconnect:
            return Response(status_code=499)

    async def adapters(request: Request) -> Response:
        """vLLM's requests for adapters at run time; only for those who could read the files themselves."""
        if no := refused(request, key):
            return no
        if key:
            return _error(403, "Adapters come and go over the socket only.", "not_allowed")
        try:
            told = await _body(request)
            name, folder = (told.get("lora_name"), told.get("lora_path")) if isinstance(told, dict) else (None, None)
            if not isinstance(name, str) or not name:
                raise WrongError("lora_name must be a name.", param="lora_name")
            if request.url.path.endswith("/unload_lora_adapter"):
                await asyncio.wrap_future(turns.do(functools.partial(house.let_go, name)))
            elif isinstance(folder, str):
                await asyncio.wrap_future(turns.do(functools.partial(house.let_in, name, Path(folder))))
            else:
                raise WrongError("lora_path must be a folder.", param="lora_path")
        except WrongError as wrong:
            return _error(wrong.status, str(wrong), wrong.code, wrong.param)
        except ModelProblem as problem:
            return _error(400, str(problem), problem.cause)
        return JSONResponse({"status": "ok"})

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/completions", complete, methods=["POST"]),
            Route("/v1/load_lora_adapter", adapters, methods=["POST"]),
            Route("/v1/unload_lora_adapter", adapters, methods=["POST"]),
        ]
    )


def refused(request: Request, key: str) -> Response | None:
    """The answer to a request without the key."""
    if not key:
        return None
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if hmac.compare_digest(given.encode("latin-1"), key.encode()):  # headers are bytes, read as latin-1
        return None
    return _error(401, "The key is missing or wrong.", "invalid_api_key")


def _error(
    status: int, message: str, code: str, param: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    kind = {401: "authentication_error", 503: "server_error"}.get(status, "invalid_request_error")
    told = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return JSONResponse(told, status_code=status, headers=headers)


async def _body(request: Request) -> Any:
    whole = bytearray()
    async for part in request.stream():
        whole += part
        if len(whole) > _LARGEST_BODY:
            raise WrongError("The request is larger than 8 MiB.", code="too_large", status=413)
    try:
        return json.loads(bytes(whole))
    except (ValueError, RecursionError):
        raise WrongError("The body is not JSON.", code="invalid_json") from None


def _pieces(turns: Turns, asked: Asked, request: Request) -> AsyncIterator[tuple[int, Piece] | None]:
    """The pieces of all replies as they come, each with its number; None now and then, while there is none. They are
    entered at once, so that a full house can still be told with a status."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, Piece | BaseException | None]] = asyncio.Queue()

    def hand(index: int, one: Piece | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens
            loop.call_soon_threadsafe(queue.put_nowait, (index, one))

    def writing(index: int) -> Callable[[Any], Iterator[Piece]]:
        voice, choice = asked.voice, asked.choice_for(index)
        return lambda model: write(model, voice.tokenizer, asked.ids, choice, ends=voice.ends, context=voice.context)

    entered = [Turn(asked.voice, writing(index), functools.partial(hand, index), asked) for index in range(asked.n)]
    turns.enter(entered)

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        turns.leave(entered)

    # From now on, not from the first piece: who has gone before that would never be missed.
    watching = asyncio.create_task(watch())

    async def come() -> AsyncIterator[tuple[int, Piece] | None]:
        left = len(entered)
        try:
            while left:
                try:
                    async with asyncio.timeout(_BEAT):
                        index, one = await queue.get()
                except TimeoutError:
                    yield None
                    continue
                if isinstance(one, BaseException):
                    raise one
                if one is None:
                    left -= 1
                else:
                    yield index, one
            if any(turn.gone.is_set() for turn in entered):
                raise ClientDisconnect
        finally:
            watching.cancel()
            turns.leave(entered)

    return come()


async def _stream(asked: Asked, pieces: AsyncIterator[tuple[int, Piece] | None]) -> AsyncIterator[bytes]:
    spent = 0
    begun: set[int] = set()
    try:
        async for one in pieces:
            if one is None:
                yield b": waiting\n\n"
                continue
            index, piece = one
            if asked.chat and index not in begun:
                begun.add(index)
                yield asking.line(asked, index, asking.opening(), spent=spent)
            spent += piece.token >= 0
            if piece.text or piece.ended or (piece.token >= 0 and asked.choice.logprobs >= 0):
                yield asking.line(asked, index, asking.part(asked, piece), piece.ended, spent)
        if asked.usage:
            yield asking.usage_line(asked, spent)
        yield b"data: [DONE]\n\n"
    except ClientDisconnect:
        return
    except Exception as error:  # noqa: BLE001 - a stream that has begun can only say so in its own way
        yield b"data: " + json.dumps({"error": _failure(error)}).encode() + b"\n\n"


async def _whole(asked: Asked, pieces: AsyncIterator[tuple[int, Piece] | None]) -> Response:
    replies: list[list[Piece]] = [[] for _one in range(asked.n)]
    try:
        async for one in pieces:
            if one is not None:
                replies[one[0]].append(one[1])
    except ClientDisconnect:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return JSONResponse({"error": _failure(error)}, status_code=500)
    return JSONResponse(asking.whole(asked, replies))


def _failure(error: BaseException) -> dict[str, Any]:
    if out_of_memory(error):
        said = "Memory ran out: shorten the conversation, or ask for fewer replies at once."
        return {"message": said, "type": "server_error", "param": None, "code": "out_of_memory"}
    said = f"The model failed ({type(error).__name__})."
    return {"message": said, "type": "server_error", "param": None, "code": "model_failed"}


def serve(told: argparse.Namespace, log: Log, stop: Callable[[], bool]) -> None:
    """Serve until told to stop, or idle for long enough."""
    adapters: dict[str, Path] = {}
    for one in told.adapter:
        name, _equals, folder = one.partition("=")
        if not folder:
            raise ModelProblem("data", _("An adapter is given as NAME=FOLDER."), where=name)
        adapters[name] = Path(folder)
    key = os.environ.pop(KEY_VARIABLE, "")
    if told.key_file is not None:
        key = read_key(told.key_file)
    place: Path | None = told.socket
    port: int = -1 if told.port is None else told.port
    if (place is None) == (port < 0):
        raise ModelProblem("data", _("A server needs either a socket or a port."))
    if place is None and len(key) < 16:
        raise ModelProblem(
            "key",
            _("A server on a port needs a key of at least 16 characters."),
            advice=_("Put it in a file for --key-file or in the variable {name}, or use a socket.").format(
                name=KEY_VARIABLE
            ),
        )
    # What stands in the way is told before the weights are read, which may take minutes.
    listening: socket.socket | None = None
    if place is None:
        listening = open_port(port)
    else:
        assert_free(place)
    try:
        house = open_house(told.base, told.name, adapters, threads=told.threads)
        if not stop():
            if place is not None:
                listening = open_socket(place)
            assert listening is not None
            _answer(listening, Turns(house), key, told, log, stop)
    finally:
        if listening is not None:
            listening.close()
            if place is not None:
                place.unlink(missing_ok=True)


def _answer(
    listening: socket.socket, turns: Turns, key: str, told: argparse.Namespace, log: Log, stop: Callable[[], bool]
) -> None:
    listening.listen(128)
    config = uvicorn.Config(
        application(turns.house, key if told.socket is None else "", turns=turns),
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
        ws="none",
    )
    server = uvicorn.Server(config)
    log.write(
        "summary",
        socket=str(told.socket or ""),
        port=listening.getsockname()[1] if told.port is not None else 0,
        models=list(turns.house.voices),
    )

    async def watch() -> None:
        while not server.should_exit:
            await asyncio.sleep(min(1.0, told.idle / 4) if told.idle else 1.0)
            quiet = time.monotonic() - turns.last_used
            if stop() or (told.idle and not turns.busy and quiet > told.idle):
                server.should_exit = True

    async def both() -> None:
        watching = asyncio.create_task(watch())
        await server.serve(sockets=[listening])
        watching.cancel()
        turns.stop()

    asyncio.run(both())


__all__ = ["House", "application", "open_house", "open_socket", "serve"]
