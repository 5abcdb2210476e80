"""How a model is to answer: the parameters of a request, their bounds, and named presets with what each is for.

In: values as people or files give them. Out: a `Manner`, checked, and what it says as arguments of a request. The table
of parameters serves screens, the command line and docs/talking.md alike. Knows no model and no server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal

from core.language import N_, _
from core.problem import Misuse

Sort = Literal["number", "count", "texts", "switch"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is known of one parameter before it has a value."""

    name: str
    sort: Sort
    help: str  # in English; `_` it to show it
    low: float = 0.0
    high: float = 0.0
    usual: float | None = None  # what servers take when nothing is said; None: it is off
    everywhere: bool = True  # False: beyond the protocol, so only our own server and some others know it

    @property
    def bounds(self) -> str:
        """The bounds as a person reads them; "" where nobody meets them."""
        return "" if self.sort == "texts" or self.high > 100_000 else f"{_said(self.low)}–{_said(self.high)}"


def _number(help_: str, low: float, high: float, usual: float | None = None, *, everywhere: bool = True) -> Any:
    return _field("number", help_, low, high, usual, everywhere)


def _count(help_: str, low: float, high: float, usual: float | None = None, *, everywhere: bool = True) -> Any:
    return _field("count", help_, low, high, usual, everywhere)


def _field(sort: str, help_: str, low: float, high: float, usual: float | None, everywhere: bool) -> Any:
    told = {"sort": sort, "help": help_, "low": low, "high": high, "usual": usual, "everywhere": everywhere}
    return field(default=None, metadata=told)


@dataclass(frozen=True, slots=True)
class Manner:
    """How to answer; what is None is left to the server. Making one checks every value."""

    temperature: float | None = _number(
        N_("How daring the choice of words is: 0 always takes the likeliest. Change this or top_p, not both."), 0, 2, 1
    )
    top_p: float | None = _number(N_("Choose among the likeliest words that make up this share together."), 0, 1, 1)
    top_k: int | None = _count(N_("Choose among so many words at most; 0 for all."), 0, 1_000_000, 0, everywhere=False)
    max_tokens: int | None = _count(N_("Where a reply is cut off."), 1, 1_000_000)
    n: int | None = _count(N_("How many replies to one question."), 1, 16, 1)
    stop: tuple[str, ...] = field(
        default=(), metadata={"sort": "texts", "help": N_("Texts that end a reply; up to four on most servers.")}
    )
    seed: int | None = _count(N_("The same number gives the same reply, where the server can."), 0, 2**31 - 1)
    frequency_penalty: float | None = _number(N_("Against words by how often they were said."), -2, 2, 0)
    presence_penalty: float | None = _number(N_("Against words that were said at all."), -2, 2, 0)
    repetition_penalty: float | None = _number(
        N_("Divides the chances of words said or read before; 1 is off."), 0.1, 10, 1, everywhere=False
    )
    no_repeat_ngram_size: int | None = _count(
        N_("Never say so many tokens in a row twice; 0 is off."), 0, 1_000, 0, everywhere=False
    )
    logprobs: int | None = _count(N_("Show how likely each token was, and so many others in its place."), 0, 20)

    def __post_init__(self) -> None:
        for parameter in PARAMETERS.values():
            object.__setattr__(self, parameter.name, _checked(parameter, getattr(self, parameter.name)))

    def changed(self, values: Mapping[str, Any]) -> Manner:
        """This manner with other values, given as a person or a file has them; "" or None leaves it to the server."""
        for name in values:
            if name not in PARAMETERS:
                raise Misuse(
                    _("No parameter is called “{name}”.").format(name=name[:60]),
                    advice=_("There are: {names}.").format(names=", ".join(PARAMETERS)),
                )
        return replace(self, **dict(values))

    def to_dict(self) -> dict[str, Any]:
        """What is set, as JSON has it."""
        told = {name: getattr(self, name) for name in PARAMETERS}
        return {
            name: list(value) if name == "stop" else value for name, value in told.items() if value not in (None, ())
        }

    def request(self, *, chat: bool = True, beyond: bool = True) -> dict[str, Any]:
        """The same as arguments of a request; without `beyond`, only what the protocol itself knows."""
        told = self.to_dict()
        extra = {name: told.pop(name) for name in list(told) if not PARAMETERS[name].everywhere}
        if chat and "logprobs" in told:
            # With 0 others the token's own is still told.
            told |= {"logprobs": True, "top_logprobs": told["logprobs"]}
        return {**told, "extra_body": extra} if extra and beyond else told


def _table() -> Iterator[tuple[str, Parameter]]:
    for one in fields(Manner):
        yield one.name, Parameter(name=one.name, **one.metadata)


PARAMETERS: Final[Mapping[str, Parameter]] = dict(_table())


def _checked(parameter: Parameter, value: Any) -> Any:
    if parameter.sort == "texts":
        given = (value,) if isinstance(value, str) else tuple(value or ())
        return tuple(str(one) for one in given if one)
    if value is None or value == "":
        return None
    try:
        number = float(value)
        whole = int(number) if parameter.sort == "count" else number
    except (TypeError, ValueError, OverflowError):
        raise _wrong(parameter, value) from None
    if isinstance(value, bool) or not parameter.low <= number <= parameter.high or whole != number:
        raise _wrong(parameter, value)
    return whole


def _said(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _wrong(parameter: Parameter, value: object) -> Misuse:
    return Misuse(
        _("“{value}” does not fit.").format(value=str(value)[:40]),
        where=parameter.name,
        advice=_("It must be between {least} and {most}.").format(
            least=_said(parameter.low), most=_said(parameter.high)
        ),
    )


@dataclass(frozen=True, slots=True)
class Preset:
    """A manner with a name, and what it is good for."""

    name: str
    meaning: str  # in English; `_` it to show it
    manner: Manner


PRESETS: Final[tuple[Preset, ...]] = (
    Preset("usual", N_("As chats are used to: lively, but to the point."), Manner(0.7, 0.9, max_tokens=200)),
    Preset(
        "steady", N_("Always the likeliest word: the same reply every time, to compare."), Manner(0.0, max_tokens=200)
    ),
    Preset("daring", N_("More surprise, and now and then nonsense."), Manner(1.2, 0.95, max_tokens=200)),
    Preset(
        "course-sentiment",
        N_("The course's tweet sentiment: no chance at all, a short answer."),
        Manner(0.0, 1.0, max_tokens=60, frequency_penalty=0.5, presence_penalty=0.0),
    ),
    Preset("course-cold", N_("The course's comparison, at temperature 0.2: sober."), Manner(0.2, max_tokens=60)),
    Preset("course-usual", N_("The course's comparison, at temperature 1: as it comes."), Manner(1.0, max_tokens=60)),
    Preset("course-hot", N_("The course's comparison, at temperature 1.9: close to noise."), Manner(1.9, max_tokens=60)),
    Preset("course-bot", N_("The course's Telegram bot: one reply of up to 200 tokens."), Manner(0.5, max_tokens=200, n=1)),
    Preset(
        "whatsapp-smollm3",
        N_("As the WhatsApp persona on SmolLM3-3B was asked; it fits other models of that size."),
        Manner(0.6, 0.95, max_tokens=100, repetition_penalty=1.1),
    ),
    Preset(
        "whatsapp-phi3",
        N_("As the WhatsApp persona on Phi-3 mini was asked: nothing of three tokens twice."),
        Manner(0.8, 0.92, max_tokens=80, repetition_penalty=1.15, no_repeat_ngram_size=3),
    ),
    Preset(
        "whatsapp-gpt2",
        N_("As the WhatsApp persona on the Spanish GPT-2 was asked: small models repeat themselves."),
        Manner(0.8, 0.92, max_tokens=60, repetition_penalty=1.9, no_repeat_ngram_size=3),
    ),
)  # fmt: skip


def preset(name: str) -> Preset:
    """The preset of this name."""
    for one in PRESETS:
        if one.name == name:
            return one
    raise Misuse(
        _("there is no preset “{name}”.").format(name=name[:60]),
        advice=_("There are: {names}.").format(names=", ".join(one.name for one in PRESETS)),
    )
