"""Measuring a tuned model against its base."""

from __future__ import annotations

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line
from core.language import _


@click.command("evaluate", help=_("Perplexity on the held-out replies: the tuned model against its base."))
@click.argument("model")
@pass_context
def evaluate(context: Context, model: str) -> None:
    from core.workspace import evaluations

    report = evaluations.perplexity(context.workspace, model)
    if context.json:
        json_line(report.as_json())
        return
    for line in report.as_text():
        data(line)
