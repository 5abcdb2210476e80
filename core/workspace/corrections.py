"""The verbs about corrections: a better reply in the place of a model's own, and what the next training makes of it.

In: a reply of a talk and the words that it should have had. Out: the correction, kept with what the model had been
given and where it came from; and files of all corrections, as pairs of a preferred and a rejected reply or as plain
examples.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.chatting.transcripts import ASSISTANT, CORRECTED, Tree, messages
from core.language import _
from core.problem import Misuse, Problem
from core.workspace import transcripts
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.store.corrections import StoredCorrection

PREFERENCE, EXAMPLES = "preference", "openai"
FORMATS: Final = (PREFERENCE, EXAMPLES)


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

    @property
    def asked(self) -> str:
        """What the reply answered."""
        return next((one["content"] for one in reversed(self.prompt) if one["role"] == "user"), "")

    def as_json(self) -> dict[str, Any]:
        """The correction for `--json`."""
        return {
            "id": self.id,
            "prompt": list(self.prompt),
            "chosen": self.chosen,
            "rejected": self.rejected,
            "model": self.model,
            "talk": self.talk,
            "message": self.message,
            "made_at": self.made_at,
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
    prompt = messages(str(reply.manner.get("system", row.system)), tree.path(reply.parent))
    told = [{key: value for key, value in one.items() if key != "name"} for one in prompt]
    with workspace.store.write() as change:
        number = corrections.put(
            change,
            StoredCorrection(0, json.dumps(told, ensure_ascii=False), text, reply.text, reply.model, talk, reply.id, 0),
        )
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
    new = os.O_TRUNC if force else os.O_EXCL
    try:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(
            os.open(to, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | new, 0o600), "w", encoding="utf-8"
        ) as file:
            file.writelines(json.dumps(line(row, form), ensure_ascii=False) + "\n" for row in rows)
    except FileExistsError:
        raise Problem(
            _("this file exists already."), where=str(to), advice=_("Choose another name, or add --force.")
        ) from None
    except OSError as error:
        raise Problem(
            _("the corrections cannot be written ({reason}).").format(reason=error.strerror or str(error)),
            where=str(to),
            advice=_("Choose another place."),
        ) from None
    return len(rows)


def _row(one: StoredCorrection) -> CorrectionRow:
    return CorrectionRow(
        one.id, tuple(json.loads(one.prompt)), one.chosen, one.rejected, one.model, one.talk_id, one.message_id,
        one.made_at,
    )  # fmt: skip
