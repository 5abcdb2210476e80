"""The model server: one copy of the base's weights, with any number of adapters, spoken to in the OpenAI protocol.

In: requests over a Unix socket that only its owner can open, or over a port with a key. Out: replies, whole or
streamed. A model is named by its adapter, or by the base's name with every adapter off. Requests take turns:
switching adapters is a state of the whole model, so it happens under a lock. Template and end tokens are those of the
training.

It writes no log of what is said, ends a reply when its reader has gone, and stops itself when idle.
"""

# pyright: basic

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import json
import os
import socket
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine import asking, loading
from core.engine.asking import Asked, WrongError
from core.engine.generation import Choice, Piece, write
from core.engine.machine import this_machine
from core.engine.problems import ModelProblem
from core.language import _
from core.training.events import Log

KEY_VARIABLE: Final = "SINSONTE_SERVER_KEY"
_LARGEST_BODY: Final = 8 << 20


@dataclass
class Voice:
    """One name that can be asked for."""

    name: str
    adapter: str | None  # None: the base
    tokenizer: Any
    ends: set[int]
    context: int
    made: int = 0


@dataclass
class House:
    """The model and its voices; `turn` is held by the one who speaks."""

    model: Any
    voices: dict[str, Voice]
    turn: threading.Lock = field(default_factory=threading.Lock)
    last_used: float = field(default_factory=time.monotonic)
    busy: int = 0

    @property
    def tuned(self) -> bool:
        """Whether any adapter is on the model."""
        return any(voice.adapter for voice in self.voices.values())

    @contextlib.contextmanager
    def speaking(self, voice: Voice) -> Iterator[Any]:
        """The model set to this voice, to oneself."""
        with self.turn:
            if voice.adapter is None:
                with self.model.disable_adapter() if self.tuned else contextlib.nullcontext():
                    yield self.model
            else:
                if self.model.active_adapters != [voice.adapter]:
                    self.model.set_adapter(voice.adapter)
                yield self.model


def open_house(base_named: str, name: str, adapters: dict[str, Path], *, threads: int = 0) -> House:
    """Load the base and put its adapters on."""
    machine = this_machine(threads=threads)
    base = loading.find_base(base_named)
    tokenizer = loading.load_tokenizer(base.folder, label=base.name)
    for folder in adapters.values():
        loading.check_adapter(folder, base)
    model = loading.load_model(base, machine, half_weights=machine.device.type == "cuda" and machine.half)
    model.eval()
    ends = loading.end_tokens(model, tokenizer)
    context = loading.context_of(model.config, tokenizer)
    label = name or base.name
    made = int(time.time())
    voices = {label: Voice(label, None, tokenizer, ends, context, made)}
    for number, (adapter, folder) in enumerate(adapters.items()):
        inner = f"adapter_{number}"  # a name that a module may bear; the outer one is free
        model = loading.put_on(model, folder, inner)
        own = (
            loading.load_tokenizer(folder, label=adapter) if (folder / "tokenizer_config.json").is_file() else tokenizer
        )
        told = loading.read_lineage(folder).get("end_tokens", [])
        mine = {one for one in told if isinstance(one, int)} if isinstance(told, list) else set[int]()
        voices[adapter] = Voice(adapter, inner, own, mine or ends, context, made)
    return House(model, voices)


def application(house: House, key: str = "") -> Starlette:
    """The routes. An empty key means that the socket's own permissions guard it."""

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
                        "context": v.context,
                    }
                    for v in house.voices.values()
                ],
            }
        )

    async def complete(request: Request) -> Response:
        if no := refused(request, key):
            return no
        house.busy += 1
        try:
            body = await _body(request)
            asked = asking.read(body, house.voices, chat=request.url.path.endswith("/chat/completions"))
            if asked.stream:
                house.busy += 1  # given back when the stream ends
                return StreamingResponse(
                    _stream(house, asked), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
                )
            return await _whole(house, asked, request)
        except WrongError as wrong:
            return _error(wrong.status, str(wrong), wrong.code, wrong.param)
        except ClientDisconnect:
            return Response(status_code=499)
        finally:
            house.busy -= 1
            house.last_used = time.monotonic()

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/completions", complete, methods=["POST"]),
        ]
    )


def refused(request: Request, key: str) -> Response | None:
    """The answer to a request without the key."""
    if not key:
        return None
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if hmac.compare_digest(given.encode(), key.encode()):
        return None
    return _error(401, "The key is missing or wrong.", "invalid_api_key")


def _error(status: int, message: str, code: str, param: str | None = None) -> Response:
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status_code=status)


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


async def _pieces(house: House, asked: Asked, index: int, gone: threading.Event) -> AsyncIterator[Piece]:
    """The pieces of one reply, made in a thread. Closing this, or setting `gone`, ends it at the next token."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()

    def hand(one: Piece | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens
            loop.call_soon_threadsafe(queue.put_nowait, one)

    def work() -> None:
        try:
            with house.speaking(asked.voice) as model:
                choice = asked.choice_for(index)
                for piece in write(
                    model, asked.voice.tokenizer, asked.ids, choice, ends=asked.voice.ends, context=asked.voice.context
                ):
                    if gone.is_set():
                        return
                    hand(piece)
        except BaseException as error:  # noqa: BLE001 - carried over to the request that waits
            hand(error)
        finally:
            hand(None)

    thread = asyncio.create_task(asyncio.to_thread(work))
    try:
        while (one := await queue.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one
        await thread
    finally:
        gone.set()


async def _stream(house: House, asked: Asked) -> AsyncIterator[bytes]:
    gone = threading.Event()
    spent = 0
    try:
        for index in range(asked.n):
            if asked.chat:
                yield asking.line(asked, index, asking.opening())
            async for piece in _pieces(house, asked, index, gone):
                spent += piece.token >= 0
                if piece.text or piece.ended or (piece.token >= 0 and asked.choice.logprobs >= 0):
                    yield asking.line(asked, index, asking.part(asked, piece), piece.ended)
            gone = threading.Event()
        if asked.usage:
            yield asking.usage_line(asked, spent)
        yield b"data: [DONE]\n\n"
    except Exception as error:  # noqa: BLE001 - a stream that has begun can only say so in its own way
        message = {
            "error": {"message": f"The model failed ({type(error).__name__}).", "type": "server_error", "code": None}
        }
        yield b"data: " + json.dumps(message).encode() + b"\n\n"
    finally:
        gone.set()
        house.busy -= 1
        house.last_used = time.monotonic()


async def _whole(house: House, asked: Asked, request: Request) -> Response:
    gone = threading.Event()

    async def watch() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(0.1)
        gone.set()

    watching = asyncio.create_task(watch())
    try:
        replies: list[list[Piece]] = []
        for index in range(asked.n):
            ended = threading.Event() if not gone.is_set() else gone
            pieces: list[Piece] = []
            async for piece in _pieces(house, asked, index, ended):
                pieces.append(piece)
                if gone.is_set():
                    ended.set()
            if gone.is_set():
                return Response(status_code=499)
            replies.append(pieces)
        return JSONResponse(asking.whole(asked, replies))
    finally:
        watching.cancel()


def open_socket(path: Path) -> socket.socket:
    """A Unix socket that only its owner can reach. One left behind by a server that died is taken over."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o022:
        raise ModelProblem(
            "socket",
            _("The folder of the socket can be written by others."),
            where=path.parent.name,
            advice=_("Choose a folder with mode 0700."),
        )
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            # A plain file answers the same way, and is somebody's.
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise ModelProblem(
                    "socket", _("There is something here already."), where=path.name, advice=_("Choose another socket.")
                ) from None
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ModelProblem(
                "socket",
                _("The socket cannot be opened ({reason}).").format(reason=error.strerror or str(error)),
                where=path.name,
                advice=_("Its path may be too long (107 bytes) or not a socket."),
            ) from None
        else:
            raise ModelProblem(
                "socket",
                _("A server already listens here."),
                where=path.name,
                advice=_("Stop it, or choose another socket."),
            )
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    made.listen(64)
    return made


def serve(told: argparse.Namespace, log: Log, stop: Callable[[], bool]) -> None:
    """Serve until told to stop, or idle for long enough."""
    adapters: dict[str, Path] = {}
    for one in told.adapter:
        name, _equals, folder = one.partition("=")
        if not folder:
            raise ModelProblem("data", _("An adapter is given as NAME=FOLDER."), where=name)
        adapters[name] = Path(folder)
    key = os.environ.pop(KEY_VARIABLE, "")
    if (told.socket is None) == (told.port is None):
        raise ModelProblem("data", _("A server needs either a socket or a port."))
    if told.port is not None and len(key) < 16:
        raise ModelProblem(
            "key",
            _("A server on a port needs a key of at least 16 characters."),
            advice=_("Put it in the variable {name}, or use a socket.").format(name=KEY_VARIABLE),
        )
    house = open_house(told.base, told.name, adapters, threads=told.threads)
    if stop():
        return
    if told.socket is not None:
        listening = open_socket(told.socket)
    else:
        listening = socket.create_server((told.host, told.port), reuse_port=False)
    config = uvicorn.Config(
        application(house, key),
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        server_header=False,
        ws="none",
    )
    server = uvicorn.Server(config)
    log.write(
        "summary",
        socket=str(told.socket or ""),
        port=listening.getsockname()[1] if told.port is not None else 0,
        models=list(house.voices),
    )

    async def watch() -> None:
        while not server.should_exit:
            await asyncio.sleep(min(1.0, told.idle / 4) if told.idle else 1.0)
            quiet = time.monotonic() - house.last_used
            if stop() or (told.idle and not house.busy and quiet > told.idle):
                server.should_exit = True

    async def both() -> None:
        watching = asyncio.create_task(watch())
        await server.serve(sockets=[listening])
        watching.cancel()

    try:
        asyncio.run(both())
    finally:
        listening.close()
        if told.socket is not None:
            told.socket.unlink(missing_ok=True)


__all__ = ["Choice", "House", "application", "open_house", "open_socket", "serve"]
