"""Splits and duplicates: whole conversations, a gap between both sides, nothing said on one that the other learns."""

from __future__ import annotations

import re
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chat import Chat, Example, Kind, Line, Mark, Message, Role, Side
from core.dataset.diff import diff
from core.dataset.duplicates import folded
from core.dataset.examples import Build
from core.dataset.leaks import leaks
from core.dataset.material import Material, material_of
from core.dataset.recipe import Recipe
from core.dataset.split import PURGED, TRAIN, VALIDATION, Conversations, gap, sides
from core.problem import Problem
from tests.dataset.chats import table, talk

HOUR = 3_600


def long_chat(conversations: int = 40, apart: int = 10 * HOUR, turns: int = 6) -> Material:
    """Conversations of six turns in which nobody says the same twice."""
    messages = [
        Message(("Beto", "Ana")[t % 2], c * apart + t * 60, Kind.TEXT, f"frase {c} número {t}")
        for c in range(conversations)
        for t in range(turns)
    ]
    return material_of([(Chat("c", "whatsapp"), messages)])


def example(*said: str, side: Side = Side.TRAIN, conversation: int = 0, uids: tuple[str, ...] = ()) -> Example:
    roles = (Role.USER, Role.ASSISTANT) * 4
    first = 0 if len(said) % 2 == 0 else 1
    lines = tuple(Line(roles[first + n], text, messages=uids) for n, text in enumerate(said))
    return Example(lines, conversation, side)


def test_the_latest_conversations_are_held_out_whole() -> None:
    made = list(Build(long_chat(), Recipe(persona="Ana", validation=0.25)))
    train = {one.conversation for one in made if one.side is Side.TRAIN}
    held = {one.conversation for one in made if one.side is Side.VALIDATION}
    assert max(train) < min(held)
    assert len(held) == 10
    assert leaks(made) == []


def test_windows_that_overlap_are_never_on_both_sides() -> None:
    """Splitting examples at random puts neighbours, which share three of four turns, on both sides."""
    material = long_chat(20)
    for split in ("time", "random"):
        made = list(Build(material, Recipe(persona="Ana", validation=0.3, split=split, buffer_size=4)))
        held = {uid for one in made if one.side is Side.VALIDATION for line in one.lines for uid in line.messages}
        train = {uid for one in made if one.side is Side.TRAIN for line in one.lines for uid in line.messages}
        assert held
        assert held.isdisjoint(train)


def test_conversations_near_the_border_are_on_neither_side() -> None:
    close = long_chat(40, apart=4 * HOUR)
    build = Build(close, Recipe(persona="Ana", validation=0.25, purge_gap=9 * HOUR))
    made = list(build)
    assert build.report.purged > 0
    times = {uid: int(close.columns.times[row]) for row, uid in enumerate(close.uids)}
    last = max(times[uid] for one in made if one.side is Side.TRAIN for line in one.lines for uid in line.messages)
    first = min(
        times[uid] for one in made if one.side is Side.VALIDATION for line in one.lines for uid in line.messages
    )
    assert first - last >= 9 * HOUR


def conversations(spans: list[tuple[int, int]], chats: list[int] | None = None) -> Conversations:
    count = len(spans)
    return Conversations(
        starts=np.array([a for a, _b in spans], np.int64),
        ends=np.array([b for _a, b in spans], np.int64),
        examples=np.ones(count, np.int64),
        untimed=np.zeros(count, np.bool_),
        continued=np.zeros(count, np.bool_),
        chats=np.array(chats or [0] * count, np.int32),
        keys=[f"k{n}" for n in range(count)],
    )


def test_the_gap_is_as_long_as_a_context_can_be_and_no_longer_than_any_is() -> None:
    recipe = Recipe(buffer_size=4, conversation_gap=3 * HOUR)
    assert gap(conversations([(0, 100)]), recipe) == 3 * HOUR
    assert gap(conversations([(0, 8 * HOUR)]), recipe) == 8 * HOUR
    assert gap(conversations([(0, 90 * HOUR)]), recipe) == 12 * HOUR
    assert gap(conversations([(0, 1)]), recipe.changed({"purge_gap": "2d"})) == 48 * HOUR


def test_a_conversation_of_another_chat_that_goes_on_past_the_border_is_purged() -> None:
    spans = [(0, 10), (100_000, 900_000), (200_000, 200_010), (950_000, 950_010)]
    made = sides(conversations(spans, [0, 1, 0, 0]), Recipe(validation=0.25, conversation_gap=60, buffer_size=1))
    assert made.tolist() == [TRAIN, TRAIN, TRAIN, VALIDATION]
    made = sides(conversations(spans, [0, 1, 0, 0]), Recipe(validation=0.5, conversation_gap=60, buffer_size=1))
    assert made.tolist() == [TRAIN, PURGED, VALIDATION, VALIDATION]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), min_size=2, max_size=30), st.data())
def test_in_time_order_all_training_ends_a_gap_before_anything_held_out_begins(
    drawn: list[tuple[int, int]], data: st.DataObject
) -> None:
    spans = sorted((start, start + length) for start, length in drawn)
    recipe = Recipe.from_dict({"validation": data.draw(st.sampled_from([0.1, 0.3, 0.6])), "buffer_size": 3})
    known = conversations(spans)
    made = sides(known, recipe)
    assert (made == VALIDATION).any()
    if (made == TRAIN).any():
        border = known.starts[made == VALIDATION].min()
        assert known.ends[made == TRAIN].max() <= border - gap(known, recipe)


def test_at_random_the_same_seed_draws_the_same_and_another_seed_others() -> None:
    known = conversations([(n * HOUR, n * HOUR + 9) for n in range(50)])
    recipe = Recipe(validation=0.2, split="random")
    first = sides(known, recipe).tolist()
    assert first == sides(known, recipe).tolist()
    assert first != sides(known, recipe.changed({"seed": 1})).tolist()
    assert first.count(VALIDATION) == 10


def test_without_times_the_last_conversations_of_each_chat_are_held_out() -> None:
    rows: list[tuple[str, str] | None] = []
    for n in range(10):
        rows += [(f"pregunta {n}", f"respuesta {n}"), None]
    made = list(Build(material_of([(Chat("t", "csv"), table(rows))]), Recipe(persona="AI", validation=0.2)))
    assert [one.lines[-1].text for one in made if one.side is Side.VALIDATION] == ["respuesta 8", "respuesta 9"]


def test_one_conversation_alone_is_never_held_out() -> None:
    build = Build(long_chat(1), Recipe(persona="Ana", validation=0.5))
    assert {one.side for one in build} == {Side.TRAIN}


@pytest.mark.parametrize(
    ("one", "other"),
    [("¡Hola, qué TAL?", "hola que tal"), ("jajá  ok.", "JAJA ok"), ("Ñandú", "ñandu"), ("ﬁn", "fin")],
)
def test_case_accents_and_punctuation_hide_no_duplicate(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@given(st.text(alphabet=st.characters(max_codepoint=0x17F), max_size=40))
def test_folding_by_a_table_is_folding_by_the_pattern(text: str) -> None:
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = "".join(one for one in plain if not unicodedata.combining(one))
    assert folded(text) == (re.sub(r"[\W_]+", " ", words).strip() or text.strip())


def test_what_is_all_punctuation_or_emoji_is_itself() -> None:
    assert folded("👍") != folded("👎")
    assert folded("???") != folded("!!!")


def test_duplicates_are_removed_flagged_or_kept() -> None:
    lines: list[tuple[str, int, str]] = []
    for day in range(6):
        lines += [("Beto", day * 1440, "¿Hola?"), ("Ana", day * 1440 + 1, ["hola", "HOLA!", "Hola..."][day % 3])]
    material = material_of([talk(*lines)])
    made = {}
    for mode in ("remove", "flag", "keep"):
        build = Build(material, Recipe(persona="Ana", validation=0.0, near_duplicates=mode))
        made[mode] = (len(list(build)), build.report.duplicates, build.flagged)
    assert made == {"remove": (1, 5, []), "flag": (6, 5, [1, 2, 3, 4, 5]), "keep": (6, 0, [])}


def test_the_same_said_on_both_sides_leaves_the_held_out_side() -> None:
    lines: list[tuple[str, int, str]] = []
    for day in range(10):
        lines += [("Beto", day * 1440, f"tema {day}"), ("Ana", day * 1440 + 1, f"respuesta {day}")]
        lines += [("Beto", day * 1440 + 2, "Chau!"), ("Ana", day * 1440 + 3, "chau, beso")]
    build = Build(material_of([talk(*lines)]), Recipe(persona="Ana", validation=0.3, near_duplicates="keep"))
    made = list(build)
    assert build.report.across == 3
    assert [one.lines[-1].text for one in made if one.side is Side.VALIDATION] == [f"respuesta {n}" for n in (7, 8, 9)]
    assert leaks(made) == []


def test_the_checker_sees_every_sort_of_leak() -> None:
    train = example("hola", "todo bien?", conversation=1, uids=("a", "b"))
    held = Side.VALIDATION
    cases = {
        "message": example("x", "y", side=held, conversation=2, uids=("b",)),
        "conversation": example("x", "y", side=held, conversation=1),
        "same": example("antes", "dije", "HOLA!", "¿Todo bien?", side=held, conversation=3),
    }
    for sort, one in cases.items():
        assert [leak.sort for leak in leaks([train, one])] == [sort]
        assert [leak.sort for leak in leaks([one, train])] == [sort]
    assert leaks([train, example("otra", "cosa", side=held, conversation=4)]) == []


def test_likeness_below_one_needs_a_package_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rensa", None)
    with pytest.raises(Problem, match="rensa"):
        list(Build(long_chat(5), Recipe(persona="Ana", similarity=0.7, validation=0.3)))
    with pytest.raises(Problem, match="rensa"):
        leaks([], similarity=0.9)


def test_likeness_finds_what_a_typing_error_hides() -> None:
    said = "nos encontramos mañana a la tarde en la plaza de siempre"
    lines = [("Beto", 0, "y entonces?"), ("Ana", 1, said), ("Beto", 9_000, "y entonces?"), ("Ana", 9_001, said + "e")]
    made = Build(material_of([talk(*lines)]), Recipe(persona="Ana", validation=0.0, similarity=0.7))
    assert len(list(made)) == 1
    held = [example("q", said), example("q", said + "e", side=Side.VALIDATION, conversation=1)]
    assert [leak.sort for leak in leaks(held, similarity=0.7)] == ["alike"]
    assert (
        leaks(list(Build(long_chat(20), Recipe(persona="Ana", similarity=0.7, validation=0.3))), similarity=0.7) == []
    )


def test_a_difference_tells_new_from_gone_from_moved() -> None:
    a, b, c = example("1", "a"), example("2", "b"), example("3", "c")
    moved = Example(b.lines, 0, Side.VALIDATION)
    told = diff([a, b, c, c], [moved, c, example("4", "d")])
    assert (told.same, told.removed, told.added, told.moved) == (1, (0, 3), (2,), (1,))


def test_untimed_conversations_cut_by_the_maximum_are_not_both_trained_and_held_out() -> None:
    rows: list[tuple[str, str] | None] = [(f"pregunta {n}", f"respuesta {n}") for n in range(20)]
    material = material_of([(Chat("t", "csv"), table(rows))])
    build = Build(material, Recipe(persona="AI", validation=0.2, max_turns=4))
    made = list(build)
    assert build.report.purged == 2
    assert sum(one.side is Side.VALIDATION for one in made) == 4
    assert all(message.marks & Mark.UNTIMED for message in table(rows))
