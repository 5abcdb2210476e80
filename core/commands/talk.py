"""Talking to a model from the command line."""

from __future__ import annotations

import sys

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line, talk
from core.language import _
from core.problem import Misuse


@click.command("ask", help=_("Ask a model one thing; without TEXT, what is piped in is asked."))
@click.argument("model")
@click.argument("text", required=False)
@click.option("--max-tokens", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.7, show_default=True)
@click.option("--top-p", type=click.FloatRange(0, 1), default=0.9, show_default=True)
@click.option("--seed", type=int, help=_("the same seed gives the same reply"))
@pass_context
def ask(
    context: Context, model: str, text: str | None, max_tokens: int, temperature: float, top_p: float, seed: int | None
) -> int:
    from core.workspace import talking

    if text is None:
        if sys.stdin.isatty():
            raise Misuse(_("there is nothing to ask."), advice=_("Give TEXT, or pipe it in."))
        text = str(sys.stdin.read()).strip()
    manner = talking.Manner(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
    with talking.open_speaker(context.workspace, model) as speaker:
        reply = speaker.ask([*speaker.opening(), {"role": "user", "content": text}], manner)
    if context.json:
        json_line(reply.as_json())
    else:
        data(reply.text)
    if reply.trouble:
        talk(str(reply.trouble.problem(model)))
        return 1
    return 0
