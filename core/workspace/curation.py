"""The verbs about decisions: what the curator says of messages, with undo and redo that outlive the program.

A decision is attached to messages by their stable ids, so it stands whatever becomes of windows and conversations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.language import _, ngettext
from core.problem import Misuse, Problem
from core.workspace import revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.dataset.material import Decision
    from core.store.decisions import Act

WORDS: Final = ("keep", "drop", "edit", "tag", "untag", "weight", "clear")


@dataclass(frozen=True, slots=True)
class ActRow:
    """One act in the history."""

    id: int
    label: str
    at: int
    undone: bool


def decide(workspace: Workspace, what: str, uids: Sequence[str], value: str = "") -> ActRow:
    """Say one thing of these messages; it is saved when this returns."""
    from core.store import decisions

    if what not in WORDS:
        raise Misuse(
            _("“{word}” is no decision.").format(word=what),
            advice=_("There are: {names}.").format(names=", ".join(WORDS)),
        )
    known = _known(workspace, uids)
    if what in ("tag", "untag") and not value.strip():
        raise Misuse(_("a tag needs a name."))
    if what == "weight" and not (value.isdecimal() and int(value) <= 100):
        raise Misuse(_("a weight is a whole number from 0 to 100."))
    if what == "edit" and not value.strip():
        raise Misuse(_("an edit needs its text."), advice=_("To leave a message out, drop it."))
    label = _label(what, len(known), value)
    with workspace.store.write() as change:
        number = decisions.act(change, label, [decisions.Decision(what, known, value)])
        revision.decided(change)
    return next(_row(one) for one in decisions.history(workspace.store, 1) if one.id == number)


def _known(workspace: Workspace, uids: Sequence[str]) -> list[str]:
    from core.store import messages

    for uid in uids:
        if len(uid) != 20 or any(one not in "0123456789abcdef" for one in uid):
            raise Misuse(
                _("“{text}” is no message's id.").format(text=uid[:40]),
                advice=_("`sinsonte messages --json` shows the ids."),
            )
    found = messages.known(workspace.store, uids)
    missing = [uid for uid in uids if uid not in found]
    if missing:
        raise Misuse(_("there is no message {uid}.").format(uid=missing[0]))
    if not uids:
        raise Problem(_("no messages were named."))
    return list(dict.fromkeys(uids))


def _label(what: str, count: int, value: str) -> str:
    many = ngettext("{count} message", "{count} messages", count).format(count=count)
    words = {
        "keep": _("keep {many}"),
        "drop": _("drop {many}"),
        "edit": _("edit {many}"),
        "tag": _("tag {many} “{value}”"),
        "untag": _("take “{value}” off {many}"),
        "weight": _("weigh {many} {value}"),
        "clear": _("clear {many}"),
    }
    # An edit's text is a chat's words: the history names the act, never the words.
    return words[what].format(many=many, value="" if what == "edit" else value[:60])


def undo(workspace: Workspace) -> ActRow | None:
    """Take the newest act back; None when there is none."""
    from core.store import decisions

    with workspace.store.write() as change:
        found = decisions.undo(change)
        if found is not None:
            revision.decided(change)
    return _row(found) if found else None


def redo(workspace: Workspace) -> ActRow | None:
    """Do again what was undone last; None when there is nothing."""
    from core.store import decisions

    with workspace.store.write() as change:
        found = decisions.redo(change)
        if found is not None:
            revision.decided(change)
    return _row(found) if found else None


def history(workspace: Workspace, limit: int = 100) -> list[ActRow]:
    """The acts, newest first; `undone` ones can be done again."""
    from core.store import decisions

    return [_row(one) for one in decisions.history(workspace.store, limit)]


def standing(workspace: Workspace) -> Mapping[str, Decision]:
    """What stands, by message, as the dataset stage takes it."""
    from core.dataset.material import Decision
    from core.store import decisions

    now = decisions.standing(workspace.store)
    tags: dict[bytes, set[str]] = {}
    for tag, tagged in now.tags.items():
        for uid in tagged:
            tags.setdefault(uid, set()).add(tag)
    said = now.kept.keys() | now.edits.keys() | now.weights.keys() | tags.keys()
    return {
        uid.hex(): Decision(
            state="" if uid not in now.kept else "keep" if now.kept[uid] else "drop",
            text=now.edits.get(uid),
            tags=frozenset(tags.get(uid, ())),
            weight=int(now.weights.get(uid, 1)),
        )
        for uid in said
    }


def _row(one: Act) -> ActRow:
    return ActRow(one.id, one.label, one.at, one.undone)
