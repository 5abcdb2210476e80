"""What this machine can do: device, number format, threads, memory. Decided by its abilities, never by timing it,
so that the same machine always decides the same and a run can be repeated bit by bit.
"""

# pyright: basic

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Machine:
    """Where the arithmetic happens."""

    device: torch.device
    half: bool  # bf16 for the matrix products (autocast); sums and weights of adapters stay float32
    threads: int
    memory_bytes: int  # what may be used on that device

    @property
    def words(self) -> str:
        """The same for a log line."""
        kind = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else f"CPU, {self.threads} threads"
        return f"{kind}, {'bf16' if self.half else 'fp32'}, {self.memory_bytes / 2**30:.1f} GiB"


def this_machine(*, precision: str = "auto", threads: int = 0) -> Machine:
    """The best device here, set up for repeatable arithmetic."""
    count = threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(count)
    if torch.cuda.is_available():
        device = torch.device("cuda", 0)
        able, memory = torch.cuda.is_bf16_supported(), torch.cuda.mem_get_info(device)[0]
    else:
        device, able, memory = torch.device("cpu"), _cpu_half(), available_memory()
    return Machine(device, able if precision == "auto" else precision == "bf16", count, memory)


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


def used_memory(device: torch.device) -> int:
    """Peak bytes taken on the device; on a CPU the resident size now."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
