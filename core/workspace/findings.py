"""What the check finds, with the way back: each fault leads to the message where its example's reply begins.

Of a frozen dataset, or of what the working recipe gives now, before anything is frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.chat import Example
    from core.dataset.check import CheckReport

_UID = 10  # bytes
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One example at fault. `chat` is None when its message is there no more."""

    n: int
    message: str
    chat: int | None
    sent_at: int
    words: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding with the first examples that it is about."""

    level: str
    code: str
    text: str
    count: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check came to."""

    examples: int
    fit: bool
    model: str
    rows: tuple[FindingRow, ...]


def of_dataset(workspace: Workspace, name: str, progress: Progress | None = None) -> Findings:
    """Check a frozen dataset for the model of its recipe."""
    from core.store import datasets as stored
    from core.workspace import datasets

    row = datasets.named(workspace, name)
    numbers = stored.numbers(workspace.store, row.id)
    examples = zip(numbers, datasets.as_examples(workspace, name), strict=True)
    return _checked(workspace, examples, len(numbers), str(row.recipe.get("model", "mini")), progress)


def of_recipe(workspace: Workspace, progress: Progress | None = None) -> Findings:
    """Check what the working recipe gives now."""
    from core.workspace import recipe

    now = recipe.current(workspace)
    made = recipe.planned(workspace, now)
    return _checked(workspace, enumerate(made), len(made.plan) + len(made.corrections), now.model, progress)


def _checked(
    workspace: Workspace, examples: Iterable[tuple[int, Example]], total: int, model: str, progress: Progress | None
) -> Findings:
    from core.counting.counter import counter_for
    from core.dataset.check import check
    from core.workspace import checks, models

    counter = counter_for(model, folder=models.tokenizer_folder(workspace, model))
    uids = bytearray()  # of the first message of each reply: a list of texts would take nine times the room
    places: dict[int, int] = {}

    def noting() -> Iterator[tuple[int, Example]]:
        for done, (n, example) in enumerate(examples):
            if progress is not None and not done % 256:
                progress(done, total)
            lineage = example.lines[-1].messages or ("00" * _UID,)
            if n != done:  # numbers have gaps once examples were forgotten
                places[n] = done
            uids.extend(bytes.fromhex(lineage[0]))
            yield n, example

    report = check(noting(), counter.example, limit=checks.example_limit(workspace, model))

    def uid_of(n: int) -> str:
        at = places.get(n, n) * _UID
        return uids[at : at + _UID].hex()

    return Findings(report.examples, report.fit, model, tuple(_rows(workspace, report, uid_of)))


def _rows(workspace: Workspace, report: CheckReport, uid_of: Callable[[int], str]) -> Iterator[FindingRow]:
    from core.store import messages

    wanted = {n: uid_of(n) for one in report.findings for n in one.rows}
    found = {row.uid: row for row in messages.by_uids(workspace.store, set(wanted.values()))}
    for one in report.findings:
        faults: list[Fault] = []
        for n in one.rows:
            row = found.get(wanted[n])
            if row is None:
                faults.append(Fault(n, wanted[n], None, 0, ""))
            else:
                faults.append(Fault(n, row.uid, row.chat_id, row.sent_at, row.text))
        yield FindingRow(one.level, one.code, one.text, one.count, tuple(faults))
