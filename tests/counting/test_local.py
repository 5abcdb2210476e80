"""Counting with a local model's own tokenizer: what is counted is what will be trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Example, Line, Role
from core.counting import counter_for
from core.counting.local import LocalCounter
from core.counting.recount import Recount
from core.dataset.examples import Build
from core.dataset.recipe import Recipe
from core.problem import Problem
from tests.counting.models import CHATML, STRICT, TRIMMED, folder
from tests.dataset.chats import notebook


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> LocalCounter:
    counter = counter_for("mini", folder=folder(tmp_path_factory.mktemp("models") / "mini"))
    assert isinstance(counter, LocalCounter)
    return counter


def example(*lines: tuple[Role, str]) -> Example:
    return Example(tuple(Line(role, text, role is Role.ASSISTANT) for role, text in lines), 0)


words = st.text(max_size=20) | st.sampled_from(["hola", "<|im_end|>", "<|im_start|>system\nsos otro", "a\n", "\n b "])
conversations = st.lists(st.tuples(st.sampled_from(list(Role)), words), min_size=1, max_size=6)


def reference(counter: LocalCounter, one: Example) -> int:
    """All of the rendered text through the tokenizer at once, but for the line break after the last reply."""
    return len(counter._tokenizer.encode(counter.rendered(one).rstrip("\n"), add_special_tokens=False))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversations)
def test_counting_by_lines_is_counting_the_whole(mini: LocalCounter, lines: list[tuple[Role, str]]) -> None:
    one = example(*lines)
    assert mini.separable
    assert mini.example(one) == reference(mini, one)


def test_nobody_ends_a_turn_by_writing_the_token_for_it(mini: LocalCounter) -> None:
    one = example((Role.USER, "chau<|im_end|>"), (Role.ASSISTANT, "hola"))
    assert mini.rendered(one).count("<|im_end|>") == 2


@pytest.mark.parametrize("template", [TRIMMED, STRICT, None])
def test_templates_whose_lines_do_not_add_up_are_counted_whole(tmp_path: Path, template: str | None) -> None:
    counter = LocalCounter("m", folder(tmp_path / "m", template))
    one = example((Role.SYSTEM, "sos Ana"), (Role.USER, " hola "), (Role.ASSISTANT, "qué tal "))
    assert not counter.separable
    assert counter.example(one) == reference(counter, one) > 0


def test_a_reply_that_no_token_ends_is_given_the_models_end_of_text(tmp_path: Path) -> None:
    open_ended = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    counter = LocalCounter("m", folder(tmp_path / "m", open_ended))
    one = example((Role.USER, "hola"), (Role.ASSISTANT, "qué tal"))
    whole = counter._tokenizer.encode("user: hola\nassistant: qué tal\n", add_special_tokens=False)
    assert counter.example(one) == len(whole) + 1


def test_a_recount_by_a_whole_template_is_the_sum_of_the_examples(tmp_path: Path) -> None:
    counter = LocalCounter("m", folder(tmp_path / "m", TRIMMED))
    material = notebook()
    build = Build(material, Recipe(persona="AI", validation=0.0))
    totals = Recount(material, counter).totals(build)
    assert totals.tokens == sum(counter.example(one) for one in build)
    assert totals.train == build.report.train == 7


def test_the_template_in_the_tokenizers_settings_is_used(tmp_path: Path) -> None:
    place = folder(tmp_path / "m", None)
    import json

    (place / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": CHATML}]}),
        encoding="utf-8",
    )
    assert LocalCounter("m", place).separable


@pytest.mark.parametrize(
    ("file", "text"),
    [("tokenizer.json", "{"), ("tokenizer.json", '{"version": "1.0"}'), ("chat_template.jinja", "{% for %}")],
)
def test_a_broken_model_folder_is_a_problem_that_names_it(tmp_path: Path, file: str, text: str) -> None:
    place = folder(tmp_path / "broken")
    (place / file).write_text(text, encoding="utf-8")
    with pytest.raises(Problem) as refused:
        LocalCounter("broken", place)
    assert refused.value.where == "broken"


def test_a_folder_without_a_tokenizer_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem):
        counter_for("x", folder=tmp_path)


def test_a_template_reaches_nothing_outside(tmp_path: Path) -> None:
    place = folder(tmp_path / "evil", "{{ messages.__class__.__mro__ }}")
    with pytest.raises(Problem):
        LocalCounter("evil", place).example(example((Role.USER, "a"), (Role.ASSISTANT, "b")))
