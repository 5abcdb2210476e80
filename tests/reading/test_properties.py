"""What holds for any file: it is read or refused in one line, and nothing in it grows out of proportion."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from bench.reading.fuzz.__main__ import corpus
from bench.reading.fuzz.seeds import SEEDS, mutated
from bench.reading.fuzz.targets import target
from core.reading.json_stream import JsonStream
from tests.reading.exports import read, said, written


@pytest.mark.parametrize("kind", ["whatsapp", "json", "table", "zip"])
def test_broken_files_are_problems_or_chats(kind: str, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    once = target(kind, tmp_path)
    for number in range(150):
        data = mutated(dice, SEEDS[kind])
        try:
            once(data)
        except Exception as error:
            raise AssertionError(f"seed {seed}, execution {number}: {data!r}") from error


@pytest.mark.parametrize(
    "kind", ["whatsapp", "table", "telegram", "messenger", "discord", "chatgpt", "rows", "detect", "zip", "sheet"]
)
def test_what_fuzzing_kept_is_a_problem_or_a_chat(kind: str, tmp_path: Path) -> None:
    inputs = corpus(kind)
    assert len(inputs) > 50
    once = target(kind, tmp_path)
    for data in inputs:
        once(data)


def test_fuzzing_imports_no_reader_before_it_can_be_instrumented() -> None:
    look = "import sys, bench.reading.fuzz.__main__; sys.exit('core.reading' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


_WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@how(max_examples=60, deadline=None)
@given(texts=st.lists(_WORDS, min_size=1, max_size=8))
def test_any_text_without_line_breaks_comes_back_from_a_whatsapp_export(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    # A word in front: whole placeholders, and notices at the end, are the app's and not somebody's.
    export = "".join(f"25/12/2023, 14:33 - Ana: ¡{text}!\n" for text in texts)
    messages, _report = read(written(tmp_path_factory.mktemp("x"), "export.txt", export))
    assert said(messages) == [("Ana", f"¡{text}!") for text in texts]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@how(max_examples=80, deadline=None)
@given(values=st.lists(_JSON, max_size=8), indent=st.sampled_from([None, 1]), chunk=st.integers(1, 40))
def test_an_array_is_walked_as_it_is_loaded(values: list[object], indent: int | None, chunk: int) -> None:
    import io

    class Slow(io.StringIO):
        def read(self, size: int | None = -1, /) -> str:
            return super().read(chunk)

    text = json.dumps(values, indent=indent)
    assert list(JsonStream(Slow(text)).items()) == values


def test_the_work_grows_as_the_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bytes that pass through the readers' buffers, counted: a quadratic reader takes the same ones again and again.
    from core.reading import whatsapp_survey

    taken: list[int] = []
    original = whatsapp_survey.Buffers.__iter__

    def counted(self: whatsapp_survey.Buffers):  # type: ignore[no-untyped-def]
        for buffer, last in original(self):
            taken.append(len(buffer))
            yield buffer, last

    monkeypatch.setattr(whatsapp_survey.Buffers, "__iter__", counted)
    monkeypatch.setattr(whatsapp_survey, "WHOLE", 0)
    monkeypatch.setattr(whatsapp_survey, "CHUNK", 4096)
    work: list[int] = []
    for size in (20_000, 40_000, 80_000):
        taken.clear()
        export = "25/12/2023, 14:33 - Ana: hola\n" + "x" * size + "\n25/12/2023, 14:34 - Ana: " + "y " * size + "\n"
        read(written(tmp_path, "export.txt", export))
        work.append(sum(taken))
    assert work[2] < work[1] * 3
    assert work[1] < work[0] * 3
