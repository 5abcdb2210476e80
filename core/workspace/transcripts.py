"""The verbs about talking: asking a model, through the one protocol, whatever serves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.workspace.opening import Workspace


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """What a model answered."""

    model: str
    text: str
    finish_reason: str
    cut_off: bool
    prompt_tokens: int
    reply_tokens: int

    def as_json(self) -> dict[str, Any]:
        """The reply for `--json`."""
        return {
            "model": self.model,
            "text": self.text,
            "finish_reason": self.finish_reason,
            "cut_off": self.cut_off,
            "prompt_tokens": self.prompt_tokens,
            "reply_tokens": self.reply_tokens,
        }


def ask(
    workspace: Workspace,
    model: str,
    text: str,
    *,
    max_tokens: int = 200,
    temperature: float = 0.7,
    top_p: float = 0.9,
    seed: int | None = None,
) -> ReplyRow:
    """One reply of a model: `mini`, or a tuned one of this workspace."""
    from core.chatting import client, serving
    from core.workspace import models

    if model == models.MINI:
        base, adapters, system = models.MINI, dict[str, str | Path](), _system_of_only_model(workspace)
    else:
        row = models.named(workspace, model)
        base, adapters, system = row.base, {model: row.folder}, _system_prompt(workspace, row.dataset)
    server = serving.start(workspace.folder / "server", models.base_folder(workspace, base), adapters, name=models.MINI)
    messages = [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": text}]
    manner = client.Manner(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
    with client.open_client(server) as connection:
        reply = client.ask(connection, model, messages, manner)
    return ReplyRow(model, reply.text, reply.finish, reply.cut_off, reply.prompt_tokens, reply.reply_tokens)


def stop_servers(workspace: Workspace) -> bool:
    """Stop the model server of this workspace, if one runs."""
    from core.chatting import serving

    return serving.stop_server(workspace.folder / "server")


def _system_prompt(workspace: Workspace, dataset: str) -> str:
    """What the model's examples opened with: asked otherwise than it was trained, it would not be itself."""
    from core.workspace import datasets

    recipe = datasets.named(workspace, dataset).recipe
    return str(recipe.get("system_prompt", "")).replace("{persona}", str(recipe.get("persona", "")))


def _system_of_only_model(workspace: Workspace) -> str:
    from core.workspace import models

    rows = [row for row in models.listing(workspace) if row.base == models.MINI]
    return _system_prompt(workspace, rows[0].dataset) if rows else ""
