"""The recipe: every parameter that leads from messages to examples, in one validated, frozen, hashable object.

In: values as people or files give them. Out: a `Recipe`. The table of parameters (default, bounds, unit, a sentence of
help) is what screens, `recipe show` and docs/dataset.md use. It knows no message, and imports nothing heavy: it is
loaded at start-up.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, cast

from core.cleaning.settings import LINKS, PRIVATE_KINDS, Cleaning
from core.dataset import windows
from core.language import N_, _
from core.problem import Misuse

Sort = Literal["text", "window", "count", "share", "switch", "choice", "list"]
SEPARATOR_TAG: Final = "<|msg_sep|>"
_SEPARATORS: Final = {"newline": "\n", "tag": SEPARATOR_TAG, "space": " "}
_YES: Final = frozenset({"true", "yes", "on", "1", "sí", "si"})
_NO: Final = frozenset({"false", "no", "off", "0"})
_LONGEST_TEXT: Final = 8_000
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is known of one parameter before it has a value."""

    name: str
    stage: str
    sort: Sort
    default: Any
    help: str  # in English; `_` it to show it
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    @property
    def bounds(self) -> str:
        """The bounds as a person reads them."""
        if self.sort == "window":
            return f"{windows.written(int(self.low or 0))} … {windows.written(int(self.high or 0))}"
        if self.sort == "count":
            return f"{int(self.low or 0)} … {int(self.high or 0)}"
        if self.sort == "share":
            return f"{self.low:g} … {self.high:g}"
        if self.choices:
            return " | ".join(self.choices)
        return "true | false" if self.sort == "switch" else ""


def _of(stage: str, sort: Sort, default: Any, help_: str, **rest: Any) -> Any:
    # The dataclass field and its row in the table are one declaration, so that neither can be forgotten.
    return field(default=default, metadata={"stage": stage, "sort": sort, "help": help_, **rest})


def _window(stage: str, default: int, help_: str, high: int = 30 * _DAY) -> Any:
    return _of(stage, "window", default, help_, low=0, high=high, unit=N_("time"))


def _count(stage: str, default: int, help_: str, low: int, high: int, unit: str) -> Any:
    return _of(stage, "count", default, help_, low=low, high=high, unit=unit)


def _switch(stage: str, default: bool, help_: str) -> Any:
    return _of(stage, "switch", default, help_)


def _choice(stage: str, default: str, choices: tuple[str, ...], help_: str) -> Any:
    return _of(stage, "choice", default, help_, choices=choices)


_PEOPLE, _CLEANING, _PRIVACY, _GROUPING, _EXAMPLES, _WRITING, _SPLIT, _MODEL = (
    N_("people"), N_("cleaning"), N_("privacy"), N_("grouping"), N_("examples"), N_("writing"), N_("split"),
    N_("model"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every parameter, with its default. Making one checks every value; a wrong one is a Misuse with the bounds."""

    persona: str = _of(_PEOPLE, "text", "", N_("The participant whose voice is learnt."))
    require_consent: bool = _switch(
        _PEOPLE, False, N_("Use only those who said yes; otherwise all but those who refused are used.")
    )
    alias_names: bool = _switch(
        _PEOPLE, False, N_("Write stable aliases in place of the participants' names, in labels and in what is said.")
    )

    drop_media: bool = _switch(_CLEANING, True, N_("Leave out what stands for a photo, a sticker, a file."))
    drop_deleted: bool = _switch(_CLEANING, True, N_("Leave out the notices of deleted messages."))
    drop_system: bool = _switch(_CLEANING, True, N_("Leave out what the app itself wrote."))
    drop_calls: bool = _switch(_CLEANING, True, N_("Leave out calls, answered or missed."))
    drop_locations: bool = _switch(_CLEANING, True, N_("Leave out shared places."))
    drop_polls: bool = _switch(_CLEANING, True, N_("Leave out polls."))
    drop_forwarded: bool = _switch(_CLEANING, True, N_("Leave out what was forwarded: somebody else's words."))
    drop_bots: bool = _switch(_CLEANING, True, N_("Leave out what a program wrote."))
    drop_links: str = _choice(
        _CLEANING, "bare", LINKS, N_("Leave out messages that are bare links, or any that holds one, or none.")
    )
    drop_pattern: str = _of(
        _CLEANING, "text", "", N_("A regular expression: messages in which it is found are left out.")
    )
    drop_tags: tuple[str, ...] = _of(_CLEANING, "list", (), N_("Leave out messages with one of these tags."))
    min_chars: int = _count(_CLEANING, 0, N_("Leave out shorter messages."), 0, 10_000, N_("characters"))
    max_chars: int = _count(
        _CLEANING, 0, N_("Leave out longer messages; 0 for no maximum."), 0, 1_000_000, N_("characters")
    )
    strip_notices: bool = _switch(_CLEANING, True, N_("Take the notices of edits and attachments off the text."))
    strip_marks: bool = _switch(_CLEANING, True, N_("Take invisible direction marks off the text."))
    strip_links: bool = _switch(_CLEANING, False, N_("Take links out of the text and keep the rest."))
    strip_emoji: bool = _switch(_CLEANING, False, N_("Take emoji out. They are part of a person's style."))
    lower_case: bool = _switch(_CLEANING, False, N_("Write all in lower case. Capitals are part of a person's style."))
    fold_accents: bool = _switch(_CLEANING, False, N_("Write letters without accents."))
    squeeze_spaces: bool = _switch(_CLEANING, False, N_("Write runs of spaces and line breaks as one space."))

    mask: tuple[str, ...] = _of(
        _PRIVACY,
        "list",
        ("email", "phone", "card", "bank", "id", "ip", "secret"),
        N_("Private things that are replaced by a mask such as [PHONE_1]."),
        choices=PRIVATE_KINDS,
    )

    burst_window: int = _window(_GROUPING, 3_600, N_("Messages of one author no further apart than this are one turn."))
    separator: str = _of(
        _GROUPING,
        "text",
        "\n",
        N_("What joins the messages of a turn: newline, space, tag (<|msg_sep|>), or any text."),
    )
    conversation_gap: int = _window(_GROUPING, 10_800, N_("A silence longer than this ends a conversation."))
    max_turns: int = _count(
        _GROUPING, 60, N_("A conversation is cut after so many turns; 0 for no maximum."), 0, 100_000, N_("turns")
    )
    groups: str = _choice(
        _GROUPING,
        "names",
        ("names", "merged"),
        N_("In groups, write who speaks before their words, or merge the others."),
    )

    buffer_size: int = _count(
        _EXAMPLES,
        4,
        N_("How much of what went before is the context; 0 for none at all."),
        0,
        1_000,
        N_("turns or exchanges"),
    )
    buffer_unit: str = _choice(
        _EXAMPLES,
        "turns",
        ("turns", "exchanges"),
        N_("What the buffer counts: turns, or questions with their answers, the present question being one."),
    )
    without_context: str = _choice(
        _EXAMPLES, "drop", ("drop", "keep"), N_("What is done with a reply that opens its conversation.")
    )
    train_on: str = _choice(
        _EXAMPLES, "last", ("last", "all"), N_("Learn only the reply, or the persona's turns of the context too.")
    )
    min_reply_chars: int = _count(_EXAMPLES, 0, N_("Leave out shorter replies."), 0, 10_000, N_("characters"))
    max_reply_chars: int = _count(
        _EXAMPLES, 0, N_("Leave out longer replies; 0 for no maximum."), 0, 1_000_000, N_("characters")
    )
    min_reply_words: int = _count(_EXAMPLES, 0, N_("Leave out replies of fewer words."), 0, 1_000, N_("words"))
    min_context_words: int = _count(
        _EXAMPLES, 0, N_("Leave out examples whose context has fewer words."), 0, 1_000, N_("words")
    )
    system_prompt: str = _of(
        _EXAMPLES,
        "text",
        "You are {persona}. You answer your chats the way {persona} writes.",
        N_("What every example opens with; {persona} stands for the name. Empty for none."),
    )

    corrections: str = _choice(
        _EXAMPLES,
        "examples",
        ("none", "examples"),
        N_("What is made of the replies that were corrected in talks with models: examples to train on, or nothing."),
    )

    persona_label: str = _of(_WRITING, "text", "", N_("The persona's label in prompts; empty for the name."))
    other_label: str = _of(_WRITING, "text", "", N_("The others' label in prompts; empty for their names."))
    prompt_style: str = _choice(
        _WRITING,
        "labels",
        ("labels", "arrow", "hashes"),
        N_("How a prompt ends: with the persona's label, with “ ->”, or with “###” between blank lines."),
    )
    include_stop: bool = _switch(_WRITING, True, N_("End every completion with the stop text."))
    stop: str = _of(_WRITING, "text", "", N_("The stop text; empty for the next label on a line of its own."))

    validation: float = _of(
        _SPLIT,
        "share",
        0.1,
        N_("The share of the examples that is held out; 0 for none."),
        low=0.0,
        high=0.9,
        unit=N_("share"),
    )
    split: str = _choice(
        _SPLIT, "time", ("time", "random"), N_("Hold out the latest conversations, or conversations drawn at random.")
    )
    seed: int = _count(_SPLIT, 0, N_("Another number draws other conversations at random."), 0, 2**31 - 1, "")
    purge_gap: int = _window(
        _SPLIT, 0, N_("Time left unused between both sides, if longer than the context needs."), 365 * _DAY
    )
    near_duplicates: str = _choice(
        _SPLIT,
        "remove",
        ("remove", "flag", "keep"),
        N_("What is done with examples that say the same. Across the split they are always removed."),
    )

    similarity: float = _of(
        _SPLIT,
        "share",
        1.0,
        N_("How alike two examples must be to say the same: 1 is word for word; less needs the package rensa."),
        low=0.5,
        high=1.0,
        unit=N_("share"),
    )

    model: str = _of(_MODEL, "text", "mini", N_("The model whose tokens are counted."))

    def __post_init__(self) -> None:
        for parameter in PARAMETERS.values():
            # Other spellings ("1h", "yes") are put in their one form, so that equal recipes have equal hashes.
            object.__setattr__(self, parameter.name, _checked(parameter, getattr(self, parameter.name)))
        if self.max_chars and self.max_chars < self.min_chars:
            raise Misuse(_("{name} is below {other}.").format(name="max_chars", other="min_chars"))
        if self.max_reply_chars and self.max_reply_chars < self.min_reply_chars:
            raise Misuse(_("{name} is below {other}.").format(name="max_reply_chars", other="min_reply_chars"))
        if self.drop_pattern:
            try:
                re.compile(self.drop_pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise Misuse(_("drop_pattern is no regular expression: {reason}.").format(reason=str(error))) from None

    @property
    def hash(self) -> str:
        """The same for the same parameters, on any machine."""
        told = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def cleaning(self) -> Cleaning:
        """The part of it that cleaning works by."""
        return Cleaning(
            media=self.drop_media, deleted=self.drop_deleted, system=self.drop_system, calls=self.drop_calls,
            locations=self.drop_locations, polls=self.drop_polls, forwarded=self.drop_forwarded, bots=self.drop_bots,
            links=self.drop_links, min_chars=self.min_chars, max_chars=self.max_chars, pattern=self.drop_pattern,
            strip_notices=self.strip_notices, strip_marks=self.strip_marks, strip_links=self.strip_links,
            strip_emoji=self.strip_emoji, lower_case=self.lower_case, fold_accents=self.fold_accents,
            squeeze_spaces=self.squeeze_spaces,
        )  # fmt: skip

    @property
    def context_turns(self) -> int:
        """The most turns that a context can hold; of the present exchange only the question is context."""
        return self.buffer_size if self.buffer_unit == "turns" else max(0, 2 * self.buffer_size - 1)

    def to_dict(self) -> dict[str, Any]:
        """As files and JSON have it: windows as `1h`, lists as lists."""
        return {name: plain(parameter, getattr(self, name)) for name, parameter in PARAMETERS.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe that these values make of the defaults. Unknown names are a Misuse with the nearest known one."""
        return cls().changed(values)

    def changed(self, values: Mapping[str, Any]) -> Recipe:
        """This recipe with other values, given as a person or a file has them."""
        for name in values:
            if name not in PARAMETERS:
                raise _unknown(name)
        return replace(self, **dict(values))

    def diff(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """What differs: name -> (here, there), in the plain form of `to_dict`."""
        here, there = self.to_dict(), other.to_dict()
        return {name: (here[name], there[name]) for name in here if here[name] != there[name]}


def _table() -> Iterator[tuple[str, Parameter]]:
    for one in fields(Recipe):
        yield one.name, Parameter(name=one.name, default=one.default, **one.metadata)


PARAMETERS: Final[Mapping[str, Parameter]] = dict(_table())


def plain(parameter: Parameter, value: Any) -> Any:
    """A value as JSON has it."""
    if parameter.sort == "window":
        return windows.written(value)
    return list(value) if parameter.sort == "list" else value


def _unknown(name: str) -> Misuse:
    near = difflib.get_close_matches(name.lower(), PARAMETERS, n=1, cutoff=0.4)
    return Misuse(
        _("No parameter is called “{name}”.").format(name=name[:60]),
        advice=_("Did you mean {near}?").format(near=near[0])
        if near
        else _("`sinsonte recipe show` lists the parameters."),
    )


def _refused(parameter: Parameter, value: Any) -> Misuse:
    shown = str(value)[:40]
    if parameter.sort == "list":
        return Misuse(
            _("{name} takes a list of {choices}, or none: got “{value}”.").format(
                name=parameter.name, choices=", ".join(parameter.choices) or _("words"), value=shown
            )
        )
    if parameter.name == "separator":
        return Misuse(_("separator takes a text of 1 to 64 characters."))
    if parameter.sort == "text":
        return Misuse(
            _("{name} takes a text of at most {limit} characters.").format(name=parameter.name, limit=_LONGEST_TEXT)
        )
    low, _dots, high = parameter.bounds.partition(" … ")
    if high:
        return Misuse(
            _("{name} must be between {low} and {high}: got “{value}”.").format(
                name=parameter.name, low=low, high=high, value=shown
            )
        )
    return Misuse(
        _("{name} must be one of {choices}: got “{value}”.").format(
            name=parameter.name, choices=parameter.bounds.replace(" | ", ", "), value=shown
        )
    )


def _checked(parameter: Parameter, value: Any) -> Any:
    """The value in its one form, or a Misuse."""
    made = _READERS[parameter.sort](parameter, value)
    if made is None:
        raise _refused(parameter, value)
    return made


def _inside(parameter: Parameter, value: float | None) -> Any:
    if value is None or parameter.low is None or parameter.high is None:
        return None
    return value if parameter.low <= value <= parameter.high else None


def _read_window(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str):
        return _inside(parameter, windows.seconds(value))
    return _inside(parameter, int(value)) if _whole(value) else None


def _whole(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _read_count(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"[+-]?\d{1,12}", text, re.ASCII):
            return None
        return _inside(parameter, int(text))
    return _inside(parameter, int(value)) if _whole(value) else None


def _read_share(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,6}(?:[.,]\d{1,12})?|[.,]\d{1,12})\s*(%?)\s*", value, re.ASCII)
        if not match:
            return None
        number = float(match[1].replace(",", "."))
        return _inside(parameter, round(number / 100, 12) if match[2] else number)
    return _inside(parameter, float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _read_switch(_parameter: Parameter, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else None


def _read_choice(parameter: Parameter, value: Any) -> Any:
    word = str(value).strip().lower()
    return word if word in parameter.choices else None


def _read_list(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str):
        value = [] if value.strip().lower() in ("", "none") else value.split(",")
        if parameter.choices and [str(one).strip().lower() for one in value] == ["all"]:
            value = parameter.choices
    if not isinstance(value, (list, tuple)):
        return None
    words = {str(one).strip() for one in cast("list[Any]", value)} - {""}
    if not parameter.choices:
        return tuple(sorted(words))
    words = {word.lower() for word in words}
    # The table's order, whatever order they were given in: equal choices make equal hashes.
    return tuple(one for one in parameter.choices if one in words) if words <= set(parameter.choices) else None


def _read_text(parameter: Parameter, value: Any) -> Any:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return None
    if parameter.name == "separator":
        value = _SEPARATORS.get(value.strip().lower(), value) if value.strip() else value
        value = unescaped(value)
        return value if 0 < len(value) <= 64 else None
    if parameter.name in ("stop", "system_prompt"):
        return unescaped(value)
    return value.strip() if parameter.name in ("persona", "model", "persona_label", "other_label") else value


def unescaped(text: str) -> str:
    """Line breaks and tabs that a shell cannot easily pass, from the way they are usually written."""
    return text.replace("\\n", "\n").replace("\\t", "\t")


_READERS: Final = {
    "window": _read_window, "count": _read_count, "share": _read_share, "switch": _read_switch,
    "choice": _read_choice, "list": _read_list, "text": _read_text,
}  # fmt: skip

# Where each preset comes from: the WhatsApp persona project, the two-actor CSV notebook and the chatbot course, the
# systems that this one grew from. What of theirs was a defect (erased emoji, leaking splits) is not repeated.
PRESETS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "whatsapp": (
        N_("One person's WhatsApp voice: bursts of an hour joined by a tag, four turns of context, no links."),
        {
            "burst_window": "1h", "separator": f" {SEPARATOR_TAG} ", "conversation_gap": "3h", "buffer_size": 4,
            "buffer_unit": "turns", "drop_links": "any", "min_reply_chars": 11, "validation": 0.1,
            "system_prompt": "Respondes en un chat informal con la personalidad y la forma de escribir de {persona}.",
        },
    ),
    "csv": (
        N_("Two actors in a table: three exchanges of context, prompt and completion with the actors' labels."),
        {
            "buffer_size": 3, "buffer_unit": "exchanges", "include_stop": True, "prompt_style": "labels",
            "max_turns": 0, "system_prompt": "", "validation": 0.2, "near_duplicates": "flag", "drop_links": "keep",
        },
    ),
    "course": (
        N_("Single questions and answers: a fixed end of the prompt, a stop text, a quarter held out."),
        {
            "buffer_size": 1, "buffer_unit": "exchanges", "include_stop": True, "prompt_style": "hashes",
            "stop": " END", "system_prompt": "", "validation": 0.25, "split": "random",
        },
    ),
}  # fmt: skip


def preset(name: str) -> Recipe:
    """The recipe of this name."""
    if name not in PRESETS:
        raise Misuse(
            _("No preset is called “{name}”.").format(name=name[:60]),
            advice=_("There are: {names}.").format(names=", ".join(PRESETS)),
        )
    return Recipe.from_dict(PRESETS[name][1])
