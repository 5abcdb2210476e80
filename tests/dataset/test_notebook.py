"""The CSV notebook's documented examples, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.dataset.examples import build
from core.dataset.export import write
from core.dataset.recipe import preset
from tests.dataset.chats import notebook


def lines(folder: Path, rows: object = None, **values: object) -> list[str]:
    material = notebook() if rows is None else notebook(rows)  # type: ignore[arg-type]
    recipe = preset("csv").changed({"persona": "AI", "validation": 0, **values})
    made = build(material, recipe)
    write(made, made.pinned, folder, "prompt-completion")
    return (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()


def test_the_documented_line_of_three_exchanges(tmp_path: Path) -> None:
    assert lines(tmp_path)[-1] == (
        r'{"prompt": "Human: Can you read me the news?\nAI: No, I can'
        r"'t\nHuman: Is there something you can do?\nAI: You should know\nHuman: Oh okey\nAI:"
        r'", "completion": " Yeah\nHuman: "}'
    )


def test_the_other_documented_line(tmp_path: Path) -> None:
    rows = (
        ("Hello", "Hi, I'm an AI"),
        ("Open the pod bay doors please", "No"),
        ("Open the pod bay doors", "Well, if you insist"),
    )
    assert lines(tmp_path, rows)[-1] == (
        r'{"prompt": "Human: Hello\nAI: Hi, I'
        r"'m an AI\nHuman: Open the pod bay doors please\nAI: No\nHuman: Open the pod bay doors\nAI:"
        r'", "completion": " Well, if you insist\nHuman: "}'
    )


@pytest.mark.parametrize(
    ("buffer", "stop", "expected"),
    [
        (0, True, r'{"prompt": "", "completion": " Yeah\nHuman: "}'),
        (0, False, r'{"prompt": "", "completion": " Yeah"}'),
        (1, True, r'{"prompt": "Human: Oh okey\nAI:", "completion": " Yeah\nHuman: "}'),
        (1, False, r'{"prompt": "Human: Oh okey\nAI:", "completion": " Yeah"}'),
        (
            3,
            False,
            r'{"prompt": "Human: Can you read me the news?\nAI: No, I can'
            r"'t\nHuman: Is there something you can do?\nAI: You should know\nHuman: Oh okey\nAI:"
            r'", "completion": " Yeah"}',
        ),
    ],
)
def test_the_same_answer_under_other_buffers(tmp_path: Path, buffer: int, stop: bool, expected: str) -> None:
    assert lines(tmp_path, buffer_size=buffer, include_stop=stop)[-1] == expected


def test_every_answer_is_an_example_and_short_contexts_are_not_skipped(tmp_path: Path) -> None:
    made = lines(tmp_path)
    assert len(made) == 7
    assert made[0] == r"""{"prompt": "Human: Hello\nAI:", "completion": " I'm an AI\nHuman: "}"""


def test_the_separators_of_the_older_tools(tmp_path: Path) -> None:
    arrow = lines(tmp_path / "a", buffer_size=1, prompt_style="arrow")
    assert arrow[-1] == r'{"prompt": "Oh okey ->", "completion": " Yeah\n"}'
    hashes = lines(tmp_path / "h", buffer_size=1, prompt_style="hashes", stop=" END")
    assert hashes[-1] == r'{"prompt": "Oh okey\n\n###\n\n", "completion": " Yeah END"}'
