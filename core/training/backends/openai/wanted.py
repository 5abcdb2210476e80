"""What a run at a provider shall be, as the file `cloud.json` in its folder; and what it has reached, `reached.json`.

In: names and values, as a command line passes them. Out: a `Wanted`, checked. No key is in either file.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from core.endpoints.profiles import Profile
from core.language import _
from core.problem import Misuse, Problem
from core.training.process import write_whole

FILE: Final = "cloud.json"
REACHED: Final = "reached.json"
Method = Literal["supervised", "dpo"]
Format = Literal["openai", "prompt-completion", "preference"]
_SUFFIX: Final = re.compile(r"[A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One job at a provider. None lets the provider choose."""

    run: str
    profile: str
    model: str
    method: Method = "supervised"
    format: Format = "openai"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None  # a multiplier; the rate itself where the provider wants that
    beta: float | None = None
    seed: int | None = None
    suffix: str = ""
    poll: float = 2.0  # seconds between two looks, at first; they grow to 30
    dataset: str = ""
    digest: str = ""
    shutdown: str = ""  # the day on which its base ends, where the server named one


_OPTIONS: Final = ("method", "epochs", "batch_size", "learning_rate", "beta", "seed", "suffix", "poll", "format")
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "epochs": (1, 50),
    "batch_size": (1, 256),
    "learning_rate": (1e-9, 100),
    "beta": (1e-9, 2),
    "seed": (0, 2**31 - 1),
    "poll": (0.01, 600),
}


def from_options(options: Mapping[str, Any], profile: Profile, **given: Any) -> Wanted:
    """The job that these options mean at this provider; `auto` leaves a figure to it."""
    told: dict[str, Any] = {}
    for key, value in options.items():
        if key not in _OPTIONS:
            raise Misuse(
                _("There is no such setting of a run."),
                where=key,
                advice=_("There are: {keys}.").format(keys=", ".join(_OPTIONS)),
            )
        if key in _LIMITS:
            told[key] = _number(key, value)
        else:
            told[key] = str(value).strip()
    method = told.get("method", "supervised")
    if method not in get_args(Method):
        raise Misuse(_("It must be one of: {values}.").format(values=", ".join(get_args(Method))), where="method")
    if method == "dpo":
        profile.need("dpo")
    if told.get("beta") is not None and method != "dpo":
        raise Misuse(_("beta belongs to method=dpo."), where="beta")
    if told.get("poll") is None:
        told.pop("poll", None)
    kinds = {
        "chat": "openai",
        "openai": "openai",
        "prompt-completion": "prompt-completion",
        "prompt": "prompt-completion",
    }
    wanted = told.pop("format", "preference" if method == "dpo" else "openai")
    if method == "dpo":
        told["format"] = "preference"
    elif wanted not in kinds:
        raise Misuse(_("It must be one of: {values}.").format(values="openai, prompt-completion"), where="format")
    else:
        told["format"] = kinds[wanted]
    if told["format"] == "prompt-completion":
        profile.need("prompt-completion")
    _check_suffix(str(told.get("suffix", "")), profile)
    return Wanted(profile=profile.name, **told, **given)


def _check_suffix(suffix: str, profile: Profile) -> None:
    if (
        not _SUFFIX.fullmatch(suffix)
        or len(suffix) > profile.suffix_limit
        or ("." in suffix and not profile.suffix_dots)
    ):
        raise Misuse(
            _("A suffix has at most {count} letters, digits and dashes here.").format(count=profile.suffix_limit),
            where="suffix",
        )


def _number(key: str, value: Any) -> float | int | None:
    if isinstance(value, str) and value.strip().lower() in ("auto", ""):
        return None
    least, most = _LIMITS[key]
    whole = key in ("epochs", "batch_size", "seed")
    try:
        number = float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        raise Misuse(
            _("This value does not fit here."), where=key, advice=_("Give it {what}.").format(what=_("a number"))
        ) from None
    if not least <= number <= most or (whole and number != int(number)):
        shown = f"{least:g}"
        raise Misuse(_("It must be between {least} and {most}.").format(least=shown, most=f"{most:g}"), where=key)
    return int(number) if whole else number


def write(folder: Path, wanted: Wanted) -> None:
    """Put the job in its folder."""
    text = json.dumps(dataclasses.asdict(wanted), ensure_ascii=False, indent=1)
    write_whole(folder / FILE, text.encode())


def read(folder: Path) -> Wanted:
    """The job of a folder."""
    try:
        return Wanted(**json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise Problem(_("The job of this run cannot be read."), where=folder.name) from None


@dataclass(slots=True)
class Reached:
    """What exists at the provider, by its ids: written down the moment that it is known."""

    training_file: str = ""
    validation_file: str = ""
    job: str = ""
    asked: bool = False  # a job was asked for; if its answer is lost, it is looked for first

    def write(self, folder: Path) -> None:
        """Keep it."""
        write_whole(folder / REACHED, json.dumps(dataclasses.asdict(self)).encode())


def reached(folder: Path) -> Reached:
    """What is known of a folder; nothing for a fresh one."""
    try:
        told: Any = json.loads((folder / REACHED).read_bytes())
        return Reached(str(told["training_file"]), str(told["validation_file"]), str(told["job"]), bool(told["asked"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Reached()
