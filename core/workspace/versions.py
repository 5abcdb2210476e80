"""The verbs about saved recipes: naming the working one, its versions, what changed since, going back, presets.

The working recipe (`core.workspace.recipe`) changes at every key press and is never lost; a *saved* one is a version
under a name, and no version is ever edited. In the store's settings stands the name under which one works.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.dataset.recipe import PRESETS, Recipe
from core.dataset.recipe import preset as preset_of
from core.language import _
from core.problem import Misuse, Problem
from core.workspace import recipe
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.store.recipes import StoredRecipe

_NAME = "recipe_name"
UNNAMED = "recipe"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One saved version of a recipe."""

    name: str
    version: int
    hash: str
    saved_at: str
    values: Mapping[str, Any]
    here: bool = False  # the one that the working recipe goes on from

    def as_json(self) -> dict[str, Any]:
        """The version for `--json`."""
        return {
            "name": self.name, "version": self.version, "hash": self.hash, "saved_at": self.saved_at,
            "here": self.here, "recipe": dict(self.values),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PresetRow:
    """A preset: what for, and what it would change of the working recipe."""

    name: str
    meaning: str
    changes: Mapping[str, tuple[Any, Any]]


def name(workspace: Workspace) -> str:
    """The name under which the working recipe is saved next."""
    from core.store import settings

    kept = settings.get(workspace.store, _NAME)
    return kept if isinstance(kept, str) and kept else UNNAMED


def save(workspace: Workspace, as_name: str = "") -> VersionRow:
    """Save the working recipe as the newest version of this name, or of the one that it has."""
    from core.store import recipes, settings

    wanted = as_name.strip() or name(workspace)
    if len(wanted) > 60 or not wanted.isprintable():
        raise Misuse(_("“{name}” cannot be a name.").format(name=wanted[:60]), advice=_("Use letters and digits."))
    now = recipe.current(workspace)
    with workspace.store.write() as change:
        kept = recipes.save(change, wanted, json.dumps(now.to_dict(), ensure_ascii=False), now.hash)
        settings.put(change, _NAME, wanted)
    return _row(kept, here=True)


def last(workspace: Workspace) -> VersionRow | None:
    """The newest version under the name that one works under; None if nothing was saved yet."""
    from core.store import recipes

    kept = recipes.latest(workspace.store, name(workspace))
    return _row(kept, here=True) if kept else None


def listing(workspace: Workspace) -> list[VersionRow]:
    """Every saved version, by name, the newest version first."""
    from core.store import recipes

    found = recipes.all_recipes(workspace.store)
    here = name(workspace)
    newest = {one.name: one.version for one in reversed(found)}
    return [_row(one, here=one.name == here and one.version == newest[one.name]) for one in found]


def saved(workspace: Workspace) -> Recipe:
    """What the working recipe is compared with: the last save, or before any the defaults for the same persona and
    model."""
    found = last(workspace)
    if found is None:
        now = recipe.current(workspace)
        return Recipe(persona=now.persona, model=now.model)
    return recipe.readable(found.values)


def changes(workspace: Workspace) -> dict[str, tuple[Any, Any]]:
    """What differs from the last save: parameter -> (saved, now)."""
    return saved(workspace).diff(recipe.current(workspace))


def take(workspace: Workspace, of_name: str, version: int | None = None) -> VersionRow:
    """Make a saved version the working recipe; what was not saved is gone."""
    from core.store import settings

    rows = [one for one in listing(workspace) if one.name == of_name]
    if not rows:
        raise Misuse(
            _("no recipe is saved as “{name}”.").format(name=of_name[:60]),
            advice=_("There are: {names}.").format(
                names=", ".join(dict.fromkeys(one.name for one in listing(workspace))) or "—"
            ),
        )
    chosen = next((one for one in rows if version in (None, one.version)), None)
    if chosen is None:
        raise Misuse(
            _("“{name}” has no version {version}.").format(name=of_name, version=version),
            advice=_("It has {first} to {last}.").format(first=rows[-1].version, last=rows[0].version),
        )
    with workspace.store.write() as change:
        settings.put(change, _NAME, of_name)
        recipe.put(change, recipe.readable(chosen.values))
    return chosen


def revert(workspace: Workspace) -> VersionRow:
    """Go back to the last save."""
    found = last(workspace)
    if found is None:
        raise Problem(_("nothing was saved yet."), advice=_("To begin anew, choose a preset."))
    return take(workspace, found.name, found.version)


def presets(workspace: Workspace) -> list[PresetRow]:
    """The presets, each with what it would change."""
    now = recipe.current(workspace)
    return [PresetRow(one, _(PRESETS[one][0]), now.diff(_preset(now, one))) for one in PRESETS]


def preset(workspace: Workspace, of_name: str) -> Recipe:
    """Make a preset the working recipe. The persona, the consent that is asked for and the model stay."""
    now = _preset(recipe.current(workspace), of_name)
    with workspace.store.write() as change:
        recipe.put(change, now)
    return now


def _preset(now: Recipe, of_name: str) -> Recipe:
    kept = {one: getattr(now, one) for one in ("persona", "require_consent", "alias_names", "mask", "model")}
    return preset_of(of_name).changed(kept)


def _row(one: StoredRecipe, *, here: bool) -> VersionRow:
    at = datetime.fromtimestamp(one.created_at, UTC).astimezone().isoformat(timespec="seconds")
    return VersionRow(one.name, one.version, one.hash, at, json.loads(one.body), here)
