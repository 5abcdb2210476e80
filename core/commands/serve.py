"""Serving models in the foreground: the engine takes the place of this process, so that nothing is left behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from core.commands import Context, pass_context
from core.commands.printing import Progress, json_line, talk
from core.language import _, ngettext
from core.problem import Misuse


@click.command(
    "serve",
    help=_(
        "Serve a base with its tuned models by the OpenAI protocol, until Ctrl+C. Without --port on a socket that only its "
        "owner can open; with it on the loopback address, for whoever has the key."
    ),
)
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help=_("a port of this machine's loopback address; 0 for a free one")
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, readable=False, dir_okay=False),
    help=_("a file (0600) with the key of 16 characters or more; else {name}").format(name="SINSONTE_SERVER_KEY"),
)
@click.option(
    "--idle", type=click.FloatRange(min=0), default=0.0, help=_("stop after so many seconds without a question")
)
@click.option("--stop", is_flag=True, help=_("stop the servers that this workspace has started"))
@pass_context
def serve(
    context: Context, models: tuple[str, ...], port: int | None, key_file: Path | None, idle: float, stop: bool
) -> int:
    from core.workspace import serving

    if stop:
        count = serving.stop(context.workspace)
        if context.json:
            json_line({"stopped": count})
        else:
            talk(ngettext("{count} server stopped.", "{count} servers stopped.", count).format(count=count))
        return 0
    if not models:
        raise Misuse(
            _("say which model to serve."), advice=_("`sinsonte models list` lists them; the toy is called mini.")
        )
    progress = Progress(_("building the embedded model"))
    try:
        told = serving.foreground(
            context.workspace, models, port=port, key_file=key_file, idle=idle, progress=progress.at
        )
    finally:
        progress.close()
    context.close()  # the database is let go of before this process becomes another
    sys.stdout.flush()
    os.execve(told.words[0], list(told.words), dict(told.environment))
