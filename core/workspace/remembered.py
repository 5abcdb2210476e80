"""Exact counters that outlive the process that counted them: opening a workspace in which nothing changed counts nothing.

In: a recipe and what was counted of it. Out: the same figures, as long as all that they depend on is as it was: the
messages, people and decisions (their revision), the recipe, the tokenizer's files, the code that counts and what it
counts with. They stand in the database, so a backup that is restored brings those of its own time, and one row has all
of them: it is replaced whole or not at all. Sums of money are not among them, for prices change with the day.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from core.problem import Problem
from core.workspace import revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.dataset.recipe import Recipe

_KEY: Final = "counted"
_MOST: Final = (
    8  # recipes; the newest: the working one, the saved one, and those between which somebody goes to and fro
)
_CORE: Final = Path(__file__).parent.parent
_ROOMS: Final = ("chat.py", "grouping.py", "cleaning", "counting", "dataset", "store", "workspace")
_PACKAGES: Final = ("bpe-openai", "jinja2", "numpy", "tiktoken", "tokenizers")
_TOKENIZER: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def find(workspace: Workspace, recipe: Recipe) -> dict[str, Any] | None:
    """What was counted of this recipe, if it still holds."""
    from core.store import settings

    kept = settings.get(workspace.store, _KEY)
    if not isinstance(kept, dict):
        return None
    kept = cast("dict[str, Any]", kept)
    if kept.get("of") != _of(revision.of(workspace.store)):
        return None
    recipes: dict[str, dict[str, Any]] = kept["recipes"]
    return recipes.get(_name(workspace, recipe))


def keep(workspace: Workspace, recipe: Recipe, at: int, figures: Mapping[str, Any]) -> None:
    """Remember what was counted of a recipe at this revision; what was remembered of other revisions goes."""
    from core.store import settings

    of, name = _of(at), _name(workspace, recipe)
    try:
        with workspace.store.write() as change:
            if revision.of(change) != at:
                return  # something changed while it was counted
            kept = settings.get(change, _KEY)
            recipes: dict[str, Any] = {}
            if isinstance(kept, dict) and cast("dict[str, Any]", kept).get("of") == of:
                recipes = dict(cast("dict[str, Any]", kept)["recipes"])
            recipes.pop(name, None)
            recipes[name] = dict(figures)
            settings.put(change, _KEY, {"of": of, "recipes": dict(list(recipes.items())[-_MOST:])})
    except Problem:
        return  # a full disk, or somebody who writes for long: it is counted again next time


def _of(at: int) -> list[Any]:
    return [at, code()]


def _name(workspace: Workspace, recipe: Recipe) -> str:
    return f"{recipe.hash} {tokenizer_of(workspace, recipe.model)}".strip()


def tokenizer_of(workspace: Workspace, model: str) -> str:
    """The files that a local model's tokens are counted by, told by size and time; nothing for any other model."""
    from core.workspace import models

    folder = models.tokenizer_folder(workspace, model)
    if folder is None:
        return ""
    told = [str(folder)]
    for name in _TOKENIZER:
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        told.append(f"{name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.blake2b("\n".join(told).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


@cache
def code() -> str:
    """What counts, told by its bytes: a number that somebody has to raise would be forgotten one day. 10 ms, once."""
    mark = hashlib.blake2b(digest_size=16)
    for room in _ROOMS:
        place = _CORE / room
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.suffix in (".py", ".toml", ".json"):
                mark.update(f"{file.relative_to(_CORE)}\n".encode())
                mark.update(file.read_bytes())
    for package in _PACKAGES:
        try:
            mark.update(f"{package} {importlib.metadata.version(package)}\n".encode())
        except importlib.metadata.PackageNotFoundError:
            continue
    # What a letter is depends on these.
    mark.update(f"{platform.python_version()} {unicodedata.unidata_version}".encode())
    return mark.hexdigest()
