"""vLLM in the place of our own model server, where it is installed and there is a GPU for it.

In: a base, its adapters, a socket. Out: a command line and its environment, as plain data; nothing is started here. It
speaks the same protocol on the same socket, holds the adapters over one copy of the weights by its LoRA modules, and
takes new ones while it runs by the requests that our own server knows too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.training.backends import local

_NVIDIA: Final = Path("/proc/driver/nvidia/version")  # there as long as the driver is loaded
_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)  # what it takes for --max-lora-rank
_ROOM: Final = 8  # adapters beside those that it starts with


def is_here() -> bool:
    """Whether it is installed in this environment and there is a GPU for it."""
    return _NVIDIA.exists() and importlib.util.find_spec("vllm") is not None


def command(base: str, name: str, adapters: Mapping[str, str], socket: Path) -> list[str]:
    """The command line. `name` is what the base is called."""
    words = [
        sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", base,
        "--served-model-name", name,
        "--uds", str(socket),
        "--generation-config", "vllm",  # what a request leaves open is the protocol's default, not the model folder's
        "--enable-lora",
        "--max-lora-rank", str(_rank(adapters)),
        "--max-cpu-loras", str(len(adapters) + _ROOM),
        "--no-enable-log-requests",  # what is said stays out of the log; the older name is gone since 0.18
        "--disable-uvicorn-access-log",
    ]  # fmt: skip
    if adapters:
        words += ["--lora-modules", *(json.dumps({"name": one, "path": place}) for one, place in adapters.items())]
    return words


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """What it may see: no keys, and leave to take adapters while it runs."""
    kept = local.environment(given=os.environ if given is None else given)
    return kept | {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_NO_USAGE_STATS": "1"}


def _rank(adapters: Mapping[str, str]) -> int:
    """The smallest that holds these adapters and those of the usual ranks that may come later."""
    wanted = max([64, *(_rank_of(Path(place)) for place in adapters.values())])
    return next((rank for rank in _RANKS if rank >= wanted), _RANKS[-1])


def _rank_of(folder: Path) -> int:
    try:
        told: Any = json.loads((folder / "adapter_config.json").read_bytes())
        return int(told["r"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
