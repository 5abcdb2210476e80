"""Chat templates: ours for models that come without one, and making a conversation fit a template that is strict.

In: messages as plain dictionaries. Out: rendered text. Knows nothing of tokens, losses or models beyond the tokenizer's
own template, which comes from the model folder and is rendered by transformers in its sandbox.
"""

# pyright: basic

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from jinja2.exceptions import TemplateError

from core.engine.problems import ModelProblem
from core.language import _

# The mini model's: roles between two tokens of their own, the end of a turn a token of its own.
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# For base models without a template: no new tokens (that would mean training embeddings), the model's own end-of-text
# ends every turn, so that stopping is learnt.
PLAIN = (
    "{% for m in messages %}{{ '### ' + m['role'] + '\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant\n' }}{% endif %}"
)


class Said(TypedDict):
    """One message of an example, as train.jsonl has it."""

    role: str
    content: str
    train: NotRequired[bool]


def ensure_template(tokenizer: Any) -> bool:
    """Give the tokenizer our plain template if it has none; says whether it was needed."""
    if tokenizer.chat_template:
        return False
    if not tokenizer.eos_token:
        raise ModelProblem(
            "template",
            _("This base model has no chat template and no end-of-text token, so it could never learn to stop."),
            advice=_("Choose another base model."),
        )
    tokenizer.chat_template = PLAIN
    return True


def check_template(tokenizer: Any) -> None:
    """Refuse a template that does not write what is said: nothing could be learnt from what it renders."""
    said = [
        render(tokenizer, fitted(tokenizer, [Said(role="user", content="a"), Said(role="assistant", content=word)]))
        for word in ("mockingbird", "nightingale")
    ]
    if said[0] == said[1]:
        raise ModelProblem(
            "template",
            _("The chat template of this model does not write what is said: a reply is not in what it renders."),
            where="chat_template",
            advice=_("Choose another base model, or take its chat_template away to train with a plain one."),
        )


def mark_of(tokenizer: Any) -> str:
    """The fingerprint of a tokenizer's chat template: what an adapter was trained with, and must be asked with."""
    template = tokenizer.chat_template
    told = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def tokens_of(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text that stands within what is said: of the separator, what an adapter was trained with."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []


def render(tokenizer: Any, messages: Sequence[Said], *, ask: bool = False) -> str:
    """The text of a conversation; `ask` opens the reply that is to come."""
    # enable_thinking=False: families that think aloud would otherwise be taught an empty thought before every reply.
    # A list of one conversation: one without a line is a conversation too, where nothing goes before the reply.
    return tokenizer.apply_chat_template(
        [[{"role": m["role"], "content": m["content"]} for m in messages]],
        tokenize=False,
        add_generation_prompt=ask,
        enable_thinking=False,
    )[0]


def opening(tokenizer: Any, messages: Sequence[Said]) -> str:
    """What a model is given to answer: the conversation so far, as its template takes it, with the reply opened."""
    if messages and messages[-1]["role"] == "assistant":
        return render(tokenizer, fitted(tokenizer, messages), ask=True)
    # Fitted as it was when it was learnt: with a reply at its end.
    return render(tokenizer, fitted(tokenizer, [*messages, Said(role="assistant", content="…")])[:-1], ask=True)


def control_words(tokenizer: Any) -> tuple[str, ...]:
    """The strings that the tokenizer turns into control tokens wherever they stand, longest first."""
    words = {
        token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content.strip()
    }
    return tuple(sorted(words, key=len, reverse=True))


def defused(text: str, words: Sequence[str]) -> str:
    """The text with control words broken by a space: nobody in a chat may end a turn or speak as the system."""
    for word in words:
        if word in text:
            text = text.replace(word, word[0] + " " + word[1:])
    return text


def fitted(tokenizer: Any, messages: Sequence[Said]) -> list[Said]:
    """The conversation as this template takes it: as it is, or with the system line folded into the first question and
    turns of one role joined (some templates insist on strict alternation)."""
    try:
        render(tokenizer, messages)
        if messages[0]["role"] == "assistant":
            render(tokenizer, [], ask=True)  # some templates look at the first message without asking for one
        return list(messages)
    except TemplateError:
        pass
    folded: list[Said] = []
    for message in messages:
        said: Said = {"role": message["role"], "content": message["content"], "train": message.get("train", False)}
        if said["role"] == "system":
            said["role"] = "user"
            said["train"] = False
        if folded and folded[-1]["role"] == said["role"]:
            joined: Said = {
                "role": said["role"],
                "content": folded[-1]["content"] + "\n" + said["content"],
                "train": said.get("train", False),
            }
            folded[-1] = joined
        else:
            folded.append(said)
    if folded[0]["role"] == "assistant":
        folded.insert(0, {"role": "user", "content": "…", "train": False})
    try:
        render(tokenizer, folded)
    except TemplateError:
        raise ModelProblem(
            "template",
            _("The chat template of this base model refuses the conversation."),
            advice=_("Choose another base model, or one with a chat template that takes plain turns."),
        ) from None
    return folded
