"""Training files as exports: OpenAI chat rows, prompt and completion, ShareGPT, Alpaca; JSON Lines or one JSON array.

In: an `Export`. Out: batches of untimed messages; every row is a conversation of its own and its first message says
so. Roles and labels are the authors, as they stand in the file. Rows of prompts that were glued together from
labelled lines ("Human: ...") are taken apart again. Knows the shape of one row of each kind, nothing of what trains
on them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from core.chat import Chat, Kind, Mark, Message
from core.language import _
from core.reading.document import Object, a_list, an_object, unread_element, walking, words
from core.reading.encoding import open_text
from core.reading.export import BATCH, Batch, Export
from core.reading.json_stream import Malformed
from core.reading.source import name_of

_SAMPLE: Final = 300
_LONGEST_LINE: Final = 64 << 20
_SYSTEM: Final = {"system", "developer"}
_TOOLS: Final = {"tool", "function", "function_call", "observation", "tool_call", "tool_response"}
_SUFFIXES: Final = ("\n\n###\n\n", "\n\n---\n\n", " ->", "\n\n", "\n")
_STOPS: Final = ("\n\n###\n\n", "###", " END", "<|endoftext|>", "\n")
_LABEL: Final = re.compile(r"^([^:\n]{1,60}):(?: |$)", re.M)

Said = tuple[str, Kind, str]  # author, kind, text


def row_kind(row: Any) -> str:
    """The format of one decoded row; empty if it is none of ours."""
    row = an_object(row)
    if _is_chat(row.get("messages")) or _is_chat(an_object(row.get("input")).get("messages")):
        return "openai"
    conversations = a_list(row.get("conversations"))
    if conversations and {"from", "value"} <= set(an_object(conversations[0])):
        return "sharegpt"
    if conversations and _is_chat(conversations):
        return "openai"
    if isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str):
        return "prompt-completion"
    if isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        return "alpaca"
    return ""


def _is_chat(value: Any) -> bool:
    messages = a_list(value)
    return bool(messages) and isinstance(an_object(messages[0]).get("role"), str)


def read(export: Export) -> Iterator[Batch]:
    """All rows, each a conversation."""
    glue = _Glue()
    kind = export.format
    if kind == "prompt-completion":
        with_numbers = islice(_rows(export, quiet=True), _SAMPLE)
        glue = _find_glue([an_object(row) for _number, row in with_numbers])
    chat = Chat(name_of(export.source.path).rsplit(".", 1)[0], kind, "")
    messages: list[Message] = []
    order = 0
    for number, row in _rows(export):
        said = _said(kind, an_object(row), glue)
        if said is None:
            export.report.not_read(number, _("this row is not of the format of the others"), str(row)[:400])
            continue
        marks = Mark.STARTS | Mark.UNTIMED
        for author, what, text in said:
            messages.append(Message(author, order, what, text, marks, number))
            order += 1
            marks = Mark.UNTIMED
        if len(messages) >= BATCH:
            yield Batch(chat, messages)
            messages = []
    yield Batch(chat, messages)


def _rows(export: Export, *, quiet: bool = False) -> Iterator[tuple[int, Any]]:
    """Rows with their numbers: of JSON Lines the lines, of an array the elements."""
    first = export.source.head(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")
    if first.startswith(b"["):
        with walking(export) as stream:
            for row in stream.items(_silent if quiet else unread_element(export)):
                yield stream.element, row
                if stream.element % BATCH == 0:
                    export.tick(stream.done)
        return
    if not _is_lines(export):
        with walking(export) as stream:
            yield 1, stream.value()
        return
    done = number = 0
    with open_text(export.source, export.encoding) as text:
        while line := text.readline(_LONGEST_LINE):
            number += 1
            done += len(line)
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                if not quiet:
                    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
                    export.report.not_read(number, _("not JSON at character {offset}").format(offset=at), line)
                continue
            yield number, row
            if number % BATCH == 0:
                export.tick(done)
    if not quiet:
        export.report.lines = number


def _silent(_number: int, _error: Malformed, _text: str) -> None:
    """The first look at a file reports nothing: the second will."""


def _is_lines(export: Export) -> bool:
    with open_text(export.source, export.encoding) as text:
        line = text.readline(_LONGEST_LINE)
        while line and not line.strip():
            line = text.readline(_LONGEST_LINE)
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        # A first line that is broken, or the first line of an indented document.
        return line.strip() not in {"{", "["} and not line.rstrip().endswith((",", "{", "["))
    return True


# ── one row ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _said(kind: str, row: Object, glue: _Glue) -> list[Said] | None:
    if row_kind(row) != kind:
        return None
    if kind == "openai":
        messages = a_list(row.get("messages")) or a_list(row.get("conversations"))
        if not messages:
            messages = [*a_list(an_object(row.get("input")).get("messages")), *a_list(row.get("preferred_output"))]
        return [
            _one(an_object(one), words(an_object(one).get("role")), an_object(one).get("content")) for one in messages
        ]
    if kind == "sharegpt":
        start = [("", Kind.SYSTEM, words(row["system"]))] if words(row.get("system")) else []
        turns = [an_object(one) for one in a_list(row.get("conversations"))]
        return start + [_one(one, words(one.get("from")), one.get("value")) for one in turns]
    if kind == "alpaca":
        return _alpaca(row)
    return glue.taken_apart(words(row.get("prompt")), words(row.get("completion")))


def _one(raw: Object, role: str, content: Any) -> Said:
    text = words(content)
    if not text:
        parts = (words(an_object(part).get("text")) for part in a_list(content))
        text = "\n".join(filter(None, parts))
    if role in _SYSTEM or role in _TOOLS:
        return "", Kind.SYSTEM, text
    media = not text and bool(a_list(content))
    return words(raw.get("name")) or role or "?", Kind.MEDIA if media else Kind.TEXT, text


def _alpaca(row: Object) -> list[Said]:
    said: list[Said] = []
    if words(row.get("system")):
        said.append(("", Kind.SYSTEM, words(row["system"])))
    for pair in a_list(row.get("history")):
        question, answer, *_rest = [*a_list(pair), "", ""]
        said += [("user", Kind.TEXT, words(question)), ("assistant", Kind.TEXT, words(answer))]
    asked = "\n".join(filter(None, (words(row.get("instruction")), words(row.get("input")))))
    return [*said, ("user", Kind.TEXT, asked), ("assistant", Kind.TEXT, words(row.get("output")))]


@dataclass(frozen=True, slots=True)
class _Glue:
    """What a tool put around the words of prompts and completions."""

    suffix: str = ""
    stop: str = ""
    labels: tuple[str, ...] = ()  # who speaks in the prompts, and last who answers

    def taken_apart(self, prompt: str, completion: str) -> list[Said]:
        """The words of both, by those who said them."""
        answer = completion.removeprefix(" ").removesuffix(self.stop) if self.stop else completion.removeprefix(" ")
        asked = prompt.removesuffix(self.suffix) if self.suffix else prompt
        if not self.labels:
            start: list[Said] = [("prompt", Kind.TEXT, asked)] if asked else []
            return [*start, ("completion", Kind.TEXT, answer)]
        said: list[Said] = []
        places = [match for match in _LABEL.finditer(asked) if match[1] in self.labels]
        if places and asked[: places[0].start()].strip():
            said.append(("", Kind.SYSTEM, asked[: places[0].start()].strip()))
        for place, match in enumerate(places):
            end = places[place + 1].start() if place + 1 < len(places) else len(asked)
            text = asked[match.end() : end].removesuffix("\n")
            if place + 1 < len(places) or text.strip():
                said.append((match[1], Kind.TEXT, text))
        return [*said, (self.labels[-1], Kind.TEXT, answer)]


def _find_glue(rows: list[Object]) -> _Glue:
    prompts = [prompt for row in rows if (prompt := words(row.get("prompt")))]
    completions = [words(row.get("completion")) for row in rows]
    many = max(1, len(rows) // 20)  # a row in twenty may be without
    answering = Counter(match[1] for prompt in prompts if (match := re.search(r"(?:^|\n)([^:\n]{1,60}):\s?$", prompt)))
    labels: tuple[str, ...] = ()
    if answering and answering.most_common(1)[0][1] >= len(prompts) - many:
        answer = answering.most_common(1)[0][0]
        asking = Counter(name for prompt in prompts for name in set(_LABEL.findall(prompt)) if name != answer)
        others = [name for name, count in asking.most_common(8) if count * 2 >= len(prompts)]
        if others:
            labels = (*others, answer)
    stops = [*(f"\n{label}:{space}" for label in labels[:-1] for space in (" ", "")), *_STOPS]
    return _Glue("" if labels else _common(prompts, _SUFFIXES, many), _common(completions, tuple(stops), many), labels)


def _common(texts: list[str], endings: tuple[str, ...], many: int) -> str:
    for ending in endings:
        if len(texts) > 1 and sum(1 for text in texts if text.endswith(ending)) >= len(texts) - many:
            return ending
    return ""
