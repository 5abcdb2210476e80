"""The questions about an account, as plain data: so each can be asked here, or from a process beside this one.

In: a verb and what it needs, both such as JSON can say. Out: the answer in the same, or a `Failure`. `Provider` has the
verbs by name; how it asks is told by whoever makes one: `here` does it in this process, core/endpoints/beside.py in
another. A question is asked once; trying again and giving up are the asker's own (core/endpoints/waiting.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal

from core.endpoints import account, client
from core.endpoints.account import Thing, What
from core.endpoints.answers import object_of
from core.endpoints.failures import Failure, explained
from core.endpoints.profiles import Profile

if TYPE_CHECKING:
    import openai

Given = Mapping[str, Any]
Move = Literal["pause", "resume", "cancel"]
CHANGING: Final = frozenset({"delete", "pause", "resume", "cancel"})  # verbs after which something there is otherwise
# Seconds of silence: a list is short, and somebody looks at an empty screen.
_SILENCE: Final[Mapping[str, float]] = {"listed": 20.0, "limits": 20.0, "model": 10.0}


class Provider:
    """One endpoint, as far as its account goes."""

    def __init__(self, ask: Callable[[str, Given], Any]) -> None:
        self._ask = ask

    def listed(self, what: What, mark: str = "") -> list[Thing]:
        """`account.listed`."""
        return [_thing(one) for one in self._ask("listed", {"what": what, "mark": mark})]

    def limits(self) -> dict[str, Any] | None:
        """`account.limits`."""
        return self._ask("limits", {})

    def delete(self, thing: Thing) -> None:
        """`account.delete`."""
        self._ask("delete", dataclasses.asdict(thing))

    def model(self, name: str) -> dict[str, Any]:
        """What the server says of a model."""
        return self._ask("model", {"name": name})

    def move(self, job: str, how: Move) -> None:
        """Let a job rest, go on or end."""
        self._ask(how, {"job": job})


@contextmanager
def here(profile: Profile) -> Generator[Provider]:
    """The endpoint, asked by this process."""
    with Desk(profile) as desk:
        yield Provider(desk.answer)


class Desk:
    """Answers with the clients that it has opened. Serves any thread."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._opened: dict[float, openai.OpenAI] = {}  # by the silence that they bear
        self._closing = ExitStack()
        self._opening = Lock()

    def answer(self, verb: str, given: Given) -> Any:
        """Ask the server what the verb says."""
        silence = _SILENCE.get(verb, client.READ)
        try:
            with explained(self._profile):
                return _answer(self._client(silence), self._profile, verb, given)
        except Failure as failure:
            if failure.kind == "key":
                self._opened.pop(silence, None)  # the next question looks whether there is another key by then
            raise

    def _client(self, silence: float) -> openai.OpenAI:
        with self._opening:
            if silence not in self._opened:
                self._opened[silence] = self._closing.enter_context(client.open_client(self._profile, read=silence))
            return self._opened[silence]

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.close()


def _answer(opened: openai.OpenAI, profile: Profile, verb: str, given: Given) -> Any:
    match verb:
        case "listed":
            return [dataclasses.asdict(one) for one in account.listed(opened, profile, given["what"], given["mark"])]
        case "limits":
            return account.limits(opened, profile)
        case "delete":
            return account.delete(opened, profile, _thing(given))
        case "model":
            return object_of(opened.models.with_raw_response.retrieve(given["name"]), profile)
        case "pause":
            return object_of(opened.fine_tuning.jobs.with_raw_response.pause(given["job"]), profile)
        case "resume":
            return object_of(opened.fine_tuning.jobs.with_raw_response.resume(given["job"]), profile)
        case "cancel":
            return object_of(opened.fine_tuning.jobs.with_raw_response.cancel(given["job"]), profile)
        case _:
            raise LookupError(verb)  # nothing else is ever done, whatever comes through a pipe


def _thing(told: Given) -> Thing:
    fields: dict[str, Any] = {**told, "made": tuple(told["made"])}
    return Thing(**fields)
