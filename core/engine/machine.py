"""What this machine can do: device, number format, threads, memory. Decided by its abilities, never by timing it,
so that the same machine always decides the same and a run can be repeated bit by bit.
"""

# pyright: basic

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from core.engine.problems import ModelProblem
from core.engine.together import Together
from core.language import _

_NVIDIA: Final = Path("/proc/driver/nvidia/version")  # there as long as the driver is loaded


@dataclass(frozen=True)
class Machine:
    """Where the arithmetic happens."""

    device: torch.device
    half: bool  # bf16 for the matrix products (autocast); sums and weights of adapters stay float32
    threads: int
    memory_bytes: int  # what may be used on that device
    trouble: str = ""  # why a GPU that is here is not used

    @property
    def measures_half(self) -> bool:
        """Whether held-out loss is taken in bf16, in a training and by the scorer alike. On a processor it is not: bf16 is
        off by up to 0.2 % there, and a measurement is worth the time."""
        return self.half and self.device.type == "cuda"

    @property
    def words(self) -> str:
        """The same for a log line."""
        kind = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else f"CPU, {self.threads} threads"
        return f"{kind}, {'bf16' if self.half else 'fp32'}, {self.memory_bytes / 2**30:.1f} GiB"


def this_machine(
    *, precision: str = "auto", threads: int = 0, device: str = "auto", together: Together | None = None
) -> Machine:
    """The best device here (or the one asked for), set up for repeatable arithmetic. Processes side by side share the
    cores and the memory, and have a GPU each."""
    beside = together.beside if together else 1
    count = threads or max(1, len(os.sched_getaffinity(0)) // beside)
    torch.set_num_threads(count)
    trouble = "" if device == "cpu" or torch.cuda.is_available() else _no_cuda()
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelProblem(
            "cuda",
            trouble or _("There is no GPU here that torch could use."),
            where="device",
            advice=_("Run it where there is one, or set device=cpu."),
        )
    if device != "cpu" and torch.cuda.is_available():
        number = together.local if together else 0
        if number >= torch.cuda.device_count():
            raise ModelProblem(
                "cuda",
                _("There are {count} GPUs here, fewer than the processes that were asked for.").format(
                    count=torch.cuda.device_count()
                ),
                where="processes",
                advice=_("Set processes to the number of GPUs."),
            )
        where = torch.device("cuda", number)
        able, memory = torch.cuda.is_bf16_supported(), torch.cuda.mem_get_info(where)[0]
    else:
        where, able, memory = torch.device("cpu"), _cpu_half(), available_memory() // beside
    return Machine(where, able if precision == "auto" else precision == "bf16", count, memory, trouble)


def _no_cuda() -> str:
    """Why torch finds no GPU although an NVIDIA card is here; nothing where there is none."""
    if not _NVIDIA.exists():
        return ""
    if torch.version.cuda is None:
        return _("There is an NVIDIA GPU here, but this torch was built without CUDA: training on the processor.")
    try:
        torch.cuda.init()
        return _("There is an NVIDIA GPU here, but it is hidden from this process (CUDA_VISIBLE_DEVICES).")
    except RuntimeError as error:
        if "too old" in str(error):
            return _("The NVIDIA driver of this machine is too old for this torch: training on the processor.")
        return _("The NVIDIA driver of this machine does not answer: training on the processor.")


def _cpu_half() -> bool:
    # Without these instructions bf16 is emulated and slower; with them a small model gains 10-45 %.
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def available_memory() -> int:
    """Bytes that this process may still take: the machine's, or less where a cgroup says so."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                machine = int(line.split()[1]) * 1024
        most = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        if most != "max":
            machine = min(machine, max(0, int(most) - used))
    except (OSError, ValueError):
        pass
    return machine


def mark_memory(device: torch.device) -> int:
    """Begin to watch for the peak from here; returns the bytes that are taken now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the high-water mark to now
    except OSError:
        return peak_memory(device)
    return used_memory(device)


def peak_memory(device: torch.device) -> int:
    """The most bytes that were taken since the mark; on a CPU of this process, on a GPU by torch."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return used_memory(device)


def used_memory(device: torch.device) -> int:
    """Bytes taken on the device: the peak since the mark; on a CPU the resident size of this process now."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
