"""Having a talk: what is said goes to one or two models at once, their replies come in, and all of it is kept.

    talk = Conversation(workspace, models=["mini", "rita"])   # or number=7, to go on with an old one
    talk.send("¿Vienes?")             # blocks: a local server may have to start; everything below it does not
    while talk.answers:               # on a timer
        for answer in talk.answers: answer.drain(); answer.texts, answer.figures
        talk.keep()                   # blocks for a write: every two seconds, and at the end of each answer

`send`, `again`, `go_on`, `keep` and `close` write or wait and belong on worker threads, where they take turns; the rest
is memory. A reply is entered when it begins and kept while it grows, so a workbench that is killed leaves what it had.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar, cast

from core.chatting.transcripts import ASSISTANT, REAL, Said, Tree
from core.language import _
from core.problem import Problem
from core.workspace import recipe, talking, transcripts
from core.workspace.answering import Answer
from core.workspace.opening import Cancelled, Workspace
from core.workspace.talking import PARAMETERS, Loading, Manner, Speaker, Token

if TYPE_CHECKING:
    from core.counting.using import UsePrice
    from core.workspace.transcripts import TalkRow

KEEP_EVERY: Final = 2.0  # seconds


P = ParamSpec("P")
T = TypeVar("T")


def _in_turn(
    act: Callable[Concatenate[Conversation, P], T],
) -> Callable[Concatenate[Conversation, P], T]:
    """One worker at a time."""

    @functools.wraps(act)
    def taking_turns(self: Conversation, /, *given: P.args, **named: P.kwargs) -> T:
        with self.turn:
            return act(self, *given, **named)

    return taking_turns


@dataclass
class Terms:
    """How a talk goes on: the system prompt (None: each model's own) and the manner."""

    system: str | None = None
    manner: Manner = field(default_factory=lambda: talking.preset("usual").manner)
    preset: str = "usual"
    paced: bool = True

    def as_stored(self) -> dict[str, Any]:
        """What of it the talk keeps beside its system prompt."""
        return {
            "parameters": self.manner.to_dict(),
            "preset": self.preset,
            "own_system": self.system is None,
            "paced": self.paced,
        }

    @classmethod
    def of(cls, row: TalkRow) -> Terms:
        """The terms of a talk that was kept."""
        try:
            manner = Manner().changed(_known(row.manner))
        except Problem:  # a file from elsewhere may say anything
            manner = Manner()
        system = None if row.manner.get("own_system", not row.system) else row.system
        return cls(system, manner, str(row.manner.get("preset", "")), bool(row.manner.get("paced", True)))


def _price_kept(price: UsePrice | None) -> dict[str, str]:
    """What is kept of a price beside its sum: its day, and its currency where that is not the usual one."""
    if price is None or price.free:
        return {}
    day = {"priced": price.as_of.isoformat()} if price.as_of is not None else {}
    return {**day, **({} if price.currency == "USD" else {"currency": price.currency})}


class Conversation:
    """One talk and the models that take part in it."""

    def __init__(
        self, workspace: Workspace, number: int | None = None, models: Sequence[str] = (), terms: Terms | None = None
    ) -> None:
        self.workspace = workspace
        self.number = number
        self.row: TalkRow | None = None
        self.tree = Tree(())
        self.answers: list[Answer] = []
        self.tokens: dict[int, list[Token]] = {}  # of replies of this sitting, for those asked with logprobs
        self.terms = terms or Terms()
        self._models = list(models)
        self._speakers: dict[str, Speaker] = {}
        self._given_up = threading.Event()
        self.opening = False  # a model is being opened, which takes a local one seconds
        self.loading: Loading | None = None  # how that goes
        self.turn = threading.RLock()  # held by the worker that writes or waits
        if number is not None:
            self.reload()
            assert self.row is not None
            self.terms = Terms.of(self.row)

    @property
    def models(self) -> tuple[str, ...]:
        """Who speaks, lane by lane."""
        return self.row.models if self.row is not None else tuple(self._models)

    def way(self, lane: int) -> list[Said]:
        """What was said on a lane, from the beginning to where it is."""
        return self.tree.path(self.row.lanes[lane].leaf) if self.row and lane < len(self.row.lanes) else []

    def around(self, message: int) -> list[Said]:
        """The wordings or replies that stand beside a message, itself among them; with two models, those of its own."""
        one = self.tree.by_id[message]
        found = self.tree.siblings(message)
        return [other for other in found if other.model == one.model] if len(self.models) > 1 else found

    def reload(self) -> None:
        """Read the talk anew."""
        if self.number is not None:
            row, tree = (
                transcripts.numbered(self.workspace, self.number),
                transcripts.tree(self.workspace, self.number),
            )
            self.row, self.tree = row, tree

    def changed_elsewhere(self) -> bool:
        """Read the talk anew if somebody else changed it; a Problem when it was deleted."""
        if self.number is None or self.row is None:
            return False
        if not transcripts.is_there(self.workspace, self.number):
            raise Problem(_("this talk is no longer there."), advice=_("It was deleted elsewhere."))
        row = transcripts.numbered(self.workspace, self.number)
        if row == self.row:
            return False
        self.reload()
        return True

    # ── what a person does ──────────────────────────────────────────────────────────────────────────────────────

    @_in_turn
    def say(self, text: str, taken_from: Sequence[str] = ()) -> None:
        """Add what the person says; nobody has heard it yet."""
        transcripts.ask_in(self.workspace, self._begun(), text, taken_from)
        self.reload()

    def send(self, text: str) -> None:
        """Say something to every model, and begin their replies."""
        self.say(text)
        self.reply()

    @_in_turn
    def reply(self) -> None:
        """Begin a reply on every lane that ends with a question."""
        waiting = [lane for lane in range(len(self.models)) if (way := self.way(lane)) and way[-1].role != ASSISTANT]
        for lane in waiting:
            self._speaker(self.models[lane])  # both are there before the first is asked: they are compared
        for lane in waiting:
            self._answer(lane, self.way(lane)[-1].id)

    @_in_turn
    def again(self, lane: int, message: int, more: int = 1) -> None:
        """Ask for another reply in the place of this one, or to this question; or for several."""
        one = self.tree.by_id[message]
        parent = one.parent if one.role == ASSISTANT else one.id
        self._answer(lane, parent, more)

    @_in_turn
    def edit(self, lane: int, message: int, text: str) -> None:
        """Say something else in the place of a message, and begin the reply to it: a branch of its own. Where another
        lane heard the same words at the same place, it hears the new ones too."""
        talk = self._begun()
        place = next(at for at, one in enumerate(self.way(lane)) if one.id == message)
        before = self.tree.by_id[message].text
        made: dict[int | None, int] = {}
        for other in range(len(self.models)):
            one = next(iter(self.way(other)[place : place + 1]), None)
            if one is None or one.role == ASSISTANT or one.text != before:
                continue
            if one.parent in made:
                transcripts.go_to(self.workspace, talk, other, made[one.parent])
            else:
                made[one.parent] = transcripts.edit(self.workspace, talk, one.id, text, other)
        self.reload()
        self.reply()

    @_in_turn
    def go_on(self, lane: int, message: int) -> bool:
        """Go on with a reply that was cut off. Where nothing of it came it is asked for again in its place; where its
        server cannot go on, another one is begun beside it, and this says False."""
        one = self.tree.by_id[message]
        speaker = self._speaker(one.model)
        if one.text and not speaker.goes_on:
            self._answer(lane, one.parent)
            return False
        manner = Manner().changed({**_known(one.manner), "n": None})
        heard = self._heard(one.parent, speaker)
        with self._opening():
            stream = speaker.go_on(heard, one.text, manner) if one.text else speaker.stream(heard, manner)
        self.answers.append(Answer(lane, one.model, [one], stream, [one.text]))
        return True

    @_in_turn
    def ask_prompt(
        self, turns: Sequence[tuple[str, str]], real: tuple[str, str], lineage: Sequence[Sequence[str]] = ()
    ) -> None:
        """Ask what somebody asked in the chat: its turns (role, text) up to a question, and who said what in answer,
        which is shown when the model has answered. `lineage`: the messages that each turn came from."""
        talk = self._begun()
        parent: int | None = None
        came_from = [*lineage, *[()] * (len(turns) - len(lineage))]
        for (role, text), uids in zip(turns[:-1], came_from, strict=False):
            manner = transcripts.lineage(uids)
            parent = transcripts.put(self.workspace, talk, parent, role, text, model=real[0], manner=manner)
        self.set_leaf(parent)
        self.say(turns[-1][1], came_from[len(turns) - 1])
        self.reply()
        for answer in self.answers:
            answer.real = real

    def stop(self) -> None:
        """End every reply that is on its way, at once; and the opening of a model."""
        if self.opening:
            self._given_up.set()
        for answer in self.answers:
            answer.stream.stop()

    @_in_turn
    def set_leaf(self, leaf: int | None) -> None:
        """Let every lane go on from here."""
        for lane in range(len(self.models)):
            transcripts.go_to(self.workspace, self._begun(), lane, leaf)
        self.reload()

    @_in_turn
    def beside(self, lane: int, message: int, by: int) -> bool:
        """Go to the wording or reply beside this one, and to where the talk went from there."""
        around = self.around(message)
        at = next(place for place, one in enumerate(around) if one.id == message) + by
        if not 0 <= at < len(around) or self.number is None:
            return False
        transcripts.go_to(self.workspace, self.number, lane, self.tree.newest_below(around[at].id))
        self.reload()
        return True

    @_in_turn
    def set_models(self, models: Sequence[str]) -> None:
        """Let other models go on; a second one joins in where the first one is."""
        if self.row is None or self.number is None:
            self._models = list(models)
            return
        lanes = self.row.lanes
        made = [
            transcripts.Lane(model, lanes[min(number, len(lanes) - 1)].leaf if lanes else None)
            for number, model in enumerate(models)
        ]
        transcripts.set_lanes(self.workspace, self.number, made)
        self.reload()

    @_in_turn
    def set_terms(self, terms: Terms) -> None:
        """Go on in another manner."""
        self.terms = terms
        if self.number is not None:
            transcripts.set_terms(self.workspace, self.number, self._system(), terms.as_stored())
            self.reload()

    # ── replies on their way ────────────────────────────────────────────────────────────────────────────────────

    @_in_turn
    def keep(self, *, all_of_it: bool = False) -> list[Answer]:
        """Write what has grown, at the latest every two seconds; returns the answers that have ended."""
        ended: list[Answer] = []
        now = time.monotonic()
        for answer in list(self.answers):
            done = answer.done
            if done or all_of_it or now - answer.kept_at >= KEEP_EVERY:
                answer.drain()
                for said in answer.so_far():
                    transcripts.write_reply(self.workspace, self.number or 0, said)
                answer.kept_at = now
            if done:
                for said, tokens in zip(answer.said, answer.tokens, strict=True):
                    self.tokens[said.id] = tokens
                if answer.real is not None and answer.texts[0]:
                    self._tell_real(answer, answer.real)
                answer.ended = True
                ended.append(answer)
        if ended:
            self.reload()
            self.answers = [answer for answer in self.answers if not answer.ended]
        return ended

    def close(self) -> None:
        """Stop, keep what there is, and let go of the models."""
        self.stop()
        with self.turn:
            self._let_go()

    def _let_go(self) -> None:
        self.stop()
        if self.answers:
            self.keep(all_of_it=True)
        for speaker in self._speakers.values():
            speaker.close()
        self._speakers.clear()

    # ── within ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _begun(self) -> int:
        if self.number is None:
            if not self._models:
                raise Problem(_("nobody is there to talk to."), advice=_("Choose a model first."))
            self.number = transcripts.start(
                self.workspace, self._models, system=self._system(), manner=self.terms.as_stored()
            )
            self.reload()
        return self.number

    def _system(self) -> str:
        if self.terms.system is not None or not self.models:
            return self.terms.system or ""
        return talking.speaker_named(self.workspace, self.models[0]).system

    def notices(self) -> list[str]:
        """What is to be known of those who take part: until when each answers, and of which day its price is. Prices are
        known once a model was asked: looking one up may take a third of a second."""
        from core.workspace import models

        told: list[str] = []
        for lane, model in enumerate(self.models):
            speaker = self._speakers.get(model)
            told.append(speaker.row.ends if speaker is not None else models.ends_of(self.workspace, model))
            if speaker is not None:
                price = speaker.row.price
                told.append(price.said() if price is not None and not price.free else "")
                continue
            days = [str(one.manner["priced"]) for one in self.way(lane) if "priced" in one.manner]
            told.append(_("by prices of {day}").format(day=days[-1]) if days else "")
        return [one for one in dict.fromkeys(told) if one]

    def _speaker(self, model: str) -> Speaker:
        if model not in self._speakers:
            with self._opening():
                self._speakers[model] = talking.open_speaker(
                    self.workspace, model, self._unless_given_up, self._give_up, self._take_loading
                )
        return self._speakers[model]

    @contextlib.contextmanager
    def _opening(self) -> Generator[None]:
        """While a model may have to be loaded; also one that was open already, for its server may have stopped."""
        self._given_up.clear()
        self.opening = True
        try:
            yield
        finally:
            self.opening, self.loading = False, None

    def _unless_given_up(self, *_how_far: object) -> None:
        if self._given_up.is_set():
            raise Cancelled

    def _take_loading(self, loading: Loading) -> None:
        self.loading = loading

    def _give_up(self) -> bool:
        self._unless_given_up()
        return False

    def _heard(self, leaf: int | None, speaker: Speaker) -> list[Mapping[str, str]]:
        """What a model is given: the opening, and as many of the last turns as it was trained on."""
        turns = [{"role": one.role, "content": one.text} for one in self.tree.path(leaf)]
        return talking.windowed([*speaker.opening(self.terms.system), *turns], speaker.row.turns)

    def _answer(self, lane: int, parent: int | None, more: int = 1) -> None:
        model = self.models[lane]
        speaker = self._speaker(model)
        manner = self.terms.manner if more == 1 else self.terms.manner.changed({"n": more})
        heard = self._heard(parent, speaker)
        kept = {
            "parameters": manner.to_dict(),
            # Of a model from elsewhere nobody knows it; tuned on a dataset of ours, it writes what the recipe says.
            "separator": speaker.row.separator or recipe.current(self.workspace).separator,
            "system": speaker.row.system if self.terms.system is None else self.terms.system,
            **_price_kept(speaker.row.price),
        }
        talk = self._begun()
        with self._opening():  # before anything is entered: who gives up now has asked nothing
            stream = speaker.stream(heard, manner)
        try:
            ids = [
                transcripts.begin_reply(self.workspace, talk, parent, model, kept, lane=None if number else lane)
                for number in range(manner.n or 1)
            ]
            self.reload()
        except BaseException:
            stream.stop()
            raise
        self.answers.append(Answer(lane, model, [self.tree.by_id[one] for one in ids], stream, [""] * len(ids)))

    def _tell_real(self, answer: Answer, real: tuple[str, str]) -> None:
        parent = answer.said[0].parent
        if parent is not None and not any(one.finish == REAL for one in self.tree.children(parent)):
            manner = {"separator": answer.said[0].separator}
            transcripts.put(
                self.workspace, self.number or 0, parent, ASSISTANT, real[1], model=real[0], finish=REAL, manner=manner
            )


def _known(manner: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a talk or a reply was kept with, without those that nobody knows any more."""
    told: Any = manner.get("parameters")
    if not isinstance(told, dict):
        return {}
    return {str(name): value for name, value in cast("dict[Any, Any]", told).items() if name in PARAMETERS}
