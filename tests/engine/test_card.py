"""What a GPU is asked, without one: its gauges and energy, which card is whose, NCCL, and the calls of attention kernels.

The stand-ins take the place of functions of nvidia-ml-py and torch that are there, and are called as those can be called:
each call is bound to the real function's signature first, so a name or an argument that NVIDIA's library does not have
fails here and not on the card.
"""

# pyright: basic

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
import torch
import torch.distributed as dist

from core.engine import attention, dry_run
from core.engine.gauges import Gauges
from core.engine.machine import this_machine
from core.engine.problems import ModelProblem
from core.engine.together import Together

CARD = torch.device("cuda", 0)
UUID = "a1b2c3d4-0000-1111-2222-333344445555"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a stand-in where a real function is, which must be there and must take the same."""

    def put(place: Any, **functions: Callable[..., Any]) -> None:
        for name, function in functions.items():
            real = inspect.signature(getattr(place, name))

            def checked(*given: Any, _real: Any = real, _does: Any = function, **named: Any) -> Any:
                _real.bind(*given, **named)
                return _does(*given, **named)

            monkeypatch.setattr(place, name, checked)

    return put


@pytest.fixture
def card(stand_in: Callable[..., None]) -> dict[str, float]:
    """A card whose counters are these."""
    told = {"mj": 5_000_000.0, "mw": 412_345.0}

    def by_uuid(uuid: str) -> str:
        assert uuid == f"GPU-{UUID}", "by its own number, whatever torch counts"
        return "handle"

    stand_in(
        torch.cuda,
        get_device_name=lambda _d: "NVIDIA H200",
        get_device_properties=lambda _d: SimpleNamespace(uuid=UUID),
    )
    stand_in(
        pynvml,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=by_uuid,
        nvmlDeviceGetUtilizationRates=lambda _h: SimpleNamespace(gpu=97, memory=40),
        nvmlDeviceGetMemoryInfo=lambda _h: SimpleNamespace(used=70 << 30, total=141 << 30, free=71 << 30),
        nvmlDeviceGetPowerUsage=lambda _h: told["mw"],
        nvmlDeviceGetTemperature=lambda _h, sensor: {pynvml.NVML_TEMPERATURE_GPU: 61}[sensor],
        nvmlDeviceGetTotalEnergyConsumption=lambda _h: told["mj"],
    )
    return told


def test_a_card_tells_use_memory_power_heat_and_energy(card: dict[str, float]) -> None:
    gauges = Gauges(CARD)
    assert gauges.name == "NVIDIA H200"
    assert gauges.read() == {"gpu_use": 97, "gpu_memory_bytes": 70 << 30, "gpu_watts": 412.3, "gpu_celsius": 61}
    assert gauges.joules() == 5000.0


def test_a_card_that_tells_less_shows_less(card: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    def not_here(_handle: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    for name in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetTotalEnergyConsumption"):
        monkeypatch.setattr(pynvml, name, not_here)
    gauges = Gauges(CARD)
    assert set(gauges.read()) == {"gpu_use", "gpu_memory_bytes", "gpu_celsius"}
    assert gauges.joules() is None

    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    gauges = Gauges(CARD)
    assert (gauges.name, gauges.read(), gauges.joules()) == ("NVIDIA H200", {}, None)


def test_the_energy_of_the_dry_run_becomes_the_plan_s(card: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two passes that take 150 J in half a second each: 300 watts."""
    clock = {"at": 0.0}
    monkeypatch.setattr(dry_run.time, "monotonic", lambda: clock["at"])

    def a_pass(*_given: Any) -> tuple[int, float]:
        clock["at"] += 0.5
        card["mj"] += 150_000
        return 1000, 0.5

    monkeypatch.setattr(dry_run, "_peak", a_pass)
    plan = SimpleNamespace(epoch=lambda _n: [[[0], [1]]], lengths=[5, 5])
    machine = SimpleNamespace(memory_bytes=1 << 30, device=torch.device("cpu"))
    needs = dry_run.measure(
        torch.nn.Linear(2, 2), [], plan, None, machine, half=True, gauges=Gauges(CARD)  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    assert needs.watts == pytest.approx(300)
    assert needs.step_seconds == pytest.approx(0.5)


@pytest.fixture
def four_cards(stand_in: Callable[..., None]) -> None:
    stand_in(
        torch.cuda,
        is_available=lambda: True,
        device_count=lambda: 4,
        is_bf16_supported=lambda: True,
        mem_get_info=lambda where: ((80 + where.index) << 30, 141 << 30),
        get_device_name=lambda _d: "NVIDIA H200",
    )


def test_each_process_has_a_card_of_its_own_in_bf16(four_cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "7")
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    machine = this_machine(together=Together())
    assert (machine.device, machine.half, machine.memory_bytes) == (torch.device("cuda", 3), True, 83 << 30)
    assert machine.measures_half
    assert machine.words == "NVIDIA H200, bf16, 83.0 GiB"
    assert this_machine(device="cpu").device.type == "cpu", "as it was asked for"
    assert not this_machine(precision="fp32").half
    monkeypatch.setenv("LOCAL_RANK", "4")
    with pytest.raises(ModelProblem, match="4 GPUs here, fewer") as caught:
        this_machine(together=Together())
    assert caught.value.cause == "cuda"


def test_cards_meet_by_nccl_and_processors_by_gloo(
    stand_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    met: list[Any] = []
    stand_in(torch.cuda, set_device=met.append)
    stand_in(dist, init_process_group=met.append)
    Together().join(CARD)
    Together().join(torch.device("cpu"))
    assert met == [CARD, "nccl", "gloo"]


def test_the_kernels_are_called_as_they_can_be(stand_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.nn.attention import varlen

    stand_in(torch.cuda, get_device_capability=lambda _d: (9, 0))
    calls: list[dict[str, Any]] = []
    stand_in(varlen, varlen_attn=lambda *_given, **named: calls.append(named))
    kernel = attention.installed(CARD, half=True)
    assert kernel is not None and kernel.name == "torch varlen"
    query, key = torch.zeros(10, 8, 64), torch.zeros(10, 2, 64)
    edges = torch.tensor([0, 4, 10], dtype=torch.int32)
    kernel.call(query, key, key, edges, 6, 0.125, 0)
    kernel.call(query, query, query, edges, 6, None, 4)
    assert calls == [
        {"scale": 0.125, "window_size": (-1, 0), "enable_gqa": True},
        {"scale": None, "window_size": (3, 0), "enable_gqa": False},
    ]
    assert attention.installed(CARD, half=False) is None, "in half precision only"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _d: (7, 5))
    assert attention.installed(CARD, half=True) is None, "from Ampere on"


@pytest.mark.parametrize(("size", "least", "most"), [("1b", 1.1e9, 1.4e9), ("3b", 2.9e9, 3.5e9)])
def test_the_bases_of_the_benchmark_are_as_large_as_they_say(size: str, least: float, most: float) -> None:
    """Without a byte of them: the shapes alone."""
    import peft
    import transformers

    from bench.training import throughput

    with torch.device("meta"):
        made = transformers.LlamaForCausalLM(throughput.configuration(size))
        assert least < sum(weight.numel() for weight in made.parameters()) < most
        tuned = peft.get_peft_model(made, peft.LoraConfig(**throughput.lora()), low_cpu_mem_usage=True)
    assert any("lora_A" in name for name, weight in tuned.named_parameters() if weight.requires_grad)
