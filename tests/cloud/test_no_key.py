"""No key in anything that is written or printed: a whole life with every library's debug logging on, a key that the
server repeats in its errors, a follower that dies of something unforeseen; then every file and every stream is searched."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from core import settings
from tests.cloud import server
from tests.cloud.conftest import write_lines

KEY = "sk-proj-Zq7Wm2Xv9Tn4Rb8Kc1Lh6Jd3-Yp5Ge0Fs"  # like no other text here, so that any part of it is found
PIECE = 10  # letters of a key that are already too many
# Every process of the test has this as its `sitecustomize`: the root logger at debug is what httpx2, httpcore2 and the
# openai package write to; SINSONTE_BREAKS names a function that then fails with the key in its hands.
SITE = """
import logging, os
logging.basicConfig(level=logging.DEBUG)
if place := os.environ.get("SINSONTE_BREAKS"):
    import importlib
    module, _colon, name = place.partition(":")
    def broken(*given, **named):
        key = os.environ.get("LAB_KEY", "")
        raise RuntimeError("unforeseen, with " + key)
    setattr(importlib.import_module(module), name, broken)
"""

FROM_BESIDE = """
import sys
from pathlib import Path
from core.problem import Problem
from core.workspace import account
from core.workspace.opening import open_workspace
with open_workspace(Path(sys.argv[1])) as workspace, account.beside(workspace) as beside:
    try:
        account.things(workspace, "lab", "files", account.Patience(beside=beside))
    except Problem as problem:
        print(problem)
"""


def forms(key: str) -> Iterator[bytes]:
    """A key whole, in pieces, and as it stands in headers and addresses."""
    for start in range(0, len(key) - PIECE + 1):
        yield key[start : start + PIECE].encode()
    for words in (key, f":{key}", f"Bearer {key}", f"user:{key}"):
        # The middle of a base64 text does not depend on what stands around it, but for where it begins.
        for shift in range(3):
            coded = base64.b64encode(b"x" * shift + words.encode())[4:-4]
            yield coded
            yield coded.translate(bytes.maketrans(b"+/", b"-_"))
    yield quote(key, safe="").encode()
    yield key.encode().hex().encode()
    yield key[::-1].encode()


@pytest.fixture
def logged(workspace_folder: Path, provider: server.Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All logging on, and the recognisable key."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(Path(__file__).parent.parent.parent)]))
    monkeypatch.setenv("OPENAI_LOG", "debug")
    monkeypatch.setenv("LAB_KEY", KEY)
    provider.key = KEY
    return tmp_path


class Said:
    """Commands as processes of their own; what they printed is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.printed = folder, b""

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        return self.run("-m", "core.commands", *words, **more)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        """Any program of Python's."""
        done = subprocess.run([sys.executable, *words], capture_output=True, timeout=120, env=os.environ | more)
        self.printed += done.stdout + done.stderr
        return done


def searched(places: list[Path], printed: bytes) -> int:
    """Look for the key everywhere; how many files that were."""
    parts = list(forms(KEY))
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    for where, content in [("what was printed", printed), *((str(one), one.read_bytes()) for one in files)]:
        found = [part for part in parts if part in content]
        assert not found, f"{where} has {found[0]!r}: …{content[max(0, content.find(found[0]) - 80) :][:200]!r}"
    return len(files)


def test_a_whole_life_with_all_logging_on_writes_no_key(
    logged: Path, provider: server.Provider, workspace_folder: Path
) -> None:
    say = Said(logged)
    write_lines(logged / "talk.jsonl", 12)
    start = ("--json", "train", "start", str(logged / "talk.jsonl"), "--on", "lab", "--model", "lab-base", "poll=0.02")
    # The server repeats the key in each of its errors, as some do.
    for method, path in (("GET", r"/events"), ("GET", r"/content$"), ("POST", r"/files$"), ("GET", r"/checkpoints")):
        provider.fault(method, path, server.failing(500, f"cannot use {KEY}, header Bearer {KEY}"))
    done = say(*start, "--yes")
    assert done.returncode == 0, done.stderr[-500:]
    run = json.loads(done.stdout.splitlines()[-1])["id"]
    assert say("train", "follow", run).returncode == 0
    assert b"httpcore" in say.printed or b"openai" in say.printed, "debug logging was on"
    log = (workspace_folder / "runs" / run / "worker.log").read_bytes()
    assert b"DEBUG" in log and b"/fine_tuning/jobs" in log, "in the follower too"
    say("ask", "lab:ft:lab-base:org-tests::0001", "¿y?")
    for words in (("limits",), ("files", "delete", "file-0001", "--yes")):
        assert say("account", "lab", *words).returncode == 0
    # A wrong key, of which the server repeats the end; and something that nobody foresaw, with the key in its hands.
    provider.key = "another"
    assert say("account", "lab", "files").returncode == 1
    assert say("ask", "lab:lab-base", "¿y?").returncode == 1
    assert say("account", "lab", "files", SINSONTE_BREAKS="core.endpoints.account:listed").returncode == 1
    # The same from beside, as the workbench asks: what breaks there is in the workspace's log.
    for breaks in ("", "core.endpoints.account:listed"):
        done = say.run("-c", FROM_BESIDE, str(workspace_folder), SINSONTE_BREAKS=breaks)
        assert done.returncode == 0, done.stderr[-500:]
        assert (b"did not foresee" if breaks else b"does not accept the key") in done.stdout
    assert b"RuntimeError" in (workspace_folder / "logs" / "errors.log").read_bytes()
    places = [workspace_folder, Path(os.environ["HOME"])]
    assert settings.config_file().is_relative_to(places[1])
    assert searched(places, say.printed) > 8
    assert KEY.encode() in repr(provider.headers).encode(), "and it went to the server"


def test_a_follower_that_dies_of_something_unforeseen_writes_no_key(
    logged: Path, provider: server.Provider, workspace_folder: Path
) -> None:
    say = Said(logged)
    write_lines(logged / "talk.jsonl", 12)
    breaks = "core.training.backends.openai.upload:bring"
    start = ("train", "start", str(logged / "talk.jsonl"), "--on", "lab", "--model", "lab-base", "poll=0.02", "--yes")
    assert say(*start, SINSONTE_BREAKS=breaks).returncode == 0
    (folder,) = (workspace_folder / "runs").iterdir()
    assert say("train", "follow", folder.name).returncode == 1
    assert b"RuntimeError" in (folder / "errors.log").read_bytes()
    told = json.loads(say("--json", "train", "show", folder.name).stdout.splitlines()[-1])
    assert "RuntimeError" in told["problem"] and "train resume" in told["advice"]
    assert (told["resumable"], told["pid"]) == (True, None), "nobody starts it again and again"
    assert say("train", "resume", folder.name).returncode == 0
    assert say("train", "follow", folder.name).returncode == 0, "what broke is mended"
    searched([workspace_folder, Path(os.environ["HOME"])], say.printed)


def test_the_search_finds_a_key_in_every_form(tmp_path: Path) -> None:
    shown = [
        KEY, KEY[5:18], f"Bearer {KEY}", base64.b64encode(f"x{KEY}".encode()).decode(), quote(KEY, safe=""),
        base64.urlsafe_b64encode(f"Bearer {KEY}".encode()).decode(), KEY.encode().hex(), f"…{KEY[-12:]}",
    ]  # fmt: skip
    for text in shown:
        (tmp_path / "log").write_text(f"before {text} after", encoding="utf-8")
        with pytest.raises(AssertionError, match="log has"):
            searched([tmp_path], b"")
