"""The line of a dataset that a provider refused, with the way back: the example of ours that it is, its conversation and
the messages that it was made of.

In: a run that failed at its provider. Out: a `RefusedLine`, or None where the provider named no line. The line stands in
the run's log as an example's number (core/training/backends/openai/telling.py); where its messages stand is asked of the
store each time, since they may have been forgotten or imported anew meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.workspace.findings import Fault
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.workspace.runs import RunRow


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One line that was refused. `fault` is where its reply stands, as a check of the dataset tells it."""

    side: str
    line: int
    dataset: str
    conversation: int
    fault: Fault
    messages: tuple[str, ...]  # the stable ids of all that the example was made of, in its order

    def as_json(self) -> dict[str, Any]:
        """The same for `--json`."""
        return {
            "side": self.side,
            "line": self.line,
            "dataset": self.dataset,
            "example": self.fault.n,
            "conversation": self.conversation,
            "chat": self.fault.chat,
            "message": self.fault.message or None,
            "messages": list(self.messages),
        }


def of_run(workspace: Workspace, row: RunRow) -> RefusedLine | None:
    """The line that this run's provider refused."""
    from core.store import messages
    from core.training.events import FILE
    from core.training.history import History, of_kinds
    from core.workspace import datasets

    if row.state != "failed" or not row.dataset:
        return None
    problem = next(History(row.folder / FILE).backwards(of_kinds("problem")), None)
    told: Mapping[str, Any] = problem.fields if problem is not None else {}
    line, n = told.get("line"), told.get("example")
    if not isinstance(line, int) or not isinstance(n, int):
        return None
    one = datasets.example(workspace, row.dataset, n)
    if one is None or not one.lines:
        return None  # it was taken out since: one of its people was forgotten
    uid = next(iter(one.lines[-1].messages), "")  # what came from a file was made of no messages
    found = next(iter(messages.by_uids(workspace.store, [uid] if uid else [])), None)
    fault = Fault(n, uid, None, 0, "") if found is None else Fault(n, uid, found.chat_id, found.sent_at, found.text)
    everything = tuple(dict.fromkeys(uid for spoken in one.lines for uid in spoken.messages))
    return RefusedLine(str(told.get("side") or "train"), line, row.dataset, one.conversation, fault, everything)
