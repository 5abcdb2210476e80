"""The verbs about corrections: a better reply in the place of a model's own, and what the next training makes of it.

In: a reply of a talk and the words that it should have had. Out: the correction, kept with what the model had been
given and where it came from; what the next dataset takes in of it; and files of all corrections, as pairs of a preferred
and a rejected reply or as plain examples.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from core.chat import Role
from core.chatting.transcripts import ASSISTANT, CORRECTED, Tree, messages
from core.language import _
from core.problem import Misuse, Problem
from core.workspace import private_file, revision, transcripts
from core.workspace.opening import Workspace
from core.workspace.uids import SIZE as UID
from core.workspace.uids import Uids

if TYPE_CHECKING:
    from core.dataset.corrections import Correction
    from core.dataset.recipe import Recipe
    from core.store.corrections import StoredCorrection
    from core.workspace.datasets import DatasetRow

PREFERENCE, EXAMPLES = "preference", "openai"
FORMATS: Final = (PREFERENCE, EXAMPLES)
SEEN: Final = "corrections_seen"  # among a dataset's counts: the newest correction there was when it was built


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A correction as lists show it."""

    id: int
    prompt: tuple[dict[str, str], ...]
    chosen: str
    rejected: str
    model: str
    talk: int | None
    message: int | None
    made_at: int
    separator: str = ""
    persona: str = ""  # whose voice the model had learnt, where that is known
    lineage: tuple[tuple[str, ...], ...] = ()  # of each message of the prompt, those of a chat that it was taken from

    @property
    def uid(self) -> str:
        """Its stable id: what the lineage of a dataset's example leads back to."""
        return as_material(self).uid

    @property
    def asked(self) -> str:
        """What the reply answered."""
        return next((one["content"] for one in reversed(self.prompt) if one["role"] == "user"), "")

    def as_json(self) -> dict[str, Any]:
        """The correction for `--json`."""
        return {
            "id": self.id,
            "uid": self.uid,
            "prompt": list(self.prompt),
            "chosen": self.chosen,
            "rejected": self.rejected,
            "model": self.model,
            "talk": self.talk,
            "message": self.message,
            "made_at": self.made_at,
            "persona": self.persona,
        }


def correct(workspace: Workspace, talk: int, message: int, text: str, lane: int | None = None) -> tuple[int, int]:
    """Put better words in the place of a reply; returns the numbers of the correction and of the new message.

    The talk goes on with the better words. Corrected twice, the first attempt of the model is still what is rejected.
    """
    from core.store import corrections, talks
    from core.store.corrections import StoredCorrection

    row = transcripts.numbered(workspace, talk)
    tree = transcripts.tree(workspace, talk)
    reply = tree.by_id.get(message)
    if reply is None or reply.role != ASSISTANT:
        raise Problem(_("only a model's reply can be corrected."))
    if reply.finish == CORRECTED:
        reply = _corrected_before(workspace, tree, message) or reply
    if text.strip() == reply.text.strip():
        raise Problem(_("this is what the model said."), advice=_("Change the words, then keep them."))
    way = tree.path(reply.parent)
    told: list[dict[str, Any]] = [
        {key: value for key, value in one.items() if key != "name"}
        for one in messages(str(reply.manner.get("system", row.system)), way)
    ]
    for one, said in zip(reversed(told), reversed(way), strict=False):
        if uids := _uids(said.manner.get("messages")):
            one["messages"] = uids
    with workspace.store.write() as change:
        number = corrections.put(
            change,
            StoredCorrection(
                0,
                json.dumps(told, ensure_ascii=False),
                text,
                reply.text,
                reply.model,
                talk,
                reply.id,
                0,
                reply.separator,
                _persona_of(workspace, reply.model),
            ),
        )
        revision.decided(change)
        better = replace(
            transcripts.as_stored(talk, reply), id=0, at=0.0, text=text, finish=CORRECTED, trouble="", reply_tokens=0,
            first_token=None, seconds=None, cost=None,
        )  # fmt: skip
        written = talks.add(change, better)
        if lane is not None:
            talks.move(change, talk, lane, written)
    return number, written


def _corrected_before(workspace: Workspace, tree: Tree, message: int) -> transcripts.Said | None:
    """The model's own reply in whose place this message stands."""
    beside = {one.id: one for one in tree.siblings(message)}
    words = tree.by_id[message].text
    found = [one for one in listing(workspace) if one.message in beside and one.chosen == words]
    return beside.get(found[-1].message or 0) if found else None


def listing(workspace: Workspace) -> list[CorrectionRow]:
    """Every correction, in the order in which they were made."""
    from core.store import corrections

    return [_row(one) for one in corrections.all_corrections(workspace.store)]


def delete(workspace: Workspace, number: int) -> None:
    """Take a correction back; the talk keeps its words."""
    from core.store import corrections

    with workspace.store.write() as change:
        found = corrections.delete(change, number)
        revision.decided(change)
    if not found:
        raise Misuse(
            _("there is no correction {number}.").format(number=number),
            advice=_("`sinsonte corrections list` lists them."),
        )


def line(row: CorrectionRow, form: str) -> dict[str, Any]:
    """A correction as a line of JSON: `preference` is OpenAI's form of a preferred pair, `openai` a chat that ends well."""
    if form == PREFERENCE:
        return {
            "input": {"messages": list(row.prompt)},
            "preferred_output": [{"role": ASSISTANT, "content": row.chosen}],
            "non_preferred_output": [{"role": ASSISTANT, "content": row.rejected}],
        }
    return {"messages": [*row.prompt, {"role": ASSISTANT, "content": row.chosen}]}


def export(workspace: Workspace, form: str, to: Path, *, force: bool = False) -> int:
    """Write all corrections to a file that only its owner can read; returns how many."""
    rows = listing(workspace)
    if not rows:
        raise Problem(_("there are no corrections yet."), advice=_("In a talk, e on a reply opens it for correction."))
    private_file.write(
        to,
        (json.dumps(line(row, form), ensure_ascii=False) + "\n" for row in rows),
        force=force,
        refusal=_("the corrections cannot be written ({reason})."),
    )
    return len(rows)


# ── for the next dataset ────────────────────────────────────────────────────────────────────────────────────────


def as_material(row: CorrectionRow) -> Correction:
    """A correction as datasets take it."""
    from core.dataset.corrections import Correction, Heard

    lineage = row.lineage or ((),) * len(row.prompt)
    heard = tuple(Heard(Role(one["role"]), one["content"], uids) for one, uids in zip(row.prompt, lineage, strict=True))
    return Correction(heard, row.chosen, row.separator)


def for_dataset(workspace: Workspace, recipe: Recipe) -> list[Correction]:
    """What a dataset of this recipe may take in: corrections of whoever speaks with this persona's voice (or nobody knows
    with whose), and no words of a chat whose author refused, was forgotten or is not there.
    """
    rows = allowed(workspace, _of_persona(workspace, recipe.persona), require_consent=recipe.require_consent)
    return [as_material(row) for row in rows]


def allowed(workspace: Workspace, rows: list[CorrectionRow], *, require_consent: bool) -> list[CorrectionRow]:
    """Those without words of a chat whose author refused, was forgotten or is not there."""
    taken_from = {uid for row in rows for uids in row.lineage for uid in uids}
    if not taken_from:
        return rows
    from core.cleaning.consent import may_be_used
    from core.workspace import material

    having = material.of(workspace)
    uids = having.uids
    assert isinstance(uids, Uids)
    may = may_be_used(having.columns.authors, having.participants, require_consent=require_consent)
    free = {uids[at] for at in uids.rows(b"".join(map(bytes.fromhex, sorted(taken_from)))) if may[at]}
    return [row for row in rows if all(uid in free for uids in row.lineage for uid in uids)]


def newer_than(workspace: Workspace, row: DatasetRow) -> int:
    """How many corrections were made for this dataset's persona since it was built; 0 where its recipe takes none."""
    from datetime import datetime

    if row.recipe.get("corrections", "examples") == "none":
        return 0
    seen, made_at = row.counts.get(SEEN, 0), int(datetime.fromisoformat(row.created_at).timestamp())
    persona = str(row.recipe.get("persona", ""))
    return sum(one.id > seen or one.made_at > made_at for one in _of_persona(workspace, persona))


def _of_persona(workspace: Workspace, persona: str) -> list[CorrectionRow]:
    from core.store import participants

    rows = listing(workspace)
    known = participants.find(workspace.store, persona) if rows else None
    number = known.id if known else None

    def speaks(name: str) -> bool:
        found = participants.find(workspace.store, name)
        return found is not None and found.id == number

    same = {name: not name or speaks(name) for name in {row.persona for row in rows}}
    return [row for row in rows if same[row.persona]]


def _persona_of(workspace: Workspace, model: str) -> str:
    """Whose voice a model speaks with: that of its dataset; a base is asked as the newest model on it is."""
    from core.workspace import datasets, talking

    name = next((row.dataset for row in talking.speakers(workspace) if row.name == model), "")
    return str(datasets.named(workspace, name).recipe.get("persona", "")) if name else ""


def _uids(told: Any) -> list[str]:
    """The ids of messages that a message of a talk was kept with; a talk from elsewhere may say anything."""
    some = cast("list[Any]", told) if isinstance(told, list) else []
    return [one for one in some if isinstance(one, str) and re.fullmatch(f"[0-9a-f]{{{2 * UID}}}", one)]


def _row(one: StoredCorrection) -> CorrectionRow:
    prompt: list[dict[str, Any]] = json.loads(one.prompt)
    return CorrectionRow(
        one.id,
        tuple({"role": str(said["role"]), "content": str(said["content"])} for said in prompt),
        one.chosen,
        one.rejected,
        one.model,
        one.talk_id,
        one.message_id,
        one.made_at,
        one.separator,
        one.persona,
        tuple(tuple(said.get("messages", ())) for said in prompt),
    )
