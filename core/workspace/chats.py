"""The verbs about what was imported: import, list, page through, search.

An import is one transaction: Ctrl-C, a kill or a fault in the middle leaves the workspace as it was. The stage that
reads knows no store; here its batches are given to the store one by one, so that a file of any size passes through.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.chat import Chat, Kind, Mark
from core.language import _
from core.problem import Misuse, Problem, system_words
from core.workspace import revision
from core.workspace.opening import Cancelled as Cancelled
from core.workspace.opening import Workspace
from core.workspace.reading_beside import ReadBeside, is_large

if TYPE_CHECKING:
    from core.reading import ImportReport
    from core.reading.export import ReadOptions
    from core.reading.reading import Reading
    from core.settings import Settings
    from core.store import intake
    from core.store.connection import Change
    from core.store.messages import StoredMessage
    from core.store.standing import Said, Standing

SAMPLES: Final = Path(__file__).parent.parent.parent / "sample_chats"

Progress = Callable[[int, int, int], None]  # bytes done, bytes in all, messages so far


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A chat as lists show it; times are those of the chat's own wall clock."""

    id: int
    title: str
    platform: str
    messages: int
    participants: tuple[str, ...]
    first: int | None
    last: int | None


class MessageRow(NamedTuple):
    """A message as a transcript shows it."""

    uid: str
    chat: int
    author: str
    sent_at: int
    kind: Kind
    text: str
    marks: int
    turn_starts: bool
    conversation_starts: bool
    mine: bool
    place: int
    said: Said  # what the curator said of it; an edit's words stand in `text`
    exported: str

    @property
    def timed(self) -> bool:
        """Whether the export told a time."""
        return not self.marks & Mark.UNTIMED


def sample_diet() -> dict[str, Any]:
    """What the sample chats say of themselves: whose voice is where, and what the embedded model learns from them."""
    told: dict[str, Any] = json.loads((SAMPLES / "voices.json").read_text(encoding="utf-8"))
    return told


def sample_files() -> list[Path]:
    """The sample chats, the one that the demo uses first."""
    diet = sample_diet()
    names = [diet["persona_file"], *(one["file"] for one in diet["files"])]
    return [SAMPLES / name for name in dict.fromkeys(names)]


def sample_persona() -> str:
    """Whose voice the demo learns."""
    return str(sample_diet()["persona"])


def import_files(
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    me: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[ImportReport]:
    """Import several files, each whole or not at all; the first that cannot be read ends it."""
    return [import_file(workspace, path, me=me, progress=progress, cancelled=cancelled) for path in paths]


def import_file(
    workspace: Workspace,
    path: Path,
    *,
    me: str | None = None,
    format: str | None = None,  # noqa: A002 - the word of the command line's contract
    date_order: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    watch: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Read one export into the store; what is there already is not added again.

    `watch` is given the report before it is filled: what is known so far can be read in the calls of `progress`.
    """
    if dry_run:
        return examine(
            workspace.settings, path, me=me, format=format, date_order=date_order,
            progress=progress, cancelled=cancelled, watch=watch,
        )  # fmt: skip
    progress = _stopping(progress, cancelled)
    source: Reading | ReadBeside
    if is_large(path):
        source = ReadBeside(path, _options(workspace.settings, me, format, date_order), workspace.folder, progress)
    else:
        source = _read(workspace.settings, path, me, format, date_order, progress)
    if watch is not None:
        watch(source.report)
    with workspace.store.write() as change:
        _take_in(change, source, path, cancelled)
        _must_name_somebody(me, source.report.participants)
        if me is not None:
            from core.workspace.recipe import set_persona

            # Where the export told a chat that was there, its people go by the names that they have there.
            known = [joined.people[me] for joined in source.report.joined if me in joined.people]
            set_persona(change, known[0] if known else me)
        if source.report.added:
            revision.move(change)
    if isinstance(source, ReadBeside):
        from core.workspace import memory

        memory.give_back(workspace)  # of 130 MB half is free again
    return source.report


def examine(
    settings: Settings,
    path: Path,
    *,
    me: str | None = None,
    format: str | None = None,  # noqa: A002 - as above
    date_order: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    watch: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Read one export and keep nothing of it: there need not even be a workspace."""
    source = _read(settings, path, me, format, date_order, _stopping(progress, cancelled))
    if watch is not None:
        watch(source.report)
    for _batch in source:
        _stop_if(cancelled)
    _must_name_somebody(me, source.report.participants)
    return source.report


def _read(
    settings: Settings,
    path: Path,
    me: str | None,
    format_: str | None,
    date_order: str | None,
    progress: Progress | None,
) -> Reading:
    from core import reading

    options = _options(settings, me, format_, date_order)
    return reading.read_export(path, options=options, progress=progress)


def _options(settings: Settings, me: str | None, format_: str | None, date_order: str | None) -> ReadOptions:
    from core import reading

    phrases = Path(settings.phrases).expanduser() if settings.phrases else None
    return reading.ReadOptions(format=format_, date_order=date_order, me=me, phrases=phrases)


def date_readings(problem: Problem) -> list[tuple[str, str]]:
    """Where an import was refused because nothing tells the order of its dates: each order, and what the first date that
    differs would be in it. Empty for any other trouble."""
    from core.reading.date_order import Undecided

    return list(problem.readings) if isinstance(problem, Undecided) else []


def _columns(source: Reading | ReadBeside) -> Iterator[tuple[Chat, intake.Columns]]:
    if isinstance(source, ReadBeside):
        yield from source
    else:
        from core.store.intake import Columns

        yield from ((batch.chat, Columns.of(batch.messages)) for batch in source)


def _take_in(change: Change, source: Reading | ReadBeside, path: Path, cancelled: Callable[[], bool] | None) -> None:
    """What the file tells, into the store; the report learns what became of it."""
    from core.reading.report import Joined
    from core.store import chats, intake
    from core.workspace import merging

    open_chats: dict[Chat, tuple[int, intake.Intake]] = {}
    for told, columns in _columns(source):
        _stop_if(cancelled)
        if told not in open_chats:
            # Two chats of one file may bear one title; they are kept apart.
            same = sum(1 for chat in open_chats if (chat.platform, chat.title) == (told.platform, told.title))
            chat_id, key = chats.upsert(change, told, same)
            open_chats[told] = (chat_id, intake.Intake(change, chat_id, key))
        open_chats[told][1].take(columns)
    report: ImportReport = source.report
    # Without the lines that were not understood: they are words of the chat.
    figures = json.dumps({key: value for key, value in report.as_json().items() if key != "unread"})
    digest = _digest(path)
    added = already_there = 0
    joined: list[Joined] = []
    of_the_file = {chat_id for chat_id, _intake in open_chats.values()}
    for chat_id, one in open_chats.values():
        done = one.finish()
        if done.added and not done.already_there:
            # A chat that seems new may be an old one, exported from the other phone or renamed since.
            old = merging.same_chat(change, chat_id, of_the_file)
            if old is not None:
                title = next(row.title for row in chats.all_chats(change) if row.id == old)
                done, people = merging.merge(change, chat_id, old)
                joined.append(Joined(title, people))
                chat_id = old
        added += done.added
        already_there += done.already_there
        chats.add_import(change, chat_id, chats.Import(report.file, digest, report.format, figures))
    report.added, report.already_there, report.joined = added, already_there, joined


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:  # it was there a moment ago
        raise Problem(
            _("the file could not be read to its end: {reason}.").format(reason=system_words(error)),
            where=path.name,
            advice=_("Check the disk, or copy the file."),
        ) from None


def _stopping(progress: Progress | None, cancelled: Callable[[], bool] | None) -> Progress:
    """Telling how far it is, and stopping then: a big file is gone over once before its first message comes."""

    def tell(done: int, total: int, messages: int) -> None:
        _stop_if(cancelled)
        if progress is not None:
            progress(done, total, messages)

    return tell


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled


def _must_name_somebody(me: str | None, participants: Sequence[str]) -> None:
    if me is not None and me not in participants:
        raise Misuse(
            _("nobody in this chat is called “{name}”.").format(name=me),
            advice=_("It has: {names}.").format(names=", ".join(participants)),
        )


def owner_suggestion(workspace: Workspace) -> str:
    """Who probably exported the chats, while nobody is chosen as the persona: the name found in most of them."""
    from core.workspace import people, recipe

    if recipe.current(workspace).persona:
        return ""
    everywhere = [one for one in people.listing(workspace) if one.chats > 1]
    if not everywhere:
        return _("Whose voice is to be learnt? Say it with: sinsonte recipe set persona=NAME")
    best = max(everywhere, key=lambda one: (one.chats, one.messages))
    return _('“{name}” is in most chats. To learn that voice: sinsonte recipe set persona="{name}"').format(
        name=best.name
    )


def listing(workspace: Workspace) -> list[ChatRow]:
    """Every chat, the one with the newest message first."""
    from core.store import chats

    return [
        ChatRow(row.id, row.title, row.platform, row.messages, row.participants, row.first_at, row.last_at)
        for row in chats.all_chats(workspace.store)
    ]


def chat_named(workspace: Workspace, name: str) -> ChatRow:
    """The chat of this number, or of this title when only one bears it."""
    rows = listing(workspace)
    found = [row for row in rows if str(row.id) == name] or [
        row for row in rows if row.title.casefold() == name.casefold()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise Misuse(
            _("several chats are called “{name}”.").format(name=name),
            advice=_("Use a number: {numbers}.").format(numbers=", ".join(str(row.id) for row in found)),
        )
    raise Misuse(_("there is no chat “{name}”.").format(name=name), advice=_("`sinsonte chats` lists them."))


def messages(
    workspace: Workspace, *, chat: int | None = None, query: str | None = None, limit: int | None = None
) -> Iterator[MessageRow]:
    """Messages in their order, of one chat or all, or those that hold the words of a query: as exported, or as edited."""
    from core.store import messages as stored
    from core.workspace import curation

    left = limit if limit is not None else 2**62
    if query is not None:
        from core.store import searching
        from core.workspace import finding

        chosen = None if chat is None else [chat]
        ids = searching.search(workspace.store, query, chosen, limit)
        edited = [one for one in finding.edited_with(workspace, query) if chat is None or one[1] == chat]
        if edited:
            ids = searching.with_edited(workspace.store, ids, [uid for uid, _chat, _place in edited])
        standing = curation.standing_now(workspace)
        for start in range(0, min(len(ids), left), 500):
            for row in stored.by_ids(workspace.store, ids[start : min(start + 500, left)]):
                yield _row(row, None, None, "", standing)
        return
    for one in [chat] if chat is not None else [row.id for row in listing(workspace)]:
        transcript_of = transcript(workspace, one)
        for start in range(0, transcript_of.count(), 1000):
            if left <= 0:
                return
            rows = transcript_of.rows(start, min(1000, left))
            left -= len(rows)
            yield from rows


class Transcript:
    """A chat by row number: any page costs the page, however long the chat."""

    def __init__(self, workspace: Workspace, chat_id: int) -> None:
        from core.workspace import curation, recipe

        current = recipe.current(workspace)
        self._standing = curation.standing_now(workspace)
        self._workspace = workspace
        self._chat = chat_id
        self._persona = current.persona
        self._burst = current.burst_window
        self._gap = current.conversation_gap

    def count(self) -> int:
        """How many messages there are."""
        from core.store import messages as stored

        return stored.count(self._workspace.store, self._chat)

    def rows(self, first: int, n: int) -> list[MessageRow]:
        """`n` messages from row `first` on, with where turns and conversations start."""
        from core.store import messages as stored

        # One row more before the page: whether its first message starts a turn depends on the one before.
        found = stored.page(self._workspace.store, self._chat, max(0, first - 1), n + min(1, first))
        before: StoredMessage | None = None
        rows: list[MessageRow] = []
        for row in found:
            rows.append(_row(row, before, (self._burst, self._gap), self._persona, self._standing))
            before = row
        return rows[1:] if first else rows

    def at(self, places: Sequence[int]) -> list[MessageRow]:
        """The messages at these places, each by itself: where turns start is not told."""
        from core.store import messages as stored

        found = stored.at_places(self._workspace.store, self._chat, places)
        return [_row(row, None, None, self._persona, self._standing) for row in found]


def transcript(workspace: Workspace, chat_id: int) -> Transcript:
    """The chat's messages, to be paged through."""
    if not any(row.id == chat_id for row in listing(workspace)):
        raise Problem(_("this chat is no longer there."))
    return Transcript(workspace, chat_id)


def _row(
    row: StoredMessage,
    before: StoredMessage | None,
    windows: tuple[int, int] | None,
    persona: str,
    standing: Standing,
) -> MessageRow:
    said = standing.of(row.uid)
    conversation = before is None or bool(row.marks & Mark.STARTS)
    if windows is not None and before is not None and not (row.marks | before.marks) & Mark.UNTIMED:
        conversation = conversation or row.sent_at - before.sent_at > windows[1]
    if said.begins is not None and before is not None:
        conversation = said.begins
    turn = conversation or before is None or row.author != before.author
    if windows is not None and before is not None and not (row.marks | before.marks) & Mark.UNTIMED:
        turn = turn or row.sent_at - before.sent_at > windows[0]
    return MessageRow(
        row.uid,
        row.chat_id,
        row.author,
        row.sent_at,
        row.kind,
        row.text if said.text is None else said.text,
        row.marks,
        turn,
        conversation,
        bool(persona) and row.author == persona,
        row.place,
        said,
        row.text,
    )
