"""Counting with a local model's own tokenizer: its tokenizer.json and its chat template, as training will see them.

In: a model folder. Out: counts. Needs the packages tokenizers and jinja2, which come with the extra `local`. The folder
is not trusted: its template is rendered in a sandbox, and nothing else of it is run.

An example is rendered whole, as the engine renders it, then counted between the tokenizer's special tokens: what lies
between two of them is tokenised on its own, so each piece is counted once however many examples hold it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from core.chat import Example, Line, Role
from core.counting.counter import REMEMBERED
from core.language import _
from core.problem import Problem

# What the engine gives to models that come without a template.
_PLAIN: Final = (
    "{% for m in messages %}{{ '### ' + m['role'] + '\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant\n' }}{% endif %}"
)
_LARGEST_FILE: Final = 64 << 20
_LONGEST_TEMPLATE: Final = 200_000


_S, _U, _A = Role.SYSTEM, Role.USER, Role.ASSISTANT
_PROBES: Final = (
    (_S, _U, _A), (_U, _A), (_S, _A), (_A,), (_A, _U, _A), (_S, _A, _U, _A), (_S, _U, _A, _U, _A), (_U, _A, _U, _A)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a template puts around lines that are each tokenised on their own."""

    roles: Mapping[Role, tuple[str, str]]  # what is tokenised together with the words: before them, after them
    line: int  # tokens around each line
    example: int  # tokens of an example beside those


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
        self._pieces = lru_cache(REMEMBERED)(self._count)
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

        self._frame: _Frame | None = None
        self._framed = False

    @property
    def separable(self) -> bool:
        """Whether the template puts the same around every line of a role, whatever stands before and after it."""
        if not self._framed:
            self._framed = True
            self._frame = self._find_frame()
        return self._frame is not None

    @property
    def around_example(self) -> int:
        """The tokens of an example beside its lines'."""
        return self._frame.example if self.separable and self._frame else 0

    def text(self, text: str) -> int:
        """The tokens of a text on its own."""
        return self._pieces(text)

    def line(self, line: Line) -> int:
        """The tokens of a line with those around it."""
        if not self.separable or self._frame is None:
            raise ValueError("not separable")
        before, after = self._frame.roles[line.role]
        return self._frame.line + self._pieces(before + self._defused(line.text) + after)

    def _find_frame(self) -> _Frame | None:
        """What the template puts around lines, found with marked lines, then proven with awkward ones."""
        if self._between is None or not self._parted:
            return None
        marks = [f"zq{n}qz" for n in range(5)]
        roles = (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER, Role.ASSISTANT)
        try:
            told = self._render([_message(role, mark) for role, mark in zip(roles, marks, strict=True)])
        except self._error:
            return None
        pieces = re.split("|".join(marks), told)
        if len(pieces) != 6 or any(not self._between.search(piece) for piece in pieces):
            return None
        # Between two lines: what ends the one, control tokens with what they hold, what begins the other.
        cut = [self._between.split(piece) for piece in pieces]
        ends, begins = [one[0] for one in cut], [one[-1] for one in cut]
        inner = [len(one) - 1 + sum(self._count(part) for part in one[1:-1] if part) for one in cut]
        frame = _Frame(
            {role: (begins[n], ends[n + 1]) for n, role in enumerate(roles[:3])},
            line=inner[1],
            # Words before the first control token belong to no line.
            example=inner[0] + inner[5] - inner[1] + self._count(ends[0]) + self._after(begins[5]),
        )
        for roles in _PROBES:
            for words in (("uno", "dos", "tres", "y"), (" a", "b\n", "", "\n\nc "), ("¿é?", "12", "<b>", "  ")):
                lines = tuple(Line(role, words[n % 4]) for n, role in enumerate(roles))
                try:
                    whole = self._whole(lines)
                except self._error:
                    return None
                told_by_lines = frame.example + sum(
                    frame.line + self._count(frame.roles[one.role][0] + one.text + frame.roles[one.role][1])
                    for one in lines
                )
                if whole != told_by_lines:
                    return None
        return frame

    def _whole(self, lines: Sequence[Line]) -> int:
        return self._of_rendered(self._render([_message(line.role, self._defused(line.text)) for line in lines]))

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
        if self.separable:
            return self.around_example + sum(map(self.line, example.lines))
        return self._of_rendered(self.rendered(example))

    def _of_rendered(self, rendered: str) -> int:
        if self._between is None or not self._parted:
            last = max((rendered.rfind(word) + len(word) for word in self._controls if word in rendered), default=0)
            return self._count(rendered[:last]) + self._after(rendered[last:])
        *pieces, after = self._between.split(rendered)
        return len(pieces) + sum(self._pieces(piece) for piece in pieces if piece) + self._after(after)

    def _after(self, text: str) -> int:
        """What follows the last control token: training stops at the token that ends the reply, so the template's line
        break after it is left out; a reply that no token ends is given the model's end-of-text."""
        return self._count(text) + bool(self._special("eos_token")) if text.strip() else 0

    def rendered(self, example: Example) -> str:
        """The example in the model's chat template."""
        return self._render(self.fitted(example.lines))

    def fitted(self, lines: Sequence[Line]) -> list[dict[str, str]]:
        """The lines as messages that this template takes: as they are, or for a strict one with its roles alternating.
        `train` is not empty on those that are learnt."""
        messages = [_message(line.role, self._defused(line.text), trained=line.trained) for line in lines]
        for form in (messages, _alternating(messages)):
            try:
                self._render(form)
            except self._error:
                continue
            return form
        raise Problem(
            _("The chat template of {model} refuses an example of this dataset.").format(model=self.model),
            advice=_("Choose a larger buffer or another model."),
        )

    def render(self, messages: Sequence[dict[str, str]], *, ask: bool = False) -> str:
        """The text of messages that `fitted` gave; `ask` opens the reply that is to come."""
        return self._render(messages, ask=ask)

    def encoded(self, text: str) -> Any:
        """The tokens of a rendered text, with where each stands in it: an `Encoding` of the package tokenizers."""
        return self._tokenizer.encode(text, add_special_tokens=False)

    def decoded(self, token: int) -> str:
        """The text of one token, control tokens included."""
        return str(self._tokenizer.decode([token], skip_special_tokens=False))

    def token(self, text: str) -> int | None:
        """The number of a token, if there is one that is spelt so."""
        found: int | None = self._tokenizer.token_to_id(text)
        return found

    @property
    def end_of_text(self) -> str:
        """The model's own end-of-text token; empty if it has none."""
        return self._special("eos_token")

    @property
    def special(self) -> frozenset[int]:
        """The numbers of the control tokens."""
        added: dict[int, Any] = self._tokenizer.get_added_tokens_decoder()
        return frozenset(number for number, one in added.items() if one.special)

    def _render(self, messages: Sequence[dict[str, str]], *, ask: bool = False) -> str:
        told = [{"role": one["role"], "content": one["content"]} for one in messages]
        return self._template.render(
            messages=told, add_generation_prompt=ask, enable_thinking=False, tools=None, documents=None,
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


def _alternating(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """For strict templates, as training has it: the system line goes before the first question, lines of one role are
    joined, and somebody else speaks first."""
    made: list[dict[str, str]] = []
    for message in messages:
        role = "user" if message["role"] == Role.SYSTEM else message["role"]
        train = message["train"] if role == Role.ASSISTANT else ""
        if made and made[-1]["role"] == role:
            made[-1] = {"role": role, "content": f"{made[-1]['content']}\n{message['content']}", "train": train}
        else:
            made.append({"role": role, "content": message["content"], "train": train})
    if made and made[0]["role"] == Role.ASSISTANT:
        made.insert(0, {"role": "user", "content": "…", "train": ""})
    return made


def _message(role: Role, content: str, *, trained: bool = False) -> dict[str, str]:
    return {"role": role.value, "content": content, "train": "yes" if trained and role is Role.ASSISTANT else ""}


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
