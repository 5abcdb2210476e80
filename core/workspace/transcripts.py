"""The verbs about talks with models: starting, adding to, branching, searching, writing to files, reading back.

In: an open workspace. Out: `TalkRow` and `Said` rows, `Tree`s, files. A talk can also be put among the chats of the
library, and so become training material. What a model answers, and how it is asked, is not known here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.chatting.transcripts import ASSISTANT, CORRECTED, FORMATS, USER, Said, Transcript, Tree, bubbles, moment
from core.language import _
from core.problem import Misuse, Problem
from core.workspace import private_file
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.store.connection import Change
    from core.store.talks import StoredSaid, StoredTalk

TITLE: Final = 60  # characters of the first words, which are a talk's title until it is given one

__all__ = ["ASSISTANT", "CORRECTED", "FORMATS", "USER", "Lane", "Said", "TalkRow", "Tree", "bubbles", "moment"]


@dataclass(frozen=True, slots=True)
class Lane:
    """One model's way through a talk."""

    model: str
    leaf: int | None


@dataclass(frozen=True, slots=True)
class TalkRow:
    """A talk as lists show it."""

    id: int
    title: str
    system: str
    manner: Mapping[str, Any]
    created_at: int
    changed_at: int
    messages: int
    lanes: tuple[Lane, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """Who speaks in it."""
        return tuple(lane.model for lane in self.lanes)

    def as_json(self) -> dict[str, Any]:
        """The talk for `--json`."""
        return {
            "id": self.id,
            "title": self.title,
            "models": list(self.models),
            "system": self.system,
            "manner": dict(self.manner),
            "created_at": self.created_at,
            "changed_at": self.changed_at,
            "messages": self.messages,
        }


# ── having a talk ───────────────────────────────────────────────────────────────────────────────────────────────


def start(
    workspace: Workspace, models: Sequence[str], *, title: str = "", system: str = "", manner: Mapping[str, Any] = {}
) -> int:
    """Begin a talk with these models; returns its number."""
    from core.store import talks

    with workspace.store.write() as change:
        return talks.start(change, models, title, system, json.dumps(dict(manner), ensure_ascii=False))


def ask_in(workspace: Workspace, talk: int, text: str, taken_from: Sequence[str] = ()) -> list[Lane]:
    """Add what the person says at the end of every lane; lanes that have gone one way until here share it. Words that were
    taken from messages of a chat keep the ids of these.
    """
    from core.store import talks

    with workspace.store.write() as change:
        row = talks.find(change, talk)
        if row is None:
            raise _gone()
        if not row.title and text.strip():
            talks.rename(change, talk, " ".join(text.split())[:TITLE])
        made: dict[int | None, int] = {}
        manner = json.dumps(lineage(taken_from))
        for number, lane in enumerate(row.lanes):
            if lane.leaf not in made:
                made[lane.leaf] = talks.add(change, _new(talk, lane.leaf, USER, text, "", manner))
            talks.move(change, talk, number, made[lane.leaf])
        return [Lane(lane.model, made[lane.leaf]) for lane in row.lanes]


def lineage(taken_from: Sequence[str]) -> dict[str, Any]:
    """What a message keeps of the messages of a chat that its words were taken from."""
    return {"messages": list(taken_from)} if taken_from else {}


def begin_reply(
    workspace: Workspace,
    talk: int,
    parent: int | None,
    model: str,
    manner: Mapping[str, Any] = {},
    *,
    text: str = "",
    lane: int | None = None,
) -> int:
    """Enter a reply that is about to come, cut off until `write_reply` says otherwise; the lane moves on to it."""
    from core.store import talks

    with workspace.store.write() as change:
        _must_be_there(change, talk)
        number = talks.add(change, _new(talk, parent, ASSISTANT, text, model, json.dumps(dict(manner))))
        if lane is not None:
            talks.move(change, talk, lane, number)
        return number


def write_reply(workspace: Workspace, talk: int, reply: Said) -> bool:
    """Write what a reply has become; false when it was deleted meanwhile."""
    from core.store import talks

    with workspace.store.write() as change:
        return talks.complete(change, as_stored(talk, reply))


def put(
    workspace: Workspace,
    talk: int,
    parent: int | None,
    role: str,
    text: str,
    *,
    model: str = "",
    finish: str = "stop",
    manner: Mapping[str, Any] = {},
) -> int:
    """Enter a message that somebody said elsewhere; no lane moves on to it."""
    from core.store import talks

    with workspace.store.write() as change:
        _must_be_there(change, talk)
        one = _new(talk, parent, role, text, model if role == ASSISTANT else "", json.dumps(dict(manner)))
        return talks.add(change, replace(one, finish=finish if role == ASSISTANT else ""))


def edit(workspace: Workspace, talk: int, message: int, text: str, lane: int) -> int:
    """Say something else in the place of a message of one's own: a sibling of it, on which the lane goes on."""
    from core.store import talks

    with workspace.store.write() as change:
        before = talks.said(change, message)
        if before is None or before.talk_id != talk:
            raise _gone()
        number = talks.add(change, _new(talk, before.parent, USER, text))
        talks.move(change, talk, lane, number)
        return number


def go_to(workspace: Workspace, talk: int, lane: int, leaf: int | None) -> None:
    """Let a lane end at another message of the tree."""
    from core.store import talks

    with workspace.store.write() as change:
        talks.move(change, talk, lane, leaf)


def set_lanes(workspace: Workspace, talk: int, lanes: Sequence[Lane]) -> None:
    """Say which models speak from now on, and from where."""
    from core.store import talks

    with workspace.store.write() as change:
        _must_be_there(change, talk)
        talks.set_lanes(change, talk, [talks.Lane(lane.model, lane.leaf) for lane in lanes])


def set_terms(workspace: Workspace, talk: int, system: str, manner: Mapping[str, Any]) -> None:
    """Change the system prompt and the manner in which the talk goes on."""
    from core.store import talks

    with workspace.store.write() as change:
        talks.set_terms(change, talk, system, json.dumps(dict(manner), ensure_ascii=False))


# ── finding and reading ─────────────────────────────────────────────────────────────────────────────────────────


def listing(workspace: Workspace) -> list[TalkRow]:
    """Every talk, the one that changed last first."""
    from core.store import talks

    return [_row(one) for one in talks.all_talks(workspace.store)]


def numbered(workspace: Workspace, talk: int) -> TalkRow:
    """The talk of this number."""
    from core.store import talks

    found = talks.find(workspace.store, talk)
    if found is None:
        raise Misuse(
            _("there is no talk {number}.").format(number=talk), advice=_("`sinsonte transcripts list` lists them.")
        )
    return _row(found)


def is_there(workspace: Workspace, talk: int) -> bool:
    """Whether the talk has not been deleted."""
    from core.store import talks

    return talks.find(workspace.store, talk) is not None


def tree(workspace: Workspace, talk: int) -> Tree:
    """Everything that was said in a talk."""
    from core.store import talks

    return Tree(_said(one) for one in talks.all_said(workspace.store, talk))


def search(workspace: Workspace, query: str, limit: int = 1000) -> list[tuple[TalkRow, Said]]:
    """The messages that hold all words of a query, each with its talk, the newest first."""
    from core.store import talks

    found = talks.search(workspace.store, query, limit)
    rows = {row.id: _row(row) for row in talks.all_talks(workspace.store, sorted({one.talk_id for one in found}))}
    return [(rows[one.talk_id], _said(one)) for one in found if one.talk_id in rows]


def delete(workspace: Workspace, talk: int) -> int:
    """Delete a talk and all that was said in it; returns how many messages. Corrections made in it stay."""
    from core.store import talks

    numbered(workspace, talk)
    with workspace.store.write() as change:
        return talks.delete(change, talk)


# ── files and the library ───────────────────────────────────────────────────────────────────────────────────────


def transcript(workspace: Workspace, talk: int) -> Transcript:
    """A talk whole, as files have it."""
    row = numbered(workspace, talk)
    said = tuple(tree(workspace, talk).by_id.values())
    lanes = tuple((lane.model, lane.leaf) for lane in row.lanes)
    return Transcript(row.title, row.system, row.manner, lanes, said, row.created_at)


def export(workspace: Workspace, talk: int, form: str, to: Path | None = None, *, force: bool = False) -> Path:
    """Write a talk to a file that only its owner can read; without `to`, into the workspace's own folder."""
    from core.chatting import transcripts

    text = transcripts.written(transcript(workspace, talk), form)
    if to is None:
        to, force = workspace.folder / "transcripts" / f"talk-{talk}{FORMATS[form]}", True
    private_file.write(to, [text], force=force, refusal=_("the transcript cannot be written ({reason})."))
    return to


def set_apart(workspace: Workspace, talk: int) -> int:
    """How many lines of a talk the text form sets in by a space, since they look like the beginning of a message."""
    from core.chatting import transcripts

    return transcripts.set_apart(transcript(workspace, talk))


def read_in(workspace: Workspace, path: Path) -> list[int]:
    """Read talks from a JSON Lines file, all or none; returns their numbers."""
    from core.chatting import transcripts
    from core.store import talks

    numbers: list[int] = []
    with workspace.store.write() as change:
        for one in transcripts.read(path):
            models = [model for model, _leaf in one.lanes]
            manner = json.dumps(dict(one.manner), ensure_ascii=False)
            talk = talks.start(change, models, one.title, one.system, manner)
            known: dict[int, int] = {}
            for said in one.said:
                parent = None if said.parent is None else known[said.parent]
                known[said.id] = talks.add(change, as_stored(talk, said, parent))
            lanes = [talks.Lane(model, None if leaf is None else known[leaf]) for model, leaf in one.lanes]
            talks.set_lanes(change, talk, lanes)
            numbers.append(talk)
    if not numbers:
        raise Problem(_("there is no talk in this file."), where=str(path))
    return numbers


def as_text(workspace: Workspace, talk: int, form: str) -> str:
    """A talk in one of FORMATS."""
    from core.chatting import transcripts

    return transcripts.written(transcript(workspace, talk), form)


def to_library(workspace: Workspace, talk: int, *, me: str = USER) -> list[int]:
    """Put a talk among the chats, each model's way a chat of its own, with its times, so that it can be learnt from;
    done again, only what is new is added. Returns the numbers of the chats."""
    return _into_library(workspace, [transcript(workspace, talk)], me)


def read_to_library(workspace: Workspace, path: Path, *, me: str = USER) -> list[int]:
    """Read the talks of a JSON Lines file into the library, without keeping them as talks."""
    from core.chatting import transcripts

    return _into_library(workspace, transcripts.read(path), me)


def _into_library(workspace: Workspace, wholes: Iterable[Transcript], me: str) -> list[int]:
    from core.chat import Chat
    from core.chatting import transcripts
    from core.store import chats
    from core.store.intake import Intake
    from core.workspace import revision

    numbers: list[int] = []
    with workspace.store.write() as change:
        for whole in wholes:
            for number, (model, way) in enumerate(whole.ways()):
                messages = [*transcripts.as_messages(way, model, me)]
                if not messages:
                    continue
                title = whole.title or _("A talk with {model}").format(model=model)
                if len(whole.lanes) > 1:
                    title += f" · {model}"
                # The same talk put in once more is the same chat: it is known by when it began and how.
                source = f"{whole.created_at}-{number}-{transcripts.mark_of(way)}"
                chat_id, key = chats.upsert(change, Chat(title, "sinsonte", source), 0)
                intake = Intake(change, chat_id, key)
                intake.add(messages)
                intake.finish()
                numbers.append(chat_id)
        if not numbers:
            raise Problem(_("nothing was said in this talk."))
        revision.move(change)
    return numbers


# ── between rows ────────────────────────────────────────────────────────────────────────────────────────────────


def _new(talk: int, parent: int | None, role: str, text: str, model: str = "", manner: str = "{}") -> StoredSaid:
    from core.store.talks import StoredSaid

    # A lone surrogate, from a terminal in another encoding or a broken server, cannot be stored.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return StoredSaid(0, talk, parent, role, text, time.time(), model, manner=manner)


def as_stored(talk: int, said: Said, parent: int | None = None) -> StoredSaid:
    """A message as the store has it."""
    from core.store.talks import StoredSaid

    return StoredSaid(
        said.id,
        talk,
        parent if parent is not None else said.parent,
        said.role,
        said.text.encode("utf-8", "replace").decode("utf-8"),
        said.at,
        said.model,
        said.finish,
        said.trouble.encode("utf-8", "replace").decode("utf-8"),
        said.prompt_tokens,
        said.reply_tokens,
        said.first_token,
        said.seconds,
        said.cost,
        json.dumps(dict(said.manner), ensure_ascii=False),
    )


def _said(row: StoredSaid) -> Said:
    return Said(
        row.id,
        row.parent,
        row.role,
        row.text,
        row.at,
        row.model,
        row.finish,
        row.trouble,
        row.prompt_tokens,
        row.reply_tokens,
        row.first_token,
        row.seconds,
        row.cost,
        json.loads(row.manner),
    )


def _row(row: StoredTalk) -> TalkRow:
    lanes = tuple(Lane(lane.model, lane.leaf) for lane in row.lanes)
    return TalkRow(
        row.id, row.title, row.system, json.loads(row.manner), row.created_at, row.changed_at, row.messages, lanes
    )


def _must_be_there(change: Change, talk: int) -> None:
    from core.store import talks

    if talks.find(change, talk) is None:
        raise _gone()


def _gone() -> Problem:
    return Problem(_("this talk is no longer there."), advice=_("It was deleted elsewhere."))
