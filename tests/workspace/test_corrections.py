"""A correction is in the next dataset, with its lineage; consent, masks and the split hold for it as for everything else."""

from __future__ import annotations

from dataclasses import replace

from core.chat import Consent
from core.workspace import chats, corrections, datasets, people, preview, recipe, transcripts
from core.workspace.opening import Workspace
from core.workspace.prompts import HeldOut, held_out

SEPARATOR = "<|msg_sep|>"


def correct(workspace: Workspace, words: str, asked: HeldOut | str = "¿Y la bici nueva?", answered: str = "ok") -> int:
    """Ask, be answered by a model that nobody tuned, and write something better."""
    talk = transcripts.start(workspace, ["base"])
    question = asked if isinstance(asked, str) else asked.asked
    (lane,) = transcripts.ask_in(workspace, talk, question, () if isinstance(asked, str) else asked.lineage[-1])
    reply = transcripts.begin_reply(workspace, talk, lane.leaf, "base", {"separator": SEPARATOR}, lane=0)
    said = transcripts.tree(workspace, talk).by_id[reply]
    transcripts.write_reply(workspace, talk, replace(said, text=answered, finish="stop"))
    return corrections.correct(workspace, talk, reply, words, 0)[0]


def own(workspace: Workspace, name: str) -> list[datasets.ExampleRow]:
    uids = {row.uid for row in corrections.listing(workspace)}
    return [one for one in datasets.examples(workspace, name) if not uids.isdisjoint(one.lines[-1].messages)]


def test_the_next_dataset_takes_a_correction_in_and_an_older_one_says_that_it_has_not(workspace: Workspace) -> None:
    before = datasets.build(workspace, "antes")
    counted = recipe.exact_counters(workspace)
    correct(workspace, f"la vendí, che{SEPARATOR}llamame al 351-555-0134")
    again = recipe.exact_counters(workspace)
    assert (again.train or 0) == (counted.train or 0) + 1
    assert again.corrections == 1
    assert recipe.counters(workspace) == again
    after = datasets.build(workspace, "después")
    assert (after.train, after.validation) == (before.train + 1, before.validation) == (again.train, again.validation)
    assert after.counts["corrections"] == 1
    (example,) = own(workspace, "después")
    assert example.side == "train"
    assert [(line.role.value, line.text) for line in example.lines[1:]] == [
        ("user", "¿Y la bici nueva?"),
        ("assistant", "la vendí, che\nllamame al [PHONE_1]"),
    ]
    assert corrections.newer_than(workspace, before) == 1
    assert corrections.newer_than(workspace, after) == 0
    # Corrected once more, it is another one; and the same material gives the same dataset.
    row = corrections.listing(workspace)[0]
    assert row.talk is not None
    leaf = transcripts.numbered(workspace, row.talk).lanes[0].leaf
    assert leaf is not None
    corrections.correct(workspace, row.talk, leaf, "la vendí", 0)
    assert len(corrections.listing(workspace)) == 1
    assert corrections.newer_than(workspace, after) == 1
    assert datasets.build(workspace, "tres").digest == datasets.build(workspace, "cuatro").digest != after.digest


def test_a_recipe_may_leave_corrections_out_and_deleting_one_takes_it_back(workspace: Workspace) -> None:
    number = correct(workspace, "la vendí, che")
    recipe.change(workspace, {"corrections": "none"})
    made = datasets.build(workspace, "sin")
    assert (made.counts["corrections"], own(workspace, "sin")) == (0, [])
    assert corrections.newer_than(workspace, made) == 0
    recipe.change(workspace, {"corrections": "examples"})
    assert recipe.exact_counters(workspace).corrections == 1
    corrections.delete(workspace, number)
    assert recipe.exact_counters(workspace).corrections == 0


def test_the_recipe_screen_has_the_correction_among_its_examples(workspace: Workspace) -> None:
    correct(workspace, "la vendí, che")
    counted = recipe.exact_counters(workspace)
    shown = [preview.example(workspace, n) for n in range(counted.examples)]
    (one,) = [one for one in shown if one is not None and one.correction]
    assert "la vendí, che" in "".join(piece.text for piece in one.learnt.pieces)
    assert one.n == (counted.train or 0) - 1
    shape = preview.shape(workspace)
    assert shape is not None
    assert (shape.train.examples, shape.validation.examples) == (counted.train, counted.validation)


def test_words_of_who_refuses_or_is_forgotten_leave_with_them_and_held_out_questions_stay_held_out(
    workspace: Workspace,
) -> None:
    recipe.change(workspace, {"validation": 0.0})
    datasets.build(workspace, "todo")
    authors = {row.uid: row.author for row in chats.messages(workspace)}
    example = next(one for one in datasets.examples(workspace, "todo") if authors[one.lines[-2].messages[0]] == "Tomi")
    asked = HeldOut((("user", example.lines[-2].text),), "Nico", "x", (example.lines[-2].messages,))
    correct(workspace, "otra cosa, che", asked)
    datasets.build(workspace, "con")
    (made,) = own(workspace, "con")
    assert made.lines[-2].messages == example.lines[-2].messages
    people.set_consent(workspace, "Tomi", Consent.REFUSED, "Nico")
    assert recipe.exact_counters(workspace).corrections == 0
    people.set_consent(workspace, "Tomi", Consent.GIVEN, "Nico")
    assert recipe.exact_counters(workspace).corrections == 1
    people.forget(workspace, "Tomi")
    assert own(workspace, "con") == []
    assert recipe.exact_counters(workspace).corrections == 0


def test_a_question_of_the_validation_set_that_was_corrected_is_no_example(workspace: Workspace) -> None:
    datasets.build(workspace, "uno")
    correct(workspace, "otra cosa, che", held_out(workspace)[0])
    made = datasets.build(workspace, "dos")
    assert (made.counts["corrections"], made.counts["uncorrected"]) == (0, 1)
    assert made.validation == datasets.named(workspace, "uno").validation


def test_a_correction_of_another_personas_voice_is_not_this_ones(workspace: Workspace) -> None:
    correct(workspace, "la vendí, che")
    with workspace.store.write() as change:
        change.execute("UPDATE corrections SET persona = 'Lía'")
    recipe.change(workspace, {"min_reply_chars": 1})
    assert recipe.exact_counters(workspace).corrections == 0
    recipe.change(workspace, {"persona": "Lía"})
    assert recipe.exact_counters(workspace).corrections == 1
