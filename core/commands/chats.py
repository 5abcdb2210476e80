"""Commands about what was imported: import, chats, messages."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.chat import local_iso
from core.commands import Context, pass_context
from core.commands.printing import Progress, confirmed, data, json_line, number, table, talk
from core.language import _, ngettext
from core.problem import Misuse, Problem, Refused

if TYPE_CHECKING:
    from core.workspace.chats import MessageRow


@click.command("import", help=_("Read exported chats, and say what was understood, what was not, and why."))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--me", help=_("whose voice is to be learnt: a name as it stands in the export"))
@click.option("--format", "format_", help=_("take the file for this format instead of detecting it"))
@click.option(
    "--date-order",
    type=click.Choice(["dmy", "mdy", "ymd"]),
    help=_("how dates are written, where the file does not show it"),
)
@click.option("--dry-run", is_flag=True, help=_("only report; write nothing"))
@pass_context
def import_(
    context: Context,
    files: tuple[Path, ...],
    me: str | None,
    format_: str | None,
    date_order: str | None,
    dry_run: bool,
) -> int:
    from core.workspace import chats as verbs

    failed = 0
    for file in files:
        progress = Progress(file.name)
        try:
            read = (
                partial(verbs.examine, context.settings) if dry_run else partial(verbs.import_file, context.workspace)
            )
            report = read(
                file,
                me=me,
                format=format_,
                date_order=date_order,
                progress=lambda done, total, messages, at=progress.at: at(done, total, number(messages)),
            )
        except Problem as problem:
            progress.close()
            failed = max(failed, problem.exit_code)
            talk("sinsonte: " + " ".join(str(problem).split()))
            continue
        progress.close()
        if context.json:
            json_line(report.as_json())
        else:
            for line in report.as_text():
                data(line)
    if not context.json and not dry_run and not failed:
        suggestion = verbs.owner_suggestion(context.workspace)
        if suggestion:
            talk(suggestion)
    return failed


@click.group("chats", invoke_without_command=True, help=_("List the chats."))
@click.pass_context
def chats(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is not None:
        return
    context = ctx.find_object(Context)
    assert context is not None
    from core.workspace import chats as verbs

    rows = verbs.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(
                {
                    "id": row.id,
                    "title": row.title,
                    "platform": row.platform,
                    "messages": row.messages,
                    "participants": row.participants,
                    "first": local_iso(row.first) if row.first is not None else None,
                    "last": local_iso(row.last) if row.last is not None else None,
                }
            )
        return
    if not rows:
        talk(_("No chats yet. Import one with: sinsonte import FILE"))
        return
    table(
        ["id", _("messages"), _("from"), _("to"), _("chat"), _("participants")],
        [
            (
                row.id,
                number(row.messages),
                local_iso(row.first)[:10] if row.first is not None else "—",
                local_iso(row.last)[:10] if row.last is not None else "—",
                row.title,
                ", ".join(row.participants),
            )
            for row in rows
        ],
        right=(0, 1),
    )


@chats.command("delete", help=_("Delete a chat with its messages, after a copy of the database is made."))
@click.argument("name")
@click.option("--yes", is_flag=True, help=_("do not ask"))
@click.option("--dry-run", is_flag=True, help=_("only say what would go"))
@pass_context
def delete(context: Context, name: str, yes: bool, dry_run: bool) -> None:
    from core.workspace import deleting

    told = deleting.would_delete(context.workspace, name)
    many = ngettext("{count} message of “{name}”.", "{count} messages of “{name}”.", told.messages)
    if not context.json:
        data(many.format(count=number(told.messages), name=told.title))
        if told.datasets:
            data(_("Datasets made from it keep their examples: {names}").format(names=", ".join(told.datasets)))
    if not dry_run:
        question = _("Delete the chat “{name}”? [y/N]").format(name=told.title)
        if not confirmed(question, yes=yes):
            raise Refused(_("no chat was deleted."), advice=_("Add --yes to go on without being asked."))
        told = deleting.delete(context.workspace, str(told.chat))
        talk(_("Deleted. Everything is still in {backup}.").format(backup=told.backup))
    if context.json:
        json_line(
            {
                "chat": told.title,
                "messages": told.messages,
                "datasets": told.datasets,
                "backup": str(told.backup) if told.backup else None,
                "done": not dry_run,
            }
        )


@click.command("messages", help=_("List the messages, or those that hold the words of a query."))
@click.option("--chat", help=_("only this chat: its number or its title"))
@click.option("--query", help=_("words to look for; accents and capitals do not matter"))
@click.option("--author", default="", help=_("only by this participant"))
@click.option("--tag", default="", help=_("only with this tag"))
@click.option("--decision", default="", help=_("only dropped, kept, edited, tagged, weighed or undecided ones"))
@click.option("--longer", type=click.IntRange(min=0), default=0, help=_("only of at least so many characters"))
@click.option("--shorter", type=click.IntRange(min=0), default=0, help=_("only of at most so many characters"))
@click.option("--from", "since", default="", help=_("only from this day, month or year on"))
@click.option("--to", "until", default="", help=_("only up to this day, month or year"))
@click.option("--rule", default="", help=_("only those that this cleaning rule touches"))
@click.option("--private", default="", help=_("only those that hold this kind of private thing"))
@click.option("--limit", type=click.IntRange(min=1), help=_("at most so many (a query shows 50 unless told)"))
@click.option("--conversations", is_flag=True, help=_("the conversations instead, at the recipe's gap"))
@pass_context
def messages(
    context: Context,
    chat: str | None,
    query: str | None,
    limit: int | None,
    conversations: bool,
    **parts: Any,
) -> None:
    from core.workspace import chats as verbs
    from core.workspace import finding

    workspace = context.workspace
    chat_id = verbs.chat_named(workspace, chat).id if chat else None
    if conversations:
        if query or any(parts.values()):
            raise Misuse(
                _("--conversations goes with --chat and --limit alone."),
                advice=_("Leave it out to look for messages."),
            )
        _print_conversations(context, chat_id, limit)
        return
    found = 0
    most = limit or (50 if query else None)
    wanted = finding.Filter(query or "", **parts)
    rows = (
        finding.messages(workspace, wanted, chat=chat_id, limit=most)
        if any(parts.values())
        else verbs.messages(workspace, chat=chat_id, query=query, limit=most)
    )
    for row in rows:
        found += 1
        sent = local_iso(row.sent_at) if row.timed else None
        if context.json:
            json_line(
                {
                    "id": row.uid,
                    "chat": row.chat,
                    "author": row.author,
                    "sent_at": sent,
                    "kind": str(row.kind),
                    "text": row.exported,
                    **_said(row),
                }
            )
        else:
            data(f"{(sent or '—').replace('T', ' ')}  {row.author or '·'}: {row.text}" + _signs(row))
    if wanted and not context.json:
        talk(ngettext("{count} message.", "{count} messages.", found).format(count=found))


def _print_conversations(context: Context, chat: int | None, limit: int | None) -> None:
    from itertools import islice

    from core.workspace import conversations

    count = messages = 0
    for title, row in islice(conversations.listing(context.workspace, chat), limit):
        count, messages = count + 1, messages + row.messages
        started, ended = (None if at is None else local_iso(at) for at in (row.started_at, row.ended_at))
        if context.json:
            json_line(
                {
                    "chat": title,
                    "conversation": row.number + 1,
                    "started_at": started,
                    "ended_at": ended,
                    "messages": row.messages,
                    "dropped": row.dropped,
                    "decided": row.said,
                    "author": row.author,
                    "opening": row.opening,
                }
            )
            continue
        when = (started or "—").replace("T", " ")
        dropped = "" if not row.dropped else "  [" + _("{n} dropped").format(n=number(row.dropped)) + "]"
        opening = " ".join(row.opening.split())[:80]
        data(f"{when}  {number(row.messages):>7}  {row.author or '·'}: {opening}{dropped}")
    if not context.json:
        many = ngettext("{count} conversation", "{count} conversations", count).format(count=number(count))
        talk(_("{conversations}, {messages} messages.").format(conversations=many, messages=number(messages)))


def _said(row: MessageRow) -> dict[str, Any]:
    """What the curator said of a message: only what was said."""
    said = row.said
    told = {
        "decision": said.state,
        "edited": said.text,
        "tags": sorted(said.tags),
        "weight": None if said.weight == 1 else said.weight,
        "begins": said.begins,
    }
    return {name: value for name, value in told.items() if value not in ("", None, [])}


def _signs(row: MessageRow) -> str:
    signs = [{"drop": _("dropped"), "keep": _("kept")}.get(row.said.state, ""), *(f"#{tag}" for tag in row.said.tags)]
    signs += [_("edited")] * (row.said.text is not None)
    told = ", ".join(one for one in signs if one)
    return f"  [{told}]" if told else ""
