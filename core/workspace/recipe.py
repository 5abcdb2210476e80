"""The verbs about the recipe: what it is now, changing it, and what it gives.

The working recipe lives in the store's settings; a dataset keeps the one that it was made by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from core.dataset.recipe import PARAMETERS, Recipe, plain
from core.language import _
from core.workspace import revision
from core.workspace.opening import Cancelled, Workspace

if TYPE_CHECKING:
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


def current(workspace: Workspace) -> Recipe:
    """The working recipe."""
    from core.store import settings

    return _kept(settings.get(workspace.store, _KEY))


def _kept(value: Any) -> Recipe:
    # A parameter of another version of Sinsonte is left out rather than making the workspace unusable.
    if not isinstance(value, dict):
        return Recipe()
    told = cast("dict[str, Any]", value)
    return Recipe.from_dict({name: one for name, one in told.items() if name in PARAMETERS})


def parameters(workspace: Workspace) -> list[ParameterRow]:
    """Every parameter with its value now."""
    now = current(workspace)
    return [
        ParameterRow(one.name, _value(plain(one, getattr(now, one.name))), _(one.help), one.bounds, _(one.stage))
        for one in PARAMETERS.values()
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(one) for one in value) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value).replace("\n", "\\n")


def change(workspace: Workspace, values: Mapping[str, Any]) -> Recipe:
    """Change some parameters of the working recipe; a value that is out of bounds changes nothing."""
    changed = would_be(workspace, values)
    from core.store import settings

    with workspace.store.write() as writing:
        settings.put(writing, _KEY, changed.to_dict())
    return changed


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
    recipe = _kept(settings.get(writing, _KEY))
    settings.put(writing, _KEY, recipe.changed({"persona": found.name if found else name}).to_dict())


def counters(workspace: Workspace) -> Counters:
    """The counters of the status bar, in milliseconds: tokens are an estimate unless they were counted before."""
    now = current(workspace)
    key = (revision.of(workspace.store), now.hash)
    counted = workspace.peek("exact counters", key)
    if isinstance(counted, Counters):
        return _with_runs(workspace, counted)
    return _with_runs(workspace, workspace.derived("quick counters", key, lambda: _quick(workspace, now)))


def exact_counters(workspace: Workspace, cancelled: Callable[[], bool] | None = None) -> Counters:
    """The same with all tokens counted: a second for a long chat, so not for a key press. `Cancelled` if told so."""
    now = current(workspace)
    key = (revision.of(workspace.store), now.hash)
    return _with_runs(workspace, workspace.derived("exact counters", key, lambda: _exact(workspace, now, cancelled)))


def preview(workspace: Workspace, values: Mapping[str, Any]) -> Counters:
    """What the recipe would give with other values; nothing is written."""
    return _with_runs(workspace, _exact(workspace, would_be(workspace, values)))


def planned(workspace: Workspace, recipe: Recipe) -> Build:
    """The examples that a recipe makes of the material as it is now."""
    from core.dataset.examples import Build
    from core.workspace import material

    return Build(material.of(workspace), recipe, material.hits(workspace, recipe))


def _with_runs(workspace: Workspace, counted: Counters) -> Counters:
    from dataclasses import replace

    from core.workspace import runs

    return replace(counted, runs=runs.active(workspace))


def _quick(workspace: Workspace, recipe: Recipe) -> Counters:
    import numpy as np

    from core.store import chats

    if not recipe.persona:
        messages = sum(row.messages for row in chats.all_chats(workspace.store))
        return Counters(messages, 0, 0, 0, None, None, None, False, None, 0, recipe.model)
    made = planned(workspace, recipe)
    rows = made.grouping.rows
    characters = np.concatenate(([0], np.cumsum(made.columns.lengths[rows], dtype=np.int64)))
    spoken = characters[made.grouping.turns[made.plan.end]] - characters[made.grouping.turns[made.plan.context]]
    # Three and a half characters a token, and four tokens around each line: what Spanish chats come to.
    lines = made.plan.end - made.plan.context
    tokens = int((spoken / 3.5).sum() + 4 * lines.sum())
    return Counters(
        len(rows),
        made.grouping.turn_count,
        made.grouping.conversation_count,
        len(made.plan),
        None,
        None,
        tokens,
        False,
        None,
        0,
        recipe.model,
    )


def _exact(workspace: Workspace, recipe: Recipe, cancelled: Callable[[], bool] | None = None) -> Counters:
    from core.counting.counter import counter_for
    from core.counting.recount import Recount
    from core.workspace import checks, material, models

    made = planned(workspace, recipe)
    having = material.of(workspace)
    folder = models.tokenizer_folder(workspace, recipe.model)
    # Kept as long as the messages: it remembers stretches of words, so a change of a window, or a decision, counts only
    # what is new.
    key = (revision.of_messages(workspace.store), recipe.model, folder)
    recount = workspace.derived("recount", key, lambda: Recount(having, counter_for(recipe.model, folder=folder)))

    def go_on(_done: int, _all: int) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled

    totals = recount.totals(made, progress=go_on)
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
    )


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
