"""Model servers of others on this machine: Ollama, vLLM, llama.cpp, LM Studio, each at its usual port.

In: nothing, or other ports. Out: who answers, and with which models. Only the loopback address is asked, only when a
person wants to know, and no answer may be long or late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, cast

from core.settings import Endpoint

LOOPBACK: Final = "127.0.0.1"
PORTS: Final[Mapping[str, int]] = {"ollama": 11434, "vllm": 8000, "llamacpp": 8080, "lmstudio": 1234}
_PATIENCE: Final = 0.7  # seconds; they are on this machine
_LONGEST: Final = 1 << 20
_MOST: Final = 200  # models of one server


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answered."""

    name: str  # as PROFILE in PROFILE:ID
    url: str
    models: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The server for `--json`."""
        return {"name": self.name, "url": self.url, "models": [f"{self.name}:{one}" for one in self.models]}


def usual(name: str) -> Endpoint | None:
    """The endpoint of one of these servers at its usual port, so that it can be named without any settings."""
    return Endpoint(name, f"http://{LOOPBACK}:{PORTS[name]}/v1") if name in PORTS else None


def look(ports: Mapping[str, int] = PORTS) -> list[Found]:
    """Who is there."""
    with ThreadPoolExecutor(len(ports) or 1) as pool:
        found = pool.map(_ask, ports.keys(), ports.values())
        return [one for one in found if one is not None]


def _ask(name: str, port: int) -> Found | None:
    import httpx2

    url = f"http://{LOOPBACK}:{port}/v1"
    try:
        # No proxy and no redirect: a question to this machine must not leave it.
        with (
            httpx2.Client(timeout=_PATIENCE, trust_env=False, follow_redirects=False) as web,
            web.stream("GET", f"{url}/models") as answer,
        ):
            if answer.status_code == 401:
                return Found(name, url, ())  # there, but it wants a key
            if answer.status_code != 200:
                return None
            whole = b""
            for part in answer.iter_bytes():
                whole += part
                if len(whole) > _LONGEST:
                    return None
        told: Any = json.loads(whole)
        rows = cast("Iterable[Any]", told["data"] or ())
        return Found(name, url, tuple(str(row["id"])[:200] for row in rows)[:_MOST])
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, RecursionError):
        return None
