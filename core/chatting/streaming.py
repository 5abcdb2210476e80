"""A reply as it comes: pieces for whoever reads, live figures, and at the end a `Reply` that says whether it is whole.

Reading happens on a thread of its own (core/chatting/pump.py), so that stopping is immediate and closes the connection,
which is how a server learns of it. Whatever arrived is kept. What goes wrong is a `Trouble` of the reply and never
raised; a server that is busy or away before anything has arrived is asked again, after a wait that the figures tell.
Only so much is read ahead of whoever reads, and a reply without an end is left (core/chatting/bounds.py).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from core.chatting import bounds, pump
from core.chatting.replies import Figures, Piece, Reply, Trouble

if TYPE_CHECKING:
    import openai

    from core.chatting.client import Client
    from core.counting.using import UsePrice


class Stream:
    """Iterate over it, or `drain` it now and then; then ask for the `reply`. Serves any thread."""

    def __init__(
        self,
        client: Client,
        request: dict[str, Any],
        *,
        chat: bool,
        alternatives: int,
        price: UsePrice | None = None,
        goes_on: bool = False,
    ) -> None:
        from core.chatting.gathering import Gathered

        self.goes_on = goes_on  # what comes is the rest of a reply, not one from its beginning
        self._client, self._request, self._patience = client, request, client.door.patience
        self._chat, self._price = chat, price
        self._guess = _guessed(request) if price is not None and not price.free else 0
        self._changed = threading.Condition()
        self._gathered = Gathered(alternatives, chat=chat)
        self._waiting: deque[Piece] = deque()
        self._trouble: Trouble | None = None
        self._done: bool = False
        self._waits: float = 0.0
        self._sent: bool = False
        self._began, self._first_at, self._ended_at = time.monotonic(), 0.0, 0.0
        self._read_on: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._work = pump.start(self._run())

    # --- for whoever reads ---------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Piece]:
        while pieces := self.drain(wait=None):
            yield from pieces

    def drain(self, wait: float | None = 0.0) -> list[Piece]:
        """What has come since the last time; waits for the first so many seconds (None: until there is one). Empty
        when there is nothing (yet): `done` tells which."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._done, wait)
            pieces = list(self._waiting)
            self._waiting.clear()
            if self._read_on is not None:
                loop, go = self._read_on
                loop.call_soon_threadsafe(go.set)
            return pieces

    def whole(self) -> Reply:
        """The reply, waited for."""
        with self:
            for _piece in self:
                pass
            return self.reply

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        with self._changed:
            return self._done and not self._waiting

    @property
    def figures(self) -> Figures:
        """How it is going, now."""
        with self._changed:
            return self._now()

    @property
    def reply(self) -> Reply:
        """What has come so far; once `done`, whole or told to be not."""
        with self._changed:
            gathered = self._gathered
            return Reply(gathered.alternatives(), self._now(), self._trouble, gathered.model, self._done)

    def stop(self, *, endless: bool = False) -> None:
        """End it here and now; the server is left at once. `endless`: not by a wish, but since it has no end."""
        from core.chatting import troubles

        self._end(troubles.endless() if endless else troubles.stopped())
        self._work.cancel()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_error: object) -> None:
        if not self._done:
            self.stop()

    # --- on the thread that reads --------------------------------------------------------------------------------

    async def _run(self) -> None:
        from core.chatting import troubles

        for attempt in range(1, self._patience.tries + 1):
            trouble = await self._once()
            again = trouble is not None and trouble.again and not self._gathered.spoken
            wait = (trouble.after or 0.5 * 2 ** (attempt - 1)) if trouble else 0.0
            if not again or attempt == self._patience.tries or wait > troubles.LONGEST_WAIT:
                self._end(trouble)
                return
            await self._wait(wait)

    async def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._waits = left
            await asyncio.sleep(min(left, 0.25))
        self._waits = 0.0

    async def _once(self) -> Trouble | None:
        from core.chatting import troubles

        patience, gathered = self._patience, self._gathered
        try:
            client = await self._client.opened()
            if not self._sent:  # what it takes to import the openai package, once, is not the model's time
                self._began, self._sent = time.monotonic(), True
            response = await self._asked(client)
            try:
                kind = response.headers.get("content-type", "")
                if "html" in kind:
                    return troubles.foreign("HTML")
                if "json" in kind:
                    body = troubles.of_body(await response.http_response.aread())
                    if isinstance(body, Trouble):
                        return body
                    self._take(body)
                    return gathered.verdict()
                chunks = cast("AsyncIterator[Any]", response.parse())
                chunk = await anext(chunks, None)
                if chunk is None:
                    return troubles.foreign(kind.partition(";")[0] or "?")
                while chunk is not None:
                    self._take(chunk.to_dict(warnings=False))
                    if gathered.size > bounds.MOST:
                        return troubles.endless()
                    await self._room()
                    async with asyncio.timeout(patience.between if gathered.spoken else None):
                        chunk = await anext(chunks, None)
                return gathered.verdict()
            finally:
                await response.http_response.aclose()
        except Exception as error:  # noqa: BLE001 - the edge of this thread: what is lost here is seen by nobody
            arrived = gathered.spoken > 0
            return troubles.of_error(error, self._client.door, arrived=arrived) or troubles.of_our_own(error)

    async def _room(self) -> None:
        """Wait for the reader where too much waits to be read: the connection fills up, and the server waits too."""
        if len(self._waiting) <= bounds.AHEAD:
            return
        go = asyncio.Event()
        with self._changed:
            self._read_on = asyncio.get_running_loop(), go
            if not self._waiting:
                go.set()
        await go.wait()
        self._read_on = None

    async def _asked(self, client: openai.AsyncOpenAI) -> Any:
        """The response to the request; asked again in an older or newer way where the server says that it must be."""
        import openai

        way: Any = client.chat.completions if self._chat else client.completions
        told = dict(self._request)
        while True:
            try:
                return await way.with_raw_response.create(**told, stream=True)
            except openai.APIStatusError as error:
                said = str(error.body) if error.status_code in (400, 422) else ""
                if "stream_options" in told and "stream_options" in said:
                    del told["stream_options"]
                elif "max_tokens" in told and "max_completion_tokens" in said:
                    told["max_completion_tokens"] = told.pop("max_tokens")
                else:
                    raise

    def _take(self, chunk: Any) -> None:
        with self._changed:
            fresh = self._gathered.take(chunk)
            if self._gathered.spoken and not self._first_at:
                self._first_at = time.monotonic()
            if fresh and not self._done:
                self._waiting.extend(fresh)
                self._changed.notify_all()

    def _end(self, trouble: Trouble | None) -> None:
        with self._changed:
            if self._done:
                return
            self._waiting.extend(self._gathered.rest())
            self._trouble, self._done, self._ended_at = trouble, True, time.monotonic()
            self._changed.notify_all()

    def _now(self) -> Figures:
        usage = self._gathered.usage
        figures = Figures(
            seconds=(self._ended_at or time.monotonic()) - self._began,
            first_token=self._first_at - self._began if self._first_at else None,
            prompt_tokens=usage.sent if usage else None,
            reply_tokens=usage.got if usage else self._gathered.spoken,
            cached_tokens=usage.cached if usage else None,
            reasoning_tokens=usage.thought if usage else None,
            exact=usage is not None,
            waits=self._waits,
        )
        if self._price is None:
            return figures
        sent = usage.sent if usage else self._guess
        cost = self._price.cost(sent, figures.reply_tokens, usage.cached if usage else 0)
        return replace(figures, cost=cost, currency=self._price.currency, price=self._price)


def _guessed(request: dict[str, Any]) -> int:
    """About how many tokens a prompt has, until the server has counted them: four letters each, as in most languages."""
    said: list[str] = [
        request.get("prompt") or "",
        *(one.get("content") or "" for one in request.get("messages") or ()),
    ]
    return sum(len(one) for one in said) // 4
