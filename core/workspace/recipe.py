"""The verbs about the recipe: what it is now, changing it, and what it gives.

The working recipe lives in the store's settings; a dataset keeps the one that it was made by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from core.dataset.recipe import PARAMETERS, Recipe, plain
from core.language import _
from core.workspace import revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.counting.recount import Totals
    from core.dataset.examples import Build
    from core.dataset.material import Material
    from core.store.connection import Change

_KEY = "recipe"


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """A parameter as `recipe show` and the recipe screen have it."""

    name: str
    value: str
    meaning: str
    bounds: str
    stage: str
    default: str
    saved: str  # what the last save has; the defaults before there is one


@dataclass(frozen=True, slots=True)
class Counters:
    """What a recipe gives. `exact` is false while `tokens` is an estimate that the exact count will replace."""

    messages: int
    turns: int
    conversations: int
    examples: int
    train: int | None
    validation: int | None
    tokens: int | None
    exact: bool
    cost: str | None
    runs: int
    model: str
    corrections: int = 0  # of the examples

    @property
    def settled(self) -> bool:
        """Whether `examples` are those that a build would write: until all is counted, duplicates are among them."""
        return self.train is not None or not self.examples


def current(workspace: Workspace) -> Recipe:
    """The working recipe."""
    from core.store import settings

    return readable(settings.get(workspace.store, _KEY))


def readable(value: Any) -> Recipe:
    """A recipe as it was kept."""
    # A parameter of another version of Sinsonte is left out rather than making the workspace unusable.
    if not isinstance(value, dict):
        return Recipe()
    told = cast("dict[str, Any]", value)
    return Recipe.from_dict({name: one for name, one in told.items() if name in PARAMETERS})


def parameters(workspace: Workspace) -> list[ParameterRow]:
    """Every parameter with its value now."""
    from core.workspace import versions

    now, saved, plain_ones = current(workspace), versions.saved(workspace), Recipe()
    return [
        ParameterRow(
            name, written(now, name), _(one.help), one.bounds, _(one.stage), written(plain_ones, name),
            written(saved, name),
        )
        for name, one in PARAMETERS.items()
    ]  # fmt: skip


def written(recipe: Recipe, name: str) -> str:
    """A parameter's value as a person types it."""
    return typed(plain(PARAMETERS[name], getattr(recipe, name)))


def typed(value: Any) -> str:
    """A stored value as a person types it; — for a parameter that there was not yet."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(one) for one in value) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value).replace("\n", "\\n")


def change(workspace: Workspace, values: Mapping[str, Any]) -> Recipe:
    """Change some parameters of the working recipe; a value that is out of bounds changes nothing."""
    changed = would_be(workspace, values)
    with workspace.store.write() as writing:
        put(writing, changed)
    return changed


def put(writing: Change, recipe: Recipe) -> None:
    """Make this the working recipe, within a transaction."""
    from core.store import settings

    settings.put(writing, _KEY, recipe.to_dict())


def step(workspace: Workspace, name: str, by: int) -> Recipe:
    """Change a parameter to the next sensible value up (1) or down (-1)."""
    from core.dataset.steps import stepped

    now = current(workspace)
    parameter = PARAMETERS[name]
    value = stepped(parameter, getattr(now, name), by, choices(workspace, name))
    return change(workspace, {name: value}) if value != getattr(now, name) else now


def has_steps(workspace: Workspace, name: str) -> bool:
    """Whether there is anything to step through."""
    from core.dataset.steps import has_steps as there_are

    return there_are(PARAMETERS[name], choices(workspace, name))


def choices(workspace: Workspace, name: str) -> list[str]:
    """The words that a text parameter can take here: who is in the chats, which models are known."""
    if name == "persona":
        from core.workspace import people

        return [one.name for one in people.listing(workspace)]
    if name == "model":
        from core.workspace import checks, models

        return [models.MINI, *checks.priced_models(workspace)]
    return []


def would_be(workspace: Workspace, values: Mapping[str, Any]) -> Recipe:
    """The working recipe with these values changed; nothing is written."""
    changed = current(workspace).changed(values)
    if "persona" in values and changed.persona:
        from core.workspace import people

        # An exported name of a joined participant means that participant.
        return changed.changed({"persona": people.named(workspace, changed.persona).name})
    return changed


def set_persona(writing: Change, name: str) -> None:
    """Make a participant the persona, within an import's transaction."""
    from core.store import participants, settings

    found = participants.find(writing, name)
    recipe = readable(settings.get(writing, _KEY))
    put(writing, recipe.changed({"persona": found.name if found else name}))


def counters(workspace: Workspace, progress: Callable[[int, int], None] | None = None) -> Counters:
    """The counters of the status bar, in milliseconds once the messages were read, of which `progress` tells: tokens are
    an estimate unless they were counted before."""
    return _with_runs(workspace, _at_once(workspace, current(workspace), "", progress))


def exact_counters(workspace: Workspace, progress: Callable[[int, int], None] | None = None) -> Counters:
    """The same with all tokens counted: a second for a long chat, so not for a key press. `progress` gets what is done
    and to do, and may raise `Cancelled`: the next count goes on from there."""
    return _with_runs(workspace, _in_full(workspace, current(workspace), "", progress))


def saved_counters(workspace: Workspace) -> Counters:
    """What the last save gives, as quickly as `counters` of the working recipe: what changes are measured against."""
    from core.workspace import versions

    return _at_once(workspace, versions.saved(workspace), "saved ")


def exact_saved_counters(workspace: Workspace, progress: Callable[[int, int], None] | None = None) -> Counters:
    """The same with all tokens counted; once for each save, for this is remembered."""
    from core.workspace import versions

    return _in_full(workspace, versions.saved(workspace), "saved ", progress)


def known_counters(workspace: Workspace) -> Counters | None:
    """The counters as they were counted exactly before, by whatever process, if nothing has changed since; None if they
    have to be counted. It needs no message, no vocabulary and not even numpy."""
    found = _known(workspace, current(workspace))
    return None if found is None else _with_runs(workspace, found)


def known_saved_counters(workspace: Workspace) -> Counters | None:
    """The same of the last save."""
    from core.workspace import versions

    return _known(workspace, versions.saved(workspace))


def _known(workspace: Workspace, recipe: Recipe) -> Counters | None:
    from core.store import chats
    from core.workspace import checks, remembered

    if not recipe.persona:
        messages = sum(row.messages for row in chats.all_chats(workspace.store))
        return Counters(messages, 0, 0, 0, None, None, None, False, None, 0, recipe.model)
    figures = remembered.find(workspace, recipe)
    if figures is None:
        return None
    told = Counters(**figures, cost=None, runs=0, model=recipe.model)
    trained = told.examples if told.train is None else told.train
    return replace(told, cost=checks.training_cost(workspace, recipe.model, trained, told.tokens or 0))


def _remember(workspace: Workspace, recipe: Recipe, at: int, counted: Counters) -> None:
    from core.workspace import remembered

    figures = asdict(counted)
    for name in ("cost", "runs", "model"):
        del figures[name]
    remembered.keep(workspace, recipe, at, figures)


def _at_once(
    workspace: Workspace, recipe: Recipe, slot: str, progress: Callable[[int, int], None] | None = None
) -> Counters:
    key = (revision.of(workspace.store), recipe.hash)
    for name in (f"{slot}exact counters", "exact counters"):
        if isinstance(counted := workspace.peek(name, key), Counters):
            return counted
    if (known := _known(workspace, recipe)) is not None:
        return known

    def count() -> Counters:
        from core.workspace import material

        if progress is not None:
            material.ready(workspace, recipe, progress)
        quick = _quick(workspace, recipe)
        if not quick.examples:
            _remember(workspace, recipe, key[0], quick)  # there is nothing that a longer count would find
        return quick

    quick = workspace.derived(f"{slot}quick counters", key, count)
    return _likened(workspace, quick, key[0])


def _in_full(workspace: Workspace, recipe: Recipe, slot: str, progress: Callable[[int, int], None] | None) -> Counters:
    key = (revision.of(workspace.store), recipe.hash)
    if slot and isinstance(counted := workspace.peek("exact counters", key), Counters):
        # What is counted now is what was saved: kept for when it no longer is.
        return workspace.derived(f"{slot}exact counters", key, lambda: counted)

    def count() -> Counters:
        if slot and (known := _known(workspace, recipe)) is not None:
            return known
        exact = _exact(workspace, recipe, slot, progress)
        _remember(workspace, recipe, key[0], exact)
        if not slot:
            quick = workspace.derived("quick counters", key, lambda: _quick(workspace, recipe))
            workspace.derived("likeness", (key, exact.tokens), lambda: _Likeness(key[0], quick, exact))
        return exact

    return workspace.derived(f"{slot}exact counters", key, count)


@dataclass(frozen=True, slots=True)
class _Likeness:
    """An estimate and the exact count of one recipe: what the next estimates are put right by."""

    revision: int
    quick: Counters
    exact: Counters


def _likened(workspace: Workspace, quick: Counters, at: int) -> Counters:
    """The estimate, put right by how far the last one was off: duplicates, rare words and a model's own tokens stay
    about the same from one recipe to the next."""
    known = workspace.newest("likeness")
    if (
        not isinstance(known, _Likeness)
        or (known.revision, known.exact.model) != (at, quick.model)
        or not (known.quick.examples and known.quick.tokens and known.exact.tokens and quick.tokens)
    ):
        return quick
    examples = round(quick.examples * known.exact.examples / known.quick.examples)
    tokens = round(quick.tokens * known.exact.tokens / known.quick.tokens)
    return replace(quick, examples=examples, tokens=tokens)


def preview(workspace: Workspace, values: Mapping[str, Any]) -> Counters:
    """What the recipe would give with other values; nothing is written."""
    return _with_runs(workspace, _exact(workspace, would_be(workspace, values), "", None))


def planned(workspace: Workspace, recipe: Recipe) -> Build:
    """The examples that a recipe makes of the material as it is now."""
    from core.dataset.corrections import EXAMPLES
    from core.dataset.examples import Build
    from core.workspace import corrections, material

    def plan() -> Build:
        corrected = corrections.for_dataset(workspace, recipe) if recipe.corrections == EXAMPLES else ()
        return Build(material.of(workspace), recipe, material.hits(workspace, recipe), corrected)

    # A copy, for whoever iterates a build has its report written; what is costly is shared.
    return copy(workspace.derived("planned", (revision.of(workspace.store), recipe.hash), plan))


def _with_runs(workspace: Workspace, counted: Counters) -> Counters:
    from core.workspace import runs

    return replace(counted, runs=runs.active(workspace))


def _quick(workspace: Workspace, recipe: Recipe) -> Counters:
    made = planned(workspace, recipe)
    examples, tokens = len(made.plan) + len(made.corrections), int(made.guessed_tokens().sum())
    from core.workspace import checks

    return Counters(
        len(made.grouping.rows),
        made.grouping.turn_count,
        made.grouping.conversation_count,
        examples,
        None,
        None,
        tokens,
        False,
        checks.training_cost(workspace, recipe.model, examples, tokens),
        0,
        recipe.model,
        len(made.corrections),
    )


def _exact(workspace: Workspace, recipe: Recipe, slot: str, progress: Callable[[int, int], None] | None) -> Counters:
    from core.counting.counter import counter_for
    from core.counting.recount import Recount
    from core.workspace import checks, material, models

    made = planned(workspace, recipe)
    having = material.of(workspace)
    folder = models.tokenizer_folder(workspace, recipe.model)
    # Kept as long as the messages: it remembers stretches of words, so a change of a window, or a decision, counts only
    # what is new.
    key = (revision.of_messages(workspace.store), recipe.model, folder)
    if slot:  # counted once: what it remembers must not drive out what the working recipe's count remembers
        recount = Recount(having, counter_for(recipe.model, folder=folder))
    else:
        recount = workspace.derived(
            "recount",
            key,
            lambda: Recount(having, counter_for(recipe.model, folder=folder), _Shelf(workspace, having, recipe)),
        )

    totals = recount.totals(made, progress=progress)
    if not slot:
        workspace.derived("totals", (revision.of(workspace.store), recipe.hash), lambda: totals)
    return Counters(
        len(made.grouping.rows),
        made.grouping.turn_count,
        made.grouping.conversation_count,
        totals.train + totals.validation,
        totals.train,
        totals.validation,
        totals.tokens,
        totals.exact,
        checks.training_cost(workspace, recipe.model, totals.train, totals.tokens),
        0,
        recipe.model,
        totals.corrections,
    )


class _Shelf:
    """Where the costs of stretches wait for the next process."""

    def __init__(self, workspace: Workspace, material: Material, recipe: Recipe) -> None:
        from core.workspace import remembered

        self._workspace, self._material = workspace, material
        self._counted_by = (recipe.model, remembered.tokenizer_of(workspace, recipe.model))

    def take(self, settings: object) -> Mapping[str, Any] | None:
        from core.workspace import shelf

        return shelf.take(self._workspace, "stretches", self._key(settings))

    def put(self, settings: object, costs: Mapping[str, Any]) -> None:
        from core.workspace import shelf

        shelf.put(self._workspace, "stretches", self._key(settings), costs)

    def _key(self, settings: object) -> str:
        from core.workspace import shelf

        return shelf.key_of(self._material, self._counted_by, settings)


def exact_totals(workspace: Workspace) -> Totals | None:
    """What the exact count of the working recipe found, if it was made already."""
    from core.counting.recount import Totals

    kept = workspace.peek("totals", (revision.of(workspace.store), current(workspace).hash))
    return kept if isinstance(kept, Totals) else None


def kept_columns(workspace: Workspace) -> tuple[Material, list[int]]:
    """The material, and the rows of it that the working recipe keeps."""
    import numpy as np

    from core.dataset.material import kept
    from core.workspace import material

    now = current(workspace)
    having = material.of(workspace)
    left = kept(having, now, material.hits(workspace, now))
    rows: list[int] = np.flatnonzero(left.kept).tolist()
    return having, rows
