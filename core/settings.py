"""The settings file: where it is, what may stand in it, how it is read and changed.

A TOML file in the platform's config folder (`SINSONTE_CONFIG` names another). What comes out is plain frozen data;
what is not there has a default, what is not understood is a `Misuse` that names the line's key and the file.
Keys (API keys) are not settings: they are in core/credentials.py, and this file only says where to look for one.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from core.language import LANGUAGES, N_, _
from core.problem import Misuse, Problem, system_words

ENDPOINT_KINDS: Final = ("openai", "azure", "nebius", "custom")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something that speaks the OpenAI protocol, as the settings name it."""

    name: str
    base_url: str
    kind: str = "custom"
    api_key_env: str = ""
    api_key_file: str = ""
    abilities: str = ""  # words of core/endpoints/profiles.py, with commas; "" takes the kind's
    training_type: str = ""  # Azure: Standard, GlobalStandard or Developer
    lora: str = ""  # yes, no, or what the kind does
    train_price: str = ""  # for a million tokens, where no price list knows


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a user can set. `file` is where it came from, there or not."""

    file: Path
    language: str = ""  # "" follows the locale
    theme: str = "sinsonte"
    workspace: str = ""  # "" is the user's data folder
    prices: str = ""  # a price file of the user's own
    phrases: str = ""  # a folder with phrase catalogues of the user's own
    confirm_above: str = "5"  # money: a training that may cost more is confirmed by typing
    endpoints: dict[str, Endpoint] = field(default_factory=dict[str, Endpoint])
    keys: dict[str, str] = field(default_factory=dict[str, str])  # id of a key binding -> keys
    slurm: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])  # profile -> as it is written


# The settings that are one word or a path, with what `config` says of each.
SCALARS: Final = {
    "language": N_("language of screens and messages: en or es; empty follows the locale"),
    "theme": N_("colours of the workbench"),
    "workspace": N_("folder of the workspace; empty is the user's data folder"),
    "prices": N_("a price file of your own"),
    "phrases": N_("a folder with phrase catalogues of your own"),
    "confirm_above": N_("a paid training that may cost more than this is confirmed by typing its sum"),
}
_OPENAI: Final = Endpoint("openai", "https://api.openai.com/v1", "openai", "OPENAI_API_KEY")


def config_file() -> Path:
    """The settings file, there or not."""
    named = os.environ.get("SINSONTE_CONFIG")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_config_path  # 6 ms: only when no place is named

    return user_config_path("sinsonte", appauthor=False) / "config.toml"


def workspace_folder(given: str | None, settings: Settings) -> Path:
    """The workspace to use: from the command line, the environment, the settings, else the data folder."""
    named = given or os.environ.get("SINSONTE_WORKSPACE") or settings.workspace
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("sinsonte", appauthor=False) / "workspace"


def load(file: Path | None = None) -> Settings:
    """Read and check the settings; without a file there are only defaults."""
    where = file or config_file()
    return _checked(where, _read(where))


def _read(where: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misuse(
            _("the settings file cannot be read as TOML ({detail}).").format(detail=error),
            where=str(where),
            advice=_("Correct it, or move it away to start from the defaults."),
        ) from None
    except OSError as error:
        raise Problem(
            _("the settings file cannot be read: {detail}.").format(detail=system_words(error)), where=str(where)
        ) from None


def _checked(where: Path, data: dict[str, Any]) -> Settings:
    known = {*SCALARS, "endpoints", "keys", "slurm"}
    for key in data:
        if key not in known:
            raise Misuse(
                _("there is no setting “{key}”.").format(key=key),
                where=str(where),
                advice=_("Known settings: {known}.").format(known=", ".join(sorted(known))),
            )
    scalars = {key: _text(where, key, data[key]) for key in SCALARS if key in data}
    if scalars.get("language", "") not in ("", *LANGUAGES):
        raise Misuse(
            _("language “{language}” is not known.").format(language=scalars["language"]),
            where=str(where),
            advice=_("Use one of: {known}.").format(known=", ".join(LANGUAGES)),
        )
    if not _is_amount(scalars.get("confirm_above", "0")):
        raise Misuse(_('confirm_above must be an amount of money, such as "5".'), where=str(where))
    endpoints = {"openai": _OPENAI}
    for name, table in _table(where, "endpoints", data.get("endpoints", {})).items():
        endpoints[name] = _endpoint(where, name, _table(where, f"endpoints.{name}", table))
    keys = {
        binding: _text(where, f"keys.{binding}", value)
        for binding, value in _table(where, "keys", data.get("keys", {})).items()
    }
    slurm = {
        name: _table(where, f"slurm.{name}", table)
        for name, table in _table(where, "slurm", data.get("slurm", {})).items()
    }
    return Settings(file=where, endpoints=endpoints, keys=keys, slurm=slurm, **scalars)


def _endpoint(where: Path, name: str, table: dict[str, Any]) -> Endpoint:
    fields = {one.name for one in dataclasses.fields(Endpoint)} - {"name"}
    for key in table:
        if key not in fields:
            # An API key written here by mistake must be pointed out by its place, never repeated.
            raise Misuse(
                _("an endpoint has no “{key}”.").format(key=key),
                where=f"{where}: [endpoints.{name}]",
                advice=_("Known: {known}. Keys are kept apart: see `sinsonte config key`.").format(
                    known=", ".join(sorted(fields))
                ),
            )
    known = _OPENAI if name == "openai" else Endpoint(name, "")
    values = {key: _text(where, f"endpoints.{name}.{key}", value) for key, value in table.items()}
    endpoint = dataclasses.replace(known, **values)
    if not endpoint.base_url.startswith(("http://", "https://", "unix:")):
        raise Misuse(_("base_url must begin with http://, https:// or unix:."), where=f"{where}: [endpoints.{name}]")
    if ":" in name or not name.strip():
        raise Misuse(
            _("an endpoint's name has no colon: remote models are written NAME:ID."),
            where=f"{where}: [endpoints.{name}]",
        )
    if endpoint.lora not in ("", "yes", "no"):
        raise Misuse(_("lora is yes or no."), where=f"{where}: [endpoints.{name}]")
    if endpoint.kind not in ENDPOINT_KINDS:
        raise Misuse(
            _("kind “{kind}” is not known.").format(kind=endpoint.kind),
            where=f"{where}: [endpoints.{name}]",
            advice=_("Use one of: {known}.").format(known=", ".join(ENDPOINT_KINDS)),
        )
    return endpoint


def _is_amount(text: str) -> bool:
    try:
        return 0 <= float(text) < 1e9
    except ValueError:
        return False


def _text(where: Path, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise Misuse(_("“{key}” must be text in quotes.").format(key=key), where=str(where))
    return value


def _table(where: Path, key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Misuse(_("“{key}” must be a table.").format(key=key), where=str(where))
    return cast("dict[str, Any]", value)


def change(key: str, value: str, file: Path | None = None) -> Settings:
    """Set one setting in the file, leaving its comments and order alone; whole or not at all.

    `key` is a scalar's name, or `endpoints.NAME.FIELD`, or `keys.BINDING`.
    """
    where = file or config_file()
    before = _read(where)
    wanted = _with(before, key, value)
    settings = _checked(where, wanted)
    text = where.read_text(encoding="utf-8") if before else ""
    text = _edited(text, key, value)
    # The file is edited as text to keep what the user wrote in it: prove that the edit says what was meant.
    if tomllib.loads(text) != wanted:
        raise Problem(
            _("“{key}” cannot be changed here without rewriting the file.").format(key=key),
            where=str(where),
            advice=_("Edit the file by hand."),
        )
    write_private(where, text)
    return settings


def _with(data: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    result = dict(data)
    table = result
    *path, last = key.split(".")
    for part in path:
        table[part] = dict(cast("dict[str, Any]", table.get(part, {})))
        table = table[part]
    table[last] = value
    return result


def _edited(text: str, key: str, value: str) -> str:
    *path, last = key.split(".")
    line = f"{last} = {_quoted(value)}"
    lines = text.splitlines()
    header = f"[{'.'.join(path)}]" if path else ""
    start = 0
    if header:
        stripped = [one.split("#")[0].strip() for one in lines]
        if header not in stripped:
            return "\n".join([*lines, *([""] if lines else []), header, line]) + "\n"
        start = stripped.index(header) + 1
    end = next((n for n in range(start, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    for n in range(start, end):
        if lines[n].split("=")[0].strip() == last:
            lines[n] = line
            return "\n".join(lines) + "\n"
    return "\n".join([*lines[:start], line, *lines[start:]]) + "\n"


def _quoted(value: str) -> str:
    # TOML basic strings share JSON's escapes for everything that may stand in a setting.
    import json

    return json.dumps(value, ensure_ascii=False)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read: whole or not at all, in a 0700 folder."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError as error:
        raise Problem(_("cannot be written: {detail}.").format(detail=system_words(error)), where=str(file)) from None
