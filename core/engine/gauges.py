"""What the GPU says of itself while it works: use, memory, power, heat, and the energy that it has taken.

In: the device that a training runs on. Out: plain figures for step events, nothing at all on a CPU. The figures come
from NVIDIA's own library (nvidia-ml-py), which is asked four times a second at most; a machine without it, or with a
driver that does not answer, trains as well and shows less. Knows no model and decides nothing.
"""

# pyright: basic

from __future__ import annotations

from typing import Any, Final

import torch

JOULES_A_KWH: Final = 3_600_000


class Gauges:
    """The gauges of one device."""

    def __init__(self, device: torch.device) -> None:
        self._nvml: Any = None
        self._card: Any = None
        self.name = ""
        if device.type != "cuda":
            return
        self.name = torch.cuda.get_device_name(device)
        try:
            import pynvml
        except ImportError:
            return
        try:
            pynvml.nvmlInit()
            # By its own number: CUDA_VISIBLE_DEVICES changes the order in which torch counts.
            uuid = str(torch.cuda.get_device_properties(device).uuid)
            self._card = pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
            self._nvml = pynvml
        except pynvml.NVMLError:
            self._card = None

    def read(self) -> dict[str, float]:
        """The figures of this moment, those that the card has."""
        if self._card is None:
            return {}
        told: dict[str, float] = {}
        for name, ask in (
            ("gpu_use", lambda: self._nvml.nvmlDeviceGetUtilizationRates(self._card).gpu),
            ("gpu_memory_bytes", lambda: self._nvml.nvmlDeviceGetMemoryInfo(self._card).used),
            ("gpu_watts", lambda: round(self._nvml.nvmlDeviceGetPowerUsage(self._card) / 1000, 1)),
            (
                "gpu_celsius",
                lambda: self._nvml.nvmlDeviceGetTemperature(self._card, self._nvml.NVML_TEMPERATURE_GPU),
            ),
        ):
            try:
                told[name] = ask()
            except self._nvml.NVMLError:
                continue  # not every card tells everything
        return told

    def joules(self) -> float | None:
        """The energy that the card has taken since its driver was loaded; None where it is not counted."""
        if self._card is None:
            return None
        try:
            return self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._card) / 1000
        except self._nvml.NVMLError:
            return None
