"""The verbs about decisions: what the curator says of messages, with undo and redo that outlive the program.

A decision is attached to messages by their stable ids, so it stands whatever becomes of windows and conversations: a
split or a join too, which is said of the message at which a conversation starts or does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.language import _, grouped, ngettext
from core.problem import Misuse, Problem
from core.workspace import revision
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.dataset.material import Decision
    from core.store.decisions import Act
    from core.store.standing import Said, Standing

WORDS: Final = ("keep", "drop", "edit", "tag", "untag", "weight", "split", "join", "clear")
_DRAFT: Final = "draft"


@dataclass(frozen=True, slots=True)
class ActRow:
    """One act in the history."""

    id: int
    label: str
    at: int
    undone: bool


def decide(workspace: Workspace, what: str, uids: Sequence[str], value: str = "") -> ActRow:
    """Say one thing of these messages; it is saved when this returns."""
    _must_make_sense(what, value)
    return _act(workspace, what, _known(workspace, uids), value)


def decide_at(workspace: Workspace, chat: int, places: Iterable[int], what: str, value: str = "") -> ActRow:
    """The same of the messages at these places of a chat, however many: one act, and one undo."""
    from core.store import messages

    _must_make_sense(what, value)
    packed = messages.uids_at(workspace.store, chat, places)
    if not packed:
        raise Problem(_("no messages were named."))
    return _act(workspace, what, [packed[at : at + 10].hex() for at in range(0, len(packed), 10)], value)


def _must_make_sense(what: str, value: str) -> None:
    if what not in WORDS:
        raise Misuse(
            _("“{word}” is no decision.").format(word=what),
            advice=_("There are: {names}.").format(names=", ".join(WORDS)),
        )
    if what in ("tag", "untag") and not value.strip():
        raise Misuse(_("a tag needs a name."))
    if what == "weight" and not (value.isdecimal() and int(value) <= 100):
        raise Misuse(_("a weight is a whole number from 0 to 100."))
    if what == "edit" and not value.strip():
        raise Misuse(_("an edit needs its text."), advice=_("To leave a message out, drop it."))


def _act(workspace: Workspace, what: str, uids: Sequence[str], value: str) -> ActRow:
    from core.store import decisions

    label = _label(what, len(uids), value)
    with workspace.store.write() as change:
        number = decisions.act(change, label, [decisions.Decision(what, uids, value)])
        revision.decided(change)
    return ActRow(number, label, int(time.time()), undone=False)


def _known(workspace: Workspace, uids: Sequence[str]) -> list[str]:
    from core.store import messages

    for uid in uids:
        if len(uid) != 20 or any(one not in "0123456789abcdef" for one in uid):
            raise Misuse(
                _("“{text}” is no message's id.").format(text=uid[:40]),
                advice=_("`sinsonte messages --json` shows the ids."),
            )
    asked = list(dict.fromkeys(uids))
    found = {uid.hex() for uid, _chat, _place in messages.places_of(workspace.store, map(bytes.fromhex, asked))}
    missing = next((uid for uid in asked if uid not in found), None)
    if missing:
        raise Misuse(_("there is no message {uid}.").format(uid=missing))
    if not asked:
        raise Problem(_("no messages were named."))
    return asked


def _label(what: str, count: int, value: str) -> str:
    many = ngettext("{count} message", "{count} messages", count).format(count=grouped(count))
    words = {
        "keep": _("keep {many}"),
        "drop": _("drop {many}"),
        "edit": _("edit {many}"),
        "tag": _("tag {many} “{value}”"),
        "untag": _("take “{value}” off {many}"),
        "weight": _("weigh {many} {value}"),
        "split": _("split at {many}"),
        "join": _("join at {many}"),
        "clear": _("clear {many}"),
    }
    # An edit's text is a chat's words: the history names the act, never the words.
    return words[what].format(many=many, value="" if what == "edit" else value[:60])


def keep_draft(workspace: Workspace, uid: str, text: str | None) -> None:
    """Keep the words of an edit that is not saved yet (there is one at a time); None lets it go."""
    from core.store import settings

    with workspace.store.write() as change:
        settings.put(change, _DRAFT, None if text is None else {"message": uid, "text": text})


def draft_of(workspace: Workspace, uid: str) -> str | None:
    """The words of an edit of this message that was begun and not saved."""
    from core.store import settings

    kept = settings.get(workspace.store, _DRAFT)
    return str(kept["text"]) if isinstance(kept, dict) and kept.get("message") == uid else None  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


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


def next_undo(workspace: Workspace) -> ActRow | None:
    """What `undo` would take back."""
    from core.store import decisions

    found = decisions.next_undo(workspace.store)
    return _row(found) if found else None


def next_redo(workspace: Workspace) -> ActRow | None:
    """What `redo` would do again."""
    from core.store import decisions

    found = decisions.next_redo(workspace.store)
    return _row(found) if found else None


def standing_now(workspace: Workspace) -> Standing:
    """What stands, by message, brought up to date with whatever was decided here or in another process."""
    from core.store.standing import Standing

    kept = workspace.derived("standing", revision.of_messages(workspace.store), Standing)
    kept.follow(workspace.store)
    return kept


def standing(workspace: Workspace) -> Mapping[str, Decision]:
    """What stands, by message, as the dataset stage takes it."""
    _version, said = standing_now(workspace).snapshot()
    return {uid.hex(): as_decision(one) for uid, one in said.items()}


def as_decision(said: Said) -> Decision:
    """What stands of one message as the dataset stage takes it."""
    from core.dataset.material import Decision

    return Decision(said.state, said.text, said.tags, int(said.weight), said.begins)


def _row(one: Act) -> ActRow:
    return ActRow(one.id, one.label, one.at, one.undone)
