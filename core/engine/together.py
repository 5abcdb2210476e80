"""Several processes that learn together: who this one is, what it says to the others, and its share of the work.

In: the environment that torch's launcher sets (RANK, WORLD_SIZE, ...). Out: a `Together`, which for a lone process does
nothing at all. Every process holds the same rows and the same plan, so which bins are whose needs no words; what goes
between them is gradients, a few figures a step, and the wish to stop. With `sharding=fsdp` each also keeps only its part
of the base (torch's FSDP2), and then they must take every pass through the model at the same time.

The processes talk by gloo on a CPU and NCCL on GPUs. A sum over two processes comes out the same each time, so a run of
several that was killed and resumed ends with the same bytes as well, as long as there are as many of them as before.
"""

# pyright: basic

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import torch
import torch.distributed as dist

_BUCKET: Final = 16 << 20  # gradients that travel at once: 64 MiB of float32

T = TypeVar("T")


def rank_here() -> int:
    """The number of this process; 0 for a lone one and for the one that writes."""
    return int(os.environ.get("RANK", "0"))


class Together:
    """This process among its like."""

    def __init__(self, *, sharded: bool = False) -> None:
        self.rank, self.world = rank_here(), int(os.environ.get("WORLD_SIZE", "1"))
        self.local = int(os.environ.get("LOCAL_RANK", "0"))
        self.beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # on this machine
        self.sharded = sharded and self.world > 1

    @property
    def writes(self) -> bool:
        """Whether this is the process that tells and writes."""
        return self.rank == 0

    def join(self, device: torch.device) -> None:
        """Meet the others."""
        if self.world > 1 and not dist.is_initialized():
            if device.type == "cuda":
                torch.cuda.set_device(device)
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

    def leave(self) -> None:
        """Part from the others."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def pieces(self, parts: Sequence[T], at_once: int = 0) -> list[tuple[list[T], bool]]:
        """My share of these in pieces, each with whether it counts. In a sharded model all must pass through it equally
        often, so who has less goes through once more for nothing."""
        share = list(parts[self.rank :: self.world])
        size = at_once or max(1, len(share))
        cut = [(share[at : at + size], True) for at in range(0, len(share), size)]
        if self.sharded:
            longest = -(-len(parts) // self.world)
            cut += [(list(parts[:1]), False)] * (-(-longest // (at_once or longest)) - len(cut))
        return cut

    def sum(self, numbers: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(numbers)
        return numbers

    def most(self, number: int, device: torch.device) -> int:
        """The largest that anybody has."""
        if self.world == 1:
            return number
        told = torch.tensor([number], device=device)
        dist.all_reduce(told, op=dist.ReduceOp.MAX)
        return int(told)

    def least(self, number: int, device: torch.device) -> int:
        """The smallest that anybody has."""
        return -self.most(-number, device)

    def sum_gradients(self, weights: Iterable[torch.Tensor]) -> None:
        """Add up what each has learnt. Sharded weights were averaged on their way back already."""
        if self.world == 1:
            return
        waiting: list[torch.Tensor] = []
        size = 0
        for weight in weights:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            if is_sharded(weight):
                weight.grad.mul_(self.world)
                continue
            waiting.append(weight.grad)
            size += weight.numel()
            if size >= _BUCKET:
                self._sum_flat(waiting)
                waiting, size = [], 0
        self._sum_flat(waiting)

    def _sum_flat(self, gradients: list[torch.Tensor]) -> None:
        if not gradients:
            return
        flat = torch.cat([one.reshape(-1) for one in gradients])
        dist.all_reduce(flat)
        at = 0
        for one in gradients:
            one.copy_(flat[at : at + one.numel()].view_as(one))
            at += one.numel()


def shard(model: Any, together: Together, device: torch.device) -> None:
    """Leave to each process a part of the model's weights; what an adapter learns stays whole everywhere (it is small,
    and its checkpoints are then those of a lone process)."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (together.world,))
    learning = {weight for weight in model.parameters() if weight.requires_grad}
    frozen = any(not weight.requires_grad for weight in model.parameters())
    kept = learning if frozen else None
    for layers in model.modules():
        if isinstance(layers, torch.nn.ModuleList) and len(layers) > 1:
            for layer in layers:
                fully_shard(layer, mesh=mesh, ignored_params=kept)
            break  # the first list is the decoder's; lists inside its layers belong to them
    # The root, too, gives back after each pass what it gathered: else its weights are, now and then, not parts but whole
    # ones that nobody trains.
    fully_shard(model, mesh=mesh, reshard_after_forward=True, ignored_params=kept)
    for weight in learning:
        if frozen:
            weight.data = weight.data.to(device)


def is_sharded(tensor: torch.Tensor) -> bool:
    """Whether others have parts of it."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a tensor. Everybody must ask at the same time."""
    parts: Any = tensor
    return parts.full_tensor() if is_sharded(tensor) else tensor


def like(tensor: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """The whole tensor `given`, laid out as `tensor` is."""
    if not is_sharded(tensor):
        return given.to(tensor.device)
    from torch.distributed.tensor import distribute_tensor

    laid: Any = tensor
    return distribute_tensor(given.to(laid.device), laid.device_mesh, laid.placements)
