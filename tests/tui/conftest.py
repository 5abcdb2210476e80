"""Every test of the screens does the acts that tests/tui/acts.py says it does; `--kill-acts` shows that it needs them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from _pytest.runner import runtestprotocol

from tests.tui import acts

_dead = ""  # the act that is dead in this process
_survived: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kill-acts", action="store_true", help="run the tests of the acts, each with its act made dead")


@pytest.fixture(autouse=True)
def _acts_are_done(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    done = acts.watch(monkeypatch, _dead)
    yield
    missing = sorted(set(acts.claims_of(request.node)) - done)
    assert _dead or not missing, f"no key of this test did {', '.join(missing)} (tests/tui/acts_table.py)"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    global _dead
    if not item.config.getoption("--kill-acts", default=False):
        return None
    for act in acts.claims_of(item):
        if (child := os.fork()) == 0:
            _dead = act
            reports = runtestprotocol(item, log=False, nextitem=None)
            os._exit(0 if any(report.failed for report in reports) else 1)
        if os.waitpid(child, 0)[1]:
            _survived.append(f"{act}: {item.nodeid} passed without it")
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _survived:
        terminalreporter.write_line(line)
