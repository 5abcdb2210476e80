"""What the chat screen asks a person for: a model, a preset, a system prompt, the value of a parameter.

In: the screen. Out: the talk, changed. Each opens a dialog and gives what was chosen to the talk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.language import _
from core.problem import Problem
from core.safe_text import SafeText
from tui.lines import said
from tui.screens.ask import AskDialog
from tui.screens.talk.choices import Choice, ChoiceDialog

if TYPE_CHECKING:
    from tui.screens.talk.screen import TalkScreen

_ANOTHER, _NOBODY = "\n another", "\n nobody"  # no model's name holds a newline


def ask_for_model(screen: TalkScreen, lane: int) -> None:
    """Who is to speak on this lane."""
    from core.workspace import talking

    talk = screen.talk
    try:
        rows = talking.speakers(screen.workbench.workspace)
    except Problem as problem:
        screen.workbench.say_problem(problem)
        return
    choices = [Choice(row.name, said("{name}", name=row.name), said(_told(row.kind), base=row.base)) for row in rows]
    if lane and len(talk.models) > 1:
        choices.insert(0, Choice(_NOBODY, SafeText(_("nobody: one model alone")), SafeText("")))
    choices.append(
        Choice(_ANOTHER, SafeText(_("another one, by its name")), SafeText(_("PROFILE:ID of an endpoint, or a folder")))
    )
    now = talk.models[lane] if lane < len(talk.models) else ""
    at = next((place for place, choice in enumerate(choices) if choice.value == now), 0)
    question = _("Who is to speak beside {model}?") if lane else _("Who is to speak?")
    first = talk.models[0] if talk.models else ""
    screen.app.push_screen(
        ChoiceDialog(said(question, model=first), choices, at), lambda chosen: _take_model(screen, lane, chosen)
    )


def _told(kind: str) -> str:
    return {"adapter": _("tuned on {base}"), "base": _("a base"), "remote": _("remote: {base}")}.get(kind, "{base}")


def _take_model(screen: TalkScreen, lane: int, chosen: str | None) -> None:
    if chosen is None:
        return
    if chosen == _ANOTHER:
        _ask_for_name(screen, lane)
        return
    models = list(screen.talk.models)
    models[lane : lane + 1] = [] if chosen == _NOBODY else [chosen]
    screen.do(lambda: screen.talk.set_models(models))


def _ask_for_name(screen: TalkScreen, lane: int) -> None:
    from core.workspace import talking

    workspace = screen.workbench.workspace
    screen.app.push_screen(
        AskDialog(
            SafeText(_("The name: PROFILE:ID of an endpoint of the settings, or the folder of a model.")),
            take=lambda name: talking.speaker_named(workspace, name.strip()),
        ),
        lambda name: _take_model(screen, lane, name.strip() if name else None),
    )
