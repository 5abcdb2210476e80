"""What a test may skip for, and that a green run in CI skipped nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import third_party

CONFTEST = """
from tests.third_party import pytest_make_collect_report, pytest_runtest_makereport, pytest_runtest_setup
def pytest_configure(config):
    config.addinivalue_line("markers", "third_party(name): needs it")
"""
ASKS_FOR_WHAT_IS_MISSING = """
from tests import third_party
def test_one():
    third_party.missing("a violin", "nobody sells it")
"""


def outcomes(pytester: pytest.Pytester, body: str) -> tuple[dict[str, int], str]:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(body)
    # Without the plugins of the outer run: they cost a second each time, and one of them clears a folder of its own.
    result = pytester.runpytest_inprocess("-rs", "-p", "no:cacheprovider", "--disable-plugin-autoload")
    counts = {name: count for name, count in result.parseoutcomes().items() if name != "warnings"}
    return counts, result.stdout.str()


def test_a_missing_third_party_is_skipped_by_its_name(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    counts, said = outcomes(pytester, ASKS_FOR_WHAT_IS_MISSING)
    assert counts == {"skipped": 1}
    assert "third party: a violin: nobody sells it" in said


def test_the_same_skip_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    counts, said = outcomes(pytester, ASKS_FOR_WHAT_IS_MISSING)
    assert counts == {"failed": 1}
    assert "with CI=true everything must be had; third party: a violin" in said


@pytest.mark.parametrize(
    "body",
    [
        "import pytest\ndef test_one():\n    pytest.skip('not today')",
        "import pytest\n@pytest.mark.skip(reason='not today')\ndef test_one(): pass",
        "import pytest\n@pytest.mark.skipif(True, reason='not today')\ndef test_one(): pass",
        "import pytest\n@pytest.fixture\ndef it(): pytest.skip('not today')\ndef test_one(it): pass",
    ],
)
def test_a_skip_by_any_other_way_is_a_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.delenv("CI", raising=False)
    counts, said = outcomes(pytester, body)
    assert counts in ({"failed": 1}, {"errors": 1})
    assert "skipped by another way than tests.third_party: not today" in said


def test_a_whole_module_cannot_be_skipped_either(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    counts, _said = outcomes(pytester, "import pytest\npytest.importorskip('no_such_module')\ndef test_one(): pass")
    assert counts == {"errors": 1}


def test_an_expected_failure_is_no_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    counts, _said = outcomes(pytester, "import pytest\n@pytest.mark.xfail\ndef test_one():\n    assert False")
    assert counts == {"xfailed": 1}


def test_the_mark_asks_for_a_program_before_the_test_runs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setitem(third_party.DEBIAN, "violin", "no-such-package-as-a-violin")
    monkeypatch.setattr(third_party, "PLACES", str(pytester.path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    body = "import pytest\n@pytest.mark.third_party('violin')\ndef test_one():\n    raise AssertionError('it ran')"
    counts, said = outcomes(pytester, body)
    assert counts == {"skipped": 1}
    assert "third party: violin: not root" in said


def test_an_npm_package_is_had_once_and_outside_the_checkout() -> None:
    folder = third_party.npm("whatsapp-chat-parser", "4.0.2")
    assert (folder / "whatsapp-chat-parser" / "package.json").exists()
    assert not folder.is_relative_to(Path(__file__).parent.parent.parent)
    assert third_party.npm("whatsapp-chat-parser", "4.0.2") == folder


def test_a_pypi_package_has_a_python_of_its_own() -> None:
    python = third_party.pypi("tabulate", "tabulate==0.9.0")
    code = "import tabulate; print(tabulate.__version__)"
    said = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "0.9.0"
    refused = subprocess.run([python, "-P", "-c", "import textual"], capture_output=True, check=False)
    assert refused.returncode == 1
