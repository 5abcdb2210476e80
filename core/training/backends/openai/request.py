"""How a job is asked for: the same wish, in the form that each provider reads.

In: a `Wanted`, a profile and the ids of its files. Out: the arguments of `fine_tuning.jobs.create`.
"""

from __future__ import annotations

from typing import Any, Final

from core.endpoints.profiles import Profile
from core.training.backends.openai.wanted import Wanted

MARK: Final = "sinsonte_run"  # the note beside a job by which it is found again when its answer is lost


def create_arguments(wanted: Wanted, profile: Profile, training_file: str, validation_file: str) -> dict[str, Any]:
    """The arguments of the request."""
    figures: dict[str, Any] = {
        "n_epochs": wanted.epochs or "auto",
        "batch_size": wanted.batch_size or "auto",
        "learning_rate_multiplier": wanted.learning_rate or "auto",
    }
    if wanted.method == "dpo":
        figures["beta"] = wanted.beta or "auto"
    told: dict[str, Any] = {"model": wanted.model, "training_file": training_file}
    extra: dict[str, Any] = {}
    if profile.top_level_hyperparameters:
        # Such servers take figures alone: what is left to them is not named.
        kept = {key: value for key, value in figures.items() if value != "auto"}
        if profile.lora is not None:
            kept["lora"] = profile.lora
        extra["hyperparameters"] = kept
    else:
        told["method"] = {"type": wanted.method, wanted.method: {"hyperparameters": figures}}
    if profile.training_type:
        extra["trainingType"] = profile.training_type
    if validation_file:
        told["validation_file"] = validation_file
    if wanted.suffix:
        told["suffix"] = wanted.suffix
    if wanted.seed is not None:
        told["seed"] = wanted.seed
    if profile.can("metadata"):
        note = {MARK: wanted.run}
        if wanted.digest:
            note["sinsonte_dataset"] = wanted.digest[:64]
        told["metadata"] = note
    if extra:
        told["extra_body"] = extra
    return told
