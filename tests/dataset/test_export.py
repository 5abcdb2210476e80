"""Files: what each format looks like, and that a file is there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Example, Line, Role, Side
from core.dataset.examples import Build, build
from core.dataset.export import FORMATS, write
from core.dataset.recipe import Recipe, preset
from core.problem import Misuse, Problem, Refused
from tests import third_party
from tests.dataset.chats import Drawn, drawn_chats, notebook, recipes

EXAMPLE = Example(
    (
        Line(Role.SYSTEM, "Sos Ana."),
        Line(Role.USER, "¿vamos?", name="Beto"),
        Line(Role.ASSISTANT, "dale", name="Ana"),
        Line(Role.USER, 'a las "8"\nno?', name="Beto"),
        Line(Role.ASSISTANT, "sí 😂", True, name="Ana"),
    ),
    7,
)
HELD = Example(EXAMPLE.lines[1:3], 8, Side.VALIDATION)


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_chat_messages_with_roles(tmp_path: Path) -> None:
    written = write([EXAMPLE, HELD], Recipe(), tmp_path, "openai")
    assert (tmp_path / "train.jsonl").read_text(encoding="utf-8") == (
        '{"messages": [{"role": "system", "content": "Sos Ana."}, {"role": "user", "content": "¿vamos?"}, '
        '{"role": "assistant", "content": "dale", "weight": 0}, '
        '{"role": "user", "content": "a las \\"8\\"\\nno?"}, {"role": "assistant", "content": "sí 😂"}]}\n'
    )
    assert [(one.path.name, one.side, one.examples) for one in written] == [
        ("train.jsonl", Side.TRAIN, 1), ("validation.jsonl", Side.VALIDATION, 1)
    ]  # fmt: skip
    assert written[0].size == (tmp_path / "train.jsonl").stat().st_size


def test_conversations_of_human_and_gpt(tmp_path: Path) -> None:
    write([EXAMPLE], Recipe(), tmp_path, "sharegpt")
    assert [one["from"] for one in rows(tmp_path / "train.jsonl")[0]["conversations"]] == [
        "system", "human", "gpt", "human", "gpt"
    ]  # fmt: skip


def test_instruction_and_output_with_history(tmp_path: Path) -> None:
    write([EXAMPLE], Recipe(), tmp_path, "alpaca")
    assert rows(tmp_path / "train.jsonl")[0] == {
        "instruction": 'a las "8"\nno?', "input": "", "output": "sí 😂", "system": "Sos Ana.",
        "history": [["¿vamos?", "dale"]],
    }  # fmt: skip


def test_history_that_the_persona_opened_begins_with_an_empty_question(tmp_path: Path) -> None:
    write([Example(EXAMPLE.lines[2:], 0)], Recipe(), tmp_path, "alpaca")
    assert rows(tmp_path / "train.jsonl")[0]["history"] == [["", "dale"]]


def test_plain_labelled_lines(tmp_path: Path) -> None:
    write([EXAMPLE, EXAMPLE], Recipe(), tmp_path, "text")
    one = 'Sos Ana.\nBeto: ¿vamos?\nAna: dale\nBeto: a las "8"\nno?\nAna: sí 😂\n\n'
    assert (tmp_path / "train.txt").read_text(encoding="utf-8") == one * 2


def test_what_a_run_trains_on(tmp_path: Path) -> None:
    write([EXAMPLE], Recipe(), tmp_path, "run")
    (row,) = rows(tmp_path / "train.jsonl")
    assert row["conversation"] == 7
    assert [one.get("train") for one in row["messages"]] == [None, None, False, None, True]


def test_tables_need_their_package_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Problem, match="pyarrow"):
        write([EXAMPLE], Recipe(), tmp_path, "parquet")
    assert list(tmp_path.iterdir()) == []


def test_tables_hold_every_line(tmp_path: Path) -> None:
    python = third_party.pypi("pyarrow", "pyarrow==26.0.1", "numpy>=2,<3")
    script = """
import sys
from pathlib import Path
from core.dataset.export import write
from core.dataset.recipe import Recipe
from tests.dataset.test_export import EXAMPLE, HELD
write([EXAMPLE] * 3_000 + [HELD], Recipe(), Path(sys.argv[1]), "parquet")
"""
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    # Written by this Python, for our dependencies are here; read by the other one, which has nothing of ours.
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path[1:], str(packages)])
    environment = os.environ | {"PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
    read = "import json, sys, pyarrow.parquet as pq; print(json.dumps(pq.read_table(sys.argv[1]).to_pylist()))"
    told = {
        side: json.loads(subprocess.check_output([str(python), "-c", read, str(tmp_path / f"{side}.parquet")]))
        for side in ("train", "validation")
    }
    assert (len(told["train"]), len(told["validation"])) == (3_000, 1)
    assert told["train"][2_999]["conversation"] == 7
    assert [(one["role"], one["content"], one["trained"], one["name"]) for one in told["train"][0]["messages"]] == [
        (line.role.value, line.text, line.trained, line.name) for line in EXAMPLE.lines
    ]


def test_a_mark_of_byte_order_on_request(tmp_path: Path) -> None:
    write([EXAMPLE, HELD], Recipe(), tmp_path, "openai", bom=True)
    for name in ("train.jsonl", "validation.jsonl"):
        data = (tmp_path / name).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf{")
        assert data.count(b"\xef\xbb\xbf") == 1


def test_files_that_are_there_are_replaced_only_by_force(tmp_path: Path) -> None:
    write([EXAMPLE, HELD], Recipe(), tmp_path, "openai")
    with pytest.raises(Refused, match=r"train\.jsonl, validation\.jsonl are there already"):
        write([HELD], Recipe(), tmp_path, "openai")
    write([EXAMPLE], Recipe(), tmp_path, "openai", force=True)
    assert [file.name for file in tmp_path.iterdir()] == ["train.jsonl"]  # the other was of another dataset


@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "parquet"])
def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path, format_: str) -> None:
    write([EXAMPLE], Recipe(), tmp_path, format_)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def failing() -> Iterator[Example]:
        for _n in range(2_000):
            yield EXAMPLE
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(failing(), Recipe(), tmp_path, format_, force=True)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_unknown_format_and_a_folder_that_is_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="openai, prompt-completion, sharegpt, alpaca, text, parquet"):
        write([EXAMPLE], Recipe(), tmp_path, "xml")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(Problem) as refused:
        write([EXAMPLE], Recipe(), tmp_path / "file", "openai")
    assert "written" in refused.value.what


def test_a_dataset_without_examples_is_an_empty_file(tmp_path: Path) -> None:
    (written,) = write([], Recipe(), tmp_path, "openai")
    assert (written.examples, written.size) == (0, 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=60, alphabet=st.characters()) | st.sampled_from(["\ud83d", "a\u2028b\x85c\u2029", "\x00\x1c\n"])
)
def test_any_text_comes_back_and_every_row_is_one_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("out")
    made = Example((Line(Role.USER, text), Line(Role.ASSISTANT, text + "!", True)), 0)
    write([made, made], Recipe(), folder, "openai")
    assert [[one["content"] for one in row["messages"]] for row in rows(folder / "train.jsonl")] == [
        [text, text + "!"]
    ] * 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn_chats(), recipes)
def test_the_same_dataset_is_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, drawn: Drawn, recipe: Recipe
) -> None:
    folders = [tmp_path_factory.mktemp("out") for _n in range(2)]
    for order, folder in zip((None, range(len(drawn.chats))[::-1]), folders, strict=True):
        made = Build(drawn.material(order), recipe)
        for name in ("openai", "prompt-completion"):
            write(made, made.pinned, folder / name, name)
    one, other = (
        {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.jsonl")} for folder in folders
    )
    assert one == other


def test_the_bytes_are_those_that_were_written_the_first_time(tmp_path: Path) -> None:
    """A change here changes every dataset that people froze: it must be meant."""
    recipe = preset("whatsapp").changed({"persona": "AI", "drop_links": "bare"})
    made = build(notebook(), recipe)
    write(made, made.pinned, tmp_path, "openai")
    told = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in sorted(tmp_path.iterdir())}
    assert told == {"train.jsonl": "bfc9f5df2f1e", "validation.jsonl": "b4ae7f483f11"}
