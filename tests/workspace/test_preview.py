"""What the recipe screen draws is what a dataset of the same recipe would be."""

from __future__ import annotations

from core.workspace import chats, curation, datasets, preview, recipe
from core.workspace.opening import Workspace


def test_nothing_is_drawn_without_a_persona(empty: Workspace) -> None:
    assert preview.shape(empty) is None
    assert preview.example(empty, 0) is None


def test_the_examples_are_those_of_the_dataset_in_its_order(workspace: Workspace) -> None:
    recipe.exact_counters(workspace)
    built = list(datasets.examples(workspace, datasets.build(workspace, "uno").name))
    for n in (0, 1, len(built) // 2, len(built) - 1):
        one = preview.example(workspace, n)
        assert one is not None
        assert (one.n, one.count, one.exact) == (n, len(built), True)
        assert one.side == built[n].side
        assert one.message == built[n].lines[-1].messages[0]
        text = "".join(piece.text for piece in one.learnt.pieces)
        assert all(line.text in text for line in built[n].lines)
        trained = "".join(piece.text for piece in one.learnt.pieces if piece.sort == "trained")
        assert trained.strip() == built[n].lines[-1].text
    again = preview.example(workspace, len(built))
    assert again is not None
    assert again.n == 0  # round and round
    assert preview.example(workspace, -1) == one


def test_before_the_exact_count_the_same_examples_are_shown_as_provisional(workspace: Workspace) -> None:
    guess = preview.example(workspace, 3)
    assert guess is not None
    assert not guess.exact
    recipe.exact_counters(workspace)
    exact = preview.example(workspace, 3)
    assert exact is not None
    assert (exact.exact, exact.message) == (True, guess.message)


def test_a_decision_leaves_the_examples_exact(workspace: Workspace) -> None:
    """Decisions move the material's revision and not that of the messages; both were once taken for one."""
    recipe.exact_counters(workspace)
    victim = next(row.uid for row in chats.messages(workspace) if row.mine)
    curation.decide(workspace, "drop", [victim])
    counted = recipe.exact_counters(workspace)
    one = preview.example(workspace, 0)
    assert one is not None
    assert (one.exact, one.count) == (True, counted.examples)


def test_separators_are_told_from_somebodys_own_line_break(workspace: Workspace) -> None:
    recipe.change(workspace, {"separator": "tag"})
    one = preview.example(workspace, 0)
    assert one is not None
    assert {piece.text for piece in one.learnt.pieces if piece.separator} == {"<|msg_sep|>"}


def test_the_plots_add_up(workspace: Workspace) -> None:
    counted = recipe.exact_counters(workspace)
    shape = preview.shape(workspace)
    assert shape is not None
    assert sum(shape.turns.counts) + shape.turns.beyond == counted.turns
    assert sum(shape.tokens.counts) + shape.tokens.beyond == counted.examples
    assert (shape.train.examples, shape.validation.examples) == (counted.train, counted.validation)
    assert sum(train for _month, train, _held in shape.months) == counted.train
    assert sum(held for _month, _train, held in shape.months) == counted.validation


def test_the_split_is_told_with_its_gap(workspace: Workspace) -> None:
    shape = preview.shape(workspace)
    assert shape is not None
    assert shape.train.last is not None
    assert shape.validation.first is not None
    assert shape.validation.first - shape.train.last >= shape.gap >= recipe.current(workspace).conversation_gap
    recipe.change(workspace, {"split": "random"})
    shape = preview.shape(workspace)
    assert shape is not None
    assert shape.gap == 0
