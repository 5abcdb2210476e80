"""Many replies on one copy of the weights: turns, switching, and what each voice is trained with."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core.engine import loading
from core.engine.generation import Choice, Piece, write
from core.engine.machine import this_machine
from core.engine.problems import ModelProblem
from core.engine.turns import MOST_WAITING, FullError, Turn, Turns
from core.engine.voices import House, assert_room, open_house
from tests import tiny

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine


@pytest.fixture(scope="module")
def house() -> House:
    return open_house(str(tiny.tuned().base), "base", {"rita": tiny.tuned().adapter}, threads=1)


@pytest.fixture
def turns(house: House) -> Iterator[Turns]:
    made = Turns(house, slice_seconds=0.005, at_once=4)
    yield made
    made.stop()


class Listener:
    """Collects one reply."""

    def __init__(self, turns: Turns, name: str, number: int, choice: Choice | None = None) -> None:
        self.pieces: list[Piece] = []
        self.failed: list[BaseException] = []
        self.ended = threading.Event()
        voice = turns.house.voices[name]
        ids = voice.tokenizer(f"<|im_start|>user\n¿{number}?<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
        choice = choice or Choice(temperature=0, max_tokens=12)

        def writing(model: Any) -> Iterator[Piece]:
            return write(model, voice.tokenizer, ids, choice, ends=voice.ends, context=voice.context)

        self.turn = Turn(voice, writing, self.hand)

    def hand(self, one: Piece | BaseException | None) -> None:
        if one is None:
            self.ended.set()
        elif isinstance(one, BaseException):
            self.failed.append(one)
        else:
            self.pieces.append(one)

    @property
    def tokens(self) -> list[int]:
        assert self.ended.wait(120)
        return [piece.token for piece in self.pieces]


def test_many_at_once_get_what_each_would_get_alone(turns: Turns) -> None:
    alone = {}
    for name in ("base", "rita"):
        for number in range(6):
            one = Listener(turns, name, number)
            turns.enter([one.turn])
            alone[name, number] = one.tokens
    assert alone["base", 0] != alone["rita", 0]
    together = {key: Listener(turns, *key) for key in alone}
    turns.enter([one.turn for one in together.values()])
    assert {key: one.tokens for key, one in together.items()} == alone
    assert turns.most_begun == 4, "memory is bounded: no more caches than that"
    assert not turns.busy


def test_the_base_is_the_base_and_the_tuned_is_not(house: House) -> None:
    clean = loading.load_model(loading.find_base(str(tiny.tuned().base)), this_machine(threads=1)).eval()
    ids = torch.tensor([[5, 9, 14, 20]])
    with torch.inference_mode():
        told = clean(input_ids=ids).logits
        for _again in range(3):
            assert not torch.equal(house.speak_as(house.voices["rita"])(input_ids=ids).logits, told)
            assert torch.equal(house.speak_as(house.voices["base"])(input_ids=ids).logits, told)


def test_an_adapter_comes_and_goes_while_others_speak(turns: Turns) -> None:
    speaking = Listener(turns, "base", 1)
    turns.enter([speaking.turn])
    turns.do(lambda: turns.house.let_in("again", tiny.tuned().adapter)).result(60)
    same, known = Listener(turns, "again", 3), Listener(turns, "rita", 3)
    turns.enter([same.turn, known.turn])
    assert same.tokens == known.tokens
    turns.do(lambda: turns.house.let_go("again")).result(60)
    assert list(turns.house.voices) == ["base", "rita"]
    with pytest.raises(ModelProblem):
        turns.do(lambda: turns.house.let_go("base")).result(60)
    assert speaking.tokens


def test_one_who_has_gone_is_written_for_no_more(turns: Turns) -> None:
    one = Listener(turns, "base", 1, Choice(temperature=2.0, max_tokens=400))
    one.turn.gone.set()
    turns.enter([one.turn])
    assert one.tokens == []


def endless(turns: Turns, asker: object = None) -> Listener:
    """One that goes on for long, whatever its model thinks."""
    one = Listener(turns, "base", 1)

    def going_on(_model: Any) -> Iterator[Piece]:
        while True:
            yield Piece("a")

    one.turn.write, one.turn.asker = going_on, asker
    return one


def test_one_who_leaves_while_waiting_goes_at_once_and_makes_room(house: House) -> None:
    turns = Turns(house, slice_seconds=0.005, at_once=1)
    speaking = endless(turns)
    turns.enter([speaking.turn])
    waiting = [endless(turns) for _one in range(MOST_WAITING)]
    turns.enter([one.turn for one in waiting])
    with pytest.raises(FullError):
        turns.enter([endless(turns).turn])
    turns.leave([one.turn for one in waiting])
    for one in waiting:
        assert one.ended.wait(60)
        assert one.pieces == []
    assert not speaking.ended.is_set()
    last = Listener(turns, "rita", 2)
    turns.enter([last.turn])
    turns.leave([speaking.turn])
    assert last.tokens
    turns.stop()


def test_many_alternatives_for_one_keep_nobody_else_from_a_turn(house: House) -> None:
    turns = Turns(house, slice_seconds=0.005, at_once=2)
    greedy = [endless(turns, "greedy") for _one in range(16)]
    turns.enter([one.turn for one in greedy])
    other = Listener(turns, "rita", 2)
    turns.enter([other.turn])
    turns.leave([greedy[0].turn])  # one place is free, and fourteen of the first asker's were there before
    assert other.tokens
    assert not any(one.ended.is_set() for one in greedy[1:])
    turns.leave([one.turn for one in greedy])
    turns.stop()


async def test_a_reader_who_has_gone_before_the_first_piece_is_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.requests import Request

    from core.engine import asking
    from core.engine.server import _pieces  # pyright: ignore[reportPrivateUsage]

    monkeypatch.setattr("core.engine.server.write", lambda *_told, **_more: itertools.repeat(Piece("a")))

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    turns = Turns(house, at_once=1)
    body = {"model": "base", "messages": [{"role": "user", "content": "hola"}]}
    unread = _pieces(turns, asking.read(body, house.voices, chat=True), Request({"type": "http"}, receive))
    while turns.busy:  # for ever, were it not noticed: the test's own limit says so
        await asyncio.sleep(0.01)
    assert unread is not None
    turns.stop()


def test_what_fails_is_told_to_the_one_who_asked_and_to_nobody_else(turns: Turns) -> None:
    bad, good = Listener(turns, "rita", 1), Listener(turns, "rita", 2)

    def broken(_model: Any) -> Iterator[Piece]:
        raise RuntimeError("boom")

    bad.turn.write = broken
    turns.enter([bad.turn, good.turn])
    assert good.tokens
    assert bad.tokens == []
    assert [str(one) for one in bad.failed] == ["boom"]


def test_too_many_are_sent_away_at_once(turns: Turns) -> None:
    one = Listener(turns, "base", 1)
    with pytest.raises(FullError):
        turns.enter([one.turn] * (MOST_WAITING + 1))


def test_a_model_that_does_not_fit_is_told_before_it_is_read(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2 << 40]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelProblem, match=r"4096\.0 GiB") as caught:
        assert_room(tmp_path, this_machine(threads=1), half=False)
    assert caught.value.cause == "memory"


def test_a_template_that_is_not_that_of_the_training_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.tuned().adapter, tmp_path / "adapter"))
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + "!")
    with pytest.raises(ModelProblem, match="chat template") as caught:
        open_house(str(tiny.tuned().base), "base", {"rita": folder}, threads=1)
    assert caught.value.cause == "template-changed"
