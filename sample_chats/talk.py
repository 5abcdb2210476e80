"""What the fictional people of the sample chats say, and when: the grammar over `lines/`, the voices, the times.

In: the hand-written lines and a seeded `Random`. Out: conversations, first without times (`Said`), then with them
(`Sent`). It knows no export format.

Only `Random.random` is drawn: it is the one method whose sequence Python promises to keep from version to version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, TypeVar

HERE: Final = Path(__file__).resolve().parent
LINES: Final = HERE / "lines"
OWNER: Final = "Ofelia"  # the phone that all exports come from is hers
FIRST_DAY: Final = datetime(2024, 6, 14)
DAYS: Final = 729  # to 2026-06-12
# A conversation lasts under 55 minutes, so that those of different windows stand more than three hours apart.
WINDOWS: Final = ((8 * 60, 100), (13 * 60 + 40, 120), (20 * 60, 230))
SILENCES: Final = ((40, 9), (199, 14), (410, 6), (566, 12))  # (day, length): holidays without a word

Grammar = dict[str, list[str]]
T = TypeVar("T")


class Said(NamedTuple):
    """One message of a conversation that has no time yet."""

    author: str  # "" for a line that names nobody
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The same with its time."""

    at: datetime
    author: str
    text: str


Talk = list[Said]


def draw(rng: Random, items: Sequence[T]) -> T:
    return items[int(rng.random() * len(items))]


def chance(rng: Random, share: float) -> bool:
    return rng.random() < share


def between(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def shuffled(rng: Random, items: Iterable[T]) -> list[T]:
    keyed = [(rng.random(), number, item) for number, item in enumerate(items)]
    return [item for _key, _number, item in sorted(keyed, key=lambda entry: entry[:2])]


def lines_of(name: str) -> list[str]:
    text = (LINES / name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if not line.startswith("# ")]


def grammar(name: str) -> Grammar:
    told: Grammar = {}
    part: list[str] = []
    for line in lines_of(name):
        if line.startswith("["):
            part = told.setdefault(line.strip("[]"), [])
        elif line:
            part.append(line)
    return told


def scripted(name: str, names: dict[str, str]) -> list[Talk]:
    """Conversations written by hand: 'LETTER: text', an empty line between two of them."""
    talks: list[Talk] = [[]]
    for line in lines_of(name):
        if not line:
            talks.append([])
        elif line.startswith("= "):
            talks[-1].append(Said("", line[2:]))
        else:
            letter, _colon, text = line.partition(":")
            talks[-1].append(Said(names[letter], text[1:].replace("\\n", "\n")))
    return [talk for talk in talks if talk]


TOPICS: Final = grammar("topics.txt")
OFELIA: Final = grammar("ofelia.txt")
TOPIC_NAMES: Final = tuple(dict.fromkeys(key.split(".")[0] for key in TOPICS))
SHARED_PARTS: Final = ("opening", "doubt", "advice")


def capital(text: str) -> str:
    return re.sub(r"[^\W\d_]", lambda letter: letter[0].upper(), text, count=1)


def contracted(text: str) -> str:
    """'a el club' is 'al club'; a title keeps its own article ('a El Laberinto Azul')."""
    return re.sub(r"\b([Dd]e|[Aa]) el (?=\w)", lambda two: "del " if len(two[1]) == 2 else f"{two[1]}l ", text)


class Scene:
    """One conversation in the making: its topic, the things it is about, and advice that is not given twice."""

    def __init__(self, rng: Random, you: str) -> None:
        self.rng = rng
        self.topic = draw(rng, TOPIC_NAMES)
        self.things = {"you": you}
        for key, values in TOPICS.items():
            topic, _dot, part = key.partition(".")
            if topic == self.topic and part not in SHARED_PARTS:
                self.things[part] = draw(rng, values)
        self.advice = shuffled(rng, TOPICS[f"{self.topic}.advice"])
        self.asked = int(rng.random() * len(TOPICS[f"{self.topic}.opening"]))

    def fill(self, template: str) -> str:
        if "{advice}" in template:
            template = template.replace("{advice}", self.advice.pop())
        return contracted(template.format_map(self.things))

    def line(self, told: Grammar, part: str, scope: str = "all") -> str:
        return self.fill(draw(self.rng, told[f"{scope}.{part}"]))

    def own(self, told: Grammar, part: str) -> str:
        if part == "opening" and told is TOPICS:
            return self.fill(told[f"{self.topic}.opening"][self.asked])
        return self.line(told, part, self.topic)

    def answer(self, told: Grammar) -> str:
        """An answer of the topic that suits what was asked; "" where the voice has none."""
        suiting: list[str] = []
        for line in told.get(f"{self.topic}.answer", ()):
            numbers, _colon, text = line.rpartition(": ") if line[0].isdigit() else ("", "", line)
            if not numbers or str(self.asked + 1) in numbers.split(","):
                suiting.append(text)
        return self.fill(draw(self.rng, suiting)) if suiting else ""


def ofelia(scene: Scene, *parts: str) -> list[str]:
    """A turn of Ofelia: whole sentences, now and then in two messages."""
    texts = [capital(scene.own(TOPICS, p) if p in SHARED_PARTS else scene.line(OFELIA, p)) for p in parts]
    return texts if chance(scene.rng, 0.25) else [" ".join(texts)]


def formal(told: Grammar) -> Callable[[Scene, str], list[str]]:
    """A voice of whole sentences (Vera, the captain, the oracle)."""

    def speak(scene: Scene, what: str) -> list[str]:
        rng = scene.rng
        if what in ("bye", "greeting"):
            return [scene.line(told, what)]
        own = scene.answer(told) if what == "answer" and chance(rng, 0.5) else ""
        texts = [own] if own else []
        texts.append(scene.line(told, "frame"))
        if "all.second" in told and not own and chance(rng, 0.3):
            texts.append(scene.line(told, "second"))
        if "all.tag" in told and chance(rng, 0.35):
            texts.append(scene.line(told, "tag"))
        texts = [capital(text) for text in texts]
        if len(texts) > 1 and chance(rng, 0.2):
            return [texts[0], " ".join(texts[1:])]
        return [" ".join(texts)]

    return speak


def nico_voice(told: Grammar, said: set[str]) -> Callable[[Scene, str], list[str]]:
    """Nico: bursts of short messages. A whole turn is seldom said twice: the first try that is new is taken."""

    def attempt(scene: Scene, what: str) -> list[str]:
        rng = scene.rng
        if what == "greeting":
            return scene.line(told, "greeting").split(" // ")
        if what == "opening":
            return scene.own(told, "opening").split(" // ") + ([scene.line(told, "tag")] if chance(rng, 0.35) else [])
        if what == "bye":
            texts = scene.own(told, "close").split(" // ") if chance(rng, 0.65) else []
            return texts + ([scene.line(told, "bye")] if not texts or chance(rng, 0.6) else [])
        texts = [scene.line(told, "react")] if chance(rng, 0.6) else []
        own = scene.answer(told) if what == "answer" and chance(rng, 0.75) else ""
        texts += own.split(" // ") if own else []
        if not own or chance(rng, 0.3):
            texts.append(scene.line(told, "frame"))
            if chance(rng, 0.3):
                texts.append(scene.line(told, "second"))
        if chance(rng, 0.5):
            tag = scene.line(told, "tag")
            if len(tag) < 6 and chance(rng, 0.6):
                texts[-1] += f" {tag}"
            else:
                texts.append(tag)
        return texts

    def speak(scene: Scene, what: str) -> list[str]:
        kept = list(scene.advice)
        texts: list[str] = []
        for _try in range(12):
            scene.advice = list(kept)
            texts = attempt(scene, what)
            if "\n".join(texts) not in said:
                break
        said.add("\n".join(texts))
        return [text[0].lower() + text[1:] for text in texts]

    return speak


def conversation(rng: Random, name: str, voice: Callable[[Scene, str], list[str]], starts: float = 0.0) -> Talk:
    """About four turns between Ofelia and a voice; `starts` is the share that the voice begins with news of its own."""
    scene = Scene(rng, name)
    turns: list[tuple[str, list[str]]] = []
    if chance(rng, starts):
        turns += [(name, voice(scene, "opening")), (OWNER, ofelia(scene, "reply"))]
        turns += [(name, voice(scene, "bye")), (OWNER, ofelia(scene, "bye"))]
    else:
        if chance(rng, 0.06):
            turns += [(name, voice(scene, "greeting")), (OWNER, ofelia(scene, "hello", "opening"))]
        else:
            turns.append((OWNER, ofelia(scene, *(("lead", "opening") if chance(rng, 0.45) else ("opening",)))))
        turns.append((name, voice(scene, "answer")))
        if chance(rng, 0.55):
            turns.append((OWNER, ofelia(scene, *(("bridge", "doubt") if chance(rng, 0.4) else ("doubt",)))))
            turns.append((name, voice(scene, "solve")))
            if chance(rng, 0.2):
                turns += [(OWNER, ofelia(scene, "thanks")), (name, voice(scene, "bye"))]
        else:
            turns += [(OWNER, ofelia(scene, "thanks")), (name, voice(scene, "bye"))]
    return [Said(author, text) for author, texts in turns for text in texts]


def timed(rng: Random, talks: Sequence[Talk]) -> list[list[Sent]]:
    """Times for conversations: more than three hours apart, each under an hour, with days and weeks of silence."""
    silent = {day for first, length in SILENCES for day in range(first, first + length)}
    places = [(day, window) for day in range(DAYS) if day not in silent for window in WINDOWS]
    chosen = sorted(shuffled(rng, places)[: len(talks) - 1]) if len(talks) > 1 else []
    chosen.append((DAYS - 1, WINDOWS[-1]) if (DAYS - 1, WINDOWS[-1]) not in chosen else (DAYS, WINDOWS[0]))
    told: list[list[Sent]] = []
    for talk, (day, (minute, width)) in zip(talks, chosen, strict=True):
        at = FIRST_DAY + timedelta(days=day, minutes=minute + between(rng, 0, width - 1), seconds=between(rng, 0, 59))
        # A long scene takes quicker breaths: ten turns must not outlast the window's hour.
        longest = min(420, 2200 // max(1, len(talk)))
        sent: list[Sent] = []
        for number, said in enumerate(talk):
            if number:
                same = said.author == talk[number - 1].author
                at += timedelta(seconds=between(rng, 2, 38) if same else between(rng, 15, max(40, longest)))
            sent.append(Sent(at, said.author, said.text))
        told.append(sent)
    return told


def mixed(rng: Random, talks: list[Talk], extra: Iterable[Talk]) -> list[Talk]:
    """`extra` spread over `talks` in its order, and never in the first 80: a chat begins with everyday talk."""
    more = list(extra)
    step = (len(talks) - 80) // (len(more) + 1)
    for number, talk in enumerate(more):
        talks.insert(80 + number * (step + 1) + between(rng, 0, step - 1), talk)
    return talks


def sprinkled(rng: Random, talks: list[Talk], notices: Sequence[tuple[float, str, str]]) -> list[Talk]:
    """Puts what an app writes instead of words after some conversations: (share, author, body)."""
    for talk in talks:
        for share, author, body in notices:
            if chance(rng, share):
                talk.append(Said(author, body))
    return talks
