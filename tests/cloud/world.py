"""What lies at the tests' own provider: files, jobs with their events, checkpoints and results, models.

Nothing here happens by the clock. A job goes one stage on whenever it is retrieved, through the stages of its `plan`;
every running stage brings a metrics event and a message, the last one brings the checkpoints, the results and the
model. So each state can be met as often, and in whatever order, as a test wants. The objects are those of the published
protocol; `paused`, `pausing` and invented states go beyond its list of states, as real providers do.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from typing import Any

START = 1_790_000_000  # the day of everything here; each new thing is a second younger
USUAL = ("validating_files", "queued", "running", "running", "running", "succeeded")
TERMINAL = ("succeeded", "failed", "cancelled")


class Refusal(Exception):
    """An answer with an error in it."""

    def __init__(
        self, status: int, message: str, code: str = "invalid_request_error", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}


@dataclass
class World:
    """The whole account."""

    plan: tuple[str, ...] = USUAL  # of the jobs that are created from now on
    fail_after_training: bool = False  # the model's answers are refused once it has been trained
    may_tune: bool = True
    results_base64: bool = False
    results_columns: tuple[str, ...] = (
        "step",
        "train_loss",
        "train_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
    )
    result_rows: int = 3
    files: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    stages: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    checkpoints: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    models: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    dialects: dict[str, str] = field(default_factory=dict[str, str])
    shutdown: dict[str, str] = field(default_factory=dict[str, str])
    lock: threading.RLock = field(default_factory=threading.RLock)
    now: int = START
    named: int = 0

    def __post_init__(self) -> None:
        for name in ("gpt-4.1-mini-2025-04-14", "lab-base"):
            self.add_model(name, "openai")

    def moment(self) -> int:
        """A second later than anything before."""
        self.now += 1
        return self.now

    def add_model(self, name: str, owner: str) -> dict[str, Any]:
        """A model that answers from now on."""
        made = {"id": name, "object": "model", "created": self.moment(), "owned_by": owner}
        if name in self.shutdown:
            made["shutdown_date"] = self.shutdown[name]
        self.models[name] = made
        return made

    def add_file(self, name: str, content: bytes, purpose: str, size: int | None = None) -> dict[str, Any]:
        """A file, as if it had been uploaded."""
        self.named += 1  # what was deleted gives its name to nothing else
        made = {
            "id": f"file-{self.named:04d}{'x' * (self.named // 9000)}",
            "object": "file",
            "bytes": len(content) if size is None else size,
            "created_at": self.moment(),
            "filename": name,
            "purpose": purpose,
            "status": "processed",
        }
        self.files[made["id"]] = made
        self.contents[made["id"]] = content
        return made

    def file(self, file_id: str) -> dict[str, Any]:
        if file_id not in self.files:
            raise Refusal(404, f"No such File object: {file_id}", "not_found", "id")
        return self.files[file_id]

    def job(self, job_id: str) -> dict[str, Any]:
        if job_id not in self.jobs:
            raise Refusal(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found", "fine_tune_id")
        return self.jobs[job_id]

    # --- jobs ------------------------------------------------------------------------------------------------------

    def create_job(self, wanted: dict[str, Any], dialect: str = "") -> dict[str, Any]:
        """A new job, in the first stage of the plan."""
        if not self.may_tune:
            raise Refusal(403, "Your organization is not eligible for fine-tuning.", "permission_denied")
        for key in ("model", "training_file"):
            if not isinstance(wanted.get(key), str):
                raise Refusal(400, f"Missing required parameter: '{key}'.", "missing_required_parameter", key)
        for key in ("training_file", "validation_file"):
            if wanted.get(key) and wanted[key] not in self.files:
                raise Refusal(400, f"invalid {key}: {wanted[key]}", "invalid_file", key)
        method: dict[str, Any] = wanted.get("method") or {"type": "supervised"}
        told: dict[str, Any] = (
            (method.get(method["type"]) or {}).get("hyperparameters") or wanted.get("hyperparameters") or {}
        )
        examples = self.contents[wanted["training_file"]].count(b"\n")
        chosen = {
            "n_epochs": _chosen(told.get("n_epochs"), 3),
            "batch_size": _chosen(told.get("batch_size"), 1),
            "learning_rate_multiplier": _chosen(told.get("learning_rate_multiplier"), 2.0),
            **({"beta": _chosen(told.get("beta"), 0.1)} if method["type"] == "dpo" else {}),
        }
        job_id = f"ftjob-{len(self.jobs) + 1:04d}"
        made: dict[str, Any] = {
            "object": "fine_tuning.job",
            "id": job_id,
            "model": wanted["model"],
            "created_at": self.moment(),
            "finished_at": None,
            "fine_tuned_model": None,
            "organization_id": "org-tests",
            "result_files": [],
            "status": self.plan[0],
            "validation_file": wanted.get("validation_file"),
            "training_file": wanted["training_file"],
            "hyperparameters": chosen,
            "trained_tokens": None,
            "error": None,
            "seed": wanted.get("seed") if isinstance(wanted.get("seed"), int) else 42,
            "estimated_finish": None,
            "integrations": [],
            "metadata": wanted.get("metadata"),
            "method": {"type": method["type"], method["type"]: {"hyperparameters": chosen}},
            "suffix": wanted.get("suffix"),
        }
        self.jobs[job_id] = made
        self.dialects[job_id] = dialect
        self.stages[job_id] = list(self.plan[1:])
        self.events[job_id] = []
        self.checkpoints[job_id] = []
        self.say(job_id, f"Created fine-tuning job: {job_id}")
        self.say(job_id, f"Validating training file: {wanted['training_file']} ({examples} examples)")
        return made

    def say(
        self, job_id: str, message: str, *, level: str = "info", data: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One more event of a job."""
        events = self.events[job_id]
        told = {
            "object": "fine_tuning.job.event",
            "id": f"ftevent-{job_id[-4:]}-{len(events) + 1:05d}",
            "created_at": self.moment(),
            "level": level,
            "message": message,
            "data": data or {},
            "type": "metrics" if data else "message",
        }
        events.append(told)
        return told

    def advance(self, job_id: str) -> dict[str, Any]:
        """The job, one stage on."""
        job = self.job(job_id)
        if job["status"] in ("paused", "pausing") or not self.stages[job_id]:
            return job
        stage = self.stages[job_id].pop(0)
        bad = self._bad_line(job) if stage not in ("validating_files", "queued") else None
        if bad:
            self.stages[job_id] = []
            return self._fail(job, *bad)
        job["status"] = stage
        step = sum(1 for one in self.events[job_id] if one["type"] == "metrics") + 1
        if stage == "running":
            self.say(
                job_id,
                f"Step {step}/3: training loss={1 / step:.2f}",
                data={
                    "step": step,
                    "total_steps": 3,
                    "train_loss": round(1 / step, 4),
                    "train_mean_token_accuracy": 0.5 + step / 10,
                    "valid_loss": round(1.5 / step, 4),
                },
            )
        elif stage == "succeeded":
            self._succeed(job)
        elif stage == "failed":
            self._fail(job, "server_error", "The job failed due to an internal error.", None)
        else:
            self.say(job_id, f"The job is now {stage}")
        return job

    def _bad_line(self, job: dict[str, Any]) -> tuple[str, str, str] | None:
        from tests.cloud.dialects import fault_in

        for key in ("training_file", "validation_file"):
            if not job[key]:
                continue
            lines = self.contents[job[key]].removeprefix(b"\xef\xbb\xbf").splitlines()
            fault = fault_in(lines, pairs=job["method"]["type"] == "dpo")
            if fault is not None:
                return "invalid_training_file", f"Invalid file format. Line {fault[0]} {fault[1]}.", key
            for number, line in enumerate(lines, 1):
                told = json.loads(line)
                if "REFUSE-ME" in json.dumps(told, ensure_ascii=False):
                    return (
                        "invalid_training_file",
                        f"The file failed moderation. 1 example was flagged: line {number}, message 2.",
                        key,
                    )
        return None

    def _fail(self, job: dict[str, Any], code: str, message: str, param: str | None) -> dict[str, Any]:
        job["status"] = "failed"
        job["error"] = {"code": code, "message": message, "param": param}
        job["finished_at"] = self.moment()
        self.say(job["id"], message, level="error")
        return job

    def _succeed(self, job: dict[str, Any]) -> None:
        job_id, name = job["id"], self.tuned_name(job)
        for step in (1, 2, 3)[: max(1, self.result_rows)]:
            self._keep_checkpoint(job_id, step, final=step == 3)
        job["result_files"] = [self.add_file("step_metrics.csv", self._results(), "fine-tune-results")["id"]]
        job["trained_tokens"] = 4321
        if self.fail_after_training:
            # As seen in the wild: trained and paid for, then refused by the provider's look at what it says.
            self._fail(job, "moderation_refused", "The fine-tuned model failed safety evaluation: refusals_v3", None)
            return
        job["fine_tuned_model"] = name
        job["finished_at"] = self.moment()
        self.add_model(name, "org-tests")
        self.say(job_id, f"New fine-tuned model created: {name}")
        self.say(job_id, "The job has successfully completed")

    def tuned_name(self, job: dict[str, Any]) -> str:
        """What the model of a job is called."""
        from tests.cloud.dialects import model_name

        usual = f"ft:{job['model']}:org-tests:{job['suffix'] or ''}:{job['id'][-4:]}"
        return model_name(self.dialects[job["id"]], job, usual)

    def _keep_checkpoint(self, job_id: str, step: int, *, final: bool = False) -> None:
        name = self.tuned_name(self.jobs[job_id])
        name = name if final else f"{name}:ckpt-step-{step}"
        if any(one["step_number"] == step for one in self.checkpoints[job_id]):
            return  # made when the job rested
        self.checkpoints[job_id].append(
            {
                "object": "fine_tuning.job.checkpoint",
                "id": f"ftckpt-{job_id[-4:]}-{step}",
                "created_at": self.moment(),
                "fine_tuned_model_checkpoint": name,
                "fine_tuning_job_id": job_id,
                "metrics": {"step": step, "train_loss": round(1 / step, 4), "full_valid_loss": round(1.5 / step, 4)},
                "step_number": step,
            }
        )
        if not final:
            self.add_model(name, "org-tests")

    def _results(self) -> bytes:
        lines = [",".join(self.results_columns)]
        for step in range(1, self.result_rows + 1):
            values = {
                "step": str(step),
                "train_loss": f"{1 / step:.4f}",
                "valid_loss": f"{1.5 / step:.4f}" if step % 2 else "",
            }
            lines.append(
                ",".join(
                    values.get(
                        {"training_loss": "train_loss", "validation_loss": "valid_loss"}.get(name, name),
                        f"{step / 10:.2f}",
                    )
                    for name in self.results_columns
                )
            )
        text = ("\n".join(lines) + "\n").encode()
        return base64.b64encode(text) if self.results_base64 else text

    def stop_job(self, job_id: str, act: str) -> dict[str, Any]:
        """cancel, pause or resume."""
        job = self.job(job_id)
        if job["status"] in TERMINAL:
            raise Refusal(400, f"Job has already completed: {job_id}", "invalid_state")
        if act == "resume" and job["status"] != "paused":
            raise Refusal(400, f"Job is not paused: {job_id}", "invalid_state")
        if act == "cancel":
            job["finished_at"] = self.moment()
            self.stages[job_id] = []
        if act == "pause":
            self._keep_checkpoint(job_id, sum(1 for one in self.events[job_id] if one["type"] == "metrics") or 1)
        if act == "resume" and "running" not in self.stages[job_id]:
            self.stages[job_id] = ["running", "succeeded"]
        job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}[act]
        self.say(job_id, f"The job has been {job['status']}")
        return job


def _chosen(told: Any, auto: float) -> Any:
    return auto if told in (None, "auto") else told
