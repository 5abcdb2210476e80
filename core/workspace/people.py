"""The verbs about people: who is in the chats, who is one person, who agreed."""

from __future__ import annotations

from dataclasses import dataclass

from core.chat import Consent, Participant
from core.language import N_, _
from core.problem import Misuse
from core.workspace import revision
from core.workspace.opening import Workspace

_CONSENT = {Consent.UNKNOWN: N_("not asked"), Consent.GIVEN: N_("given"), Consent.REFUSED: N_("refused")}


def consent_words(consent: Consent) -> str:
    """Where somebody's consent stands, as people read it."""
    return _(_CONSENT[consent])


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting a person comes to, before or after it is done."""

    name: str
    messages: int
    datasets: tuple[str, ...]  # they held words of theirs; those examples go, and the dataset is marked
    corrections: tuple[int, ...]  # their prompt or a reply has such words; they go
    talks: tuple[int, ...]  # such words were said in them; they stay, whoever had them may delete them
    models: tuple[str, ...]  # they learnt from any of these; what a model has learnt cannot be taken out
    runs: tuple[str, ...]  # their folders hold rendered examples
    backups: int  # copies of the database that still hold everything


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
    from core.workspace import recipe

    was_persona = recipe.current(workspace).persona == gone.name
    with workspace.store.write() as change:
        participants.join(change, into.id, gone.id)
        if was_persona:
            recipe.set_persona(change, into.name)
        revision.move(change)


def split(workspace: Workspace, name: str) -> str:
    """Take an exported name out of the person that it was joined to; that person's name. It bears its own name again.

    Who of both agreed to what is no longer known: a refusal holds for both, and consent has to be asked for again.
    """
    from core.store import participants

    one = named(workspace, name)
    names = participants.names_of(workspace.store, one.id)
    others = sorted({own.name for own in names} - {one.name})
    if name == one.name or not others:
        raise Misuse(
            _("“{name}” was not joined to anybody.").format(name=name),
            advice=_("Names that joined this person: {names}.").format(names=", ".join(others))
            if others
            else _("`sinsonte participants` lists the names."),
        )
    with workspace.store.write() as change:
        apart = participants.split(change, [own.id for own in names if own.name == name], name)
        if one.consent is Consent.REFUSED:
            participants.set_consent(change, apart, Consent.REFUSED)
        revision.move(change)
    return one.name


def set_consent(workspace: Workspace, name: str, consent: Consent, by: str = "") -> None:
    """Write down whether a person agreed, who recorded it, and when."""
    from core.store import participants

    one = named(workspace, name)
    with workspace.store.write() as change:
        participants.set_consent(change, one.id, consent, by)
        revision.move(change)


def would_forget(workspace: Workspace, name: str) -> Forgotten:
    """What `forget` would take out, and where the person's words went."""
    from core.store import backups, datasets, messages, participants
    from core.store import models as stored_models
    from core.store import runs as stored_runs
    from core.workspace import traces

    store = workspace.store
    one = named(workspace, name)
    names = [own.id for own in participants.names_of(store, one.id)]
    uids = b"".join(messages.uids_of_name(store, own) for own in names)
    found = traces.find(workspace, names, uids)
    holding = set(datasets.holding(store, uids + found.lineage))
    runs = [row.id for row in stored_runs.all_runs(store) if row.dataset_id in holding or row.id in found.runs]
    return Forgotten(
        one.name,
        len(uids) // 10,
        tuple(row.name for row in datasets.all_datasets(store) if row.id in holding),
        found.corrections,
        found.talks,
        tuple(traces.models_of(workspace, holding, runs, stored_models.made_with(store, one.id))),
        tuple(runs),
        len(backups.list_backups(workspace.folder)),
    )


def forget(workspace: Workspace, name: str) -> Forgotten:
    """Take a person's words out of the store for good: messages, decisions, examples, corrections; later imports leave
    them out.

    Models cannot unlearn, talks and backups are not touched: all are told. Deleted text is wiped from the file itself.
    """
    from core.store import (
        backups,
        chats,
        corrections,
        datasets,
        decisions,
        events,
        intake,
        messages,
        models,
        participants,
        settings,
    )
    from core.training.events import SAID
    from core.workspace import evaluations, rehoming, shelf, traces

    told = would_forget(workspace, name)
    _refuse_while_learning(workspace, told.runs)
    store = workspace.store
    one = named(workspace, name)
    keys = {row.id: row.key for row in chats.all_chats(store)}
    theirs = [own.id for own in participants.names_of(store, one.id)]
    lineage = traces.find(workspace, theirs, b"".join(messages.uids_of_name(store, own) for own in theirs)).lineage
    with store.write() as change:
        names = participants.names_of(change, one.id)
        uids = b"".join(messages.uids_of_name(change, own.id) for own in names)
        datasets.erase_examples(change, uids + lineage)
        for number in told.corrections:
            corrections.delete(change, number)
        for model in told.models:
            models.taint(change, model)
        for run in told.runs:
            events.take_out(change, run, "sample", SAID)
        decisions.erase(change, uids)
        settings.put(change, "draft", None)  # an edit that was begun may hold their words
        for own in names:
            messages.erase_name(change, own.id)
            intake.forget_author(change, keys[own.chat_id], own.name)
        participants.delete(change, one.id)
        revision.move(change)
    backups.compact(store)
    shelf.clear(workspace)
    for run in told.runs:
        _wipe_examples(workspace, run)
    for model in told.models:
        evaluations.wipe_words(workspace, model)
        rehoming.wipe_words(workspace, model)
    return told


def _refuse_while_learning(workspace: Workspace, ids: tuple[str, ...]) -> None:
    """A run under way has their words in its memory, and would tell them again."""
    from core.workspace import runs

    for row in runs.listing(workspace) if ids else ():
        if row.id in ids and row.state in runs.UNDER_WAY and not row.at_provider:
            raise Misuse(
                _("run {id} is learning from their words.").format(id=row.id),
                advice=_("Pause or cancel it first: sinsonte train cancel {id}").format(id=row.id),
            )


def _wipe_examples(workspace: Workspace, run: str) -> None:
    """A run folder's rendered examples hold the words too, and so do the samples in its log, which are asked with held-out
    lines; the rest of the log and its model stay."""
    from core.store import runs
    from core.training import events
    from core.workspace.traces import SIDES

    found = runs.find(workspace.store, run)
    if found is None:
        return
    for side in SIDES:
        (workspace.folder / found.folder / side).unlink(missing_ok=True)
    events.take_out_words(workspace.folder / found.folder / events.FILE)
