"""The verbs about people: who is in the chats, who is one person, who agreed."""

from __future__ import annotations

from dataclasses import dataclass

from core.chat import Consent, Participant
from core.language import _
from core.problem import Misuse
from core.workspace import revision
from core.workspace.opening import Workspace


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A participant as lists show it."""

    id: int
    name: str
    names: tuple[str, ...]  # as exported
    chats: int
    messages: int
    consent: Consent
    persona: bool


def listing(workspace: Workspace) -> list[PersonRow]:
    """Every participant, the one who wrote most first."""
    from core.store import participants
    from core.workspace import recipe

    store = workspace.store
    persona = recipe.current(workspace).persona
    counts = participants.message_counts(store)
    rows: list[PersonRow] = []
    for one in participants.all_participants(store):
        names = participants.names_of(store, one.id)
        rows.append(
            PersonRow(
                one.id,
                one.name,
                tuple(dict.fromkeys(name.name for name in names)),
                len({name.chat_id for name in names}),
                counts.get(one.id, 0),
                one.consent,
                one.name == persona,
            )
        )
    return sorted(rows, key=lambda row: (-row.messages, row.name))


def named(workspace: Workspace, name: str) -> Participant:
    """The participant of this name, or of an exported name of this spelling."""
    from core.store import participants

    found = participants.find(workspace.store, name)
    if found is None:
        from difflib import get_close_matches

        names = [one.name for one in participants.all_participants(workspace.store)]
        near = get_close_matches(name, names, n=1)
        raise Misuse(
            _("nobody is called “{name}”.").format(name=name),
            advice=_("Did you mean “{name}”?").format(name=near[0])
            if near
            else _("`sinsonte participants` lists the names."),
        )
    return found


def join(workspace: Workspace, name: str, other: str) -> None:
    """Make `other` the same person as `name`."""
    from core.store import participants

    into, gone = named(workspace, name), named(workspace, other)
    if into.id == gone.id:
        raise Misuse(_("“{name}” and “{other}” are one person already.").format(name=name, other=other))
    with workspace.store.write() as change:
        participants.join(change, into.id, gone.id)
        revision.move(change)


def set_consent(workspace: Workspace, name: str, consent: Consent, by: str = "") -> None:
    """Write down whether a person agreed, who recorded it, and when."""
    from core.store import participants

    one = named(workspace, name)
    with workspace.store.write() as change:
        participants.set_consent(change, one.id, consent, by)
        revision.move(change)
