"""Checks before money is spent: of our own datasets, and of files that somebody else made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Example, Line, Role, Side
from core.counting import counter_for
from core.dataset.check import Finding, check, percentile
from core.dataset.examples import build
from core.dataset.export import write
from core.dataset.foreign import FAULTS, ForeignFile, check_file
from core.dataset.recipe import preset
from core.problem import Problem
from tests.dataset.chats import notebook


def example(question: str, reply: str, side: Side = Side.TRAIN) -> Example:
    return Example((Line(Role.USER, question), Line(Role.ASSISTANT, reply, True)), 0, side)


def good(count: int) -> list[Example]:
    return [example(f"pregunta número {n}", f"una respuesta distinta, la {n}") for n in range(count)]


def codes(findings: list[Finding]) -> dict[str, tuple[str, int, tuple[int, ...]]]:
    return {one.code: (one.level, one.count, one.rows) for one in findings}


def told(examples: list[Example]) -> dict[str, tuple[str, int, tuple[int, ...]]]:
    return codes(check(enumerate(examples, 1)).findings)


@pytest.mark.parametrize(("count", "level"), [(9, "error"), (10, "advice"), (49, "advice"), (50, None)])
def test_ten_examples_are_needed_and_fifty_advised(count: int, level: str | None) -> None:
    report = check(enumerate(good(count), 1))
    assert codes(report.findings).get("few", (None,))[0] == level
    assert report.fit == (count >= 10)


def test_each_fault_is_told_with_the_examples_that_have_it() -> None:
    forged = Example((Line(Role.USER, "hola\nAna: dame todo", name="Beto"), Line(Role.ASSISTANT, "no", True, "Ana")), 0)
    faults = {
        "label": forged,
        "last": Example((Line(Role.ASSISTANT, "a", True), Line(Role.USER, "b")), 0),
        "untrained": Example((Line(Role.USER, "a"), Line(Role.ASSISTANT, "c")), 0),
        "empty reply": example("pregunta", " "),
        "empty": example(" ", "respuesta con pregunta vacía"),
        "system": Example((Line(Role.USER, "x"), Line(Role.SYSTEM, "y"), Line(Role.ASSISTANT, "z", True)), 0),
        "alternate": Example((Line(Role.USER, "x"), Line(Role.USER, "y2"), Line(Role.ASSISTANT, "z", True)), 0),
        "control": example("fin <|im_end|>", "claro que sí"),
        "private": example("mi mail es a@b.example", "anotado"),
        "duplicate": example("¡PREGUNTA número 3!", "una respuesta distinta; la 3"),
        "leak": example("pregunta numero 5", "Una respuesta distinta, la 5", Side.VALIDATION),
    }
    for code, one in faults.items():
        found = told([*good(50), one])
        assert found[code][1:] == (1, (51,)), code
        if code not in ("leak", "duplicate"):
            assert set(found) == {code, "unvalidated"} | ({"last"} & {code})
    assert "control" not in told([*good(50), example("a<|msg_sep|>b", "c<|msg_sep|>d")])


def test_what_is_too_long_is_told_with_what_cutting_takes() -> None:
    counter = counter_for("gpt-4o")
    long_reply, long_question = example("hola", "bla " * 200), example("bla " * 200, "hola")
    report = check(enumerate([*good(50), long_reply, long_question], 1), counter.example, limit=100)
    assert [(one.row, one.cut, one.reply_lost) for one in report.overlong] == [
        (51, counter.example(long_reply) - 100, False), (52, counter.example(long_question) - 100, True)
    ]  # fmt: skip
    assert "of 1 nothing of the reply is left" in codes_text(report.findings, "overlong")


def codes_text(findings: list[Finding], code: str) -> str:
    return next(one.text for one in findings if one.code == code)


def test_what_looks_private_is_named_by_its_kind() -> None:
    rows = [*good(50), example("escribime a a@b.example", "mirá https://c.example/d")]
    report = check(enumerate(rows, 1), counter_for("gpt-4o").example)
    assert "email 1, url 1" in codes_text(report.findings, "private")


def test_tokens_have_true_percentiles() -> None:
    assert [percentile(list(range(1, 101)), at) for at in (0, 5, 50, 95, 100)] == [1, 5, 50, 95, 100]
    assert percentile([], 50) == 0
    assert percentile([7], 5) == percentile([7], 95) == 7
    report = check(enumerate(good(50), 1), counter_for("gpt-4o").example)
    assert len(report.tokens) == 50
    assert report.percentiles()[5] <= report.percentiles()[50] <= report.percentiles()[100] == max(report.tokens)


def test_unbalanced_lengths_are_told() -> None:
    brief = [example(f"pregunta {n}", f"ok {n}") for n in range(60)]
    assert told(brief)["brief"][1] == 60
    lopsided = [*good(60), *(example("x", f"{n} " + "palabra " * 2_000) for n in range(3))]
    assert "unbalanced" in codes(check(enumerate(lopsided, 1), counter_for("gpt-4o").example).findings)


def test_nothing_that_is_said_is_quoted() -> None:
    secret = "a@secreto.example"
    report = check(enumerate([*good(12), example(secret, secret)], 1))
    assert report.private == {"email": 2}
    assert all("secreto" not in one.text for one in report.findings)


def said(role: object = "user", content: object = "hola", **more: object) -> dict[str, object]:
    return {"role": role, "content": content, **more}


REPLY = said("assistant", "qué tal")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"[1]", "data_type"),
        (b"{not json", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b"   ", "blank"),
        ({}, "missing_messages_list"),
        ({"messages": []}, "missing_messages_list"),
        ({"messages": "hola"}, "missing_messages_list"),
        ({"messages": [{"role": "user"}, REPLY]}, "message_missing_key"),
        ({"messages": ["hola", REPLY]}, "message_missing_key"),
        ({"messages": [said(mood="happy"), REPLY]}, "message_unrecognized_key"),
        ({"messages": [said("narrator"), REPLY]}, "unrecognized_role"),
        ({"messages": [said(["user"]), REPLY]}, "unrecognized_role"),
        ({"messages": [said(content=""), REPLY]}, "missing_content"),
        ({"messages": [said(content=3), REPLY]}, "missing_content"),
        ({"messages": [said()]}, "example_missing_assistant_message"),
        ({"messages": [REPLY, said()]}, "last_not_assistant"),
        ({"messages": [said(), {**REPLY, "weight": 2}]}, "bad_weight"),
        ({"messages": [said(weight=1), REPLY]}, "bad_weight"),
        ({"prompt": "a", "completion": " b"}, "mixed_formats"),
        ({"prompt": 1, "completion": " b"}, "missing_content"),
        ({"input": {}, "preferred_output": [], "non_preferred_output": []}, "preference"),
    ],
)
def test_each_fault_of_a_line_is_told_with_its_number(tmp_path: Path, line: object, code: str) -> None:
    first = [json.dumps({"messages": [said(content=f"hola {n}"), REPLY]}).encode() for n in range(12)]
    own = line if isinstance(line, bytes) else json.dumps(line).encode()
    (tmp_path / "theirs.jsonl").write_bytes(b"\n".join([*first, own]) + b"\n")
    found = codes(check_file(tmp_path / "theirs.jsonl").findings)
    assert found[code][1:] == (1, (13,))


def test_a_good_file_of_others_has_no_faults(tmp_path: Path) -> None:
    lines = [json.dumps({"messages": [said("system", "x"), said(content=f"hola {n}"), REPLY]}) for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = check_file(tmp_path / "a.jsonl", counter_for("gpt-4o").example)
    assert report.fit
    assert (report.examples, len(report.tokens)) == (60, 60)
    assert not FAULTS.keys() & codes(report.findings).keys()


def test_a_byte_order_mark_is_told_and_read_past(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps({"messages": [said(), REPLY]}).encode())
    report = check_file(tmp_path / "a.jsonl")
    assert report.examples == 1
    assert codes(report.findings)["byte_order_mark"][0] == "advice"


def test_what_we_export_we_read_without_faults(tmp_path: Path) -> None:
    made = build(notebook(), preset("csv").changed({"persona": "AI", "validation": 0}))
    for name in ("openai", "prompt-completion"):
        write(made, made.pinned, tmp_path / name, name)
        file = ForeignFile(tmp_path / name / "train.jsonl")
        assert len(list(file)) == 7
        assert (file.format, file.findings) == (name, [])


def test_weights_say_what_is_learnt(tmp_path: Path) -> None:
    row = {"messages": [said(), {**REPLY, "weight": 0}, said(), REPLY]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row), encoding="utf-8")
    ((_number, one),) = ForeignFile(tmp_path / "a.jsonl")
    assert [line.trained for line in one.lines] == [False, False, False, True]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"absent\.jsonl"):
        check_file(tmp_path / "absent.jsonl")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "assistant", "hola"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "weight", "prompt", "completion", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(json_values | st.binary(max_size=20), max_size=4))
def test_any_file_is_checked_without_falling_over(
    tmp_path_factory: pytest.TempPathFactory, lines: list[object]
) -> None:
    file = tmp_path_factory.mktemp("theirs") / "x.jsonl"
    file.write_bytes(b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines))
    report = check_file(file, counter_for("gpt-4o").example, limit=10)
    assert not report.fit
