"""Commands about models."""

from __future__ import annotations

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line, table, talk
from core.language import _


@click.group(help=_("List the models, and see where each came from."))
def models() -> None:
    pass


@models.command("list", help=_("List the models of this workspace."))
@pass_context
def list_(context: Context) -> None:
    from core.workspace import models as verbs

    rows = verbs.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("No tuned models yet. Train one with: sinsonte train start DATASET"))
        return
    table(
        [_("model"), _("kind"), _("base"), _("dataset"), _("run")],
        [(row.name, row.kind, row.base, row.dataset, row.run) for row in rows],
    )


@models.command("show", help=_("Show where a model came from."))
@click.argument("name")
@pass_context
def show(context: Context, name: str) -> None:
    from core.workspace import models as verbs

    row = verbs.named(context.workspace, name)
    if context.json:
        json_line(row.as_json())
        return
    for key, value in row.as_json().items():
        data(f"{key:<12} {value if value not in (None, '') else '—'}")
