"""The command line of a training: one process, or several that learn together.

In: a run folder, how many processes a machine and how many machines. Out: words for Popen, or for the line of a batch
script. Several processes are started by torch's own launcher (`torch.distributed.run`, which `torchrun` is a name
for); it is only named here, never imported. The first process writes the events, checkpoints and the result.
"""

from __future__ import annotations

import sys
from pathlib import Path


def command(*words: str) -> list[str]:
    """The command line of the engine in one process."""
    # -P: the worker starts in its run folder, and nothing that lies there may be imported in place of a module.
    return [sys.executable, "-P", "-m", "core.engine", *words]


def training(
    folder: Path | str, *, processes: int = 1, machines: int = 1, meeting: str = "", run_id: str = "sinsonte"
) -> list[str]:
    """The command line that trains a folder with `processes` a machine. With several machines the same line is started
    on each, and `meeting` (HOST:PORT of one of them) is where they find each other."""
    if processes == 1 and machines == 1:
        return command("train", str(folder))
    launcher = [sys.executable, "-P", "-m", "torch.distributed.run", "--nnodes", str(machines)]
    launcher += ["--nproc-per-node", str(processes), "--max-restarts", "0"]
    if machines == 1:
        launcher += ["--standalone"]  # a free port of the loopback address
    else:
        launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", meeting, "--rdzv-id", run_id]
    return [*launcher, "-m", "core.engine", "train", str(folder)]
