"""The verbs about talking: asking a model, through the one protocol, whatever serves it."""

from __future__ import annotations

from core.workspace import talking
from core.workspace.opening import Workspace
from core.workspace.talking import Manner, Reply


def ask(
    workspace: Workspace,
    model: str,
    text: str,
    *,
    max_tokens: int = 200,
    temperature: float = 0.7,
    top_p: float = 0.9,
    seed: int | None = None,
) -> Reply:
    """One reply of a model: `mini`, or a tuned one of this workspace."""
    manner = Manner(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
    with talking.open_speaker(workspace, model) as speaker:
        return speaker.ask([*speaker.opening(), {"role": "user", "content": text}], manner)


def stop_servers(workspace: Workspace) -> bool:
    """Stop the model server of this workspace, if one runs."""
    return talking.stop_servers(workspace)
