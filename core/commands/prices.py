"""What training and using models costs."""

from __future__ import annotations

import dataclasses

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line, number, table
from core.language import _


@click.command("prices", help=_("What training and using models costs, with the day that each price was read."))
@click.argument("dataset", required=False)
@pass_context
def prices(context: Context, dataset: str | None) -> None:
    from core.workspace import checks

    rows = checks.prices(context.workspace, dataset)
    if context.json:
        for row in rows:
            json_line(dataclasses.asdict(row))
        return
    headings = [_("train"), _("ask"), _("answer"), _("until"), _("model")]
    cells = [[row.train or "—", row.input or "—", row.output or "—", row.ends or "—", row.model] for row in rows]
    if dataset is not None:
        headings[:0] = [_("tokens"), _("epochs"), _("this dataset")]
        for row, cell in zip(rows, cells, strict=True):
            cell[:0] = [number(row.tokens or 0), str(row.epochs), row.training or "—"]
    table(headings, cells, right=range(len(headings) - 2))
    data(_("For a million tokens; {said}.").format(said="; ".join(sorted({row.said for row in rows}))))
    data(_("Training on this machine costs nothing but time and electricity."))
