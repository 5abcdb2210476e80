"""Counting with a local model's own tokenizer: its tokenizer.json and its chat template, as training will see them.

In: a model folder. Out: counts. Needs the packages tokenizers and jinja2, which come with the extra `local`. The folder
is not trusted: its template is rendered in a sandbox, and nothing else of it is run.

An example is rendered whole, as the engine renders it, then counted between the tokenizer's special tokens: what lies
between two of them is tokenised on its own, so each piece is counted once however many examples hold it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from core.chat import Example, Role
from core.counting.counter import Remembering
from core.language import _
from core.problem import Problem

# What the engine gives to models that come without a template.
_PLAIN: Final = (
    "{% for m in messages %}{{ '### ' + m['role'] + '\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant\n' }}{% endif %}"
)
_LARGEST_FILE: Final = 64 << 20
_LONGEST_TEMPLATE: Final = 200_000


class LocalCounter:
    """Counts by one model folder."""

    exact = True

    def __init__(self, model: str, folder: Path) -> None:
        self.model = model
        try:
            import jinja2
            import jinja2.sandbox
            import tokenizers
        except ImportError:
            raise Problem(
                _("Counting a local model's tokens needs the packages of the extra “local”."),
                advice=_("Install them, or choose a model with a public vocabulary in the recipe."),
            ) from None
        place = folder / "tokenizer.json"
        self._config = _json(folder / "tokenizer_config.json")
        try:
            if place.stat().st_size > _LARGEST_FILE:
                raise ValueError
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(place))
        except Exception as error:
            raise Problem(
                _("This model has no tokenizer.json that can be read."),
                where=folder.name,
                advice=_("Copy the tokenizer files that came with the model into its folder."),
            ) from error
        self.encoding = _("the tokenizer of {name}").format(name=folder.name)
        self.text = Remembering(self._count)
        self._pieces = Remembering(self._count)
        added: dict[int, Any] = self._tokenizer.get_added_tokens_decoder()
        special = {one.content for one in added.values() if one.special and one.content}
        # Tokens that swallow the spaces beside them would change what lies between.
        self._parted = not any(one.lstrip or one.rstrip or one.single_word for one in added.values() if one.special)
        self._controls = tuple(sorted((word for word in special if word.strip()), key=len, reverse=True))
        self._between = re.compile("|".join(map(re.escape, self._controls))) if self._controls else None
        environment: Any = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals.update(raise_exception=_refuse, strftime_now=_no_time)
        environment.filters["tojson"] = _to_json
        self._error: type[Exception] = jinja2.TemplateError
        try:
            self._template: Any = environment.from_string(self._source(folder))
        except jinja2.TemplateError as error:
            raise Problem(_("This model's chat template is broken."), where=folder.name) from error

    def _source(self, folder: Path) -> str:
        file = folder / "chat_template.jinja"
        found: Any = self._config.get("chat_template")
        if file.is_file():
            found = file.read_text(encoding="utf-8", errors="replace")
        elif isinstance(found, list):  # several, each with a name
            named = {str(one.get("name")): one.get("template") for one in cast("list[dict[str, Any]]", found)}
            found = named.get("default")
        if not isinstance(found, str) or not found:
            return _PLAIN
        if len(found) > _LONGEST_TEMPLATE:
            raise Problem(_("This model's chat template is too long to be one."), where=folder.name)
        return found

    def _count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def example(self, example: Example) -> int:
        """The tokens of the rendered example, as the engine trains on them."""
        rendered = self.rendered(example)
        if self._between is None or not self._parted:
            return self._count(rendered)
        pieces = self._between.split(rendered)
        return len(pieces) - 1 + sum(self._pieces(piece) for piece in pieces if piece)

    def rendered(self, example: Example) -> str:
        """The example in the model's chat template."""
        messages = [{"role": line.role.value, "content": self._defused(line.text)} for line in example.lines]
        try:
            return self._render(messages)
        except self._error:
            pass
        # Strict templates know no system role: it goes before the first question, as in training.
        if len(messages) > 1 and messages[0]["role"] == Role.SYSTEM:
            first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
            try:
                return self._render([first, *messages[2:]])
            except self._error:
                pass
        raise Problem(
            _("The chat template of {model} refuses an example of this dataset.").format(model=self.model),
            advice=_("Choose a larger buffer or another model."),
        )

    def _render(self, messages: Sequence[dict[str, str]]) -> str:
        return self._template.render(
            messages=messages, add_generation_prompt=False, enable_thinking=False, tools=None, documents=None,
            bos_token=self._special("bos_token"), eos_token=self._special("eos_token"),
            pad_token=self._special("pad_token"), unk_token=self._special("unk_token"),
        )  # fmt: skip

    def _special(self, name: str) -> str:
        found: Any = self._config.get(name)
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get("content")
        return found if isinstance(found, str) else ""

    def _defused(self, text: str) -> str:
        # As training does: nobody in a chat may end a turn by writing the token for it.
        for word in self._controls:
            if word in text:
                text = text.replace(word, word[0] + " " + word[1:])
        return text


def _json(file: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(file.read_bytes()[:_LARGEST_FILE])
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _refuse(message: str) -> str:
    import jinja2

    raise jinja2.TemplateError(message)


def _no_time(_form: str) -> str:
    return ""


def _to_json(value: Any, indent: int | None = None, **_rest: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
