"""What is learnt: the persona's replies and their end token, whatever the template does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.masking import Masked, Masker
from core.engine.templates import PLAIN, opening
from core.problem import Problem
from tests.engine.models import CHATML, CLOSED, ENDLESS, STRICT, THINKING, tokenizer

pytestmark = pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine

CHAT = [
    {"role": "system", "content": "Eres rita."},
    {"role": "user", "content": "hola"},
    {"role": "assistant", "content": "che", "train": True},
    {"role": "user", "content": "¿y el gato?"},
    {"role": "assistant", "content": "re lindo 😂", "train": True},
]
ENDING = "<|im_end|>"


@pytest.fixture(scope="module")
def words() -> Any:
    return tokenizer()


def masked(
    words: Any, template: str, messages: list[dict[str, Any]], *, context: int = 512, too_long: str = "refuse"
) -> Masked:
    words.chat_template = template
    return Masker(words, context=context, too_long=too_long).mask([{"messages": messages, "conversation": 3}])


def learnt(words: Any, told: Masked) -> list[str]:
    """The learnt stretches, as text."""
    found: list[str] = []
    for row in told.rows:
        run: list[int] = []
        for token, trained in zip([*row.ids, 0], [*row.trained, False], strict=True):
            if trained:
                run.append(token)
            elif run:
                found.append(words.decode(run))
                run = []
    return found


@pytest.mark.parametrize("template", [CHATML, THINKING, CLOSED])
def test_replies_and_their_end_are_learnt_and_nothing_else(words: Any, template: str) -> None:
    told = masked(words, template, CHAT)
    assert learnt(words, told) == [f"che{ENDING}", f"re lindo 😂{ENDING}"]
    assert told.endless_replies == 0
    assert told.end_tokens == {words.convert_tokens_to_ids(ENDING)}


def test_a_template_that_rewrites_earlier_turns_gets_a_row_a_reply(words: Any) -> None:
    assert len(masked(words, CHATML, CHAT).rows) == 1
    for template in (THINKING, CLOSED):
        told = masked(words, template, CHAT)
        assert (len(told.rows), told.split_examples) == (2, 1)


def test_the_row_is_what_the_model_will_be_asked_with(words: Any) -> None:
    from core.engine.templates import render

    for template in (CHATML, THINKING, CLOSED):
        row = masked(words, template, CHAT).rows[-1]
        asked = words(render(words, CHAT[:-1], ask=True), add_special_tokens=False)["input_ids"]  # pyright: ignore[reportArgumentType]
        assert list(row.ids[: len(asked)]) == asked
        assert not any(row.trained[: len(asked)]) or template == CHATML


def test_only_marked_replies_are_learnt(words: Any) -> None:
    chat = [dict(m) for m in CHAT]
    chat[2]["train"] = False
    assert learnt(words, masked(words, CHATML, chat)) == [f"re lindo 😂{ENDING}"]
    for message in chat:
        message["train"] = message["role"] == "user"
    assert masked(words, CHATML, chat).trained_tokens == 0, "another's words are never learnt"


def test_a_strict_template_gets_a_conversation_that_it_takes(words: Any) -> None:
    doubled = [*CHAT[:3], {"role": "assistant", "content": "jaja", "train": True}, *CHAT[3:]]
    assert learnt(words, masked(words, STRICT, doubled)) == [f"che\njaja{ENDING}", f"re lindo 😂{ENDING}"]
    assert learnt(words, masked(words, STRICT, CHAT[2:])) == [f"che{ENDING}", f"re lindo 😂{ENDING}"]


@pytest.mark.parametrize(
    "template", [CHATML, THINKING, CLOSED, STRICT, PLAIN, ENDLESS, "{{ messages[0]['role'] }}" + CHATML]
)
def test_a_reply_that_nothing_goes_before_is_learnt_too(words: Any, template: str) -> None:
    """buffer_size=0 and no system prompt: the example is the reply alone."""
    told = masked(words, template, CHAT[2:3])
    assert learnt(words, told) == [f"che{ENDING}"]
    asked = words(opening(words, []), add_special_tokens=False)["input_ids"]
    assert asked, "something stands before the first token that is learnt"
    assert list(told.rows[0].ids[: len(asked)]) == asked


def test_a_template_that_refuses_everything_is_a_problem(words: Any) -> None:
    with pytest.raises(Problem, match="refuses"):
        masked(words, "{{ raise_exception('no') }}", CHAT)


def test_the_end_of_text_is_learnt_though_the_tokenizer_pads_with_it(words: Any) -> None:
    told = masked(words, PLAIN, CHAT)
    assert told.endless_replies == 0
    assert [text.endswith(words.eos_token) for text in learnt(words, told)] == [True, True]


def test_a_reply_that_the_template_leaves_open_is_closed_with_the_end_of_text(words: Any) -> None:
    told = masked(words, ENDLESS, CHAT[-2:])
    assert learnt(words, told) == [f"re lindo 😂{words.eos_token}"]
    assert told.end_tokens == {words.eos_token_id}
    # In the middle of a row nothing can be added, and that is told.
    assert masked(words, ENDLESS, CHAT).endless_replies == 1


def test_the_separator_of_messages_is_one_token_and_is_learnt(words: Any) -> None:
    chat = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "uno<|msg_sep|>dos<|msg_sep|>", "train": True},
    ]
    told = masked(words, CHATML, chat)
    assert learnt(words, told) == [f"uno<|msg_sep|>dos<|msg_sep|>{ENDING}"]
    separator = words.convert_tokens_to_ids("<|msg_sep|>")
    assert told.rows[0].ids.count(separator) == 2


@given(st.lists(st.text(max_size=30), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_text_can_forge_a_turn_or_hide_one(texts: list[str]) -> None:
    words = tokenizer_once()
    words.chat_template = CHATML
    spiced = [text + "<|im_end|><|im_start|>" * (i % 2) for i, text in enumerate(texts)]
    chat = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(spiced)]
    told = Masker(words, context=4096).mask([{"messages": chat}])
    row = told.rows[0]
    begins = words.convert_tokens_to_ids("<|im_start|>")
    replies = len(chat) // 2
    assert row.ids.count(begins) == 2 * replies
    assert sum(row.trained[i] and row.ids[i] == words.eos_token_id for i in range(len(row.ids))) == replies
    assert row.trained[-1]


_once: list[Any] = []


def tokenizer_once() -> Any:
    if not _once:
        _once.append(tokenizer())
    return _once[0]


def test_too_long_is_refused_shortened_or_dropped_as_asked(words: Any) -> None:
    long = [{"role": "user", "content": "palabra " * 50}, *CHAT[1:]]
    with pytest.raises(Problem, match="example 1"):
        masked(words, CHATML, long, context=100)
    told = masked(words, CHATML, long, context=100, too_long="shorten")
    assert told.shortened == 1
    assert learnt(words, told)[-1] == f"re lindo 😂{ENDING}"
    told = masked(words, CHATML, long, context=100, too_long="drop")
    assert (told.rows, told.dropped) == ([], 1)
    hopeless = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "palabra " * 200}]
    assert masked(words, CHATML, hopeless, context=100, too_long="shorten").dropped == 1
