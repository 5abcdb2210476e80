"""Transcripts of talks: a tree of messages, the ways through it, and the files that they are written to and read from.

In: what was said in a talk. Out: Markdown for people, plain text that reads as an exported chat, and JSON Lines, one
conversation a line in the form that training files have, with the whole tree beside it, so that nothing is lost: read
back, it is the same talk. A file of plain conversations that somebody else made is read as well. Knows no database and
no model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, cast

from core.chat import Kind, Message, local_seconds
from core.language import _
from core.problem import Problem, system_words

USER, ASSISTANT = "user", "assistant"
# How a reply ended that no server ended: what somebody wrote in its place, and what was answered in the chat itself.
CORRECTED, REAL = "corrected", "real"
FORMATS: Final = {"markdown": ".md", "jsonl": ".jsonl", "text": ".txt"}
_KEY: Final = "sinsonte"
_LARGEST: Final = 256 << 20
_WHOLE: Final = ("stop", "eos", "tool_calls", CORRECTED, REAL)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a talk."""

    id: int
    parent: int | None
    role: str
    text: str
    at: float = 0.0  # unix seconds of this machine
    model: str = ""
    finish: str = ""  # as the server said it
    trouble: str = ""  # how it went wrong
    prompt_tokens: int = 0
    reply_tokens: int = 0
    first_token: float | None = None  # seconds
    seconds: float | None = None
    cost: float | None = None  # US dollars, or `currency` of the manner; 0 where it cost nothing
    manner: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def cut_off(self) -> bool:
        """Whether the end of a reply is missing."""
        return self.role == ASSISTANT and self.finish not in _WHOLE

    @property
    def separator(self) -> str:
        """What stands between the messages of one turn, as the model writes it."""
        return str(self.manner.get("separator", ""))

    @property
    def bubbles(self) -> list[str]:
        """The messages that this turn is made of."""
        return bubbles(self.text, self.separator)

    def as_json(self) -> dict[str, Any]:
        """The message for `--json` and for files."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**told, "manner": dict(self.manner), "cut_off": self.cut_off}


def bubbles(text: str, separator: str) -> list[str]:
    """A turn taken apart at its separator; blank parts are nothing that anybody sent."""
    mark = separator.strip() or separator  # a newline is a separator too
    if not mark:
        return [text]
    return [part.strip() for part in text.split(mark) if part.strip()] or [text.strip()]


class Tree:
    """What was said in one talk, as a tree."""

    def __init__(self, said: Iterable[Said]) -> None:
        self.by_id: dict[int, Said] = {}
        self._children: dict[int | None, list[int]] = {}
        for one in said:
            self.by_id[one.id] = one
            self._children.setdefault(one.parent, []).append(one.id)

    def __len__(self) -> int:
        return len(self.by_id)

    def path(self, leaf: int | None) -> list[Said]:
        """The messages from the first to this one."""
        found: list[Said] = []
        while leaf is not None and leaf in self.by_id and len(found) <= len(self.by_id):
            found.append(self.by_id[leaf])
            leaf = self.by_id[leaf].parent
        return found[::-1]

    def children(self, parent: int | None) -> list[Said]:
        """What answers this message, the oldest first; of None, what opens the talk."""
        return [self.by_id[number] for number in self._children.get(parent, [])]

    def siblings(self, number: int) -> list[Said]:
        """The message and what stands beside it: other wordings, other replies. What was answered in the chat itself is
        none of them."""
        one = self.by_id[number]
        return [other for other in self.children(one.parent) if other.role == one.role and other.finish != REAL]

    def real(self, parent: int | None) -> Said | None:
        """What was answered in the chat itself to a question that was taken from there."""
        return next((one for one in self.children(parent) if one.finish == REAL), None)

    def newest_below(self, number: int) -> int:
        """The end of the way that goes on from this message by the newest answer each time."""
        while answers := [one.id for one in self.children(number) if one.finish != REAL]:
            number = answers[-1]
        return number


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole talk."""

    title: str
    system: str
    manner: Mapping[str, Any]
    lanes: tuple[tuple[str, int | None], ...]  # a model, and the last message of its way
    said: tuple[Said, ...]
    created_at: int = 0

    def ways(self) -> list[tuple[str, list[Said]]]:
        """What each model's way through the talk holds; ways that are the same are told once."""
        tree = Tree(self.said)
        seen = dict[int | None, tuple[str, list[Said]]]()
        for model, leaf in self.lanes:
            seen.setdefault(leaf, (model, tree.path(leaf)))
        return list(seen.values())


# ── written ─────────────────────────────────────────────────────────────────────────────────────────────────────


def written(transcript: Transcript, form: str) -> str:
    """The transcript in one of FORMATS."""
    return {"markdown": _markdown, "jsonl": _jsonl, "text": _text}[form](transcript)


def _markdown(transcript: Transcript) -> str:
    title, cut = _in_line(transcript.title) or _("A talk"), _("[cut off]")
    lines = [f"# {title}", ""]
    if transcript.system:
        lines += [*_quoted(transcript.system), ""]
    for model, way in transcript.ways():
        if len(transcript.lanes) > 1:
            lines += [f"## {_in_line(model)}", ""]
        for one in way:
            lines += [f"**{_in_line(_who(one))}** · {_moment(one.at)}", ""]
            for bubble in one.bubbles:
                lines += [bubble, ""]
            if one.cut_off:
                lines += [f"*{cut}*", ""]
    return "\n".join(lines)


def _quoted(text: str) -> list[str]:
    return [f"> {line}" for line in text.split("\n")]


def _text(transcript: Transcript) -> str:
    # The lines of an exported chat: what reads those reads this. Two models are two chats, one after the other.
    lines: list[str] = []
    for model, way in transcript.ways():
        if len(transcript.lanes) > 1:
            lines.append(f"=== {_in_line(model)} ===")
        for one in way:
            lines += [f"[{_moment(one.at)}] {_in_line(_who(one))}: {_apart(bubble)}" for bubble in one.bubbles]
            if one.cut_off:
                lines.append(_("[cut off]"))
    return "\n".join(lines) + "\n" if lines else ""


def _apart(bubble: str) -> str:
    """A message whose later lines cannot be taken for the beginning of another: exported chats have no mark for that, so
    such a line is set in by a space. Nothing is a header behind one, to any reader."""
    first, *rest = bubble.split("\n")
    return "\n".join([first, *(f" {line}" if _like_a_header(line) else line for line in rest)])


def set_apart(transcript: Transcript) -> int:
    """How many lines the text form has set in by a space."""
    return sum(
        _like_a_header(line)
        for _model, way in transcript.ways()
        for one in way
        for bubble in one.bubbles
        for line in bubble.split("\n")[1:]
    )


def _like_a_header(line: str) -> bool:
    from core.reading.whatsapp_header import has_header

    return has_header(b"\n" + line.encode("utf-8", "replace"))


def _jsonl(transcript: Transcript) -> str:
    lines: list[str] = []
    for number, (_model, way) in enumerate(transcript.ways() or [("", [])]):
        row: dict[str, Any] = {"messages": messages(transcript.system, way)}
        if not number:
            row[_KEY] = {
                "talk": 1,  # the version of this form
                "title": transcript.title,
                "system": transcript.system,
                "manner": dict(transcript.manner),
                "created_at": transcript.created_at,
                "lanes": [{"model": model, "leaf": leaf} for model, leaf in transcript.lanes],
                "said": [one.as_json() for one in transcript.said],
            }
        else:
            row[_KEY] = {"lane": number}
        lines.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def messages(system: str, way: Sequence[Said]) -> list[dict[str, str]]:
    """A way through a talk as messages of the protocol, each reply with its model's name where there is one."""
    told: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    for one in way:
        name = {"name": one.model} if one.role == ASSISTANT and one.model else {}
        told.append({"role": one.role, **name, "content": one.text})
    return told


def as_messages(way: Sequence[Said], model: str, me: str) -> Iterator[Message]:
    """A way through a talk as messages of a chat: each bubble is one, at its time.

    They are not marked as a program's: cleaning would drop them, and whoever puts a talk among the chats wants it there.
    """
    for one in way:
        name = me if one.role == USER else one.model or model or ASSISTANT
        for bubble in one.bubbles:
            yield Message(name, local_seconds(moment(one.at)), Kind.TEXT, bubble)


def mark_of(way: Sequence[Said]) -> str:
    """What a way through a talk is known by: how it begins, the same in the talk and in its file."""
    first = way[0] if way else None
    return blake2b(f"{first.at if first else ''} {first.text if first else ''}".encode(), digest_size=6).hexdigest()


def _who(one: Said) -> str:
    return (one.model or ASSISTANT) if one.role == ASSISTANT else USER


def moment(at: float) -> datetime:
    """The wall clock of this machine at that time; what no clock can show is the epoch."""
    try:
        return datetime.fromtimestamp(at)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0)


def _moment(at: float) -> str:
    return moment(at).strftime("%Y-%m-%d, %H:%M:%S")


def _in_line(text: str) -> str:
    return " ".join(text.split())


# ── read ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(path: Path) -> Iterator[Transcript]:
    """The talks of a JSON Lines file: ours whole, and conversations of anybody else's training file one by one."""
    try:
        if path.stat().st_size > _LARGEST:
            raise _wrong(path, 0, _("the file is larger than {size} MB").format(size=_LARGEST >> 20))
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(path, 0, _("the file is not UTF-8")) from None
    except OSError as error:
        raise Problem(
            _("the file cannot be read ({reason}).").format(reason=system_words(error)), where=str(path)
        ) from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise _wrong(path, number, _("not JSON")) from None
        row = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
        ours = row.get(_KEY)
        if isinstance(ours, dict) and "lane" in ours:
            continue  # the first line of the talk told of it
        try:
            yield _whole(cast("dict[str, Any]", ours)) if isinstance(ours, dict) else _foreign(row, path.stem)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _wrong(path, number, _("no conversation of messages with role and content")) from None


def _wrong(path: Path, line: int, what: str) -> Problem:
    return Problem(
        _("this is no transcript: {what}.").format(what=what),
        where=f"{path}:{line}" if line else str(path),
        advice=_("Transcripts are read from JSON Lines: export one with --as jsonl."),
    )


def _whole(told: dict[str, Any]) -> Transcript:
    said: list[Said] = []
    known = set[int]()
    for one in told["said"]:
        parent = one["parent"]
        # A parent stands before its children: so nothing hangs on itself, and the tree can be entered in this order.
        if (parent is not None and parent not in known) or one["id"] in known:
            raise ValueError("the tree is not one")
        known.add(int(one["id"]))
        said.append(_said(one, int(one["id"]), parent))
    lanes = tuple((_words(one["model"]), one["leaf"] if one["leaf"] in known else None) for one in told["lanes"])
    manner = _object(told.get("manner"))
    return Transcript(
        _words(told["title"]), _words(told["system"]), manner, lanes, tuple(said), int(told.get("created_at") or 0)
    )


def _foreign(row: dict[str, Any], title: str) -> Transcript:
    said: list[Said] = []
    system: list[str] = []
    for one in row["messages"]:
        if one["role"] in ("system", "developer"):
            system.append(_words(one["content"]))
        elif one["role"] in (USER, ASSISTANT):
            made = {"role": one["role"], "text": one["content"], "model": one.get("name") or "", "finish": "stop"}
            said.append(_said(made, len(said) + 1, len(said) or None))
    if not said:
        raise ValueError("nobody speaks")
    model = next((one.model for one in said if one.role == ASSISTANT), "")
    return Transcript(title, "\n\n".join(system), {}, ((model, said[-1].id),), tuple(said))


def _said(told: dict[str, Any], number: int, parent: int | None) -> Said:
    if told["role"] not in (USER, ASSISTANT):
        raise ValueError("no such role")
    return Said(
        number,
        parent,
        told["role"],
        _words(told["text"]),
        float(told.get("at") or 0),
        _words(told.get("model", "")),
        _words(told.get("finish", "")),
        _words(told.get("trouble", "")),
        int(told.get("prompt_tokens") or 0),
        int(told.get("reply_tokens") or 0),
        *(None if told.get(name) is None else float(told[name]) for name in ("first_token", "seconds", "cost")),
        manner=_object(told.get("manner")),
    )


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be stored


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
