"""Checkpoints and results on disk, each whole or not there at all.

In: a folder being written beside its final place. Out: the final folder, after every byte of it was flushed and listed,
with its length and SHA-256, in a file written last (`whole.json`). A kill or a power cut at any moment leaves the older
checkpoints as they were; a folder without its list, or that differs from it, is not a checkpoint.

Only safetensors and JSON: nothing here can run code when it is read.
"""

# pyright: basic

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file

from core.training.process import write_whole

WHOLE: Final = "whole.json"
_WEIGHTS: Final = "weights.safetensors"
_MOMENTS: Final = "moments.safetensors"
_PROGRESS: Final = "progress.json"


@dataclass
class Progress:
    """Where a training stood, beyond the weights."""

    step: int
    threads: int
    half: bool
    fingerprint: str  # of everything that the steps depend on: job, rows, base
    tokens: int = 0
    trained_tokens: int = 0
    best_loss: float | None = None
    best_step: int = 0
    worse: int = 0  # validations since the best
    seconds: float = 0.0
    bins_at_once: int = 0
    recompute: bool = False


def publish(beside: Path, target: Path) -> None:
    """Flush a finished folder, list what is in it, and move it to its place (over an older one, if there is one)."""
    listed: dict[str, dict[str, Any]] = {}
    for path in sorted(beside.iterdir()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            listed[path.name] = {
                "bytes": os.fstat(file.fileno()).st_size,
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
    write_whole(beside / WHOLE, json.dumps(listed, indent=1).encode())
    flush_folder(beside)
    if target.exists():
        old = target.with_name(f".{target.name}.old.{os.getpid()}")
        target.rename(old)
        beside.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        beside.rename(target)
    flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder as lasting as the bytes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError:
        return  # some network file systems refuse it
    finally:
        os.close(handle)


def is_whole(folder: Path) -> bool:
    """Whether every file is there as it was listed."""
    try:
        listed: Any = json.loads((folder / WHOLE).read_bytes())
        for name, told in listed.items():
            with (folder / name).open("rb") as file:
                if os.fstat(file.fileno()).st_size != told["bytes"]:
                    return False
                if hashlib.file_digest(file, "sha256").hexdigest() != told["sha256"]:
                    return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


class Checkpoints:
    """The checkpoints of one run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(".step-*"):  # what a kill left half-written
            shutil.rmtree(left, ignore_errors=True)

    def all(self) -> list[Path]:
        """Those in place, oldest first."""
        return sorted(path for path in self.folder.glob("step-[0-9]*") if path.is_dir())

    def newest(self) -> Path | None:
        """The newest that is whole."""
        return next((path for path in reversed(self.all()) if is_whole(path)), None)

    def save(
        self, progress: Progress, weights: dict[str, torch.Tensor], moments: dict[str, torch.Tensor], keep: int
    ) -> Path:
        """Write one, then let go of the oldest (never of the best)."""
        target = self.folder / f"step-{progress.step:06d}"
        if target.exists() and is_whole(target):
            return target
        beside = self.folder / f".{target.name}.{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        try:
            save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, beside / _WEIGHTS)
            save_file({name: value.detach().cpu().contiguous() for name, value in moments.items()}, beside / _MOMENTS)
            (beside / _PROGRESS).write_text(json.dumps(asdict(progress), indent=1), encoding="utf-8")
            publish(beside, target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)  # on a full disk the log needs the room, to say so
            raise
        best = self.folder / f"step-{progress.best_step:06d}"
        for old in self.all()[:-keep]:
            if old not in (best, target):
                shutil.rmtree(old, ignore_errors=True)
        return target

    @staticmethod
    def load(folder: Path) -> tuple[Progress, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Progress, weights and moments of one."""
        told = json.loads((folder / _PROGRESS).read_bytes())
        return Progress(**told), load_file(folder / _WEIGHTS), load_file(folder / _MOMENTS)
