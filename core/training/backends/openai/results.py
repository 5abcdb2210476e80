"""The results file of a job, as the points of its curves.

In: the bytes of the file: CSV, or the same in base64, with the column names of whatever vendor and year. Out: points.
A file that is neither gives none: curves are a comfort, and no reason for a finished run to fail.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LARGEST: Final = 64 << 20
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "step": ("step", "steps", "global_step"),
    "loss": ("train_loss", "training_loss", "loss"),
    "accuracy": ("train_mean_token_accuracy", "train_accuracy", "training_token_accuracy"),
    "valid": ("valid_loss", "validation_loss", "eval_loss"),
    "full": ("full_valid_loss", "full_validation_loss"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One row; None where the file has nothing."""

    step: int
    loss: float | None = None
    accuracy: float | None = None
    validation: float | None = None  # of one batch, or of the whole held-out side where that was measured


def points(content: bytes) -> list[Point]:
    """The points, in the order of their steps; of a step that stands twice the later row counts."""
    if len(content) > LARGEST:
        return []
    text = _text(content)
    rows = csv.DictReader(io.StringIO(text))
    names = [(name or "").strip().lower().lstrip("\ufeff") for name in rows.fieldnames or []]
    rows.fieldnames = names
    columns = {key: next((name for name in known if name in names), "") for key, known in _NAMES.items()}
    found: dict[int, Point] = {}
    try:
        for number, row in enumerate(rows, 1):
            step = _figure(row.get(columns["step"])) if columns["step"] else float(number)
            if step is None or not 0 <= step < 2**31:
                continue
            full = _figure(row.get(columns["full"]))
            point = Point(
                int(step),
                _figure(row.get(columns["loss"])),
                _figure(row.get(columns["accuracy"])),
                _figure(row.get(columns["valid"])) if full is None else full,
            )
            if point.loss is not None or point.validation is not None:
                found[point.step] = point
    except csv.Error:
        return []
    return [found[step] for step in sorted(found)]


def _text(content: bytes) -> str:
    plain = content.decode("utf-8", "replace")
    if "," in plain.partition("\n")[0]:
        return plain
    try:
        return base64.b64decode("".join(plain.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return plain


def _figure(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
