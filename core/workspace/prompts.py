"""What to say to a model to see what it has learnt: the questions of held-out replies, and a few that everybody asks.

In: a workspace and who is to speak. Out: `HeldOut` questions with the real reply, test prompts, and system prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.language import N_
from core.workspace.opening import Workspace

# Those that the WhatsApp persona was tried with (base against tuned), as they were written.
TEST_PROMPTS: Final = (
    "Hola, cómo estás?",
    "Eu sale algo el finde?",
    "Qué opinás de la programación?",
    "Me aburrooo, contame algo",
    "Nos vemos más tarde?",
)
# What the models of the WhatsApp persona were told; {persona} is whoever the recipe learns.
SYSTEM_PROMPTS: Final = (
    (
        N_("as the WhatsApp persona on SmolLM3 was told"),
        "Eres {persona}Bot, un bot de {persona}, que se encarga de mantener conversaciones casuales. Respondes con la "
        "misma personalidad que {persona} tiene en los chats de WhatsApp.",
    ),
    (
        N_("as the WhatsApp persona on Phi-3 was told"),
        "Sos un bot que responde mensajes de WhatsApp imitando el estilo conversacional de {persona}",
    ),
)
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A question of the validation side: its turns (role and text) up to it, and who really answered what."""

    turns: tuple[tuple[str, str], ...]
    name: str
    reply: str
    lineage: tuple[tuple[str, ...], ...] = ()  # the messages that each turn came from

    @property
    def asked(self) -> str:
        return self.turns[-1][1]


def held_out(workspace: Workspace, model: str = "") -> list[HeldOut]:
    """Questions with replies that no model of this dataset was trained on: those of the model's own dataset, else of the
    newest."""
    from core.workspace import datasets, talking

    rows = datasets.listing(workspace)
    own = next((row.dataset for row in talking.speakers(workspace) if row.name == model), "")
    name = own or (rows[0].name if rows else "")
    if not any(row.name == name for row in rows):
        return []
    persona = str(datasets.named(workspace, name).recipe.get("persona", ""))
    found: list[HeldOut] = []
    for example in datasets.examples(workspace, name, side="validation"):
        spoken = [line for line in example.lines if str(line.role) != "system"]
        if len(spoken) > 1 and str(spoken[-1].role) == "assistant" and str(spoken[-2].role) == "user":
            turns = tuple((str(line.role), line.text) for line in spoken[:-1])
            lineage = tuple(line.messages for line in spoken[:-1])
            found.append(HeldOut(turns, spoken[-1].name or persona, spoken[-1].text, lineage))
        if len(found) == MOST:
            break
    return found


def system_prompts(workspace: Workspace) -> list[tuple[str, str]]:
    """System prompts to choose from: what each is (in English; `_` it to show it), and its words."""
    from core.workspace import recipe

    persona = recipe.current(workspace).persona or "?"
    return [(what, words.replace("{persona}", persona)) for what, words in SYSTEM_PROMPTS]
