"""How a model takes packed rows, found by trying it: what a configuration or a kernel promises is not believed.

In: a model, and the rows it will see. Out: the first `Layout` in which neighbours make no difference, fastest first: a
kernel that knows the edges of sequences where one is installed, a block-diagonal mask, positions that start anew, and
one sequence a row, which is always true and what the others are compared with. Says to a log which one it is.
"""

# pyright: basic

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from core.engine import attention
from core.engine.masking import Row
from core.engine.packing import Layout, collate, width_for
from core.engine.stepping import losses, summed_losses
from core.engine.together import is_sharded
from core.language import _

_SAME: Final = 1e-4  # float32 agrees to 1e-6; a neighbour that is seen is off by more
_SAME_HALF: Final = 5e-3  # the same for weights in half precision
# Of logits and gradients, as a share of their own length: two kernels' rounding in bf16 is one or two hundredths in a
# deep model; a neighbour that is seen, a wrong scale or a wrong head is off by half and more.
_NEAR: Final = 1e-3
_NEAR_HALF: Final = 5e-2
_ROUGHER: Final = 4  # gradients than logits
_ATTENTION: Final = frozenset({"sliding_attention", "chunked_attention"})
_SOME, _LARGEST = 24, 1 << 24  # weights whose gradients are compared, and their size: all of them would fill a card
_SHORT: Final = 48  # tokens: long enough to show what leaks, short enough to cost nothing
_ASIDE: Final = 8  # tokens of filling, which is a sequence like the others to a kernel
# The model does not take it; torch has NotImplementedError for an operation that a device or number format lacks.
_UNFIT: Final = (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError)


def layout_for(
    model: Any,
    rows: Sequence[Row],
    context: int,
    filler: int,
    lengths: Sequence[int] | None = None,
    *,
    half: bool = False,
    tell: Callable[[str, str], object] = lambda _level, _text: None,
) -> Layout:
    """The layout for these rows: three short sequences are computed together and apart, and the first way in which
    neighbours make no difference is taken."""
    width = width_for(lengths if lengths is not None else [len(row.ids) for row in rows], context)
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    own = str(config._attn_implementation)
    if kinds - _ATTENTION:  # convolutions and the like: they leak, if only a little while untrained
        return _told(Layout("alone", width, filler, own), tell)
    windowed = bool(kinds) or bool(window and window < width)
    some = sorted((row for row in rows if row.trained_tokens), key=lambda row: abs(len(row.ids) - _SHORT))[:3]
    was_training = model.training
    model.eval()
    try:
        kernel = attention.installed(next(model.parameters()).device, half=half)
        if kernel is not None and some and not any(is_sharded(weight) for weight in model.parameters()):
            longest = max(rows, key=lambda row: len(row.ids))
            # Only a sequence longer than the window shows whether the kernel has one.
            if _kernel_fits(model, kernel, [*some, longest] if windowed else some, filler, half, own, tell):
                return _told(Layout("varlen", width, filler, kernel.name), tell)
        return _told(_masked(model, some, Layout("alone", width, filler, own), windowed), tell)
    finally:
        model.train(was_training)


def _masked(model: Any, some: Sequence[Row], apart: Layout, windowed: bool) -> Layout:
    close = _SAME if next(model.parameters()).dtype == torch.float32 else _SAME_HALF
    truth = summed_losses(model, some, apart, half=False)
    # Our mask knows nothing of windows, and sequences this short would not show it.
    for way in ("positions",) if windowed else ("mask", "positions"):
        layout = Layout(way, apart.width, apart.filler, apart.attention)
        try:
            together = summed_losses(model, some, layout, half=False)
        except _UNFIT:
            continue
        if all(math.isclose(a, b, rel_tol=close) for a, b in zip(truth, together, strict=True)):
            return layout
    return apart


def _kernel_fits(
    model: Any,
    kernel: attention.Kernel,
    some: Sequence[Row],
    filler: int,
    half: bool,
    own: str,
    tell: Callable[[str, str], object],
) -> bool:
    """Whether a kernel gives this model the logits, and the gradients, of sequences by themselves; if not, the model has
    its own attention back and the log says why."""
    width = sum(len(row.ids) for row in some) + _ASIDE
    near = _NEAR_HALF if half else _NEAR
    truth = _computed(model, some, Layout("alone", width, filler), half)
    reason = ""
    try:
        if not attention.use(model, kernel):
            reason = _("the model takes no attention but its own")
        else:
            told = _computed(model, some, Layout("varlen", width, filler), half)
            if not _same(truth, told, near):
                reason = _("its results are not those of separate sequences")
            model.train()  # what only learning has, such as dropout inside of attention
            _logits(model, some, Layout("varlen", width, filler), half)
    except _UNFIT as error:
        reason = _("it cannot compute this model: {reason}").format(reason=type(error).__name__)
    finally:
        model.eval()
    if reason:
        attention.put_back(model, own)
        tell(
            "warning",
            _("The attention kernel {name} is not used: {reason}.").format(name=kernel.name, reason=reason),
        )
    return not reason


def _computed(model: Any, some: Sequence[Row], layout: Layout, half: bool) -> list[torch.Tensor]:
    """The logits of all trained places, row after row, and the gradients of some of what learns."""
    told = [_logits(model, some, layout, half)]
    small = [weight for weight in model.parameters() if weight.requires_grad and weight.numel() <= _LARGEST]
    if not small:
        return told
    learning = random.Random(0).sample(small, min(_SOME, len(small)))
    parts = [
        torch.autograd.grad(losses(model, packed, layout, half=half).sum(), learning, allow_unused=True)
        for packed in _packs(model, some, layout)
    ]
    for of in zip(*parts, strict=True):
        there = [one.double() for one in of if one is not None]
        if there:
            told.append(torch.stack(there).sum(0))
    return told


def _packs(model: Any, some: Sequence[Row], layout: Layout) -> list[Any]:
    device = next(model.parameters()).device
    groups = [[number] for number in range(len(some))] if layout.way == "alone" else [list(range(len(some)))]
    return [collate(some, [group], layout).to(device) for group in groups]


def _logits(model: Any, some: Sequence[Row], layout: Layout, half: bool) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat(
            [losses(model, packed, layout, half=half, raw=True).double() for packed in _packs(model, some, layout)]
        )


def _same(truth: list[torch.Tensor], told: list[torch.Tensor], near: float) -> bool:
    """Whether logits and gradients are the same but for rounding; what is no number never is.

    Gradients are compared weight by weight: those of keys are so much smaller than those of values that all together
    would not show them. Some are nothing but rounding (a bias of keys), hence a share of the largest besides.
    """
    if len(truth) != len(told) or not (told[0] - truth[0]).norm() <= near * truth[0].norm():
        return False
    least = near**2 * max((float(one.norm()) for one in truth[1:]), default=0.0)
    pairs = zip(truth[1:], told[1:], strict=True)
    return all(bool((b - a).norm() <= _ROUGHER * near * a.norm() + least) for a, b in pairs)


def _told(layout: Layout, tell: Callable[[str, str], object]) -> Layout:
    ways = {
        "varlen": _("Attention: {name}, which knows where each packed sequence ends."),
        "mask": _("Attention: {name}, with a mask between packed sequences."),
        "positions": _("Attention: {name}, packed sequences told apart by their positions."),
        "alone": _("Attention: {name}, one sequence a row."),
    }
    tell("info", ways[layout.way].format(name=layout.attention))
    return layout
