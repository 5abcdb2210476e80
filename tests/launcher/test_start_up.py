"""Starting is light: what a command line does not need is not loaded."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.launcher.conftest import ROOT

HEAVY = ("torch", "transformers", "peft", "accelerate", "textual", "openai", "numpy", "plotext", "genai_prices")
ENTRIES = ("core.commands", "core.workspace", "core.chat", "core.settings")


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("module", [name for name in ENTRIES if _is_here(name)])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
