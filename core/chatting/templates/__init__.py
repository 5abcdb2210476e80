"""Questions with a hole in them: the ones beside this module (`*.toml`), and a folder of the user's own.

In: a template's name, the text for its hole `{text}`, and values for its other holes. Out: messages to send, and the
manner that goes with them. A file has `prompt`, and may have `help`, `system`, a table `[manner]` with parameters, and
a table `[values]` with what its holes hold when nothing is said. In a table `[es]` or `[en]` stand the words of one
language. Holes are filled as plain text: nothing in braces is ever evaluated.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from core.chatting.manner import Manner
from core.language import _, chosen
from core.problem import Misuse, Problem, system_words

_OURS: Final = Path(__file__).parent
_LARGEST: Final = 1 << 20
_HOLE: Final = re.compile(r"\{([a-z][a-z0-9_]{0,30})\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A question with holes."""

    name: str
    prompt: str
    system: str = ""
    help: str = ""
    manner: Manner = field(default_factory=Manner)
    values: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def holes(self) -> tuple[str, ...]:
        """What can be filled in, in order; `text` is what is asked."""
        return tuple(dict.fromkeys(_HOLE.findall(f"{self.system} {self.prompt}")))

    def messages(self, text: str, values: Mapping[str, str] | None = None) -> list[dict[str, str]]:
        """The messages to send."""
        told = {**self.values, **(values or {}), "text": text}
        for name in values or ():
            if name not in self.holes:
                raise Misuse(
                    _("template “{name}” has no place for “{value}”.").format(name=self.name, value=name[:40]),
                    advice=_("It has: {names}.").format(names=", ".join(self.holes)),
                )
        lacking = [name for name in self.holes if name not in told]
        if lacking:
            raise Misuse(
                _("template “{name}” needs {names}.").format(name=self.name, names=", ".join(lacking)),
                advice=_("Give it with --set {name}=…").format(name=lacking[0]),
            )
        opening = [{"role": "system", "content": _filled(self.system, told)}] if self.system else []
        return [*opening, {"role": "user", "content": _filled(self.prompt, told)}]


def _filled(text: str, told: Mapping[str, str]) -> str:
    return _HOLE.sub(lambda hole: told[hole[1]], text)


def load(own: Path | None = None) -> dict[str, Template]:
    """All templates by name; those of the user's folder, if there is one, win."""
    files = sorted(_OURS.glob("*.toml"))
    if own is not None and own.is_dir():
        files += sorted(own.glob("*.toml"))
    return {file.stem: _read(file) for file in files}


def named(name: str, own: Path | None = None) -> Template:
    """The template of this name."""
    known = load(own)
    if name not in known:
        raise Misuse(
            _("there is no template “{name}”.").format(name=name[:60]),
            advice=_("There are: {names}.").format(names=", ".join(known)),
        )
    return known[name]


def _read(file: Path) -> Template:
    try:
        if file.stat().st_size > _LARGEST:
            raise _wrong(file, _("it is too large"))
        told: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise _wrong(file, str(error)) from None
    except UnicodeDecodeError:
        raise _wrong(file, _("it is not UTF-8")) from None
    except OSError as error:
        raise _wrong(file, system_words(error)) from None
    language = chosen()
    words = {**_table(file, told, "en"), **{k: v for k, v in told.items() if not isinstance(v, dict)}}
    words |= _table(file, told, language)
    texts: dict[str, str] = {}
    for key in ("prompt", "system", "help"):
        value = words.get(key, "")
        if not isinstance(value, str):
            raise _wrong(file, _("“{key}” must be text in quotes").format(key=key))
        texts[key] = value
    if not texts["prompt"].strip():
        raise _wrong(file, _("it has no prompt"))
    values = {key: str(value) for key, value in _table(file, told, "values").items()}
    try:
        manner = Manner().changed(_table(file, told, "manner"))
    except Misuse as misuse:
        raise _wrong(file, str(misuse).rstrip(".")) from None
    return Template(file.stem, texts["prompt"], texts["system"], texts["help"], manner, values)


def _table(file: Path, told: Mapping[str, Any], name: str) -> dict[str, Any]:
    table: Any = told.get(name, {})
    if not isinstance(table, dict):
        raise _wrong(file, _("“{key}” must be a table").format(key=name))
    return cast("dict[str, Any]", table)


def _wrong(file: Path, why: str) -> Problem:
    return Problem(
        _("the template cannot be read: {why}.").format(why=why),
        where=file.name,
        advice=_("Correct it, or move it away."),
    )
