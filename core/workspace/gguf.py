"""The verb that writes a model as one GGUF file, which llama.cpp and what is built on it (Ollama) can load.

The converter is llama.cpp's own script, which is not ours to ship: it is found on the PATH, or in the folder that
LLAMA_CPP names. An adapter is merged into its base first, in a folder that goes away again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from core.language import _
from core.problem import Problem
from core.workspace import models
from core.workspace.opening import Workspace

_NAMES: Final = ("convert_hf_to_gguf.py", "convert-hf-to-gguf.py", "convert-hf-to-gguf")
_SAID: Final = 300  # characters of what the converter said, in an error


def converter() -> Path | None:
    """llama.cpp's converter, where it is installed."""
    place = os.environ.get("LLAMA_CPP")
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
        if place and (Path(place).expanduser() / name).is_file():
            return Path(place).expanduser() / name
    return None


def write(workspace: Workspace, name: str, to: Path | None = None, number: str = "f16") -> Path:
    """Merge and convert; the file is there whole or not at all."""
    from core import training

    row = models.named(workspace, name)
    if row.kind not in (models.ADAPTER, models.BASE):
        raise Problem(_("model “{name}” is not on this machine.").format(name=name))
    script = converter()
    if script is None:
        raise Problem(
            _("the converter of llama.cpp is not installed ({file}).").format(file=_NAMES[0]),
            advice=_("Put it on the PATH, or name its folder in LLAMA_CPP; it needs the package gguf."),
        )
    target = (to.expanduser() if to else workspace.folder / "models" / f"{name}.gguf").resolve()
    if target.exists():
        raise Problem(_("{file} is there already.").format(file=target), advice=_("Choose another file with --to."))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory(dir=workspace.folder) as place:
        folder = row.folder
        if row.kind == models.ADAPTER:
            folder = Path(place) / name
            training.merge(models.base_folder(workspace, row.base), row.folder, folder)
        starts = [sys.executable] if script.suffix == ".py" else []
        try:
            done = subprocess.run(
                [*starts, str(script), str(folder), "--outfile", str(beside), "--outtype", number],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if done.returncode or not beside.is_file():
                raise _refusal(row.base or name, script, done.stderr or done.stdout or str(done.returncode))
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    return target


def _refusal(base: str, script: Path, said: str) -> Problem:
    """Why the converter gave nothing, in the cases that are known; else its own last words."""
    last = " ".join(said.split())[-_SAID:]
    missing = re.search(r"No module named '([\w.]+)'", last)
    if missing:
        return Problem(
            _("the converter lacks the package {name}.").format(name=missing[1]),
            where=script.name,
            advice=_("Install what llama.cpp's requirements name, in the Python that runs Sinsonte."),
        )
    if "pre-tokenizer was not recognized" in last:
        return Problem(
            _(
                "llama.cpp does not know the tokenizer of {base}: it knows those of published models, one by one."
            ).format(base=base),
            where=script.name,
            advice=_(
                "A toy that was built here cannot be converted; tune a published base, or take a newer llama.cpp."
            ),
        )
    if "Missing" in last and "tokenizer.model" in last:
        return Problem(
            _("the converter wants the file tokenizer.model for this family, and {base} came without it.").format(
                base=base
            ),
            where=script.name,
            advice=_("Put the tokenizer.model of the published model into the folder of the base, and do it again."),
        )
    if "is not supported" in last:
        return Problem(
            _("llama.cpp's converter does not know this family of models."),
            where=script.name,
            advice=_("Take a newer llama.cpp, or a base of another family."),
        )
    return Problem(
        _("the converter failed: {said}").format(said=last),
        where=script.name,
        advice=_("It may not know this family of models, or lack a package."),
    )
