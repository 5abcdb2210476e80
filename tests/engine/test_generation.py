"""Replies token by token: transformers' own when nothing is left to chance, and within what was asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import loading
from core.engine.generation import Choice, Piece, _choose, _Text, write  # pyright: ignore[reportPrivateUsage]
from core.engine.machine import this_machine
from tests import tiny

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine


@pytest.fixture(scope="module")
def house() -> tuple[Any, Any]:
    base = loading.find_base(str(tiny.tiny().base))
    model = loading.load_model(base, this_machine(precision="fp32", threads=1)).eval()
    return model, loading.load_tokenizer(base.folder, label="mini")


def said(house: tuple[Any, Any], choice: Choice, ends: set[int] | None = None, context: int = 512) -> list[Piece]:
    model, words = house
    ids = words("<|im_start|>user\n¿Qué me cuentas del pan?<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
    return list(
        write(model, words, ids, choice, ends=ends if ends is not None else {words.eos_token_id}, context=context)
    )


def test_the_likeliest_reply_is_the_one_that_transformers_gives(house: tuple[Any, Any]) -> None:
    model, words = house
    ids = words("<|im_start|>user\n¿Qué me cuentas del pan?<|im_end|>\n<|im_start|>assistant\n", return_tensors="pt")
    with torch.inference_mode():
        theirs = model.generate(**ids, do_sample=False, max_new_tokens=40)[0, ids["input_ids"].shape[1] :].tolist()
    ours = [piece.token for piece in said(house, Choice(temperature=0, max_tokens=40)) if piece.token >= 0]
    assert ours == [token for token in theirs if token != words.eos_token_id]


def test_no_row_of_tokens_is_said_twice_as_transformers_has_it(house: tuple[Any, Any]) -> None:
    model, words = house
    ids = words("<|im_start|>user\npan pan pan pan<|im_end|>\n<|im_start|>assistant\npan pan", return_tensors="pt")
    for size in (1, 2, 3):
        with torch.inference_mode():
            theirs = model.generate(**ids, do_sample=False, max_new_tokens=40, no_repeat_ngram_size=size)
        choice = Choice(temperature=0, max_tokens=40, no_repeat_ngram=size)
        ends = {words.eos_token_id}
        ours = [p.token for p in write(model, words, ids["input_ids"][0].tolist(), choice, ends=ends, context=512)]
        expected = theirs[0, ids["input_ids"].shape[1] :].tolist()
        assert [token for token in ours if token >= 0] == [one for one in expected if one not in ends]


def test_a_reply_ends_for_one_of_two_reasons(house: tuple[Any, Any]) -> None:
    assert said(house, Choice(temperature=0, max_tokens=3))[-1].ended == "length"
    assert said(house, Choice(temperature=0))[-1].ended == "stop"
    assert said(house, Choice(temperature=0), ends=set(), context=40)[-1].ended == "length", "the window is full"
    assert [p.ended for p in said(house, Choice(max_tokens=5), context=3)] == ["length"], "no room at all"


def test_a_seed_repeats_and_another_does_not(house: tuple[Any, Any]) -> None:
    def text(seed: int) -> str:
        return "".join(piece.text for piece in said(house, Choice(temperature=1.5, seed=seed, max_tokens=30)))

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(6)}) > 1


def chosen(logits: list[float], **how: Any) -> set[int]:
    chance = torch.Generator().manual_seed(0)
    choice = Choice(**{name: value for name, value in how.items() if name not in ("counts", "seen")})
    counts, seen = how.get("counts", {}), how.get("seen", set())
    return {_choose(torch.tensor(logits), choice, counts, seen, chance) for _ in range(300)}


def test_each_setting_narrows_the_choice_as_its_name_says() -> None:
    flat = [1.0, 1.0, 1.0, 1.0]
    assert chosen(flat) == {0, 1, 2, 3}
    assert chosen([3.0, 2.0, 1.0, 0.0], top_k=2) == {0, 1}
    assert chosen([9.0, 1.0, 1.0, 1.0], top_p=0.5) == {0}
    assert chosen(flat, top_p=1e-9) != set(), "the likeliest always stays"
    assert chosen([2.0, 1.0, 0.0], temperature=0) == {0}
    assert chosen([2.0, 1.5, 0.0], temperature=0, counts={0: 1}, presence_penalty=1.0) == {1}
    assert chosen([2.0, 1.5, 0.0], temperature=0, counts={0: 4}, frequency_penalty=0.2) == {1}
    assert chosen([2.0, 1.5, 0.0], temperature=0, seen={0}, repetition_penalty=2.0) == {1}


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=4), max_size=3))
@settings(max_examples=150, deadline=None)
def test_pieces_make_up_the_text_up_to_a_stop_and_show_none(text: str, stops: list[str]) -> None:
    words = _words()
    tokens = words(text, add_special_tokens=False)["input_ids"]
    whole = words.decode(tokens, skip_special_tokens=True)
    showing = _Text(words, stops)
    shown = ""
    for token in tokens:
        shown += showing.add(token)
        if showing.stopped:
            break
    else:
        shown += showing.rest()
    assert whole.startswith(shown)
    assert not any(stop in shown for stop in stops)
    # The first that is complete ends it, as at other servers: of "0" and "100" in "100" that is "0".
    assert any(whole.startswith(stop, len(shown)) for stop in stops) or shown == whole
    assert "\ufffd" not in shown or "\ufffd" in text


_kept: list[Any] = []


def _words() -> Any:
    if not _kept:
        _kept.append(loading.load_tokenizer(tiny.tiny().base, label="mini"))
    return _kept[0]
