"""Commands about talks that were had with models, and about the corrections made in them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from core.commands import Context, pass_context
from core.commands.printing import confirmed, data, json_line, number, table, talk
from core.language import _, ngettext
from core.problem import Misuse, Refused

FORMS = ["markdown", "jsonl", "text"]


@click.group(help=_("Talks with models: list, show, search, export, import, delete."))
def transcripts() -> None:
    pass


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


@transcripts.command("list", help=_("List the talks, the newest first."))
@pass_context
def list_(context: Context) -> None:
    from core.workspace import transcripts as verbs

    rows = verbs.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("No talks yet. They are kept where they are had: on the workbench's screen 7."))
        return
    table(
        [_("talk"), _("changed"), _("messages"), _("models"), _("title")],
        [(row.id, _moment(row.changed_at), number(row.messages), ", ".join(row.models), row.title) for row in rows],
        right=(0, 2),
    )


@transcripts.command("show", help=_("Print a talk; with --json every message of it, branches too."))
@click.argument("talk_number", metavar="TALK", type=int)
@pass_context
def show(context: Context, talk_number: int) -> None:
    from core.workspace import transcripts as verbs

    if context.json:
        verbs.numbered(context.workspace, talk_number)
        for one in verbs.tree(context.workspace, talk_number).by_id.values():
            json_line(one.as_json())
        return
    data(verbs.as_text(context.workspace, talk_number, "text").rstrip("\n"))


@transcripts.command("search", help=_("Find messages of talks by their words."))
@click.argument("query")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True)
@pass_context
def search(context: Context, query: str, limit: int) -> None:
    from core.workspace import transcripts as verbs

    found = verbs.search(context.workspace, query, limit)
    if context.json:
        for row, one in found:
            json_line({"talk": row.id, "title": row.title, **one.as_json()})
        return
    table(
        [_("talk"), _("when"), _("who"), _("text")],
        [(row.id, _moment(one.at), one.model or one.role, one.text) for row, one in found],
        right=(0,),
    )


@transcripts.command("export", help=_("Write a talk to a file; without --to, into the workspace's folder."))
@click.argument("talk_number", metavar="TALK", type=int)
@click.option("--as", "form", type=click.Choice(FORMS), default="markdown", show_default=True)
@click.option("--to", type=click.Path(path_type=Path, readable=False), help=_("the file to write"))
@click.option("--force", is_flag=True, help=_("write over a file that is there"))
@pass_context
def export(context: Context, talk_number: int, form: str, to: Path | None, force: bool) -> None:
    from core.workspace import transcripts as verbs

    file = verbs.export(context.workspace, talk_number, form, to, force=force)
    apart = verbs.set_apart(context.workspace, talk_number) if form == "text" else 0
    if context.json:
        json_line({"talk": talk_number, "file": str(file), **({"set_in": apart} if form == "text" else {})})
        return
    data(str(file))
    if apart:
        said = ngettext(
            "{n} line looks like the beginning of a message and is set in by a space; --as jsonl is exact.",
            "{n} lines look like the beginning of a message and are set in by a space; --as jsonl is exact.",
            apart,
        )
        talk(said.format(n=number(apart)))


@transcripts.command("import", help=_("Read talks back in from JSON Lines; with --as chat, put them among the chats."))
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--as", "what", type=click.Choice(["talk", "chat"]), default="talk", show_default=True)
@click.option("--me", default="user", show_default=True, help=_("with --as chat: the name to give the person"))
@pass_context
def import_(context: Context, file: Path, what: str, me: str) -> None:
    from core.workspace import transcripts as verbs

    if what == "chat":
        numbers = verbs.read_to_library(context.workspace, file, me=me)
        said = ngettext("{n} chat is in the library.", "{n} chats are in the library.", len(numbers))
    else:
        numbers = verbs.read_in(context.workspace, file)
        said = ngettext("{n} talk was read in.", "{n} talks were read in.", len(numbers))
    if context.json:
        json_line({"chats" if what == "chat" else "talks": numbers})
    else:
        talk(said.format(n=number(len(numbers))))


@transcripts.command("to-chats", help=_("Put a talk among the chats, so that it can be learnt from."))
@click.argument("talk_number", metavar="TALK", type=int)
@click.option("--me", default="user", show_default=True, help=_("the name to give the person"))
@pass_context
def to_chats(context: Context, talk_number: int, me: str) -> None:
    from core.workspace import transcripts as verbs

    numbers = verbs.to_library(context.workspace, talk_number, me=me)
    if context.json:
        json_line({"chats": numbers})
    else:
        said = ngettext("{n} chat is in the library.", "{n} chats are in the library.", len(numbers))
        talk(said.format(n=number(len(numbers))))


@transcripts.command("delete", help=_("Delete a talk and everything said in it; corrections made in it stay."))
@click.argument("talk_number", metavar="TALK", type=int)
@click.option("--yes", is_flag=True, help=_("do not ask"))
@pass_context
def delete(context: Context, talk_number: int, yes: bool) -> None:
    from core.workspace import transcripts as verbs

    row = verbs.numbered(context.workspace, talk_number)
    question = _("Delete talk {number} ({messages} messages)? [y/N]").format(
        number=row.id, messages=number(row.messages)
    )
    if not confirmed(question, yes=yes):
        raise Refused(_("nothing was deleted."), advice=_("Confirm with --yes."))
    gone = verbs.delete(context.workspace, talk_number)
    if context.json:
        json_line({"talk": talk_number, "messages": gone})
    else:
        talk(_("Deleted."))


@click.group(help=_("Better replies, written in the place of a model's own."))
def corrections() -> None:
    pass


@corrections.command("list", help=_("List the corrections."))
@pass_context
def list_corrections(context: Context) -> None:
    from core.workspace import corrections as verbs

    rows = verbs.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("there are no corrections yet.") + " " + _("In a talk, e on a reply opens it for correction."))
        return
    table(
        [_("number"), _("model"), _("asked"), _("said"), _("better")],
        [(row.id, row.model, _cut(row.asked), _cut(row.rejected), _cut(row.chosen)) for row in rows],
        right=(0,),
    )


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


@corrections.command("export", help=_("Write the corrections as JSON Lines: pairs of replies, or plain examples."))
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option(
    "--as",
    "form",
    type=click.Choice(["preference", "openai"]),
    default="preference",
    show_default=True,
    help=_("pairs of a preferred and a rejected reply, or examples that end with the better one"),
)
@click.option("--force", is_flag=True, help=_("write over a file that is there"))
@pass_context
def export_corrections(context: Context, file: Path | None, form: str, force: bool) -> None:
    from core.workspace import corrections as verbs

    if file is None:
        for row in verbs.listing(context.workspace):
            json_line(verbs.line(row, form))
        return
    count = verbs.export(context.workspace, form, file, force=force)
    if context.json:
        json_line({"file": str(file), "corrections": count})
    else:
        said = ngettext("{n} correction is in {file}.", "{n} corrections are in {file}.", count)
        talk(said.format(n=number(count), file=file))


@corrections.command("delete", help=_("Take a correction back."))
@click.argument("correction_number", metavar="NUMBER", type=int)
@click.option("--yes", is_flag=True, help=_("do not ask"))
@pass_context
def delete_correction(context: Context, correction_number: int, yes: bool) -> None:
    from core.workspace import corrections as verbs

    if not any(row.id == correction_number for row in verbs.listing(context.workspace)):
        raise Misuse(
            _("there is no correction {number}.").format(number=correction_number),
            advice=_("`sinsonte corrections list` lists them."),
        )
    if not confirmed(_("Delete correction {number}? [y/N]").format(number=correction_number), yes=yes):
        raise Refused(_("nothing was deleted."), advice=_("Confirm with --yes."))
    verbs.delete(context.workspace, correction_number)
    if context.json:
        json_line({"correction": correction_number})
    else:
        talk(_("Deleted."))
