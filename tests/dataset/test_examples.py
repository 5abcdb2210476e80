"""What is true of every example, whatever the chats, the recipe and the decisions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chat import Chat, Consent, Example, Kind, Mark, Message, Role, Side
from core.counting import counter_for
from core.counting.recount import Recount
from core.dataset.examples import Build
from core.dataset.leaks import leaks
from core.dataset.material import Decision, material_of
from core.dataset.recipe import Recipe
from core.grouping import boundaries
from tests.dataset.chats import Drawn, drawn_chats, drawn_corrections, recipes, talk

FEW = settings(max_examples=50, deadline=None)


def built(drawn: Drawn, recipe: Recipe) -> list[Example]:
    return list(Build(drawn.material(), recipe))


def spoken(example: Example) -> list[Role]:
    return [line.role for line in example.lines if line.role is not Role.SYSTEM]


def uids(example: Example) -> list[str]:
    return [uid for line in example.lines for uid in line.messages]


@FEW
@given(drawn_chats(), recipes)
def test_roles_alternate_and_the_last_line_is_the_reply_that_is_learnt(drawn: Drawn, recipe: Recipe) -> None:
    for example in built(drawn, recipe):
        roles = spoken(example)
        assert all(a is not b for a, b in pairwise(roles))
        assert roles[-1] is Role.ASSISTANT
        assert example.lines[-1].trained
        assert all(line.text for line in example.lines)
        learnt = [line for line in example.lines[:-1] if line.trained]
        assert all(line.role is Role.ASSISTANT for line in learnt)
        assert not learnt or recipe.train_on == "all"


@FEW
@given(drawn_chats(), recipes)
def test_who_refused_is_never_in_an_example_whatever_the_curator_said(drawn: Drawn, recipe: Recipe) -> None:
    material = drawn.material()
    refused = {one.id for one in material.participants.values() if one.consent is Consent.REFUSED}
    theirs = {uid for row, uid in enumerate(material.uids) if int(material.columns.authors[row]) in refused}
    for example in Build(material, recipe):
        assert theirs.isdisjoint(uids(example))


@FEW
@given(drawn_chats(), recipes)
def test_what_is_dropped_is_neither_context_nor_reply(drawn: Drawn, recipe: Recipe) -> None:
    dropped = {uid for uid, decision in drawn.decisions.items() if decision.state == "drop"}
    for example in built(drawn, recipe):
        assert dropped.isdisjoint(uids(example))


@FEW
@given(drawn_chats(), recipes)
def test_an_example_stays_in_one_conversation_of_one_chat(drawn: Drawn, recipe: Recipe) -> None:
    material = drawn.material()
    chat = {uid: int(material.columns.chats[row]) for row, uid in enumerate(material.uids)}
    build = Build(material, recipe)
    made = boundaries(build.columns, recipe.burst_window, recipe.conversation_gap, recipe.max_turns)
    conversation: dict[str, int] = {}
    for turn, number in enumerate(made.turn_conversations().tolist()):
        for row in made.rows[made.turns[turn] : made.turns[turn + 1]].tolist():
            conversation[material.uids[int(row)]] = number
    for example in build:
        assert len({chat[uid] for uid in uids(example)}) == 1
        assert len({conversation[uid] for uid in uids(example)}) == 1


@FEW
@given(drawn_chats(), recipes)
def test_the_buffer_is_honoured(drawn: Drawn, recipe: Recipe) -> None:
    material = drawn.material()
    build = Build(material, recipe)
    grouping = build.grouping
    turn_of: dict[str, int] = {}
    for turn in range(grouping.turn_count):
        for row in grouping.rows[grouping.turns[turn] : grouping.turns[turn + 1]].tolist():
            turn_of[material.uids[int(row)]] = turn
    for example in build:
        context = example.lines[:-1]
        if recipe.buffer_unit == "turns":
            turns = {turn_of[uid] for line in context for uid in line.messages}
            assert len(turns) <= recipe.buffer_size
        else:
            questions = [role for role in spoken(example)[:-1] if role is Role.USER]
            assert len(questions) <= recipe.buffer_size
            assert len(spoken(example)) <= max(1, 2 * recipe.buffer_size)


@FEW
@given(drawn_chats(), recipes)
def test_the_messages_of_an_example_are_in_order_without_holes(drawn: Drawn, recipe: Recipe) -> None:
    material = drawn.material()
    build = Build(material, recipe)
    place = {material.uids[row]: n for n, row in enumerate(build.grouping.rows.tolist())}
    for example in build:
        places = [place[uid] for uid in uids(example)]
        assert places == list(range(places[0], places[0] + len(places)))


@FEW
@given(drawn_chats(), recipes)
def test_the_split_never_leaks(drawn: Drawn, recipe: Recipe) -> None:
    assert leaks(built(drawn, recipe)) == []


@FEW
@given(drawn_chats(), recipes)
def test_the_same_input_gives_the_same_examples_in_whatever_order_chats_came(drawn: Drawn, recipe: Recipe) -> None:
    first = built(drawn, recipe)
    assert built(drawn, recipe) == first
    turned = list(Build(drawn.material(order=range(len(drawn.chats))[::-1]), recipe))
    assert turned == first


@FEW
@given(drawn_chats(), recipes, recipes)
def test_decisions_survive_another_grouping(drawn: Drawn, recipe: Recipe, other: Recipe) -> None:
    edited = {uid: decision.text for uid, decision in drawn.decisions.items() if decision.text is not None}
    never = {uid for uid, decision in drawn.decisions.items() if decision.weight == 0}
    for one in (recipe, other):
        for example in built(drawn, one):
            for line in example.lines:
                for uid in line.messages:
                    if uid in edited:
                        assert str(edited[uid]) in line.text
            assert never.isdisjoint(example.lines[-1].messages)


@FEW
@given(st.data(), drawn_chats(), recipes)
def test_counters_without_making_examples_are_those_of_the_examples(
    data: st.DataObject, drawn: Drawn, recipe: Recipe
) -> None:
    material = drawn.material()
    recount = Recount(material, counter_for("gpt-4o"))
    counter = counter_for("gpt-4o")
    decided = {row: Decision(text="otra vez editado") for row in range(0, len(material.uids), 3)}
    for one, messages in (
        (recipe, material), (data.draw(recipes), material), (recipe, material.deciding(decided)), (recipe, material)
    ):  # fmt: skip
        build = Build(messages, one, corrections=data.draw(drawn_corrections(drawn.uids)))
        totals = recount.totals(build)
        examples = list(build)
        told = build.report
        tokens = [counter.example(example) for example in examples if example.side is Side.TRAIN]
        held = [counter.example(example) for example in examples if example.side is Side.VALIDATION]
        assert (totals.train, totals.validation) == (told.train, told.validation) == (len(tokens), len(held))
        assert (
            totals.duplicates, totals.across, totals.purged, totals.short, totals.unweighted, totals.corrections
        ) == (
            told.duplicates, told.across, told.purged, told.short, told.unweighted, told.corrections
        )  # fmt: skip
        assert (totals.tokens, totals.validation_tokens) == (sum(tokens), sum(held))
        assert totals.longest == max(tokens + held, default=0)


def test_a_count_that_was_stopped_goes_on_where_it_was_and_comes_to_the_same() -> None:
    said = [
        Message(("Ana", "Beto")[n // 2 % 2], n * 200 + n // 9 * 9_000, Kind.TEXT, f"línea {n}", 0, n + 1)
        for n in range(4_000)
    ]
    build = Build(material_of([(Chat("c", "whatsapp"), said)]), Recipe.from_dict({"persona": "Ana"}))
    counter = counter_for("gpt-4o")
    recount = Recount(build.material, counter)
    to_do: list[int] = []  # at the beginning of each count

    def stop(done: int, every: int) -> None:
        if not done:
            to_do.append(every)
        if done >= 512:
            raise KeyboardInterrupt

    for _time in range(2):
        with pytest.raises(KeyboardInterrupt):
            recount.totals(build, progress=stop)
    whole = recount.totals(build, progress=lambda done, every: None if done else to_do.append(every))
    assert to_do[0] - to_do[1] == to_do[1] - to_do[2] == 513
    assert whole == Recount(build.material, counter).totals(build)
    assert whole.tokens == sum(counter.example(one) for one in build if one.side is Side.TRAIN)


def texts(example: Example) -> list[tuple[str, str]]:
    return [(line.role.value, line.text) for line in example.lines if line.role is not Role.SYSTEM]


def only(*lines: tuple[str, int, str], **values: object) -> list[Example]:
    recipe = Recipe.from_dict({"persona": "Ana", "validation": 0, **values})
    return list(Build(material_of([talk(*lines)]), recipe))


def test_an_hour_of_merging_inside_three_hours_of_context_gives_no_two_lines_of_one_role() -> None:
    """The persona wrote twice, two hours apart: two turns by the burst window, one reply for the model."""
    made = only(("Beto", 0, "hola"), ("Ana", 1, "ey"), ("Ana", 121, "perdón, estaba durmiendo"), ("Beto", 122, "jaja"),
                ("Ana", 123, "sí"))  # fmt: skip
    assert texts(made[0]) == [("user", "hola"), ("assistant", "ey\nperdón, estaba durmiendo")]
    assert texts(made[1])[1] == ("assistant", "ey\nperdón, estaba durmiendo")


def test_chats_one_after_the_other_never_share_a_context() -> None:
    one = talk(("Beto", 0, "soy beto"), ("Ana", 1, "hola beto"), title="b")
    other = talk(("Caro", 2, "soy caro"), ("Ana", 3, "hola caro"), title="c")
    recipe = Recipe(persona="Ana", validation=0.0)
    made = [texts(example) for example in Build(material_of([one, other]), recipe)]
    assert made == [
        [("user", "soy beto"), ("assistant", "hola beto")],
        [("user", "soy caro"), ("assistant", "hola caro")],
    ]


def test_style_is_kept_as_it_was_written() -> None:
    said = "¡QUÉ LINDO!! (en serio) 😂👨‍👩‍👧 ...jajaJAJA\n\n  ok"
    assert texts(only(("Beto", 0, "Mirá"), ("Ana", 1, said))[0])[-1] == ("assistant", said)


def test_in_a_group_the_others_are_told_apart_or_merged() -> None:
    lines = (("Beto", 0, "vamos?"), ("Caro", 1, "yo sí"), ("Caro", 2, "a las 8"), ("Ana", 3, "dale"))
    assert texts(only(*lines)[0])[0] == ("user", "Beto: vamos?\nCaro: yo sí\na las 8")
    assert texts(only(*lines, groups="merged")[0])[0] == ("user", "vamos?\nyo sí\na las 8")


def test_nobody_can_write_the_tag_that_parts_messages() -> None:
    made = only(("Beto", 0, "a"), ("Ana", 1, "uno <|msg_sep|> dos"), ("Ana", 1, "tres"), separator="tag")
    assert made[0].lines[-1].text == "uno <msg_sep> dos<|msg_sep|>tres"


def test_no_context_gives_an_empty_prompt_and_every_reply() -> None:
    made = only(("Ana", 0, "uno"), ("Beto", 1, "x"), ("Ana", 2, "dos"), buffer_size=0)
    assert [texts(example) for example in made] == [[("assistant", "uno")], [("assistant", "dos")]]


def test_a_reply_that_opens_its_conversation_is_kept_only_on_request() -> None:
    lines = (("Ana", 0, "uno"), ("Beto", 1, "x"), ("Ana", 2, "dos"))
    assert len(only(*lines)) == 1
    assert len(only(*lines, without_context="keep")) == 2


def test_every_persona_turn_of_the_context_is_learnt_on_request() -> None:
    lines = (("Beto", 0, "a"), ("Ana", 1, "b"), ("Beto", 2, "c"), ("Ana", 3, "d"))
    assert [line.trained for line in only(*lines, system_prompt="")[1].lines] == [False, False, False, True]
    assert [line.trained for line in only(*lines, system_prompt="", train_on="all")[1].lines] == [
        False,
        True,
        False,
        True,
    ]


def test_the_persona_is_named_in_the_system_prompt_and_hidden_on_request() -> None:
    lines = (("Beto", 0, "hola Ana"), ("Ana", 1, "hola BETO, soy ana"))
    prompt = "Sos {persona}; {otra} cosa"
    assert only(*lines, system_prompt=prompt)[0].lines[0].text == "Sos Ana; {otra} cosa"
    hidden = only(*lines, system_prompt=prompt, alias_names=True)[0]
    assert [line.text for line in hidden.lines] == [
        "Sos Persona; {otra} cosa", "hola Persona", "hola Person 1, soy Persona"
    ]  # fmt: skip
    assert [line.name for line in hidden.lines] == ["", "Person 1", "Persona"]


def test_one_private_value_has_one_mask_in_the_whole_dataset() -> None:
    made = only(
        ("Beto", 0, "mi número es 11 4555-1234"), ("Ana", 1, "anotado: 1145551234 y el mío 11 4555-9999"),
        ("Beto", 600, "me pasás el tuyo?"), ("Ana", 601, "11 4555 9999, ana@example.com"),
    )  # fmt: skip
    assert texts(made[0]) == [
        ("user", "mi número es [PHONE_1]"), ("assistant", "anotado: [PHONE_1] y el mío [PHONE_2]")
    ]  # fmt: skip
    assert texts(made[1])[-1] == ("assistant", "[PHONE_2], [EMAIL_1]")


def test_weights_leave_out_or_repeat_a_reply() -> None:
    chat = [Message(author, n * 60, Kind.TEXT, f"texto {n}", Mark.NONE) for n, author in enumerate(["Beto", "Ana"] * 3)]
    decisions = {"0:1": Decision(weight=0), "0:3": Decision(weight=3)}
    material = material_of([(Chat("c", "whatsapp"), chat)], decisions=decisions)
    made = list(Build(material, Recipe(persona="Ana", validation=0.0, buffer_size=1)))
    assert [example.lines[-1].text for example in made] == ["texto 3"] * 3 + ["texto 5"]


@FEW
@given(drawn_chats(), recipes)
def test_the_conversations_of_a_dataset_are_those_that_gave_an_example(drawn: Drawn, recipe: Recipe) -> None:
    build = Build(drawn.material(), recipe)
    given_by = {example.conversation for example in build if example.conversation < len(build.order[0])}
    assert build.report.conversations == len(given_by)
    assert build.report.grouped == build.grouping.conversation_count
