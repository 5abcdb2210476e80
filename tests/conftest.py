"""Every test has a home, a config and a workspace of its own, and speaks English unless it says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import language
from tests.third_party import (  # the hooks that make every skip say what is missing
    pytest_make_collect_report,
    pytest_runtest_makereport,
    pytest_runtest_setup,
)

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "pytest_runtest_setup"]
pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("SINSONTE_", "OPENAI_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SINSONTE_CONFIG", str(home / "config" / "config.toml"))
    monkeypatch.setenv("SINSONTE_LANG", "en")
    language.choose("en")
    mask = os.umask(0o022)  # commands set their own, and it would stay for the tests after them
    yield
    os.umask(mask)
    language.choose("en")


@pytest.fixture
def workspace_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace that commands use without being told."""
    folder = tmp_path / "workspace"
    monkeypatch.setenv("SINSONTE_WORKSPACE", str(folder))
    return folder
