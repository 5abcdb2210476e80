"""Ways in: how the client opens the local model server, and endpoints that speak the OpenAI protocol.

In: a `Server` that runs, or an endpoint of the settings. Out: a `Door`. The key is fetched when the door is opened and
handed to the openai package alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.chatting.client import Door, Patience

if TYPE_CHECKING:
    import httpx2
    import openai

    from core.chatting.serving import Server
    from core.settings import Endpoint


def of_server(server: Server) -> Door:
    """The local model server's socket."""

    def opened(patience: Patience) -> openai.AsyncOpenAI:
        import httpx2
        import openai

        return openai.AsyncOpenAI(
            base_url="http://sinsonte.invalid/v1",  # the socket is the address; no name is ever looked up
            api_key="local",
            http_client=openai.DefaultAsyncHttpxClient(
                transport=httpx2.AsyncHTTPTransport(uds=str(server.socket), limits=httpx2.Limits(max_connections=None)),
                trust_env=False,
            ),
            timeout=_timeout(patience),
            max_retries=0,
        )

    return Door(server.base_name, opened, goes_on=True, counts=True, beyond=True, patience=Patience(tries=1))


def of_endpoint(endpoint: Endpoint) -> Door:
    """An endpoint of the settings."""

    def opened(patience: Patience) -> openai.AsyncOpenAI:
        import httpx2
        import openai

        from core import credentials

        socket = endpoint.base_url.removeprefix("unix:") if endpoint.base_url.startswith("unix:") else ""
        key = credentials.key_for(endpoint) if endpoint.kind == "custom" else credentials.needed_key(endpoint)
        return openai.AsyncOpenAI(
            base_url="http://sinsonte.invalid/v1" if socket else endpoint.base_url,
            api_key=key.reveal() if key else "none",
            http_client=openai.DefaultAsyncHttpxClient(
                transport=httpx2.AsyncHTTPTransport(uds=socket) if socket else None
            ),
            timeout=_timeout(patience),
            max_retries=0,  # ours can be seen and stopped
        )

    own = endpoint.kind == "custom"  # vLLM, llama.cpp, Ollama, LM Studio, our own server elsewhere
    return Door(endpoint.name, opened, goes_on=own, beyond=own)


def _timeout(patience: Patience) -> httpx2.Timeout:
    import httpx2

    return httpx2.Timeout(patience.first, connect=patience.connect)
