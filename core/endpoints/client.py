"""One client for one endpoint: its address, its key, its timeouts.

The package's own retrying is off (`max_retries=0`): it waits up to two minutes without a word, and tries three times
where the money is used up. Ours is in core/endpoints/waiting.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from core.credentials import key_for, needed_key
from core.endpoints.profiles import Profile

if TYPE_CHECKING:
    import httpx2
    import openai

CONNECT: Final = 5.0
READ: Final = 60.0  # without a byte; the package's 600 looks like a hang
WRITE: Final = 60.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def on_this_machine(address: str) -> bool:
    """Whether an address leads to a server on this machine, which sends nobody a bill."""
    return address.startswith("unix:") or urlsplit(address).hostname in _LOOPBACK


def open_client(profile: Profile, *, read: float = READ) -> openai.OpenAI:
    """A client of the endpoint; close it, or use it as a context. `read` is how long a silence may last.

    A kind that asks for a key gets it or a Problem says how to give one; a custom endpoint without a key's place (a
    server on this machine) gets none.
    """
    import httpx2
    import openai

    timeout = httpx2.Timeout(30.0, connect=CONNECT, read=read, write=WRITE)
    address = profile.endpoint.base_url
    client = openai.OpenAI(
        base_url="http://sinsonte.invalid/v1" if address.startswith("unix:") else address,
        api_key=_key(profile),
        timeout=timeout,
        max_retries=0,
        http_client=_transport(address, timeout),
    )
    if profile.kind != "openai":
        # The package takes these from the environment, and would send them to whatever server this is.
        client.organization = client.project = client.admin_api_key = None
    return client


def open_async_client(
    profile: Profile,
    *,
    connect: float = CONNECT,
    read: float = READ,
    look: Callable[[httpx2.Response], Awaitable[None]] | None = None,
) -> openai.AsyncOpenAI:
    """The same for reading replies on a thread of their own: a task can be stopped at once, a waiting thread cannot.
    `look` gets every response before anything of its body is read."""
    import httpx2
    import openai

    timeout = httpx2.Timeout(30.0, connect=connect, read=read, write=WRITE)
    address = profile.endpoint.base_url
    hooks: dict[str, list[Callable[..., Any]]] = {"response": [look] if look is not None else []}
    many = httpx2.Limits(max_connections=None)  # 50 talks at once are 50 connections, not a queue
    if address.startswith("unix:"):
        socket = httpx2.AsyncHTTPTransport(uds=address.removeprefix("unix:"), limits=many)
        http = openai.DefaultAsyncHttpxClient(transport=socket, trust_env=False, timeout=timeout, event_hooks=hooks)
    else:
        away = urlsplit(address).hostname not in _LOOPBACK
        http = openai.DefaultAsyncHttpxClient(trust_env=away, timeout=timeout, limits=many, event_hooks=hooks)
    client = openai.AsyncOpenAI(
        base_url="http://sinsonte.invalid/v1" if address.startswith("unix:") else address,
        api_key=_key(profile),
        timeout=timeout,
        max_retries=0,
        http_client=http,
    )
    if profile.kind != "openai":
        client.organization = client.project = client.admin_api_key = None
    return client


def need_key(profile: Profile) -> None:
    """A Problem where the endpoint asks for a key and none is kept anywhere; nothing is asked of the server."""
    _key(profile)


def _key(profile: Profile) -> str:
    endpoint = profile.endpoint
    if endpoint.kind == "custom" and not endpoint.api_key_env and not endpoint.api_key_file:
        found = key_for(endpoint)  # one may still be stored under its name
        return found.reveal() if found else "none"
    return needed_key(endpoint).reveal()


def _transport(address: str, timeout: httpx2.Timeout) -> httpx2.Client:
    import httpx2
    import openai

    if address.startswith("unix:"):
        socket = httpx2.HTTPTransport(uds=address.removeprefix("unix:"))
        return openai.DefaultHttpxClient(transport=socket, trust_env=False, timeout=timeout)
    # A proxy of the environment cannot reach this machine's own loopback.
    return openai.DefaultHttpxClient(trust_env=urlsplit(address).hostname not in _LOOPBACK, timeout=timeout)
