"""What is kept of the messages, and by whose word: rules, the curator, consent, in this order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat import Chat, Consent, Kind, Message
from core.dataset import nothing
from core.dataset.examples import Build
from core.dataset.material import Decision, Material, kept, material_of, persona_of, scan
from core.dataset.recipe import Recipe
from core.problem import Misuse, Problem

CHAT = Chat("c", "whatsapp")
MESSAGES = [
    Message("Ana", 0, Kind.TEXT, "hola"),
    Message("Beto", 60, Kind.MEDIA, "<Multimedia omitido>"),
    Message("", 70, Kind.SYSTEM, "Beto cambió el asunto"),
    Message("Beto", 80, Kind.TEXT, "mirá https://x.example"),
    Message("Caro", 90, Kind.TEXT, "no quiero estar acá"),
]


def material(**decisions: Decision) -> Material:
    return material_of(
        [(CHAT, MESSAGES)], consents={"Caro": Consent.REFUSED}, decisions=decisions, uids=["a", "b", "c", "d", "e"]
    )


def left(found: Material, **values: object) -> str:
    columns = kept(found, Recipe.from_dict({"persona": "Ana", **values}))
    return "".join(uid for uid, stays in zip(found.uids, columns.kept.tolist(), strict=True) if stays)


def test_rules_leave_out_what_is_no_talk() -> None:
    assert left(material()) == "ad"
    assert left(material(), drop_links="any") == "a"
    assert left(material(), drop_media=False) == "abd"


def test_the_curator_overrules_the_rules() -> None:
    assert left(material(b=Decision("keep"), a=Decision("drop"))) == "bd"


def test_nobody_overrules_who_refused_and_a_line_of_nobody_is_never_used() -> None:
    assert left(material(e=Decision("keep"), c=Decision("keep"))) == "ad"
    assert left(material(e=Decision(text="palabras mías"))) == "ad"


def test_consent_can_be_required() -> None:
    assert left(material(), require_consent=True) == ""


def test_words_that_the_curator_wrote_are_words() -> None:
    found = material(b=Decision(text="una foto del perro"), d=Decision(text="imagen omitida"))
    assert left(found) == "ab"
    assert found.text(1) == "una foto del perro"
    assert found.columns.lengths[1] == len("una foto del perro")
    assert found.texts[1] == "<Multimedia omitido>"


def test_messages_with_an_unwanted_tag_are_left_out() -> None:
    found = material(a=Decision(tags=frozenset({"pelea"})))
    assert left(found) == "ad"
    assert left(found, drop_tags="pelea, otra") == "d"


def test_lengths_leave_out_without_another_scan() -> None:
    found = material()
    hits = scan(found, Recipe(persona="Ana"))
    columns = kept(found, Recipe(persona="Ana", min_chars=5), hits)
    assert columns.kept.tolist() == [False, False, False, True, False]


def test_the_persona_must_be_there_and_agree() -> None:
    with pytest.raises(Misuse, match="No persona"):
        persona_of(material(), Recipe())
    with pytest.raises(Misuse, match="Did you mean Ana"):
        persona_of(material(), Recipe(persona="ANA"))
    with pytest.raises(Problem, match="has not agreed"):
        persona_of(material(), Recipe(persona="Caro"))
    with pytest.raises(Problem, match="has not agreed"):
        persona_of(material(), Recipe(persona="Ana", require_consent=True))


DECISIONS = st.dictionaries(
    st.integers(0, 4),
    st.sampled_from(
        [
            Decision("drop"),
            Decision("keep"),
            Decision(text="editado"),
            Decision(text="imagen omitida"),
            Decision(weight=0),
        ]
    ),
)


@given(DECISIONS, DECISIONS)
def test_other_decisions_on_the_same_messages_are_as_if_they_were_made_first(
    before: dict[int, Decision], now: dict[int, Decision]
) -> None:
    recipe = Recipe(persona="Ana", min_chars=5)
    first = material().deciding(before)
    later = first.deciding(now)
    fresh = material(**{"abcde"[row]: one for row, one in now.items()})
    hits = scan(later, recipe, (first, scan(first, recipe)))
    assert hits.tolist() == scan(fresh, recipe).tolist()
    assert later.decided == fresh.decided
    assert later.columns.lengths.tolist() == fresh.columns.lengths.tolist()
    assert kept(later, recipe, hits).kept.tolist() == kept(fresh, recipe).kept.tolist()


@pytest.mark.parametrize(
    ("values", "decisions", "why"),
    [
        ({"min_chars": 500}, {}, "the one message by Ana is left out, by: short"),
        ({}, {"a": Decision("drop")}, "by: dropped by hand"),
        ({"min_reply_chars": 900, "buffer_size": 0}, {}, "min_reply_chars"),
        ({}, {}, "nothing stands before any reply by Ana"),
    ],
)
def test_what_took_the_last_example_is_named(
    values: dict[str, object], decisions: dict[str, Decision], why: str
) -> None:
    found = material(**decisions)
    recipe = Recipe.from_dict({"persona": "Ana", **values})
    hits = scan(found, recipe)
    build = Build(found, recipe, hits)
    assert not len(build.plan)
    assert why in nothing.reason(build, hits)
