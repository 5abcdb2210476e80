"""What may not be read or written is one line, exit 1, and nothing kept: as an ordinary user meets it.

Root may read everything, so a root's child gives that up before it starts: without the two capabilities that pass over
permissions, the kernel asks it for them as it asks anybody.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.problem import Problem
from core.workspace import chats
from core.workspace.opening import open_workspace

ROOT = Path(__file__).parent.parent.parent
CHAT = "25/12/2023, 14:33 - Ana: hola\n25/12/2023, 14:34 - Beto: chau\n"
_DROP_FROM_BOUNDING_SET = 24  # prctl(2)
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def _as_anybody() -> None:
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            if libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0):
                os._exit(99)  # no test of a permission that is not asked for


def sinsonte(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "core.commands", "--workspace", str(folder), *arguments],
        cwd=ROOT,
        env={**os.environ, "LANGUAGE": "en", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=_as_anybody,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Takes all permissions from a path, and gives them back when the test is over."""
    taken: list[Path] = []

    def close(path: Path, mode: int = 0) -> Path:
        taken.append(path)
        path.chmod(mode)
        return path

    yield close
    for path in reversed(taken):
        path.chmod(0o700)


def chat_in(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "chat.txt"
    file.write_text(CHAT)
    return file


def held(folder: Path) -> list[str]:
    with open_workspace(folder) as workspace:
        return [row.title for row in chats.listing(workspace)]


def test_an_export_that_may_not_be_read(tmp_path: Path, closed: Callable[[Path], Path]) -> None:
    good, bad = chat_in(tmp_path / "good"), closed(chat_in(tmp_path / "bad"))
    packed = tmp_path / "chat.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("chat.txt", CHAT)
    inside = chat_in(tmp_path / "shut")
    wanted = [bad, closed(packed), closed(tmp_path / "shut"), inside]
    for file in wanted:
        code, out, err = sinsonte(tmp_path / "w", "import", str(file))
        assert (code, out) == (1, "")
        assert err == f"sinsonte: {file.name}: this user may not read the file. Change its permissions, or copy it.\n"
        assert sinsonte(tmp_path / "w", "--json", "import", "--dry-run", str(file)) == (1, "", err)
    assert held(tmp_path / "w") == []
    code, out, err = sinsonte(tmp_path / "w", "import", str(bad), str(good))  # the rest is read all the same
    assert (code, err.count("\n"), "2 messages" in out) == (1, 1, True)
    assert len(held(tmp_path / "w")) == 1


def test_a_workspace_that_may_not_be_written(tmp_path: Path, closed: Callable[..., Path]) -> None:
    file = chat_in(tmp_path / "good")
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    kept = tmp_path / "kept"
    assert sinsonte(kept, "import", str(file))[0] == 0
    before = (kept / "sinsonte.db").read_bytes()
    closed(sealed, 0o500)
    closed(kept / "sinsonte.db", 0o400)
    closed(kept, 0o500)
    for folder in (sealed, sealed / "new", kept):
        code, out, err = sinsonte(folder, "import", str(file))
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"sinsonte: {folder}: the workspace cannot be written. ")
    assert list(sealed.iterdir()) == []
    assert (kept / "sinsonte.db").read_bytes() == before
    assert sinsonte(sealed / "new", "import", "--dry-run", str(file))[0] == 0  # needs none
    assert list(sealed.iterdir()) == []


@pytest.mark.parametrize("name", ["chat.txt", "chat.zip"])
def test_an_export_that_goes_away_while_it_is_read(tmp_path: Path, name: str) -> None:
    file = chat_in(tmp_path / "good")
    if name == "chat.zip":
        file = tmp_path / name
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("chat.txt", CHAT)
    with open_workspace(tmp_path / "w") as workspace:
        with pytest.raises(Problem) as caught:
            chats.import_file(workspace, file, watch=lambda _report: file.unlink())
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 1
        assert chats.listing(workspace) == []
