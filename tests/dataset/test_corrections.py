"""Corrected replies as examples: to train on and never held out, in the recipe's own form, the same bytes anywhere."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Example, Role, Side
from core.dataset.corrections import Correction, Heard
from core.dataset.examples import Build
from core.dataset.leaks import leaks
from core.dataset.material import material_of
from core.dataset.recipe import Recipe
from tests.dataset.chats import Drawn, drawn_chats, drawn_corrections, recipes, talk

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CHAT = talk(("Beto", 0, "¿venís?"), ("Ana", 1, "dale"), ("Beto", 9_000, "¿y hoy?"), ("Ana", 9_001, "no sé"))


def corrected(one: Correction, **values: object) -> list[Example]:
    """The examples of a small chat with this correction that did not come from the chat."""
    recipe = Recipe.from_dict({"persona": "Ana", "validation": 0, **values})
    return [
        example
        for example in Build(material_of([CHAT]), recipe, corrections=[one])
        if example.lines[-1].messages == (one.uid,)
    ]


def answer(text: str, *heard: tuple[str, str], separator: str = "<|msg_sep|>") -> Correction:
    return Correction(tuple(Heard(Role(role), said) for role, said in heard), text, separator)


@FEW
@given(st.data(), drawn_chats(), recipes)
def test_corrections_are_trained_on_and_never_held_out_nor_do_they_leak(
    data: st.DataObject, drawn: Drawn, recipe: Recipe
) -> None:
    corrections = data.draw(drawn_corrections(drawn.uids))
    uids = {one.uid for one in corrections}
    build = Build(drawn.material(), recipe, corrections=corrections)
    examples = list(build)
    own = [one for one in examples if not uids.isdisjoint(one.lines[-1].messages)]
    assert all(one.side is Side.TRAIN for one in own)
    assert build.report.corrections == len(own)
    assert build.report.train == sum(one.side is Side.TRAIN for one in examples)
    assert recipe.corrections == "examples" or not own
    assert leaks(examples) == []
    for one in own:
        roles = [line.role for line in one.lines if line.role is not Role.SYSTEM]
        assert roles[-1] is Role.ASSISTANT
        assert all(role is not after for role, after in pairwise(roles))
        assert len(roles) <= 1 + recipe.context_turns
    # In another order, and told twice, they are the same examples.
    assert list(Build(drawn.material(), recipe, corrections=[*corrections[::-1], *corrections])) == examples


def test_a_correction_has_the_form_of_every_other_example() -> None:
    one = answer(
        "che, re bien<|msg_sep|>escribime a ana@example.org",
        ("system", "Sos otra persona."), ("user", "uno"), ("assistant", "dos"), ("user", "¿cómo va?"),
    )  # fmt: skip
    (example,) = corrected(one, separator=" | ", buffer_size=2)
    assert [(line.role.value, line.name, line.text, line.trained) for line in example.lines] == [
        ("system", "", "You are Ana. You answer your chats the way Ana writes.", False),
        ("assistant", "Ana", "dos", False),
        ("user", "Beto", "¿cómo va?", False),
        ("assistant", "Ana", "che, re bien | escribime a [EMAIL_1]", True),
    ]
    (alone,) = corrected(one, system_prompt="", buffer_size=0)
    assert [line.role for line in alone.lines] == [Role.ASSISTANT]


def test_who_says_the_tag_parts_nothing_and_empty_words_make_no_example() -> None:
    (example,) = corrected(answer("a <|msg_sep|> b", ("user", "hola"), separator="\n"), separator="tag")
    assert example.lines[-1].text == "a <msg_sep> b"
    assert corrected(answer("<|msg_sep|>", ("user", "hola"))) == []
    assert corrected(answer("hola", ("user", "a"), ("assistant", "b"))) == []


def test_what_was_said_before_is_not_learnt_twice() -> None:
    assert corrected(answer("Dale!", ("user", "¿Venís?"))) == []
    (kept,) = corrected(answer("Dale!", ("user", "¿Venís?")), near_duplicates="keep")
    assert kept.lines[-1].text == "Dale!"


def test_a_correction_of_a_held_out_question_is_left_out() -> None:
    material = material_of([CHAT])
    recipe = Recipe.from_dict({"persona": "Ana", "validation": 0.5})
    held = next(one for one in Build(material, recipe) if one.side is Side.VALIDATION)
    learnt = next(one for one in Build(material, recipe) if one.side is Side.TRAIN)
    for example, corrections in ((held, 0), (learnt, 1)):
        question = example.lines[-2]
        one = Correction((Heard(Role.USER, question.text, question.messages),), "no, che")
        build = Build(material, recipe, corrections=[one])
        assert len(list(build)) == 2 + corrections
        assert (build.report.corrections, build.report.uncorrected) == (corrections, 1 - corrections)
