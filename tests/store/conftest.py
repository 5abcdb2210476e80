from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from core.store.connection import Store
from core.store.opening import open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def store(folder: Path) -> Generator[Store]:
    with open_store(folder) as opened:
        yield opened
