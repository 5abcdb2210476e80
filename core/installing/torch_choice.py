"""Which torch: the one choice in the installation that can cost three gigabytes.

In: what the user asked for, the NVIDIA driver, what pip could find. Out: a `Choice`: requirements and options for pip,
and what it will cost. In order: a torch that is already there is used; without an NVIDIA driver a build for the CPU
(one that pip finds by itself, else the one of PyTorch's own index); with a driver, the CUDA build that it can run.
Where only the CUDA set can be had for a machine without a GPU, it asks first.

`pip index versions` is what tells (1 s): `pip install --dry-run` downloads the whole 539 MB wheel to learn its
dependencies, with pip 23.0 and with 26.3 alike.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.installing.pip_run import Pip
from core.language import _
from core.problem import Misuse, Problem, Refused

NAMES = ("cpu", "cu126", "cu128", "cu130", "skip", "existing")
# The CPU build that our figures come from, and the oldest and newest that the code is written for.
PINNED = "2.13.0"
LEAST, BELOW = (2, 9), (3, 0)
PYTORCH_INDEX = "https://download.pytorch.org/whl/"
DRIVER_FILE = Path("/proc/driver/nvidia/version")
CPU_MB, CPU_DISK_MB, CUDA_MB, CUDA_DISK_MB = 190, 760, 3000, 7000


@dataclass(frozen=True)
class Choice:
    """What to tell pip, and what to tell the user."""

    name: str
    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()
    download_mb: int = 0
    disk_mb: int = 0
    note: str = ""
    outside: tuple[str, ...] = ()  # folders that already hold torch, to be seen from the environment


@dataclass(frozen=True)
class Outside:
    """A torch of the Python that launched us: a cluster's module, a user's own environment, a system package."""

    version: str
    folders: tuple[str, ...]


def choose(
    asked: str,
    *,
    requirement: str,
    pip: Pip,
    yes: bool,
    command: list[str],
    ask: Callable[[str], bool],
    talk: Callable[[str], None] = lambda text: None,
) -> Choice:
    """The torch to install. Raises Refused where three gigabytes would come as a surprise and nobody could be asked."""
    if asked and asked not in NAMES:
        raise Misuse(
            _("There is no torch called {name}.").format(name=asked),
            advice=_("Choose one of: {names}.").format(names=", ".join(NAMES)),
        )
    if asked == "skip":
        return Choice("skip", ())
    outside = find_outside()
    if asked == "existing" or (not asked and outside and in_range(outside.version)):
        if outside is None:
            raise Problem(
                _("The Python that started this has no torch: {python}").format(python=sys.executable),
                advice=_("Load the module or activate the environment that has it, then start again."),
            )
        note = _("Using the torch {version} that is already here.").format(version=outside.version)
        return Choice("existing", (), note=note, outside=outside.folders)
    if sys.platform != "linux":
        return Choice(asked or "cpu", (requirement,), download_mb=CPU_MB, disk_mb=CPU_DISK_MB)
    driver = None if asked == "cpu" else driver_version()
    if asked == "cu130" or (not asked and driver and driver >= 580):
        note = _("NVIDIA driver {driver} seen: torch comes with CUDA 13.").format(driver=driver) if driver else ""
        return Choice("cu130", (requirement,), download_mb=CUDA_MB, disk_mb=CUDA_DISK_MB, note=note)
    if asked.startswith("cu"):
        return _from_pytorch((asked,), pip, driver, talk)
    if driver and driver >= 525:
        # Any CUDA 12 runtime starts on 525 and later; a build for 12.8 wants the driver that came with it.
        return _from_pytorch(("cu128", "cu126") if driver >= 570 else ("cu126",), pip, driver, talk)
    return _cpu(asked, requirement, pip, driver, yes, command, ask, talk)


def _from_pytorch(names: tuple[str, ...], pip: Pip, driver: int | None, talk: Callable[[str], None]) -> Choice:
    """The first of these CUDA builds that PyTorch's own index has."""
    for name in names:
        talk(_("Looking for torch {build} in PyTorch's own index...").format(build=name))
        found = best_build(pip.versions("torch", "--index-url", PYTORCH_INDEX + name, patience=8), name)
        if found:
            note = ""
            if driver:
                note = _("NVIDIA driver {driver} seen: torch comes with {build}.").format(driver=driver, build=name)
            options = ("--extra-index-url", PYTORCH_INDEX + name)
            return Choice(name, (f"torch=={found}",), options, CUDA_MB, CUDA_DISK_MB, note)
    raise Problem(
        _("PyTorch's own index, which has torch {build}, cannot be reached or has none for this Python.").format(
            build=", ".join(names)
        ),
        advice=_("Without the GPU: ./sinsonte --torch cpu --install local"),
    )


def _cpu(
    asked: str,
    requirement: str,
    pip: Pip,
    driver: int | None,
    yes: bool,
    command: list[str],
    ask: Callable[[str], bool],
    talk: Callable[[str], None],
) -> Choice:
    note = _("torch for the CPU: no NVIDIA driver is here.")
    if driver:
        note = _("NVIDIA driver {driver} is older than 525, the oldest for today's torch: taking the CPU build.")
        note = note.format(driver=driver)
    elif asked == "cpu":
        note = ""
    elif shutil.which("sbatch"):
        note += " " + _("If the cluster's other machines have GPUs: ./sinsonte --torch cu128 --install local")
    found = best_build(pip.versions("torch"), "cpu")
    if found:
        return Choice("cpu", (f"torch=={found}",), (), CPU_MB, CPU_DISK_MB, note)
    talk(_("Looking for a torch for the CPU in PyTorch's own index..."))
    found = best_build(pip.versions("torch", "--index-url", PYTORCH_INDEX + "cpu", patience=8), "cpu")
    if found:
        options = ("--extra-index-url", PYTORCH_INDEX + "cpu")
        return Choice("cpu", (f"torch=={found}",), options, CPU_MB, CPU_DISK_MB, note)
    cost = _("Only torch with CUDA can be had here: about {gigabytes} GB to download, though no GPU was seen.").format(
        gigabytes=CUDA_MB // 1000
    )
    choice = Choice("cpu", (requirement,), (), CUDA_MB, CUDA_DISK_MB, cost)
    if yes or ask(cost):
        return choice
    raise Refused(cost, advice=_advice(command))


def _advice(command: list[str]) -> str:
    said = _("To download it all the same: {command}").format(command="./sinsonte --install local --yes")
    other = python_with_cpu_build()
    if other:
        smaller = f"rm -rf .venv && {other} {shlex.join(['./sinsonte', *command])}"
        # A line each: they are to be copied.
        said = _("{python} would get a small one: {command}").format(python=other, command=smaller) + "\n" + said
    return "\n" + said


def python_with_cpu_build() -> str:
    """Another Python on PATH for which pip finds a CPU build: wheels are made for one Python version each."""
    for minor in (11, 12, 13):
        name = f"python3.{minor}"
        if sys.version_info[:2] == (3, minor) or not shutil.which(name):
            continue
        if best_build(Pip([name, "-m", "pip"]).versions("torch", patience=8), "cpu"):
            return name
    return ""


def best_build(versions: list[str], name: str) -> str:
    """The pinned version's build of this name, else the newest in range, else nothing.

    The local part ("+cpu") is what makes the choice certain: without it pip may take another index's CUDA build.
    """
    builds = [one for one in versions if one.endswith(f"+{name}") and in_range(one)]
    if f"{PINNED}+{name}" in builds:
        return f"{PINNED}+{name}"
    return max(builds, key=_numbers, default="")


def in_range(version: str) -> bool:
    return LEAST <= _numbers(version) < BELOW


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in re.findall(r"\d+", version.partition("+")[0])[:3])


def driver_version() -> int | None:
    """The NVIDIA driver's major version, or None without one."""
    try:
        return driver_in(DRIVER_FILE.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        pass
    # Under WSL the driver is Windows' own and has no /proc file.
    tool = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path="/usr/lib/wsl/lib")
    if not tool:
        return None
    try:
        said = subprocess.run(
            [tool, "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, errors="replace", timeout=20, check=False,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"\s*(\d{3,})\.", said)
    return int(match[1]) if match else None


def driver_in(text: str) -> int | None:
    """The major version in the text of /proc/driver/nvidia/version."""
    match = re.search(r"Kernel Module\b.*?\b(\d{3,})\.\d+", text)
    return int(match[1]) if match else None


def find_outside() -> Outside | None:
    """The torch that this very Python can import, found without importing it (that takes 2.6 s)."""
    try:
        found = importlib.util.find_spec("torch")
        version = importlib.metadata.version("torch")
    except (ImportError, ValueError, importlib.metadata.PackageNotFoundError):
        return None
    if found is None or not found.origin:
        return None
    # Every folder of packages on this Python's path, torch's own first: its dependencies may lie in another one.
    home = Path(found.origin).parent.parent
    inherited = {os.path.realpath(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one}
    folders = [home, *(Path(one) for one in sys.path if Path(one).name in ("site-packages", "dist-packages"))]
    unique = dict.fromkeys(str(one.resolve()) for one in folders if one.is_dir())
    return Outside(version, tuple(one for one in unique if one not in inherited))
