"""The verbs that switch cleaning rules and masks, and what each of them touches, for the list of the recipe screen.

A rule's switch is a parameter of the recipe; `switch` knows which. Counting private things reads every text that is kept
(a second for a long chat), so it is done once for each state of the material and the cleaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from core.cleaning.settings import PRIVATE_KINDS
from core.dataset.recipe import Recipe
from core.language import N_, _
from core.problem import Misuse
from core.workspace import checks, recipe, revision
from core.workspace.opening import Workspace

_SWITCHES: Final = {
    "media": "drop_media", "deleted": "drop_deleted", "system": "drop_system", "calls": "drop_calls",
    "locations": "drop_locations", "polls": "drop_polls", "forwarded": "drop_forwarded", "bots": "drop_bots",
    "bare_links": "drop_links", "links": "drop_links", "pattern": "drop_pattern", "short": "min_chars",
    "long": "max_chars",
}  # fmt: skip
_KINDS: Final = {
    "email": N_("e-mail addresses"), "phone": N_("phone numbers"), "card": N_("payment cards"),
    "bank": N_("bank accounts"), "id": N_("identity numbers"), "ip": N_("network addresses"), "url": N_("links"),
    "secret": N_("keys and passwords"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A rule or a mask: whether it is on, what it touches, how it is switched."""

    name: str
    meaning: str
    private: bool  # a mask, not a rule that leaves messages out
    on: bool
    count: int | None  # None: not counted yet
    examples: tuple[str, ...]
    parameter: str  # of the recipe; empty for the rule that cannot be switched
    typed: bool  # switched by typing a value, not by a key


def rows(workspace: Workspace) -> list[SwitchRow]:
    """Every rule and every mask; the masks' counts are those that were made already."""
    now = recipe.current(workspace)
    made = [
        SwitchRow(
            one.name, one.meaning, False, one.on, one.count, one.examples, _SWITCHES.get(one.name, ""),
            one.name in ("pattern", "short", "long"),
        )
        for one in checks.rules(workspace)
    ]  # fmt: skip
    found: Any = workspace.peek("private things", _key(workspace, now))
    for kind in PRIVATE_KINDS:
        count, examples = found.get(kind, (0, ())) if found is not None else (None, ())
        made.append(SwitchRow(kind, _(_KINDS[kind]), True, kind in now.mask, count, examples, "mask", False))
    return made


def count_private(workspace: Workspace, progress: Callable[[int, int], None] | None = None) -> None:
    """Count the private things in what the recipe keeps, for `rows` to have them."""
    from core.cleaning.privacy import report

    having, kept = recipe.kept_columns(workspace)

    def texts() -> Iterator[str]:
        for done, row in enumerate(kept):
            if progress is not None and not done % 256:
                progress(done, len(kept))
            yield having.text(row)

    def count() -> dict[str, tuple[int, tuple[str, ...]]]:
        told = report(texts())
        return {
            kind: (told.finds.get(kind, 0), tuple(having.text(kept[place]) for place in told.first.get(kind, ())))
            for kind in PRIVATE_KINDS
        }

    workspace.derived("private things", _key(workspace, recipe.current(workspace)), count)


def _key(workspace: Workspace, now: Recipe) -> tuple[object, ...]:
    # What is kept depends on the rules and on consent; the masks themselves change nothing of it.
    return revision.of(workspace.store), now.cleaning, now.require_consent, now.drop_tags


def switch(workspace: Workspace, name: str) -> Recipe:
    """Turn a rule or a mask on or off."""
    now = recipe.current(workspace)
    if name in PRIVATE_KINDS:
        masks = set(now.mask) ^ {name}
        return recipe.change(workspace, {"mask": [kind for kind in PRIVATE_KINDS if kind in masks]})
    if name in ("bare_links", "links"):
        # One choice of three stands behind these two.
        on = {"bare_links": now.drop_links != "keep", "links": now.drop_links == "any"}[name]
        wanted = "keep" if name == "bare_links" and on else "bare" if on or name == "bare_links" else "any"
        return recipe.change(workspace, {"drop_links": wanted})
    parameter = _SWITCHES.get(name, "")
    if not parameter or not isinstance(getattr(now, parameter), bool):
        raise Misuse(_("“{name}” cannot be switched by itself.").format(name=name))
    return recipe.change(workspace, {parameter: not getattr(now, parameter)})
