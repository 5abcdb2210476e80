"""The import contracts bite: for each, a module that breaks it is planted in a copy, and lint-imports names it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROOMS = (
    "reading", "cleaning", "grouping", "dataset", "counting", "training", "engine", "evaluating", "chatting", "bots",
    "store", "workspace", "commands",
)  # fmt: skip

# The contract, the planted module and what it imports, against the wall.
VIOLATIONS = [
    ("core-knows-no-screen", "core/workspace/planted.py", "import textual"),
    ("core-knows-no-screen", "core/chatting/planted.py", "import tui.planted"),
    ("torch-in-the-engine-room", "core/training/planted.py", "import torch"),
    ("torch-in-the-engine-room", "core/evaluating/planted.py", "def later():\n    import transformers"),
    ("torch-in-the-engine-room", "tui/planted.py", "from peft import PeftModel"),
    ("engine-is-a-process", "core/training/planted.py", "from core.engine import planted"),
    ("engine-stands-alone", "core/engine/planted.py", "import core.store.planted"),
    ("stages-are-plain", "core/reading/planted.py", "import openai"),
    ("stages-are-plain", "core/counting/planted.py", "import socket"),
    ("stages-are-plain", "core/cleaning/planted.py", "from core.store import planted"),
    ("stages-in-order", "core/reading/planted.py", "import core.cleaning.planted"),
    ("stages-in-order", "core/grouping/planted.py", "import core.dataset.planted"),
    ("stages-in-order", "core/cleaning/planted.py", "import core.counting.planted"),
    ("workspace-holds-the-store", "core/training/planted.py", "import core.store.planted"),
    ("faces-call-verbs", "tui/planted.py", "import core.dataset.planted"),
    ("faces-call-verbs", "core/commands/planted.py", "import core.reading.planted"),
    ("faces-call-verbs", "core/bots/planted.py", "from core.store import planted"),
    ("nothing-imports-a-face", "core/workspace/planted.py", "import core.commands.planted"),
    ("installing-needs-nothing", "core/installing/planted.py", "import platformdirs"),
    ("installing-needs-nothing", "core/installing/planted.py", "from core import chat"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house with every room that it will have, each with a module that may be planted in."""
    copy = tmp_path_factory.mktemp("walls") / "house"
    copy.mkdir()
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in ("core", "tui"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ROOMS:
        folder = copy / "core" / room
        if not folder.with_suffix(".py").exists():
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
            (folder / "planted.py").touch()
    (copy / "tui" / "planted.py").touch()
    return copy


def lint(house: Path, *options: str) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "--no-cache", *options],
        cwd=house, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_house_as_it_is_keeps_every_contract(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(("contract", "module", "code"), VIOLATIONS)
def test_a_violation_is_found(house: Path, contract: str, module: str, code: str) -> None:
    planted = house / module
    if not planted.parent.exists():  # the room is a single module: what would be planted in it stands beside it
        code = code.replace(".planted", "")
        planted = planted.parent.with_suffix(".py")
    before = planted.read_text(encoding="utf-8") if planted.exists() else ""
    planted.write_text(f"{before}\n{code}\n", encoding="utf-8")
    try:
        done = lint(house, "--contract", contract)
    finally:
        planted.write_text(before, encoding="utf-8")
    assert done.returncode == 1, done.stdout
    assert "1 broken" in done.stdout


def test_every_contract_is_tried() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"] for one in settings["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for contract, _module, _code in VIOLATIONS}
