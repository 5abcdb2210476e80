"""Attention over packed bins by a kernel that knows where each sequence begins and ends (varlen), where one is installed.

In: a device, and models. Out: the kernel's name and call, and a model that uses it. On a GPU in half precision such a
kernel spends nothing on the squares that a block-diagonal mask only crosses out. It takes packed bins alone: whatever
comes without the edges of sequences (samples, one sequence a row) goes to torch's ordinary attention as before. Nothing
here is believed: core/engine/proving.py compares its results with those of sequences by themselves before a run uses it.

Never run on a GPU by those who wrote it: on a processor a stand-in of the same call takes the kernel's place in tests.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME: Final = "sinsonte_varlen"
_OLDEST: Final = (8, 0)  # the compute capability from which these kernels are built (Ampere)
_BESIDES: Final = ("softcap", "s_aux", "position_bias")  # what a family may add to attention, and these kernels do not


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel for many sequences in one row. `call(query, key, value, edges, longest, scale, window)` takes tensors of
    tokens × heads × size, the int32 edges of the sequences, and how many tokens back a query sees (0: all)."""

    name: str
    call: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, int, float | None, int], torch.Tensor]


def installed(device: torch.device, *, half: bool) -> Kernel | None:
    """The kernel of this machine, if there is one: that of the package flash-attn, or else the one that comes with torch
    (2.10 and later)."""
    if device.type != "cuda" or not half or torch.cuda.get_device_capability(device) < _OLDEST:
        return None
    try:
        from flash_attn import flash_attn_varlen_func  # pyright: ignore[reportMissingImports]

        return Kernel("flash-attn", partial(_flash, flash_attn_varlen_func))
    except (ImportError, OSError):  # not there, or built for another torch
        pass
    try:
        from torch.nn.attention.varlen import varlen_attn

        return Kernel("torch varlen", partial(_torch, varlen_attn))
    except ImportError:
        return None


def _flash(
    function: Any, query: Any, key: Any, value: Any, edges: Any, longest: int, scale: float | None, window: int
) -> Any:
    seen = (window - 1, 0) if window else (-1, -1)
    return function(
        query, key, value, edges, edges, longest, longest, softmax_scale=scale, causal=True, window_size=seen
    )


def _torch(
    function: Any, query: Any, key: Any, value: Any, edges: Any, longest: int, scale: float | None, window: int
) -> Any:
    seen = (window - 1 if window else -1, 0)
    grouped = query.shape[1] != key.shape[1]
    return function(
        query, key, value, edges, edges, longest, longest, scale=scale, window_size=seen, enable_gqa=grouped
    )


def use(model: Any, kernel: Kernel) -> bool:
    """Let a model's packed bins go through the kernel; false if the model takes no attention of others."""
    ALL_ATTENTION_FUNCTIONS.register(NAME, partial(_attend, kernel))
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)  # for what is not packed
    model.set_attn_implementation(NAME)
    return model.config._attn_implementation == NAME


def put_back(model: Any, before: str) -> None:
    """The model's own attention again."""
    model.set_attn_implementation(before)


def _attend(
    kernel: Kernel,
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int = 0,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    if cu_seq_lens_q is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
    if dropout or query.shape[-1] != value.shape[-1] or any(others.get(name) is not None for name in _BESIDES):
        raise ValueError("this attention has something that the kernel has not")
    kind = query.device.type
    wanted = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else value.dtype
    count, heads, width, size = query.shape
    flat = [one.transpose(1, 2).reshape(count * width, -1, size).to(wanted) for one in (query, key, value)]
    told = kernel.call(flat[0], flat[1], flat[2], cu_seq_lens_q, max_length_q, scaling, sliding_window or 0)
    return told.reshape(count, width, heads, size), None
