"""A provider's words and figures as events of our own log, each of them once.

In: objects of the protocol. Out: events. What was told is known from the log itself, by the provider's own ids: there
is no second list that could disagree with it. Texts of the server are untrusted; they are kept as they came (cut to a
length), and made fit to show where they are shown.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Final

from core.endpoints import Failure, Profile
from core.endpoints.answers import count_in, table_in, text_in
from core.endpoints.failures import words
from core.language import _
from core.safe_text import shown_in_line
from core.training import events
from core.training.backends.openai.listener import name_of
from core.training.backends.openai.results import Point
from core.training.backends.openai.wanted import Wanted
from core.training.events import Reader
from core.training.states import State

INDEX: Final = "examples.json"  # which example of our dataset stands in which line of which file
_LONGEST: Final = 2_000
_LINE: Final = re.compile(r"\b(?:line|example|row)s?\s+#?(\d+)", re.IGNORECASE)
# What providers call where a job stands. Whatever else one says, the job goes on.
_STATES: Final = {
    "validating_files": State.QUEUED,
    "queued": State.QUEUED,
    "pending": State.QUEUED,
    "notrunning": State.QUEUED,
    "created": State.QUEUED,
    "running": State.RUNNING,
    "resuming": State.RUNNING,
    "pausing": State.PAUSING,
    "paused": State.PAUSED,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "cancelled": State.CANCELLED,
    "canceled": State.CANCELLED,
}


class Teller:
    """The one who writes the log of a run at a provider."""

    def __init__(self, log: events.Log, folder: Path) -> None:
        self.folder = folder
        self.known: set[str] = set()  # of provider's ids: what the log has
        self.state = State.PREPARED
        self._log = log
        self._steps: set[tuple[str, int]] = set()  # points of the curves
        self._remote_state = ""
        self._total = 0
        self._job: dict[str, Any] = {}
        for event in Reader(folder / events.FILE).read():
            self._remember(event)

    def _remember(self, event: events.Event) -> None:
        told = event.fields
        remote = told.get("remote")
        if isinstance(remote, str):
            self.known.add(remote)
        if event.kind in ("step", "validation"):
            self._steps.add((event.kind, count_in(told, "step")))
        if event.kind in ("state", "end"):
            self.state = State(told.get("state", "")) if told.get("state") in set(State) else self.state
            self._remote_state = text_in(told, "said")
        if event.kind == "plan":
            self._total = count_in(told, "steps")
        if event.kind == "job":
            self._job = {key: told.get(key) for key in _JOB}

    @property
    def _known_plan(self) -> dict[str, Any]:
        return {key: self._job.get(key) for key in ("base", "epochs", "learning_rate")}

    def tell(self, kind: str, **fields: Any) -> None:
        """One event."""
        self._remember(self._log.write(kind, **fields))

    def event(self, event: dict[str, Any]) -> None:
        """One event of the provider: its words, and where it brings figures the points of the curves."""
        name = name_of(event)
        data = table_in(event, "data")
        step = count_in(data, "step")
        if event.get("type") == "metrics" and step:
            total = count_in(data, "total_steps")
            if total and total != self._total:
                self.tell("plan", steps=total, **self._known_plan)
            self._point("step", step, data, ("train_loss", "loss"), steps=total or self._total)
            self._point("validation", step, data, ("full_valid_loss", "valid_loss"))
        # Its own line comes last, and with it the provider's id: one that was cut off before is told again, and the
        # points that it had brought are known by their steps.
        level = text_in(event, "level")
        self.tell(
            "log",
            remote=name,
            level="info" if level == "info" or not level else "warning",
            text=text_in(event, "message")[:_LONGEST],
            said_at=count_in(event, "created_at"),
        )

    def _point(self, kind: str, step: int, data: dict[str, Any], names: tuple[str, ...], **more: Any) -> None:
        loss = next((data[name] for name in names if isinstance(data.get(name), int | float)), None)
        if loss is None or (kind, step) in self._steps:
            return
        accuracy = data.get("train_mean_token_accuracy" if kind == "step" else "valid_mean_token_accuracy")
        extra: dict[str, Any] = {"accuracy": accuracy} if isinstance(accuracy, int | float) else {}
        if kind == "validation":
            extra["perplexity"] = _perplexity(float(loss))
        self.tell(kind, step=step, loss=float(loss), **more, **extra)

    def job(self, job: dict[str, Any]) -> None:
        """The job as the provider describes it; told when it is new or says more than before."""
        figures = table_in(job, "hyperparameters")
        method = table_in(job, "method")
        figures = table_in(table_in(method, text_in(method, "type")), "hyperparameters") or figures
        told = {
            "job": text_in(job, "id"),
            "base": text_in(job, "model"),
            "epochs": figures.get("n_epochs"),
            "batch_size": figures.get("batch_size"),
            "learning_rate": figures.get("learning_rate_multiplier"),
            "seed": job.get("seed"),
            "finish_at": job.get("estimated_finish"),
        }
        told = {key: value if isinstance(value, str | int | float) else None for key, value in told.items()}
        if told != self._job:
            self.tell("job", **told)

    def remote_state(self, said: str) -> State:
        """Where the job stands now; told when that has changed. A word that nobody knows means that it goes on."""
        known = _STATES.get(said.strip().lower())
        now = known or (self.state if self.state in (State.QUEUED, State.RUNNING, State.PAUSING) else State.RUNNING)
        if said != self._remote_state and now not in (State.SUCCEEDED, State.FAILED, State.CANCELLED):
            self.tell("state", state=now.value, said=said[:100])
        return now

    def checkpoint(self, one: dict[str, Any]) -> None:
        """A checkpoint that can be asked like a model."""
        name = text_in(one, "id")
        if name and name not in self.known:
            metrics = table_in(one, "metrics")
            figures = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
            self.tell(
                "checkpoint",
                remote=name,
                step=count_in(one, "step_number"),
                model=text_in(one, "fine_tuned_model_checkpoint"),
                validation_loss=figures.get("full_valid_loss", figures.get("valid_loss")),
                metrics=figures,
            )

    def curves(self, points: list[Point]) -> None:
        """The points of the results file that no event has brought."""
        for point in points:
            if point.loss is not None and ("step", point.step) not in self._steps:
                self.tell("step", step=point.step, steps=self._total, loss=point.loss, accuracy=point.accuracy)
            if point.validation is not None and ("validation", point.step) not in self._steps:
                self.tell(
                    "validation", step=point.step, loss=point.validation, perplexity=_perplexity(point.validation)
                )

    def summary(self, job: dict[str, Any]) -> None:
        """What came of it."""
        self.tell(
            "summary",
            model=text_in(job, "fine_tuned_model"),
            tokens=count_in(job, "trained_tokens"),
            job=text_in(job, "id"),
        )

    def note(self, failure: Failure) -> None:
        """Something that is missing from a run which is over all the same."""
        self.tell("log", level="warning", cause=failure.kind, text=failure.what)

    def problem(self, cause: str, text: str, advice: str, **more: Any) -> None:
        """What went wrong."""
        self.tell("problem", cause=cause, text=text, advice=advice, **more)

    def failed(self, job: dict[str, Any], wanted: Wanted, profile: Profile) -> None:
        """Why the job failed, down to the line of our own dataset where the provider names one."""
        error: Any = job.get("error")
        told = table_in(job, "error")
        said = words(text_in(told, "message") or error or text_in(job, "status_details") or _("it gave no reason"))
        text = _("the job failed at {name}: {said}").format(name=profile.name, said=said)
        side = "validation" if "validation" in text_in(told, "param") else "train"
        line = _LINE.search(text_in(told, "message"))
        place = self.example_of(side, int(line[1])) if line and len(line[1]) < 10 else None
        more: dict[str, Any] = {"code": text_in(told, "code"), "side": side}
        if place is not None and line is not None:
            example, conversation = place
            more |= {"line": int(line[1]), "example": example, "conversation": conversation}
            advice = _(
                "That is example {example} of dataset “{dataset}”, of conversation {conversation}: the key o opens it "
                "on the run's screen, `sinsonte train show {run}` names its messages. Change or drop them, then build "
                "the dataset anew."
            ).format(example=example, dataset=wanted.dataset, conversation=conversation, run=wanted.run)
        elif line is not None and not (self.folder / INDEX).is_file():
            more |= {"line": int(line[1][:9])}
            advice = _("That is line {line} of the file {file}: mend it, then start a new run.").format(
                line=line[1][:9], file=shown_in_line(wanted.dataset)
            )
        elif "moderation" in said.lower() or "refusal" in said.lower() or "safety" in said.lower():
            advice = _(
                "The provider refuses what the examples, or the model, say. The same dataset trains here: sinsonte train "
                "start {dataset} --on local."
            ).format(dataset=wanted.dataset or "DATASET")
        else:
            advice = _("Start a new run; nothing of this one can be resumed at the provider.")
        if count_in(job, "trained_tokens"):
            advice += " " + _("It had trained {tokens} tokens, which may be billed.").format(
                tokens=count_in(job, "trained_tokens")
            )
        self.problem(text_in(told, "code") or "failed", text, advice, **more)

    def example_of(self, side: str, line: int) -> tuple[int, int] | None:
        """The example of our dataset, and its conversation, that stands in a line of a file (1 is the first)."""
        try:
            entry = json.loads((self.folder / INDEX).read_bytes())[side][line - 1]
            return (int(entry[0]), int(entry[1])) if line > 0 else None
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            return None

    def end(self, state: State) -> State:
        """The last word."""
        self.tell("end", state=state.value)
        return state


_JOB: Final = ("job", "base", "epochs", "batch_size", "learning_rate", "seed", "finish_at")


def _perplexity(loss: float) -> float | None:
    return math.exp(loss) if loss < 100 else None
