"""The texts of the material, which lie outside of memory and read as if they did not."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.workspace import material
from core.workspace.opening import Workspace
from core.workspace.texts import Texts

WORDS = ("hola", "¿cómo va?", "", "🥹" * 9, "con\x00nulo", "uno\ndos", "largo " * 90)


def some(count: int, seed: int = 3) -> list[str]:
    draw = random.Random(seed)
    return [f"{draw.choice(WORDS)}{n}" if n % 7 else "" for n in range(count)]


def parts(texts: list[str], size: int = 300) -> list[list[bytes]]:
    return [[one.encode() for one in texts[at : at + size]] for at in range(0, len(texts), size)]


@pytest.mark.parametrize("small", [0, 5_000, 1 << 30])
def test_they_are_what_was_put_in_by_row_in_order_and_from_many_threads(tmp_path: Path, small: int) -> None:
    wanted = some(2_000)
    texts = Texts(tmp_path, parts(wanted), small)
    assert len(texts) == len(wanted)
    assert list(texts) == wanted
    assert texts[-1] == wanted[-1]
    assert texts[5:40:3] == wanted[5:40:3]
    with pytest.raises(IndexError):
        texts[len(wanted)]

    def ask(seed: int) -> bool:
        rows = random.Random(seed).choices(range(len(wanted)), k=3_000)
        return all(texts[row] == wanted[row] for row in rows)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(8)))


def test_nothing_of_them_has_a_name_in_the_workspace(tmp_path: Path) -> None:
    texts = Texts(tmp_path, parts(some(3_000)), 1_000)
    assert texts[2_999] == some(3_000)[2_999]
    assert list(tmp_path.iterdir()) == []


def test_where_no_file_can_be_made_they_stay_in_memory(tmp_path: Path) -> None:
    assert list(Texts(tmp_path / "no such folder", parts(some(3_000)), 1_000)) == some(3_000)


def test_a_disk_that_is_full_half_way_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = os.pwrite, [20_000]

    def until_full(file: int, data: bytes, at: int) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        done = real(file, data[: left[0]], at)
        left[0] -= done
        return done

    monkeypatch.setattr(os, "pwrite", until_full)
    wanted = some(5_000)
    texts = Texts(tmp_path, parts(wanted), 1_000)
    assert list(texts) == wanted
    assert [texts[row] for row in range(4_999, 0, -97)] == wanted[4_999:0:-97]


def test_no_text_at_all(tmp_path: Path) -> None:
    assert list(Texts(tmp_path, [])) == []


def test_the_material_has_them(workspace: Workspace) -> None:
    having = material.of(workspace)
    assert isinstance(having.texts, Texts)
    assert len(having.texts) == len(having.columns)
    assert [len(text) for text in having.texts] == having.columns.lengths.tolist()
