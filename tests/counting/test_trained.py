"""What the recipe screen says is learnt is what the engine learns, whatever the template does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Example, Line, Role
from core.counting import counter_for
from core.counting.trained import context_of, learnt
from core.engine.masking import Masker
from tests.counting import models
from tests.engine.models import CLOSED, ENDLESS, STRICT, THINKING

TEMPLATES = {"chatml": models.CHATML, "thinking": THINKING, "closed": CLOSED, "strict": STRICT, "endless": ENDLESS}
CHAT = (
    Line(Role.SYSTEM, "Eres rita."),
    Line(Role.USER, "hola, qué tal"),
    Line(Role.ASSISTANT, "che"),
    Line(Role.USER, "¿y el gato?"),
    Line(Role.ASSISTANT, "re lindo 😂", trained=True),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("models")
    made = {name: models.folder(top / name, template) for name, template in TEMPLATES.items()}
    # Its own end-of-text, which is not the token that a template of ours ends turns with.
    (made["endless"] / "tokenizer_config.json").write_text(
        '{"eos_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}', encoding="utf-8"
    )
    return made


def by_engine(folder: Path, lines: tuple[Line, ...]) -> tuple[list[int], list[bool], Any]:
    """The last row that the engine trains on."""
    words: Any = transformers.AutoTokenizer.from_pretrained(str(folder))
    messages = [
        {"role": line.role.value, "content": line.text, "train": line.trained and line.role is Role.ASSISTANT}
        for line in lines
    ]
    told = Masker(words, context=100_000).mask([{"messages": messages, "conversation": 0}])
    row = told.rows[-1]
    return list(row.ids), list(row.trained), words


def stretches(words: Any, ids: list[int], trained: list[bool]) -> str:
    """The trained tokens as text."""
    return words.decode([one for one, flag in zip(ids, trained, strict=True) if flag])


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("train_all", [False, True])
def test_the_same_tokens_are_trained(places: dict[str, Path], name: str, train_all: bool) -> None:
    lines = tuple(Line(one.role, one.text, one.trained or train_all) for one in CHAT)
    ids, trained, words = by_engine(places[name], lines)
    told = learnt(counter_for(name, folder=places[name]), Example(lines, 0), 4096)
    assert (told.tokens, told.trained_tokens) == (len(ids), sum(trained))
    assert "".join(piece.text for piece in told.pieces) == words.decode(ids)
    assert "".join(piece.text for piece in told.pieces if piece.sort == "trained") == stretches(words, ids, trained)
    assert told.pieces[-1].sort == "trained"


words = st.text(max_size=12) | st.sampled_from(["hola", "<|im_end|>", "a\n", "\n b ", "😂👍🏽", "¿é?"])
chats = st.lists(st.tuples(st.sampled_from([Role.USER, Role.ASSISTANT]), words, st.booleans()), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chats, st.sampled_from(["chatml", "closed", "thinking"]))
def test_whatever_is_said_as_many_tokens_are_trained(
    places: dict[str, Path], said: list[tuple[Role, str, bool]], name: str
) -> None:
    lines = (*(Line(role, text, flag) for role, text, flag in said), Line(Role.ASSISTANT, "dale", trained=True))
    ids, trained, _words = by_engine(places[name], lines)
    told = learnt(counter_for(name, folder=places[name]), Example(lines, 0), None)
    assert (told.tokens, told.trained_tokens) == (len(ids), sum(trained))


def test_what_does_not_fit_is_said(places: dict[str, Path]) -> None:
    counter = counter_for("chatml", folder=places["chatml"])
    whole = learnt(counter, Example(CHAT, 0), None)
    assert (whole.over, whole.dropped) == (0, 0)
    told = learnt(counter, Example(CHAT, 0), whole.tokens - 1)
    assert (told.over, told.dropped) == (1, 1)
    assert learnt(counter, Example(CHAT, 0), 10).dropped == 3


def test_the_context_is_the_engines(places: dict[str, Path]) -> None:
    folder = places["chatml"]
    assert context_of(folder) == 2048
    (folder / "config.json").write_text('{"text_config": {"max_position_embeddings": 512}}', encoding="utf-8")
    assert context_of(folder) == 512


def test_a_providers_model_is_shown_by_roles() -> None:
    told = learnt(counter_for("gpt-4.1-mini"), Example(CHAT, 0), 65_536)
    assert [piece.text for piece in told.pieces if piece.sort == "trained"] == ["re lindo 😂\n"]
    assert told.trained_tokens is None
    assert told.tokens > 20
