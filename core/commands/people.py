"""Commands about the people in the chats."""

from __future__ import annotations

import click

from core.chat import Consent
from core.commands import Context, pass_context
from core.commands.printing import json_line, number, table, talk
from core.language import N_, _

_CONSENT = {Consent.UNKNOWN: N_("not asked"), Consent.GIVEN: N_("given"), Consent.REFUSED: N_("refused")}


@click.group(invoke_without_command=True, help=_("List the people in the chats."))
@click.pass_context
def participants(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is not None:
        return
    context = ctx.find_object(Context)
    assert context is not None
    from core.workspace import people

    rows = people.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(
                {
                    "id": row.id,
                    "name": row.name,
                    "names": row.names,
                    "messages": row.messages,
                    "chats": row.chats,
                    "consent": str(row.consent),
                    "persona": row.persona,
                }
            )
        return
    table(
        [_("messages"), _("chats"), _("consent"), _("participant")],
        [
            (
                number(row.messages),
                row.chats,
                _(_CONSENT[row.consent]),
                row.name
                + (f"  ({', '.join(one for one in row.names if one != row.name)})" if len(row.names) > 1 else "")
                + ("  ← " + _("the persona") if row.persona else ""),
            )
            for row in rows
        ],
        right=(0, 1),
    )


@participants.command("join", help=_("Say that two names are one person; the second name joins the first."))
@click.argument("name")
@click.argument("other")
@pass_context
def join(context: Context, name: str, other: str) -> None:
    from core.workspace import people

    people.join(context.workspace, name, other)
    talk(_("“{other}” is now “{name}”.").format(other=other, name=name))


@participants.command("consent", help=_("Record that a person agreed, or refused, that their words are used."))
@click.argument("name")
@click.argument("answer", type=click.Choice(["yes", "no", "unknown"]))
@click.option("--by", default="", help=_("who recorded it"))
@pass_context
def consent(context: Context, name: str, answer: str, by: str) -> None:
    from core.workspace import people

    state = {"yes": Consent.GIVEN, "no": Consent.REFUSED, "unknown": Consent.UNKNOWN}[answer]
    people.set_consent(context.workspace, name, state, by)
    talk(_("Consent of “{name}”: {state}.").format(name=name, state=_(_CONSENT[state])))
