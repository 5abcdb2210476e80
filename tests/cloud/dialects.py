"""How each provider wants to be asked, as far as its documents say (shared facts on OpenAI, Azure and Nebius): what the
real one refuses, the tests' own provider refuses too. The first part of an address says whose dialect is spoken there:
`/azure/v1/…`; without one, anything that makes sense is taken.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tests.cloud.world import Refusal

OPENAI, AZURE, NEBIUS, ANY = "oai", "azure", "nebius", ""
DIALECTS: Final = (OPENAI, AZURE, NEBIUS)
_MARK: Final = b"\xef\xbb\xbf"
_PROTOCOL: Final = {
    "model", "training_file", "validation_file", "hyperparameters", "method", "suffix", "seed", "metadata", "integrations",
}  # fmt: skip
_AZURE_TYPES: Final = ("Standard", "GlobalStandard", "Developer")


def refuse(message: str, param: str) -> None:
    """A 400, as the protocol writes it."""
    raise Refusal(400, message, "invalid_request_error", param)


def check_file(dialect: str, content: bytes, purpose: str) -> None:
    """What a provider says of a file at its upload."""
    if purpose != "fine-tune":
        refuse(f"purpose {purpose} is not taken here", "purpose")
    marked = content.startswith(_MARK)
    if dialect == AZURE and not marked:
        refuse("The file must be encoded in UTF-8 with a byte-order mark (BOM).", "file")
    if dialect in (OPENAI, NEBIUS) and marked:
        refuse("Line 1 is no JSON: unexpected byte order mark.", "file")


def check_job(dialect: str, told: dict[str, Any]) -> None:
    """What a provider says of a job that is asked for."""
    if dialect == ANY:
        return
    allowed = _PROTOCOL | ({"trainingType"} if dialect == AZURE else set[str]())
    if dialect == NEBIUS:
        allowed = allowed - {"method", "metadata"}
    for key in told:
        if key not in allowed:
            refuse(f"Unrecognized request argument supplied: {key}", key)
    suffix = str(told.get("suffix") or "")
    if len(suffix) > (18 if dialect == AZURE else 64) or (dialect == AZURE and "." in suffix):
        refuse(f"suffix “{suffix}” is not taken", "suffix")
    if dialect == AZURE and told.get("trainingType") not in _AZURE_TYPES:
        refuse(f"trainingType must be one of {_AZURE_TYPES}", "trainingType")
    if dialect == NEBIUS:
        _check_nebius(told)
        return
    if "hyperparameters" in told:
        refuse("hyperparameters is deprecated in favour of method", "hyperparameters")
    method = told.get("method") or {}
    if method.get("type") == "dpo" and dialect == AZURE:
        refuse("This model is tuned supervised only.", "method")
    figures = (method.get(method.get("type")) or {}).get("hyperparameters") or {}
    for name, value in figures.items():
        if name not in ("n_epochs", "batch_size", "learning_rate_multiplier", "beta"):
            refuse(f"Unrecognized hyperparameter: {name}", name)
        if value != "auto" and not isinstance(value, int | float):
            refuse(f"{name} is no figure", name)
    if "beta" in figures and method.get("type") != "dpo":
        refuse("beta belongs to dpo", "beta")


def _check_nebius(told: dict[str, Any]) -> None:
    figures = told.get("hyperparameters")
    if not isinstance(figures, dict):
        refuse("hyperparameters is required", "hyperparameters")
        return
    for name, value in figures.items():  # pyright: ignore[reportUnknownVariableType]
        if name == "lora":
            if not isinstance(value, bool):
                refuse("lora is true or false", "lora")
        elif name not in ("n_epochs", "batch_size", "learning_rate_multiplier") or not isinstance(value, int | float):
            refuse(f"{name} is not taken", str(name))  # pyright: ignore[reportUnknownArgumentType]
        elif name == "learning_rate_multiplier" and value > 0.1:
            refuse("learning_rate_multiplier is the learning rate itself: at most 0.1", name)


def model_name(dialect: str, job: dict[str, Any], usual: str) -> str:
    """What a tuned model is called there."""
    return f"{job['model']}.ft-{job['id'][-4:]}-{job['suffix'] or 'x'}" if dialect == AZURE else usual


def check_talk(dialect: str, model: str) -> None:
    """Azure's and Nebius' tuned models answer only once they are deployed by other means."""
    if (dialect == AZURE and ".ft-" in model) or (dialect == NEBIUS and model.startswith("ft:")):
        raise Refusal(404, "The API deployment for this resource does not exist.", "DeploymentNotFound")


def fault_in(lines: list[bytes], *, pairs: bool) -> tuple[int, str] | None:
    """The first line that a job cannot be trained on, from 1, and why."""
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
        except ValueError:
            return number, "is no JSON"
        if pairs:
            whole = isinstance(told, dict) and set(told) == {"input", "preferred_output", "non_preferred_output"}
            if not whole or not told["input"].get("messages") or told["input"]["messages"][-1]["role"] != "user":
                return number, "is no pair of preferences"
            for side in ("preferred_output", "non_preferred_output"):
                if [set(one) for one in told[side]] != [{"role", "content"}] or told[side][0]["role"] != "assistant":
                    return number, f"has no {side}"
        elif not isinstance(told, dict) or not ("messages" in told or {"prompt", "completion"} <= set(told)):
            return number, "has no messages"
    return None
