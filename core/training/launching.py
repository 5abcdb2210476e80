"""The command line of a training: one process, or several that learn together.

In: a run folder, how many processes a machine and how many machines. Out: words for Popen, or for the line of a batch
script. Several processes are started by torch's own launcher (`torch.distributed.run`, which `torchrun` is a name
for); it is only named here, never imported. The first process writes the events, checkpoints and the result.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


def command(*words: str) -> list[str]:
    """The command line of the engine in one process."""
    # -P: the worker starts in its run folder, and nothing that lies there may be imported in place of a module.
    return [sys.executable, "-P", "-m", "core.engine", *words]


@dataclass(frozen=True, slots=True)
class Machines:
    """Several machines: the same line is started on each, with its own number (0 for the first)."""

    count: int
    number: str
    address: str  # of the first, as the others reach it
    port: str
    mark: str  # what sets one launch apart from all others


def training(folder: Path | str, *, processes: int = 1, machines: Machines | None = None) -> list[str]:
    """The command line that trains a folder with `processes` a machine."""
    if processes == 1 and machines is None:
        return command("train", str(folder))
    launcher = [sys.executable, "-P", "-m", "torch.distributed.run"]
    launcher += ["--nnodes", str(machines.count if machines else 1)]
    launcher += ["--nproc-per-node", str(processes), "--max-restarts", "0"]
    if machines is None:
        launcher += ["--standalone"]  # a free port of the loopback address
    else:
        # Numbers are given and not drawn: the first process is then always on the first machine, and sums are added up in
        # the same order after a resume. torch's rendezvous would also have to guess which machine HOST is.
        launcher += ["--node-rank", machines.number, "--master-addr", machines.address]
        launcher += ["--master-port", machines.port, "--rdzv-id", machines.mark]
    return [*launcher, "-m", "core.engine", "train", str(folder)]
