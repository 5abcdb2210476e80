"""Commands about decisions: keep, drop, edit, tag, weight, clear, undo, redo, history."""

from __future__ import annotations

from datetime import datetime

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line, talk
from core.language import _
from core.problem import Misuse, Problem


@click.group(help=_("Say which messages are kept, dropped, edited or tagged; everything can be undone."))
def curate() -> None:
    pass


def _chosen(context: Context, ids: tuple[str, ...], query: str | None, chat: str | None) -> list[str]:
    if not ids and query is None:
        raise Misuse(_("no messages were named."), advice=_("Give their ids, or --query WORDS."))
    if query is None:
        return list(ids)
    from core.workspace import chats

    chat_id = chats.chat_named(context.workspace, chat).id if chat else None
    found = [row.uid for row in chats.messages(context.workspace, chat=chat_id, query=query)]
    if not found:
        raise Problem(_("no message holds these words."))
    return [*ids, *found]


def _decide(context: Context, what: str, uids: list[str], value: str = "") -> None:
    from core.workspace import curation

    act = curation.decide(context.workspace, what, uids, value)
    if context.json:
        json_line({"act": act.id, "label": act.label, "messages": len(set(uids))})
    else:
        talk(_("Done: {label}. `sinsonte curate undo` takes it back.").format(label=act.label))


def _plain(what: str, text: str) -> None:
    @curate.command(what, help=text)
    @click.argument("ids", nargs=-1)
    @click.option("--query", help=_("all messages that hold these words"))
    @click.option("--chat", help=_("only in this chat"))
    @pass_context
    def command(context: Context, ids: tuple[str, ...], query: str | None, chat: str | None) -> None:
        _decide(context, what, _chosen(context, ids, query, chat))

    del command


_plain("keep", _("Keep messages, whatever the cleaning rules say."))
_plain("drop", _("Leave messages out, as replies and as context."))
_plain("split", _("Begin a new conversation at these messages, whatever the windows say."))
_plain("join", _("Begin no conversation at these messages: they go on with what is before them."))
_plain("clear", _("Take back everything that was said of messages."))


@curate.command("edit", help=_("Give a message other words; the exported ones stay stored."))
@click.argument("id")
@click.argument("text")
@pass_context
def edit(context: Context, id: str, text: str) -> None:  # noqa: A002 - the word of the help
    _decide(context, "edit", [id], text)


def _valued(what: str, text: str, metavar: str) -> None:
    @curate.command(what, help=text)
    @click.argument("value", metavar=metavar)
    @click.argument("ids", nargs=-1)
    @click.option("--query", help=_("all messages that hold these words"))
    @click.option("--chat", help=_("only in this chat"))
    @pass_context
    def command(context: Context, value: str, ids: tuple[str, ...], query: str | None, chat: str | None) -> None:
        _decide(context, what, _chosen(context, ids, query, chat), value)

    del command


_valued("tag", _("Put a tag on messages."), "TAG")
_valued("untag", _("Take a tag off messages."), "TAG")
_valued("weight", _("Say how often a reply is learnt: 0 never, 2 twice."), "WEIGHT")


@curate.command("undo", help=_("Take the newest decision back; again for the one before."))
@pass_context
def undo(context: Context) -> None:
    from core.workspace import curation

    act = curation.undo(context.workspace)
    if act is None:
        raise Problem(_("there is nothing to undo."))
    if context.json:
        json_line({"undone": act.label, "act": act.id})
    else:
        talk(_("Undone: {label}.").format(label=act.label))


@curate.command("redo", help=_("Do again what was undone last."))
@pass_context
def redo(context: Context) -> None:
    from core.workspace import curation

    act = curation.redo(context.workspace)
    if act is None:
        raise Problem(_("there is nothing to redo."))
    if context.json:
        json_line({"redone": act.label, "act": act.id})
    else:
        talk(_("Done again: {label}.").format(label=act.label))


@curate.command("history", help=_("List the decisions, newest first."))
@pass_context
def history(context: Context) -> None:
    from core.workspace import curation

    for act in curation.history(context.workspace):
        when = datetime.fromtimestamp(act.at).isoformat(sep=" ", timespec="minutes")
        if context.json:
            json_line({"act": act.id, "label": act.label, "at": when, "undone": act.undone})
        else:
            data(f"{when}  {act.label}" + ("  " + _("(undone)") if act.undone else ""))
