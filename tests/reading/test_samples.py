"""The sample chats are read whole: not one line of them is in doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading.exports import read

SAMPLES = Path(__file__).parent.parent.parent / "sample_chats"
EXPORTS = sorted(
    file
    for file in SAMPLES.iterdir()
    if file.suffix in {".txt", ".zip", ".csv", ".jsonl"} or file.name == "result.json"
)


@pytest.mark.parametrize("file", EXPORTS, ids=lambda file: file.name)
def test_a_sample_is_read_whole(file: Path) -> None:
    messages, report = read(file)
    assert len(messages) > 50
    assert report.unread == []
    assert report.warnings == []


def test_there_are_samples_of_several_formats() -> None:
    assert {read(file)[1].format for file in EXPORTS} >= {"whatsapp", "telegram", "csv", "openai"}
