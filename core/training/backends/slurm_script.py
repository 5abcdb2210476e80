"""The batch script of a run on a cluster, and the profile that it is made from.

In: a run folder, and what the settings (`[slurm.NAME]`) and the command line say of the cluster. Out: text for sbatch, in
shell because Slurm wants it, and short so that an administrator can read it. Hands nothing in and asks nobody.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, cast

from core.language import _
from core.problem import Misuse
from core.training import events, launching, process
from core.training.backends import local

TOO_SHORT: Final = "time-too-short"  # left by a job that its time limit ended before it came any further
_CHECKPOINTS: Final = "checkpoints 2>/dev/null"
_PORTS: Final = 10_000  # nodes meet at a port from here to twice here, by the job's number: jobs may share a node


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a cluster wants to know. Empty: what the cluster does when nothing is said."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    time: str = ""  # as sbatch reads it: 30, 4:00:00, 2-0
    nodes: int = 1
    gpus: str = ""  # of one node: 2, or a100:2
    cpus: int = 0  # of one node
    memory: str = ""  # of one node: 32G
    processes: int = 0  # of one node; 0: one for each GPU, or one
    warning: int = 120  # seconds before the time limit at which the run is told to write its checkpoint
    modules: tuple[str, ...] = ()  # module load ...
    environment: tuple[str, ...] = ()  # NAME=VALUE
    before: tuple[str, ...] = ()  # lines of shell before the run
    options: tuple[str, ...] = ()  # whatever else sbatch is to be told, one option each
    python: str = ""  # of the nodes; empty: this one's

    @property
    def a_node(self) -> int:
        """How many processes a node starts."""
        if self.processes:
            return self.processes
        last = self.gpus.rpartition(":")[2]
        return int(last) if last.isdigit() and int(last) else 1


def profile_of(values: Mapping[str, Any], where: str = "") -> Profile:
    """A profile from a table of the settings, or from KEY=VALUE words over one; a Misuse names what does not fit."""
    known: dict[str, type[Any]] = {one.name: type(one.default) for one in fields(Profile)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise Misuse(
                _("a Slurm profile has no “{key}”.").format(key=key),
                where=where,
                advice=_("There are: {keys}.").format(keys=", ".join(known)),
            )
        found[key] = _read(key, known[key], value, where)
    profile = Profile(**found)
    if profile.nodes < 1 or profile.warning < 1:
        raise Misuse(
            _("“{key}” must be at least 1.").format(key="nodes" if profile.nodes < 1 else "warning"), where=where
        )
    return profile


def _read(key: str, wanted: type[Any], value: Any, where: str) -> Any:
    if wanted is tuple:
        told: Any = value.split(",") if isinstance(value, str) else value
        lines = [str(one).strip() for one in cast("list[Any]", told)] if isinstance(told, list | tuple) else ["\n"]
        if all(_fits(line) for line in lines):
            return tuple(line for line in lines if line)
    elif wanted is int:
        text = str(value)
        if not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) < 6:
            return int(text)
    elif not isinstance(value, bool) and isinstance(value, str | int) and _fits(str(value)):
        return str(value).strip()
    raise Misuse(_("“{key}” does not fit.").format(key=key), where=where)


def _fits(text: str) -> bool:
    # A line break would end an #SBATCH line and begin another.
    return text.isprintable() and len(text) < 2000


def text(folder: Path, profile: Profile) -> str:
    """The batch script. Shell because Slurm wants it, short so that an administrator can read it."""
    options = [
        f"--job-name=sinsonte-{folder.name}",
        f"--chdir={folder}",
        f"--output={folder / local.LOG}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:TERM@{profile.warning}",
        f"--nodes={profile.nodes}",
        "--ntasks-per-node=1",
    ]
    for option, value in (
        ("partition", profile.partition), ("account", profile.account), ("qos", profile.qos),
        ("constraint", profile.constraint), ("time", profile.time), ("gpus-per-node", profile.gpus),
        ("cpus-per-task", str(profile.cpus or "")), ("mem", profile.memory),
    ):  # fmt: skip
        if value:
            options.append(f"--{option}={value}")
    lines = [
        "#!/bin/bash",
        "# Written by Sinsonte for one run; made anew each time that the run is started.",
        *(f"#SBATCH {_bare(option)}" for option in (*options, *profile.options)),
        "",
        *(f"module load {shlex.quote(one)}" for one in profile.modules),
        *(f"export {shlex.quote(one)}" for one in profile.environment),
        *profile.before,
        "",
        "# TERM comes from Slurm before the time limit, or because the run is to pause or end (then there is a `wish`).",
        "# It goes to the process that writes, which stops the others: on this node, and named once it listens.",
        "asked=",
        f"before=$(ls {_CHECKPOINTS})",
        f"rm -f {process.FILE}",
        "stop() {",
        "    asked=yes",
        f'    while [ ! -e {process.FILE} ] && kill -0 "$worker" 2>/dev/null; do sleep 1; done',
        f'    kill -TERM "$(sed \'s/.*"pid": \\([0-9]*\\).*/\\1/\' {process.FILE})" 2>/dev/null',
        "}",
        *_start(folder, profile),
        "worker=$!",
        'wait "$worker"; status=$?',
        'while kill -0 "$worker" 2>/dev/null; do wait "$worker"; status=$?; done  # TERM interrupts a wait',
        "",
        "# It goes on in a new job when nobody wished it to stop and it wrote its checkpoint, or when a process beside it",
        "# has gone (a node); unless this job came no further than the one before it, or was cancelled by hand.",
        f'goes_on() {{ tail -n 2 {events.FILE} | grep -q "$1"; }}',
        f"if [ ! -e {process.WISH} ] &&",
        '   { [ -n "$asked" ] && goes_on \'"state":"paused"\' || goes_on \'"cause":"processes"\'; } &&',
        '   scontrol show job "$SLURM_JOB_ID" | grep -q JobState=RUNNING; then',
        f'    if [ "$(ls {_CHECKPOINTS})" != "$before" ]; then scontrol requeue "$SLURM_JOB_ID"',
        f'    elif [ -n "$asked" ]; then touch {TOO_SHORT}; fi',
        "fi",
        'exit "$status"',
    ]
    return "\n".join(lines) + "\n"


def _bare(option: str) -> str:
    # sbatch splits these lines as a shell would, without a shell's other powers.
    name, mark, value = option.partition("=")
    return name + mark + (shlex.quote(value) if mark else "")


def _start(folder: Path, profile: Profile) -> list[str]:
    python = profile.python or sys.executable
    if profile.nodes == 1:
        words = launching.training(folder, processes=profile.a_node)
        return ["trap stop TERM", f"{shlex.join([python, *words[1:]])} &"]
    places = launching.Machines(profile.nodes, "NUMBER", "ADDRESS", "PORT", "MARK")
    line = shlex.join([python, *launching.training(folder, processes=profile.a_node, machines=places)[1:]])
    for name, value in (
        ("NUMBER", "$SLURM_NODEID"), ("ADDRESS", "$address"), ("PORT", "$port"),
        ("MARK", "$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}"),
    ):  # fmt: skip
        line = line.replace(f" {name} ", f' "{value}" ')
    # Since Slurm 22.05 a step does not take over how many processors the job has for a task.
    cpus = f"--cpus-per-task={profile.cpus} " if profile.cpus else ""
    return [
        "# One launcher a node. They meet on the first, which is this one, at the address that Slurm itself has for it.",
        'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "address=$(scontrol show node \"$first\" | sed -n 's/.*NodeAddr=\\([^ ]*\\).*/\\1/p')",
        f"port=$(({_PORTS} + SLURM_JOB_ID % {_PORTS}))",
        "export address port",
        "trap stop TERM",
        f"srun --kill-on-bad-exit=1 {cpus}sh -c {shlex.quote('exec ' + line)} &",
    ]
