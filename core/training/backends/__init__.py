"""Where a run is carried out: one module a backend, each with the few functions of `Backend`.

In: a run folder. Out: work that goes on without us and is told in the folder's `events.jsonl`. Which backend has a run
stands in the folder's `place.json`, with whatever that backend needs to find its work again (a job's number, a
profile's name; never a key): `{"backend": "slurm", "job": 17}`. A folder without one belongs to this machine.

    start(folder)      begin, or go on from the newest checkpoint; returns at once, a refusal is a Problem
    refresh(folder)    who works on it now (a `Holder`). A backend whose work cannot write into our folder (a provider's
                       job) first brings what happened since into the log, through `events.Writer(path,
                       same_attempt=True)`: its lock keeps that to one process, and the others leave it out. Screens and
                       `follow` call it twice a second, so it limits by itself how often it asks elsewhere; what it
                       cannot learn it says in the Holder, and raises nothing
    pause(folder)      ask for a checkpoint and a rest; False: there was nobody to ask
    cancel(folder)     ask for the end; False: there was nobody to ask
    abilities(folder)  what may be asked of this run at all: some of "pause", "cancel", "resume"

The state of a run is never stored: `core.training.runs` derives it from the log and the Holder. So a distant job tells
the same events as the engine does (docs/training.md lists them): `state`, `step`, `validation`, `checkpoint`, `sample`,
`log`, `problem`, and at last `end`. A new backend is a line in `_MODULES`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

from core.language import _
from core.problem import Problem
from core.training.process import write_whole

FILE: Final = "place.json"
LOCAL: Final = "local"
Ability = Literal["pause", "cancel", "resume"]
ALL: Final[frozenset[Ability]] = frozenset({"pause", "cancel", "resume"})

_MODULES: Final[Mapping[str, str]] = {
    LOCAL: "core.training.backends.local",
    "slurm": "core.training.backends.slurm",
    "openai": "core.training.backends.openai",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works on a run, as far as can be told from here."""

    working: bool | None  # None: cannot be told from here; what the log says is believed
    begun: bool = True  # somebody was started or asked at all
    waiting: bool = False  # it stands in a queue
    fresh: bool = False  # started after the log's last word, and has not said anything yet
    pid: int = 0  # on this machine; 0 for none
    where: str = ""  # a machine, a job's number: for people
    note: str = ""  # why it waits, or why nothing could be learnt: for people
    asked: str = ""  # "pause" or "cancel", when it was asked to stop
    over: bool = False  # it has ended where nothing that ended can be gone on with


class Backend(Protocol):
    """What each module here can do."""

    def start(self, folder: Path) -> object: ...

    def refresh(self, folder: Path) -> Holder: ...

    def pause(self, folder: Path) -> bool: ...

    def cancel(self, folder: Path) -> bool: ...

    def abilities(self, folder: Path) -> frozenset[Ability]: ...


def place(folder: Path) -> dict[str, Any]:
    """What stands in place.json; an unreadable one is a Problem, a missing one is this machine."""
    try:
        told: Any = json.loads((folder / FILE).read_bytes())
    except FileNotFoundError:
        return {"backend": LOCAL}
    except (OSError, ValueError):
        told = None
    if not isinstance(told, dict) or not isinstance(cast("dict[str, Any]", told).get("backend"), str):
        raise Problem(
            _("The run's place.json cannot be read."), where=folder.name, advice=_("Start a new run from its dataset.")
        )
    return cast("dict[str, Any]", told)


def put(folder: Path, backend: str, **facts: Any) -> None:
    """Say which backend has the run, and what it must know to find its work again; no secrets."""
    write_whole(folder / FILE, json.dumps({"backend": backend, **facts}, ensure_ascii=False).encode())


def of(folder: Path) -> Backend:
    """The backend that has the run of this folder."""
    name = str(place(folder)["backend"])
    if name not in _MODULES:
        raise Problem(_("The run belongs to a backend that is not known here: {name}.").format(name=name))
    return cast("Backend", importlib.import_module(_MODULES[name]))
