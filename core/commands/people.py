"""Commands about the people in the chats."""

from __future__ import annotations

import click

from core.chat import Consent
from core.commands import Context, pass_context
from core.commands.printing import confirmed, data, json_line, number, table, talk
from core.language import _, ngettext
from core.problem import Refused


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
    if not rows:
        talk(_("No chats yet. Import one with: sinsonte import FILE"))
        return
    table(
        [_("messages"), _("chats"), _("consent"), _("participant")],
        [
            (
                number(row.messages),
                row.chats,
                people.consent_words(row.consent),
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


@participants.command("split", help=_("Take a name out of the person that it joined."))
@click.argument("name")
@pass_context
def split(context: Context, name: str) -> None:
    from core.workspace import people

    whole = people.split(context.workspace, name)
    talk(_("“{name}” is apart from “{whole}” again.").format(name=name, whole=whole))


@participants.command("consent", help=_("Record that a person agreed, or refused, that their words are used."))
@click.argument("name")
@click.argument("answer", type=click.Choice(["yes", "no", "unknown"]))
@click.option("--by", default="", help=_("who recorded it"))
@pass_context
def consent(context: Context, name: str, answer: str, by: str) -> None:
    from core.workspace import people

    state = {"yes": Consent.GIVEN, "no": Consent.REFUSED, "unknown": Consent.UNKNOWN}[answer]
    people.set_consent(context.workspace, name, state, by)
    talk(_("Consent of “{name}”: {state}.").format(name=name, state=people.consent_words(state)))


@click.command("forget", help=_("Take a person's words out of the workspace for good, and say where they went."))
@click.argument("name")
@click.option("--yes", is_flag=True, help=_("do not ask"))
@click.option("--dry-run", is_flag=True, help=_("only say what would go"))
@pass_context
def forget(context: Context, name: str, yes: bool, dry_run: bool) -> None:
    from core.workspace import people

    told = people.would_forget(context.workspace, name)
    if not context.json:
        data(
            ngettext("{count} message of “{name}”.", "{count} messages of “{name}”.", told.messages).format(
                count=number(told.messages), name=told.name
            )
        )
        for said, names in (
            (_("In datasets (their examples go, and they are marked): {names}"), told.datasets),
            (_("In corrections of replies (they go): {names}"), [f"#{one}" for one in told.corrections]),
            (_("In talks (they stay; delete those that you do not need): {names}"), [f"#{one}" for one in told.talks]),
            (_("In models, which cannot unlearn (they are marked): {names}"), told.models),
        ):
            if names:
                data(said.format(names=", ".join(names)))
        if told.backups:
            data(
                ngettext(
                    "{count} backup holds everything still; delete it if you do not need it.",
                    "{count} backups hold everything still; delete those that you do not need.",
                    told.backups,
                ).format(count=told.backups)
            )
    if not dry_run:
        question = _("Forget “{name}” for good? This cannot be undone. [y/N]").format(name=told.name)
        if not confirmed(question, yes=yes):
            raise Refused(_("nobody was forgotten."), advice=_("Add --yes to go on without being asked."))
        people.forget(context.workspace, name)
        talk(_("“{name}” is forgotten; later imports leave these messages out.").format(name=told.name))
    if context.json:
        json_line({**_plain(told), "done": not dry_run})


def _plain(told: object) -> dict[str, object]:
    import dataclasses

    return dataclasses.asdict(told) if dataclasses.is_dataclass(told) and not isinstance(told, type) else {}
