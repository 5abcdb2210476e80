"""Reading a dataset file that somebody else made: what is wrong with each line, and the examples that can be read.

In: a JSONL file of chat messages, or of prompts and completions. Out: examples with their line numbers, and findings
under the names that OpenAI's own validation has for them. It never quotes a line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, cast

from core.chat import Example, Line, Role, Side
from core.dataset import legacy
from core.dataset.check import CheckReport, Finding, check
from core.language import N_, _
from core.problem import Problem, system_words

_LONGEST_LINE: Final = 64 << 20
_SHOWN: Final = 20
_KEYS: Final = frozenset(
    {"role", "content", "name", "weight", "function_call", "tool_calls", "tool_call_id", "refusal"}
)
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
FAULTS: Final = {
    "not_json": N_("Lines that are not JSON: {count}."),
    "data_type": N_("Lines that are not an object: {count}."),
    "missing_messages_list": N_("Lines without a list of messages: {count}."),
    "message_missing_key": N_("Messages that lack role or content: {count}."),
    "message_unrecognized_key": N_("Messages with a key that is not known: {count}."),
    "unrecognized_role": N_("Messages with a role that is not known: {count}."),
    "missing_content": N_("Messages without text: {count}."),
    "example_missing_assistant_message": N_("Examples without a reply: {count}."),
    "last_not_assistant": N_("Examples that do not end with a reply: {count}."),
    "bad_weight": N_("Messages with a weight that is not 0 or 1, or is not a reply's: {count}."),
    "mixed_formats": N_("Lines of another format than the first: {count}."),
    "preference": N_("Lines that are pairs of preferred replies, which are not read: {count}."),
    "byte_order_mark": N_("The file begins with a byte order mark: Azure asks for it, others may refuse it."),
    "blank": N_("Empty lines: {count}."),
    "not_utf8": N_("Lines that are not UTF-8: {count}."),
}
_MILD: Final = {"byte_order_mark": "advice", "blank": "warning"}


class ForeignFile:
    """Examples of a file; iterate it for (line number, example), then read `findings`."""

    def __init__(self, path: Path, side: Side = Side.TRAIN) -> None:
        self.path = path
        self.side = side
        self.format = ""  # "openai" or "prompt-completion", by the first line that can be read
        self._counts: Counter[str] = Counter()
        self._rows: dict[str, list[int]] = {}

    def __iter__(self) -> Iterator[tuple[int, Example]]:
        self._counts.clear()
        self._rows.clear()
        self.format = ""
        try:
            with self.path.open("rb") as file:
                if file.read(3) == b"\xef\xbb\xbf":
                    self._add("byte_order_mark", 1)
                else:
                    file.seek(0)
                number = 0
                while line := file.readline(_LONGEST_LINE):
                    number += 1
                    if len(line) == _LONGEST_LINE:
                        raise Problem(_("This line is too long to be an example."), where=f"{self.path.name}:{number}")
                    example = self._example(line, number)
                    if example is not None:
                        yield number, example
        except OSError as error:
            raise Problem(
                _("The file cannot be read: {reason}.").format(reason=system_words(error)),
                where=self.path.name,
            ) from error

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with the file's lines, by name."""
        return [
            Finding(
                cast("Any", _MILD.get(code, "error")), code, _(text).format(count=self._counts[code]),
                self._counts[code], tuple(self._rows[code]),
            )
            for code, text in FAULTS.items()
            if self._counts[code]
        ]  # fmt: skip

    def _add(self, code: str, row: int) -> None:
        self._counts[code] += 1
        rows = self._rows.setdefault(code, [])
        if len(rows) < _SHOWN and row not in rows:
            rows.append(row)

    def _example(self, line: bytes, number: int) -> Example | None:
        if not line.strip():
            self._add("blank", number)
            return None
        try:
            told: Any = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            self._add("not_utf8", number)
            return None
        except (ValueError, RecursionError):
            self._add("not_json", number)
            return None
        if not isinstance(told, dict):
            self._add("data_type", number)
            return None
        row = cast("dict[str, Any]", told)
        if "preferred_output" in row:
            self._add("preference", number)
            return None
        found = "prompt-completion" if "completion" in row else "openai"
        self.format = self.format or found
        if found != self.format:
            self._add("mixed_formats", number)
        lines = self._pair(row, number) if found == "prompt-completion" else self._messages(row, number)
        return Example(tuple(lines), number, self.side) if lines else None

    def _pair(self, row: dict[str, Any], number: int) -> list[Line]:
        prompt, completion = row.get("prompt"), row.get("completion")
        if not isinstance(prompt, str) or not isinstance(completion, str):
            self._add("missing_content", number)
            return []
        question = [Line(Role.USER, prompt)] if prompt else []
        return [*question, Line(Role.ASSISTANT, completion.removeprefix(" "), True)]

    def _messages(self, row: dict[str, Any], number: int) -> list[Line]:
        messages: Any = row.get("messages")
        if not isinstance(messages, list) or not messages:
            self._add("missing_messages_list", number)
            return []
        lines: list[Line] = []
        for message in cast("list[Any]", messages):
            if not isinstance(message, dict):
                self._add("message_missing_key", number)
                continue
            line = self._message(cast("dict[str, Any]", message), number)
            if line is not None:
                lines.append(line)
        if not any(line.role is Role.ASSISTANT for line in lines):
            self._add("example_missing_assistant_message", number)
        elif lines[-1].role is not Role.ASSISTANT:
            self._add("last_not_assistant", number)
        return lines

    def _message(self, message: dict[str, Any], number: int) -> Line | None:
        role, content = message.get("role"), message.get("content")
        calls = "tool_calls" in message or "function_call" in message
        if "role" not in message or ("content" not in message and not calls):
            self._add("message_missing_key", number)
        if not _KEYS.issuperset(message):
            self._add("message_unrecognized_key", number)
        if not isinstance(role, str) or role not in _ROLES:
            self._add("unrecognized_role", number)
            return None
        weight = message.get("weight", 1)
        if isinstance(weight, bool) or weight not in (0, 1) or ("weight" in message and role != "assistant"):
            self._add("bad_weight", number)
        if not isinstance(content, str) or not content:
            if not calls:
                self._add("missing_content", number)
            content = ""
        ours = role == "assistant"
        known = Role.ASSISTANT if ours else Role.SYSTEM if role in ("system", "developer") else Role.USER
        return Line(known, content, ours and weight != 0, str(message.get("name") or ""))


def check_file(
    path: Path, tokens_of: Callable[[Example], int] | None = None, *, limit: int | None = None
) -> CheckReport:
    """Check a file that somebody else made; findings name its lines."""
    file = ForeignFile(path)
    report = check(file, tokens_of, limit=limit)
    told = file.findings
    if file.format == "prompt-completion":
        report.findings += legacy.advice(legacy.PairFile(path))
    # What the file's own faults say already is not said twice.
    own = {one.code for one in told}
    said = {"last"} if own & {"example_missing_assistant_message", "last_not_assistant"} else set[str]()
    report.findings = [*told, *(one for one in report.findings if one.code not in said)]
    return report
