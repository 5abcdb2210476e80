"""A job is checked before anything is started, and comes back from its file as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.problem import Misuse, Problem
from core.training import Job, job


def test_a_job_survives_its_file(tmp_path: Path) -> None:
    made = Job(
        base="../mini", epochs=1.5, lora_targets=("q_proj", "v_proj"), sample_prompts=("hola, ¿qué tal?",), seed=7
    )
    job.write(tmp_path, made)
    assert job.read(tmp_path) == made


def test_words_from_a_command_line_are_read_as_the_keys_own_type() -> None:
    made = job.from_values({"base": "mini", "epochs": "2", "lora_targets": "q_proj, v_proj", "allow_download": "yes"})
    assert (made.epochs, made.lora_targets, made.allow_download) == (2.0, ("q_proj", "v_proj"), True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", "-1"), ("epochs", "nan"), ("epochs", "inf"), ("steps", "1.5"), ("batch_size", "0"),
        ("method", "magic"),
        ("lora_dropout", "1"), ("seed", True), ("base", ""), ("nonsense", "1"), ("too_long", "cut"), ("lora_rank", [1]),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused_by_its_name(key: str, value: object) -> None:
    with pytest.raises(Misuse) as caught:
        job.from_values({"base": "mini", key: value})
    assert caught.value.where == key


def test_a_run_must_have_a_length() -> None:
    with pytest.raises(Misuse):
        Job(base="mini", epochs=0, steps=0)


@pytest.mark.parametrize("text", ["", "[]", '{"base": 3}', "{", '{"epochs": 1}'])
def test_a_damaged_file_is_a_problem_not_a_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(Problem):
        job.read(tmp_path)
    with pytest.raises(Problem):
        job.read(tmp_path / "nowhere")
