"""A checkout to launch from: the real launcher, with a command in place of `core.commands` that says what it was given.

The installations are real and use the real package index, with pip's own cache: most of them ask for two small
packages instead of forty, and one for the whole light set.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs
import pytest

from tests import third_party

ROOT = Path(__file__).parent.parent.parent
# The Python that a newcomer has, not the environment's.
BASE = str(getattr(sys, "_base_executable", "") or sys.executable)

# pip's own, which the launcher filled when it built the environment that runs these tests.
PIP_CACHE = third_party.ENVIRONMENT.get("PIP_CACHE_DIR") or str(platformdirs.user_cache_path("pip", appauthor=False))

COMMAND = """
import json, os, sys
from importlib.metadata import version
print(json.dumps({
    "arguments": sys.argv[1:], "cwd": os.getcwd(), "pid": os.getpid(), "prefix": sys.prefix,
    "safe_path": sys.flags.safe_path, "core": __import__("core").__file__, "click": version("click"),
    "interrupt": str(__import__("signal").getsignal(2)),
}))
if "wait" in sys.argv:
    sys.stdout.flush()
    __import__("time").sleep(60)
sys.exit(7 if "seven" in sys.argv else 0)
"""
SMALL = """
[project]
dependencies = ["click>=8.2,<9", "tabulate>=0.9,<1"]
[project.optional-dependencies]
local = ["torch>=2.9,<3", "sniffio>=1,<2"]
telegram = ["h11>=0.16,<1"]
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def given(self) -> dict[str, Any]:
        """What the command in place of ours says that it was given."""
        return json.loads(self.out)


class Checkout:
    """A copy of the launcher and its room, and a private home."""

    def __init__(self, folder: Path, pyproject: str | None = None) -> None:
        self.folder = folder / "sinsonte checkout"  # a path with a space, as people have them
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        (self.folder / "core" / "commands").mkdir(parents=True)
        (self.folder / "tui").mkdir()
        for name in ("sinsonte", "constraints.txt", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder)
        for name in ("__init__.py", "language.py", "problem.py"):
            shutil.copy(ROOT / "core" / name, self.folder / "core")
        shutil.copytree(
            ROOT / "core/installing", self.folder / "core/installing", ignore=shutil.ignore_patterns("__pycache__")
        )
        (self.folder / "core/commands/__init__.py").touch()
        (self.folder / "core/commands/__main__.py").write_text(COMMAND, encoding="utf-8")
        if pyproject:
            (self.folder / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        self.environment = third_party.ENVIRONMENT | {
            "HOME": str(self.home),
            "PIP_CACHE_DIR": PIP_CACHE,
            "SINSONTE_LANG": "en",
        }
        for name in ("SINSONTE_VENV", "SINSONTE_TORCH", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONSAFEPATH"):
            self.environment.pop(name, None)

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv" / "sinsonte.stamp"

    def begin(
        self, *arguments: str, python: str = BASE, cwd: Path | None = None, **extra: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, str(self.folder / "sinsonte"), *arguments],
            cwd=cwd or self.home,
            env=self.environment | extra,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, python: str = BASE, cwd: Path | None = None, **extra: str) -> Done:
        return finish(self.begin(*arguments, python=python, cwd=cwd, **extra))

    def install(self, *arguments: str) -> Done:
        """A start that must succeed in installing; without a package index the test skips by that name."""
        done = self.run(*arguments)
        if "package index cannot be reached" in done.err:
            third_party.missing("the package index", "it does not answer")
        assert done.code == 0, done.err
        return done


def finish(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=110)
    return Done(process.returncode, out, err)


@pytest.fixture(scope="session")
def new_checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Checkout]:
    return lambda pyproject=SMALL: Checkout(tmp_path_factory.mktemp("launcher"), pyproject)


@pytest.fixture(scope="session")
def installed(new_checkout: Callable[[str | None], Checkout]) -> Checkout:
    """One checkout with its small light set, for tests that leave it whole."""
    checkout = new_checkout(SMALL)
    checkout.install()
    return checkout


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
