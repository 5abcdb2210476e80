"""Small chats to make datasets of, and a strategy for random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from core.chat import Chat, Consent, Kind, Mark, Message, Role
from core.dataset.corrections import Correction, Heard
from core.dataset.material import Decision, Material, material_of
from core.dataset.recipe import Recipe

# The table of the notebook that datasets of two actors grew from.
NOTEBOOK = (
    ("Hello", "I'm an AI"),
    ("Open the pod bay doors please", "No"),
    ("Open the pod bay doors!", "Well, if you insist"),
    None,
    ("Good morning", "Hey"),
    ("Can you read me the news?", "No, I can't"),
    ("Is there something you can do?", "You should know"),
    ("Oh okey", "Yeah"),
)


def table(rows: Sequence[tuple[str, str] | None], actors: tuple[str, str] = ("Human", "AI")) -> list[Message]:
    """A two-actor table as its reader gives it: no times, None where a new conversation starts."""
    messages: list[Message] = []
    starts = True
    for row in rows:
        if row is None:
            starts = True
            continue
        for actor, text in zip(actors, row, strict=True):
            if text:
                marks = Mark.UNTIMED | (Mark.STARTS if starts else Mark.NONE)
                messages.append(Message(actor, len(messages), Kind.TEXT, text, marks))
                starts = False
    return messages


def notebook(rows: Sequence[tuple[str, str] | None] = NOTEBOOK) -> Material:
    return material_of([(Chat("table", "csv"), table(rows))])


def talk(*lines: tuple[str, int, str], title: str = "chat") -> tuple[Chat, list[Message]]:
    """A chat of (author, minute, text)."""
    return Chat(title, "whatsapp"), [Message(author, minute * 60, Kind.TEXT, text) for author, minute, text in lines]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random chats with people who refuse and a curator who decides."""

    chats: tuple[tuple[Chat, list[Message]], ...]
    consents: Mapping[str, Consent]
    decisions: Mapping[str, Decision]
    uids: tuple[str, ...]

    def material(self, order: Sequence[int] | None = None) -> Material:
        """The material, with the chats in another order if asked: the ids stay with their messages."""
        starts = [sum(len(messages) for _chat, messages in self.chats[:place]) for place in range(len(self.chats))]
        places = list(order) if order is not None else list(range(len(self.chats)))
        uids = [uid for place in places for uid in self.uids[starts[place] : starts[place] + len(self.chats[place][1])]]
        return material_of(
            [self.chats[place] for place in places], consents=self.consents, decisions=self.decisions, uids=uids
        )


WORDS = ("hola", "Hola!", "qué tal", "todo bien", "jaja", "👍", "dale", "nos vemos mañana", "no sé", "ok", "¿venís?")


@st.composite
def drawn_chats(draw: st.DrawFn) -> Drawn:
    """Up to three chats of Ana (the persona) with others, in bursts and silences."""
    chats: list[tuple[Chat, list[Message]]] = []
    for place in range(draw(st.integers(1, 3))):
        untimed = draw(st.booleans()) and place == 2
        others = draw(st.sampled_from([("Beto",), ("Beto", "Caro"), ("Caro", "Dani", "Eva")]))
        at = draw(st.integers(0, 50_000))
        # The persona is always somewhere, or there is nothing to ask.
        messages = [] if place else [Message("Ana", at, Kind.TEXT, "buenas", Mark.NONE)]
        for author, gap, said, kind, mark in draw(
            st.lists(
                st.tuples(
                    st.sampled_from(("Ana", "Ana", *others)),
                    st.sampled_from([0, 1, 30, 600, 3_000, 5_000, 12_000, 90_000]),
                    st.integers(0, 60),
                    st.sampled_from([Kind.TEXT] * 8 + [Kind.MEDIA, Kind.SYSTEM]),
                    st.sampled_from([Mark.NONE] * 8 + [Mark.STARTS, Mark.FORWARDED]),
                ),
                max_size=25,
            )
        ):
            at += 1 if untimed else gap
            text = WORDS[said % len(WORDS)] if said < 30 else f"{WORDS[said % len(WORDS)]} {said}"
            messages.append(Message(author, at, kind, text, mark | (Mark.UNTIMED if untimed else Mark.NONE)))
        chats.append((Chat(f"chat {place}", "whatsapp"), messages))
    count = sum(len(messages) for _chat, messages in chats)
    uids = tuple(f"m{place:04d}" for place in draw(st.permutations(range(count))))
    consents = {
        name: draw(st.sampled_from([Consent.UNKNOWN, Consent.GIVEN, Consent.REFUSED]))
        for name in ("Beto", "Caro", "Dani")
    }
    decided = draw(st.lists(st.sampled_from(uids), max_size=6, unique=True)) if uids else []
    decisions = {
        uid: draw(
            st.sampled_from(
                [
                    Decision("drop"), Decision("keep"), Decision(text="editado por la curadora"), Decision(weight=0),
                    Decision(weight=2), Decision("keep", text="otra cosa"),
                ]
            )
        )
        for uid in decided
    }  # fmt: skip
    return Drawn(tuple(chats), consents, decisions, uids)


def drawn_corrections(uids: Sequence[str]) -> st.SearchStrategy[list[Correction]]:
    """A few corrections, some of replies to words of these messages."""
    heard = st.builds(
        Heard,
        st.sampled_from([Role.SYSTEM, Role.USER, Role.USER, Role.ASSISTANT]),
        st.sampled_from([*WORDS, "hola<|msg_sep|>Qué tal", " ", "mi correo es ana@example.org"]),
        st.sampled_from([(), (), (uids[0],), (uids[-1],)]),
    )
    one = st.builds(
        Correction,
        st.lists(heard, max_size=6).map(tuple),
        st.sampled_from([*WORDS, "dale<|msg_sep|>ok", "<|msg_sep|>"]),
        st.sampled_from(["<|msg_sep|>", "\n", ""]),
    )
    return st.lists(one, max_size=5)


recipes = st.fixed_dictionaries(
    {
        "persona": st.just("Ana"),
        "burst_window": st.sampled_from(["0s", "1m", "1h", "4h"]),
        "conversation_gap": st.sampled_from(["10m", "3h", "2d"]),
        "max_turns": st.sampled_from([0, 3, 60]),
        "buffer_size": st.integers(0, 5),
        "buffer_unit": st.sampled_from(["turns", "exchanges"]),
        "without_context": st.sampled_from(["drop", "keep"]),
        "groups": st.sampled_from(["names", "merged"]),
        "train_on": st.sampled_from(["last", "all"]),
        "validation": st.sampled_from([0, 0.1, 0.3, 0.5]),
        "split": st.sampled_from(["time", "random"]),
        "near_duplicates": st.sampled_from(["remove", "flag", "keep"]),
        "min_reply_words": st.sampled_from([0, 0, 2]),
        "min_context_words": st.sampled_from([0, 0, 3]),
        "alias_names": st.booleans(),
        "separator": st.sampled_from(["newline", "tag"]),
        "require_consent": st.just(False),
        "corrections": st.sampled_from(["examples", "none"]),
    }
).map(Recipe.from_dict)
