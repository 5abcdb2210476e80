"""The verbs about base models of one's own: a toy that is built from the workspace's own chats.

The embedded model speaks the sample chats' Spanish; one built here speaks the language of these chats, with their words.
It is a toy all the same (0.6 million weights): it proves the path on one's own data and has no judgement.

What goes in is what a dataset of the working recipe would train on: consent, decisions, cleaning rules and privacy masks
hold, and conversations that are held out stay out. Each conversation is told once for every voice in it. The others are
heard under the system prompt that datasets open with, each under their own name; the persona without one: so the base
knows the persona's words, and what tuning adds is when to use them (docs/decisions.md, "the toy model").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from core.chat import Consent, Side
from core.language import _
from core.problem import Misuse, Problem
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.chat import Example, Line, Participant
    from core.dataset.recipe import Recipe
    from core.workspace.models import ModelRow

OWN: Final = "mini-own"
_FEWEST: Final = 20  # conversations: with less there is no language to be learnt
_MOST: Final = 3_600  # one round of the toy's steps; the newest are taken
_TURNS: Final = 40
Progress = Callable[[int, int, str], None]


def mini_from_workspace(
    workspace: Workspace, name: str = OWN, progress: Progress | None = None, *, steps: int = 0
) -> ModelRow:
    """Build a toy base model from these chats, and enter it under a name that `--model` takes."""
    from core import training
    from core.store import models as stored
    from core.training.process import write_whole
    from core.workspace import models, recipe

    models.free_name(workspace, name)
    current = recipe.current(workspace)
    told = list(_conversations(workspace, current))[-_MOST:]
    if len(told) < _FEWEST:
        raise Problem(
            _("There are {count} conversations to learn from, too few for a model of their own.").format(
                count=len(told)
            ),
            advice=_("Import more chats, or see what the recipe leaves out: sinsonte recipe preview"),
        )
    folder = workspace.folder / "models" / name
    corpus = folder.with_name(f".{name}.jsonl")
    corpus.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = (json.dumps({"messages": said}, ensure_ascii=False) for said in told)
    write_whole(corpus, ("\n".join(lines) + "\n").encode("utf-8", "replace"))

    def tell(event: Any) -> None:
        step, steps = event.fields.get("step"), event.fields.get("steps")
        if progress is not None and isinstance(step, int) and isinstance(steps, int):
            progress(step, steps, "")

    try:
        training.mini.build(corpus, folder, tell, steps=steps or training.mini.STEPS)
    finally:
        corpus.unlink(missing_ok=True)  # it holds everybody's words
    people = [one.id for one in voices(workspace, current)]  # forgetting one of them marks the model
    details = {"toy": True, "conversations": len(told), "recipe": current.hash, "people": people}
    with workspace.store.write() as change:
        stored.add(
            change,
            stored.StoredModel(
                name=name,
                kind=models.BASE,
                base_sha256=training.fingerprint(folder),
                folder=folder.relative_to(workspace.folder).as_posix(),
                details=json.dumps(details, ensure_ascii=False),
            ),
        )
    return models.named(workspace, name)


def _conversations(workspace: Workspace, current: Recipe) -> Iterator[list[dict[str, str]]]:
    """What was said, voice by voice."""
    from core.workspace import recipe

    if not current.persona:
        raise Misuse(_("No persona was chosen."), advice=_("Choose one: sinsonte recipe set persona=NAME"))
    held: set[str] = set()
    for example in recipe.planned(workspace, current):
        if example.side is Side.VALIDATION:
            held.update(uid for line in example.lines for uid in line.messages)
    # The last example of a conversation with this much context is the whole conversation.
    whole = replace(
        current, buffer_size=_TURNS, buffer_unit="turns", validation=0.0, near_duplicates="keep", corrections="none"
    )
    for one in voices(workspace, current):
        chosen = replace(whole, persona=one.name)
        if one.name == current.persona:
            chosen = replace(chosen, system_prompt="")
        for lines in _told_by(workspace, chosen):
            if not any(uid in held for line in lines for uid in line.messages):
                yield [{"role": str(line.role), "content": line.text} for line in lines]


def voices(workspace: Workspace, current: Recipe) -> list[Participant]:
    """Whose words may be used."""
    from core.store import participants

    everybody = sorted(participants.all_participants(workspace.store), key=lambda one: one.id)
    if current.require_consent:
        return [one for one in everybody if one.consent is Consent.GIVEN]
    return [one for one in everybody if one.consent is not Consent.REFUSED]


def _told_by(workspace: Workspace, chosen: Recipe) -> Iterator[tuple[Line, ...]]:
    """Each conversation once, from its beginning to the voice's last reply in it."""
    from core.workspace import recipe

    last: Example | None = None
    for example in recipe.planned(workspace, chosen):
        if last is not None and example.conversation != last.conversation:
            yield last.lines
        last = example
    if last is not None:
        yield last.lines
