"""The verbs about model servers: which run, stopping them, the command line of one that is served in the foreground,
and the servers of others on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.chatting.finding import Found
from core.language import _
from core.problem import Misuse
from core.workspace import models, talking
from core.workspace.opening import Workspace

KEY_VARIABLE: Final = "SINSONTE_SERVER_KEY"


@dataclass(frozen=True, slots=True)
class Serving:
    """What is to be started in the place of this process."""

    words: Sequence[str]
    environment: Mapping[str, str]
    names: tuple[str, ...]  # of the models, the base first


def foreground(
    workspace: Workspace,
    names: Sequence[str],
    *,
    port: int | None = None,
    key_file: Path | None = None,
    idle: float = 0.0,
    progress: models.Progress | None = None,
) -> Serving:
    """How to serve these models (one base and its adapters) until it is stopped: on the socket where the commands of
    this workspace find it, or on a port of the loopback address with a key."""
    from core.chatting import serving, vllm
    from core.training.backends import local

    rows = [talking.speaker_named(workspace, name) for name in names]
    for row in rows:
        if row.kind == talking.REMOTE:
            raise Misuse(_("“{name}” is served elsewhere already.").format(name=row.name))
    bases = {row.base or row.name for row in rows}
    if len(bases) > 1:
        raise Misuse(
            _("these models stand on different bases: {names}.").format(names=", ".join(sorted(bases))),
            advice=_("Serve each base by itself."),
        )
    base = bases.pop()
    folder = models.base_folder(workspace, base, progress)
    label = base if base == models.MINI else Path(base).name
    adapters = {row.name: str(models.named(workspace, row.name).folder) for row in rows if row.kind == talking.ADAPTER}
    shown = (label, *adapters)
    place = serving.place_for(workspace.folder / talking.SERVERS, folder)
    if port is None:
        path = serving.socket_for(place)
        if not serving.claim(place, path, folder, label, adapters):
            raise Misuse(
                _("a server of this model runs already."), advice=_("Use it, or stop it with: sinsonte serve --stop")
            )
        if vllm.is_here():
            path.unlink(missing_ok=True)
            return Serving(vllm.command(folder, label, adapters, path), vllm.environment(), shown)
        where = ["--socket", str(path)]
    else:
        where = ["--port", str(port)] + (["--key-file", str(key_file.resolve())] if key_file else [])
    words = local.command("serve", *where, "--base", folder, "--name", label, "--idle", str(idle), "--plain")
    for name, place_ in adapters.items():
        words += ["--adapter", f"{name}={place_}"]
    around = local.environment()
    if KEY_VARIABLE in os.environ and port is not None and key_file is None:
        around[KEY_VARIABLE] = os.environ[KEY_VARIABLE]  # the one secret that it is given, and forgets at once
    return Serving(words, around, shown)


def stop(workspace: Workspace) -> int:
    """Stop the model servers of this workspace; returns how many ran."""
    from core.chatting import serving

    return serving.stop_servers(workspace.folder / talking.SERVERS)


def found() -> list[Found]:
    """The model servers of others that answer on this machine."""
    from core.chatting import finding

    return finding.look()
