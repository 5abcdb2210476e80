"""The launcher, run for real: what it builds, what it survives, and that it then stands in nobody's way."""

from __future__ import annotations

import ast
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import third_party
from tests.launcher.conftest import BASE, ROOT, SMALL, Checkout, finish

NewCheckout = Callable[[str | None], Checkout]


def test_the_first_start_installs_the_whole_light_set_and_runs_the_command(new_checkout: NewCheckout) -> None:
    checkout = new_checkout(None)
    # Two newcomers' hands at once: one installs, the other waits and says so.
    first, second = checkout.begin("--json", "chats"), checkout.begin("--json", "chats")
    both = [finish(first), finish(second)]
    if any("package index cannot be reached" in done.err for done in both):
        third_party.missing("the package index", "it does not answer")
    assert [done.code for done in both] == [0, 0], both
    assert all(done.given["arguments"] == ["--json", "chats"] for done in both)
    talks = sorted((done.err for done in both), key=len)
    assert talks[0] == "Another start is installing; waiting for it to finish...\n"
    assert "Installing (light): about 80 MB to download" in talks[1]
    assert "Installing (light): done in " in talks[1]
    python = checkout.folder / ".venv/bin/python"
    code = "import textual, openai, tiktoken, sqlite_utils, numpy, click, platformdirs, genai_prices, core, tui"
    assert subprocess.run([python, "-P", "-c", code], check=False).returncode == 0


def test_later_starts_say_nothing_of_their_own(installed: Checkout) -> None:
    done = installed.run("messages", "--query", "señora  ñandú", "--", "-x")
    assert done.err == ""
    assert done.given["arguments"] == ["messages", "--query", "señora  ñandú", "--", "-x"]


def test_the_command_is_the_launched_process_in_the_folder_of_the_user(installed: Checkout) -> None:
    process = installed.begin("chats", cwd=installed.folder.parent)
    done = finish(process)
    assert done.given["pid"] == process.pid
    assert done.given["cwd"] == str(installed.folder.parent)
    assert Path(done.given["prefix"]) == installed.folder / ".venv"


def test_exit_codes_and_signals_are_the_commands_own(installed: Checkout) -> None:
    assert installed.run("seven").code == 7
    process = installed.begin("wait")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == -signal.SIGTERM
    process.communicate()
    assert "default_int_handler" in installed.run("chats").given["interrupt"]


def test_a_core_of_somebody_elses_is_not_taken_for_ours(installed: Checkout, tmp_path: Path) -> None:
    for name in ("core", "tui"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')", encoding="utf-8")
    ours = str(installed.folder / "core" / "__init__.py")
    assert installed.run("chats", PYTHONPATH=str(tmp_path)).given["core"] == ours
    assert installed.run("chats", PYTHONSAFEPATH="1").given["core"] == ours
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong one')", encoding="utf-8")
    here = installed.run("chats", cwd=tmp_path).given
    assert (here["core"], here["safe_path"]) == (ours, True)


def test_it_starts_by_a_link_from_elsewhere_and_from_its_own_environment(installed: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "sinsonte"
    link.symlink_to(installed.folder / "sinsonte")
    by_link = subprocess.run(
        [BASE, link, "chats"], env=installed.environment, capture_output=True, text=True, check=False
    )
    assert by_link.returncode == 0, by_link.stderr
    own = str(installed.folder / ".venv/bin/python")
    assert installed.run("chats", python=own).code == 0


def test_a_start_that_was_killed_while_installing_is_made_good_by_the_next(new_checkout: NewCheckout) -> None:
    checkout = new_checkout(SMALL)
    packages = checkout.folder / ".venv/lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for moment in (".venv/sinsonte.unfinished", ".venv/bin/python"):
        process = checkout.begin("chats")
        _wait_until(lambda moment=moment: (checkout.folder / moment).exists(), process)
        process.kill()
        process.communicate()
        assert not checkout.stamp.exists()
    # As it may look when the machine itself went down: a package that seems installed and is not.
    _wait_for_orphans(checkout)
    (packages / "click").mkdir(parents=True, exist_ok=True)
    (packages / "click-8.5.1.dist-info").mkdir(exist_ok=True)
    (packages / "click-8.5.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: click\nVersion: 8.5.1\n")
    done = checkout.install("chats")
    assert done.given["click"] == "8.5.1"
    assert not (checkout.folder / ".venv/sinsonte.unfinished").exists()


def _wait_until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _wait_for_orphans(checkout: Checkout) -> None:
    """pip outlives a killed launcher for a moment, and holds the lock for as long."""
    import fcntl

    with (checkout.folder / ".venv/sinsonte.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_interrupting_an_installation_ends_pip_too_and_says_so(new_checkout: NewCheckout) -> None:
    checkout = new_checkout(SMALL)
    # A package index that takes the call and never answers: pip is certain to be waiting.
    with socket.create_server(("127.0.0.1", 0)) as index:
        address = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        process = checkout.begin("chats", PIP_INDEX_URL=address, PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="")
        assert select.select([index], [], [], 60)[0]
        process.send_signal(signal.SIGINT)
        done = finish(process)
    assert done.code == 130
    assert "Interrupted. The next start goes on with the installation." in done.err
    assert "Traceback" not in done.err
    _wait_for_orphans(checkout)


def test_without_a_network_it_says_so_in_a_line(new_checkout: NewCheckout) -> None:
    checkout = new_checkout(SMALL)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
    done = checkout.run(
        "chats", PIP_INDEX_URL=address, PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull
    )
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("sinsonte: The package index cannot be reached: no network")
    assert done.out == ""


def test_a_set_that_cannot_be_had_leaves_what_stood_before(new_checkout: NewCheckout) -> None:
    checkout = new_checkout(SMALL)
    checkout.install()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
    offline: dict[str, Any] = {
        "PIP_INDEX_URL": address,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    failed = checkout.run("--install", "telegram", PIP_NO_CACHE_DIR="1", **offline)
    assert failed.code == 1
    assert checkout.run("chats", **offline).err == ""
    # Nor does a change that asks for nothing new, a checker's setting say, need the network.
    pyproject = checkout.folder / "pyproject.toml"
    pyproject.write_text(SMALL + "[tool.ruff]\nline-length = 100\n", encoding="utf-8")
    assert checkout.run("chats", **offline).err == ""
    checkout.install("--install", "telegram")
    assert checkout.stamp.read_text(encoding="utf-8").splitlines()[4] == "light telegram"
    # A changed requirement is brought in, and a checkout that was moved is built anew.
    pyproject.write_text(SMALL.replace("tabulate>=0.9,<1", "sniffio>=1,<2"), encoding="utf-8")
    assert "bringing what is there up to date" in checkout.install("chats").err
    moved = checkout.folder.rename(checkout.folder.parent / "elsewhere")
    checkout.folder = moved
    assert checkout.install("chats").given["core"] == str(moved / "core/__init__.py")


def test_a_folder_that_is_not_ours_is_left_alone(new_checkout: NewCheckout, tmp_path: Path) -> None:
    checkout = new_checkout(SMALL)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter.txt").write_text("dear", encoding="utf-8")
    done = checkout.run("chats", SINSONTE_VENV=str(precious))
    assert (done.code, done.out) == (1, "")
    assert "was not made by Sinsonte's launcher" in done.err
    assert [one.name for one in precious.iterdir()] == ["letter.txt"]


def test_where_nothing_can_be_written_it_says_so(new_checkout: NewCheckout, tmp_path: Path) -> None:
    checkout = new_checkout(SMALL)
    (tmp_path / "file").touch()
    done = checkout.run("chats", SINSONTE_VENV=str(tmp_path / "file" / "venv"))
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "SINSONTE_VENV" in done.err


def test_an_unknown_set_is_misuse(installed: Checkout) -> None:
    done = installed.run("--install", "violin")
    assert done.code == 2
    assert "There is no set called violin. There are: light, local, telegram." in done.err


def test_the_launcher_parses_on_any_old_python() -> None:
    source = (ROOT / "sinsonte").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 4))
    versions = Path(third_party.ENVIRONMENT.get("PYENV_ROOT") or Path(third_party.ENVIRONMENT["HOME"]) / ".pyenv")
    for python in sorted(versions.glob("versions/*/bin/python")):
        done = subprocess.run([python, "-c", "compile(open('sinsonte').read(), 's', 'exec')"], cwd=ROOT, check=False)
        assert done.returncode == 0, python


def test_an_old_python_hands_over_to_a_newer_one_or_says_what_is_missing(installed: Checkout, tmp_path: Path) -> None:
    # This Python, taken for an old one: only the launcher's own file sees the version.
    pretend = "import runpy, sys; sys.version_info = (3, 8, 18, 'final', 0); del sys.argv[0]; "
    pretend += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [BASE, "-c", pretend, str(installed.folder / "sinsonte"), "chats"]
    handed = subprocess.run(command, env=installed.environment, capture_output=True, text=True, check=False)
    assert handed.returncode == 0, handed.stderr
    # A shim with nothing behind it is no Python.
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    nowhere = installed.environment | {"PATH": str(tmp_path), "SINSONTE_VENV": str(tmp_path / "none")}
    for language, words in (("en", "this is Python 3.8"), ("es", "este es Python 3.8")):
        refused = subprocess.run(
            command, env=nowhere | {"SINSONTE_LANG": language}, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_the_launcher_is_executable_and_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    assert os.access(ROOT / "sinsonte", os.X_OK)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import core.installing.starting as s;"
        "slow = {'pathlib', 'subprocess', 'venv', 'tomllib', 'hashlib', 'json', 're'} & set(sys.modules);"
        "assert not slow, slow;"
        "import core.installing.environment, core.installing.later;"
        "strange = {n.partition('.')[0] for n in sys.modules} - sys.stdlib_module_names - {'core', '__main__'};"
        "assert not strange, strange"
    )
    done = subprocess.run([BASE, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nobody_is_asked_twice_for_a_python_that_went(installed: Checkout, tmp_path: Path) -> None:
    """The stamp names the Python that the environment stands on; another one there means building anew."""
    copy = tmp_path / "copy"
    shutil.copytree(installed.folder, copy, symlinks=True)
    from core.installing import starting

    stamp = starting.read_stamp(str(copy / ".venv"))
    assert stamp is not None
    assert not starting.is_whole(str(copy), str(copy / ".venv"), stamp)
    assert starting.is_whole(str(installed.folder), str(copy / ".venv"), stamp)
    (copy / ".venv/bin/python").unlink()
    (copy / ".venv/bin/python").symlink_to("/nowhere/python3")
    assert not starting.is_whole(str(installed.folder), str(copy / ".venv"), stamp)
