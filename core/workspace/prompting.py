"""Asking older models, which know no roles: a conversation written as one prompt, exactly as their examples were.

In: a model's recipe and labels, and messages. Out: the prompt and the stop text of the training. The writing is that of
the dataset's own export, so that both cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.chat import Example, Line, Role
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.dataset.recipe import Recipe

OLD: Final = ("davinci-002", "babbage-002", "gpt-3.5-turbo-instruct")  # names in which these stand
Messages = Sequence[Mapping[str, str]]


def is_old(model: str) -> bool:
    """Whether a model is one of those, by its name."""
    return any(one in model for one in OLD)


def details_of(workspace: Workspace, name: str) -> dict[str, Any]:
    """What was noted of a tuned model when its run ended; of a checkpoint the same, from its run."""
    from core.store import models
    from core.workspace import checkpoints

    found = models.find(workspace.store, name)
    if found is None and (made := checkpoints.origin(workspace, name)) is not None:
        return dict(made.details)
    told: Any = json.loads(found.details) if found else {}
    return dict(told) if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownArgumentType]


def writer(recipe: Recipe, labels: Mapping[str, Any]) -> Callable[[Messages], str]:
    """What writes messages as the prompts of this recipe's examples."""
    from core.dataset.export.rendering import SOMEBODY, prompt_completion

    render = prompt_completion(recipe)
    other = str(labels.get("other_label") or recipe.other_label or SOMEBODY)
    persona = str(labels.get("persona_label") or recipe.persona_label or recipe.persona)

    def write(messages: Messages) -> str:
        lines = [_line(one, persona, other) for one in messages if one["role"] != "system"]
        told = json.loads(render(Example((*lines, Line(Role.ASSISTANT, "", name=persona)), 0)))
        return str(told["prompt"])

    return write


def _line(message: Mapping[str, str], persona: str, other: str) -> Line:
    mine = message["role"] == "assistant"
    return Line(Role.ASSISTANT if mine else Role.USER, message["content"], name=persona if mine else other)


def plain(messages: Messages) -> str:
    """For an untuned one: what was said, as it was said."""
    return "\n".join(one["content"] for one in messages)
