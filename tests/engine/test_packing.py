"""Packing loses nothing, cuts nothing, and does not change what a model computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.engine import loading
from core.engine.machine import this_machine
from core.engine.masking import Row
from core.engine.packing import Layout, bins, collate, plan, width_for
from core.engine.stepping import layout_for, losses, summed_losses
from tests.engine import models

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine

some_lengths = st.lists(st.integers(1, 300), min_size=1, max_size=60)


def row(size: int, start: int = 5) -> Row:
    ids = tuple((start + i * 7) % 200 + 3 for i in range(size))
    return Row(ids, tuple(i > 0 and i % 3 != 0 for i in range(size)))


@given(some_lengths)
def test_every_sequence_is_in_one_bin_and_no_bin_overflows(lengths: list[int]) -> None:
    width = width_for(lengths, 4096)
    packed = bins(lengths, range(len(lengths)), width)
    assert sorted(one for group in packed for one in group) == list(range(len(lengths)))
    assert all(sum(lengths[one] for one in group) <= width for group in packed)


@given(some_lengths, st.integers(1, 9), st.integers(0, 99), st.integers(0, 50))
def test_a_plan_can_be_taken_up_at_any_step(lengths: list[int], batch: int, seed: int, start: int) -> None:
    cut = plan([row(size) for size in lengths], batch_size=batch, context=4096, seed=seed)
    for epoch in (0, 1):
        seen = sorted(one for step in cut.epoch(epoch) for group in step for one in group)
        assert seen == list(range(len(lengths))), "an epoch sees everything once"
        assert all(cut.epoch(epoch)), "no step is empty"
    ahead = cut.steps()
    for _number in range(start):
        next(ahead)
    taken_up = cut.steps(start)
    assert [next(ahead) for _ in range(3)] == [next(taken_up) for _ in range(3)]


def test_another_epoch_has_another_order() -> None:
    cut = plan([row(20) for _ in range(50)], batch_size=4, context=512, seed=1)
    assert cut.epoch(0) != cut.epoch(1)


def test_packing_short_chats_leaves_little_room_unused() -> None:
    lengths = [40 + (i * 37) % 90 for i in range(400)]
    packed = bins(lengths, range(400), 256)
    assert sum(lengths) / (len(packed) * 256) > 0.93


@pytest.mark.parametrize("family", models.FAMILIES)
def test_packed_or_alone_a_sequence_costs_the_same(family: str, tmp_path: Path) -> None:
    ways = {"gemma3": "positions", "lfm2": "alone", "phi3": "positions"}
    base = loading.find_base(str(models.make(family, tmp_path / family)))
    model = loading.load_model(base, this_machine(precision="fp32", threads=1)).eval()
    rows = [row(30), row(47, 9), row(60, 11), row(3), row(100, 2)]
    layout = layout_for(model, rows, 512, 0)
    assert layout.way == ways.get(family, "mask")
    together = summed_losses(model, rows, layout, half=False)
    for one, packed in zip(rows, together, strict=True):
        with torch.inference_mode():  # the plain way: one sequence, all logits, no mask
            logits = model(input_ids=torch.tensor([one.ids]), use_cache=False).logits[0].float()
        each = -torch.log_softmax(logits, -1)
        alone = sum(float(each[i - 1, token]) for i, token in enumerate(one.ids) if one.trained[i])
        assert packed == pytest.approx(alone, rel=1e-5)


def test_a_packed_sequence_is_blind_to_its_neighbours(tmp_path: Path) -> None:
    base = loading.find_base(str(models.make("llama", tmp_path / "m")))
    model = loading.load_model(base, this_machine(precision="fp32", threads=1)).eval()
    layout = Layout("mask", 256, 0)

    def first_loss(neighbour: int) -> list[float]:
        packed = collate([row(40), row(90, neighbour)], [[0, 1]], layout)
        with torch.inference_mode():
            each = losses(model, packed, layout, half=False)
        return each[packed.owners == 0].tolist()

    assert first_loss(9) == first_loss(60)
