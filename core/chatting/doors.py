"""Ways in: how the client opens the local model server, and endpoints that speak the OpenAI protocol.

In: a `Server` that runs, or the profile of an endpoint. Out: a `Door`. Addresses, keys and timeouts are those of
core/endpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import endpoints
from core.chatting.client import Door, Patience
from core.settings import Endpoint

if TYPE_CHECKING:
    from core.chatting.serving import Server
    from core.endpoints import Profile


def of_server(server: Server) -> Door:
    """The local model server's socket."""
    profile = endpoints.profile_for(Endpoint(server.base_name, f"unix:{server.socket}"))
    return Door(profile, local=True, goes_on=True, counts=True, beyond=True, patience=Patience(tries=1))


def of_profile(profile: Profile, patience: Patience | None = None) -> Door:
    """An endpoint of the settings."""
    own = profile.kind == "custom"  # vLLM, llama.cpp, Ollama, LM Studio, our own server elsewhere
    return Door(profile, goes_on=own, beyond=own, patience=patience or Patience())
