"""A run folder trained in this very process, as the engine's door does it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from core.engine import __main__ as door
from core.engine.trainer import train
from core.training import events
from core.training.events import Event, Reader, Writer


def never() -> str:
    return ""


def run(folder: Path, stop: Callable[[], str] = never) -> list[Event]:
    """An attempt; the events of that attempt."""
    with Writer(folder / events.FILE) as log:
        log.write("state", state="running")
        door.guarded(log, lambda: train(folder, log, stop))
        attempt = log.attempt
    return [event for event in Reader(folder / events.FILE).read() if event.attempt == attempt]


def sha(folder: Path, name: str = "adapter/adapter_model.safetensors") -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def problem(told: list[Event]) -> tuple[str, str, str]:
    """Cause, text and advice of a failed attempt."""
    found = next(event.fields for event in told if event.kind == "problem")
    assert told[-1].fields == {"state": "failed"}
    assert found["advice"]
    return found["cause"], found["text"], found["advice"]
