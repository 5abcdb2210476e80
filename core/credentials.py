"""API keys: where they may come from, and how they are kept out of everything else.

A key comes from the environment, from a key file, or from `credentials.toml` beside the settings, in that order.
It is held in a `Key`, whose text form is never the key, so that no log line, traceback or event can carry it;
only the client that sends it calls `reveal`. A file that others can read is refused, as ssh does.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, cast

from core.language import _
from core.problem import Problem, Refused, system_words
from core.settings import Endpoint, config_file, write_private


class Key:
    """A secret that does not show itself."""

    __slots__ = ("_text", "source")

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self.source = source  # where it came from, fit to show

    def reveal(self) -> str:
        """The key itself, for the one who sends it."""
        return self._text

    def __repr__(self) -> str:
        return f"Key(from {self.source})"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not copied into other processes")


def key_for(endpoint: Endpoint) -> Key | None:
    """The endpoint's key, or None when none is kept anywhere."""
    variable = endpoint.api_key_env
    if variable and os.environ.get(variable):
        return Key(os.environ[variable].strip(), f"${variable}")
    named = endpoint.api_key_file or (os.environ.get(f"{variable}_FILE", "") if variable else "")
    if named:
        file = Path(named).expanduser()
        return Key(_private_text(file).strip(), str(file))
    file = credentials_file()
    if not file.exists():
        return None
    try:
        table = tomllib.loads(_private_text(file))
    except tomllib.TOMLDecodeError as error:
        # The parser's message may quote the line, and the line may be the key: only the place is told.
        place = re.search(r"line \d+", str(error))
        raise Problem(
            _("is not valid TOML ({place}).").format(place=place.group() if place else "?"), where=str(file)
        ) from None
    entry = table.get(endpoint.name)
    text = cast("dict[str, Any]", entry).get("api_key") if isinstance(entry, dict) else None
    return Key(text.strip(), str(file)) if isinstance(text, str) and text.strip() else None


def needed_key(endpoint: Endpoint) -> Key:
    """The endpoint's key, or a Problem that says how to give one."""
    key = key_for(endpoint)
    if key is None:
        raise Problem(
            _("no API key for endpoint “{name}”.").format(name=endpoint.name),
            advice=_("Set {variable}, or store one with `sinsonte config key {name}`.").format(
                variable=endpoint.api_key_env or "api_key_env", name=endpoint.name
            ),
        )
    return key


def credentials_file() -> Path:
    """The file of stored keys, beside the settings."""
    return config_file().with_name("credentials.toml")


def store_key(name: str, text: str) -> Path:
    """Keep a key for an endpoint in the credentials file."""
    if not text.strip():
        raise Refused(_("an empty key was not stored."))
    file = credentials_file()
    table: dict[str, Any] = {}
    if file.exists():
        table = tomllib.loads(_private_text(file))
    table[name] = {"api_key": text.strip()}
    import json

    lines = [
        f"[{json.dumps(one)}]\napi_key = {json.dumps(str(entry.get('api_key', '')))}\n"
        for one, entry in sorted(table.items())
    ]
    write_private(file, "\n".join(lines))
    return file


def _private_text(file: Path) -> str:
    try:
        handle = os.open(file, os.O_RDONLY)
    except OSError as error:
        said = _("the key file cannot be read: {detail}.").format(detail=system_words(error))
        raise Problem(said, where=str(file)) from None
    with os.fdopen(handle, encoding="utf-8") as source:
        mode = os.fstat(source.fileno()).st_mode  # of the open file: the name may lead elsewhere a moment later
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise Refused(
                _("other users can read this key file, so it is not used."),
                where=str(file),
                advice=_("Close it with: chmod 600 {file}").format(file=file),
            )
        try:
            return source.read(65536)
        except UnicodeDecodeError:
            raise Problem(_("the key file is not text."), where=str(file)) from None
