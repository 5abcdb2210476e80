"""What the tests of runs share: one Slurm for all that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import slurm


@pytest.fixture(scope="session")
def one_slurm() -> Iterator[slurm.Slurm]:
    """A real Slurm of one node, started when the first test needs it."""
    with slurm.started() as made:
        yield made


@pytest.fixture
def cluster(one_slurm: slurm.Slurm, monkeypatch: pytest.MonkeyPatch) -> slurm.Slurm:
    """The same, found by this test's commands."""
    monkeypatch.setenv("SLURM_CONF", str(one_slurm.conf))
    return one_slurm
